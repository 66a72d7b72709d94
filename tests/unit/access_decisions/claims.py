"""Who may do what with claims."""

from resale.domain.claims import ClaimStatus
from resale.domain.orders import OrderStatus
from tests.unit.access_decisions import NO

STATES = {status.value for status in ClaimStatus}
ANY_ORDER = {status.value for status in OrderStatus}  # a claim is opened of an order

#            public   owner   counterparty   brand   viewer   moderator   manager
ROWS = {
    "open_claim": (NO, ANY_ORDER, NO, NO, NO, NO, NO),
    "view_claim": (NO, STATES, STATES, STATES, STATES, STATES, STATES),
    "resolve_claim": (NO, NO, NO, STATES, NO, NO, STATES),
    "withdraw_claim": (NO, STATES, NO, NO, NO, NO, NO),
    "add_evidence": (NO, STATES, NO, NO, NO, NO, NO),
    "report_return": (NO, NO, NO, STATES, NO, NO, STATES),
    "view_claim_history": (NO, NO, NO, STATES, STATES, STATES, STATES),
}

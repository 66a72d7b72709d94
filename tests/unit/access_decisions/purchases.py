"""Who may do what with purchases."""

from tests.unit.access_decisions import NO

STATES = {"recorded"}

#            public   owner   counterparty   brand   viewer   moderator   manager
ROWS = {
    "record_purchase": (NO, NO, NO, STATES, NO, NO, NO),
    "claim_purchase": (NO, STATES, NO, NO, NO, NO, NO),
    "view_purchase": (NO, STATES, NO, STATES, STATES, STATES, STATES),
    "view_purchase_history": (NO, NO, NO, STATES, STATES, STATES, STATES),
}

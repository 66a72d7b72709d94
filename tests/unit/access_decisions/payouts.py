"""Who may do what with payouts."""

from resale.domain.payouts import PayoutStatus
from tests.unit.access_decisions import NO

STATES = {status.value for status in PayoutStatus}

#            public   owner   counterparty   brand   viewer   moderator   manager
ROWS = {
    "view_payout": (NO, STATES, NO, STATES, STATES, STATES, STATES),
    "view_payout_history": (NO, NO, NO, STATES, STATES, STATES, STATES),
    "cancel_payout": (NO, STATES, NO, STATES, NO, NO, STATES),
}

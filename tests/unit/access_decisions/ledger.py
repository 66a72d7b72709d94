"""Who may do what with the ledger."""

from tests.unit.access_decisions import NO

STATES = {""}  # the ledger has none

#            public   owner   counterparty   brand   viewer   moderator   manager
ROWS = {
    "view_ledger": (NO, NO, NO, STATES, STATES, STATES, STATES),
}

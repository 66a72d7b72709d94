"""Who may do what with test clocks."""

from tests.unit.access_decisions import NO

STATES = {"active"}

#            public   owner   counterparty   brand   viewer   moderator   manager
ROWS = {
    "move_test_clock": (NO, NO, NO, STATES, NO, NO, NO),
}

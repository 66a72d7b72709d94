"""Who may do what with dead letters."""

from resale.domain.dead_letters import DeadLetterStatus
from tests.unit.access_decisions import NO

STATES = {status.value for status in DeadLetterStatus}

#            public   owner   counterparty   brand   viewer   moderator   manager
ROWS = {
    "view_dead_letters": (NO, NO, NO, STATES, NO, NO, STATES),
    "manage_dead_letters": (NO, NO, NO, STATES, NO, NO, STATES),
}

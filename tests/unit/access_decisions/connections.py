"""Who may do what with connections."""

from resale.domain.connections import ConnectionStatus
from tests.unit.access_decisions import NO

STATES = {status.value for status in ConnectionStatus}

#            public   owner   counterparty   brand   viewer   moderator   manager
ROWS = {
    "view_connection": (NO, NO, NO, STATES, STATES, STATES, STATES),
}

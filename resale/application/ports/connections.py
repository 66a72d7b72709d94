"""Reads of the states of connections."""

from typing import Protocol

from resale.domain.connections import ConnectionState
from resale.domain.ids import ConnectionId


class ConnectionReads(Protocol):
    """Reads of what is on record of connections."""

    def find_connection(self, connection_id: ConnectionId) -> ConnectionState | None:
        """Read what is on record of a connection, consistently; None while it never failed."""

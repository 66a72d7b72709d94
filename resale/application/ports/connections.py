"""Reads of the states of connections."""

from typing import Protocol

from resale.domain.connections import ConnectionState
from resale.domain.ids import ConnectionId


class ConnectionReads(Protocol):
    """Reads of the recorded states of connections."""

    def find_connection(self, connection_id: ConnectionId) -> ConnectionState | None:
        """Return the recorded state of a connection, from a consistent read; None if it never failed."""

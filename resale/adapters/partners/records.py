"""The recorded state of a tenant's connections: read by a reader, written by the entrypoint's operation."""

from collections.abc import Callable

from resale.application.ports import Reader
from resale.domain.connections import ConnectionState, Observation
from resale.domain.ids import ConnectionId
from resale.domain.partners import Connection
from resale.domain.tenants import Tenant
from resale.errors import Unavailable

#: Runs the operation that records what a worker saw; the entrypoint's, as only operations commit.
RecordConnection = Callable[[Tenant, Connection, Observation], None]


class ConnectionRecords:
    """Implements ``resale.application.ports.ConnectionStates``."""

    def __init__(self, tenant: Tenant, *, open_reader: Callable[[], Reader], record: RecordConnection | None) -> None:
        self._tenant = tenant
        self._open_reader = open_reader
        self._record = record

    def find(self, connection_id: ConnectionId) -> ConnectionState | None:
        """Return the recorded state, from a consistent read; None while the connection never failed."""
        return self._open_reader().find_connection(connection_id)

    def report(self, connection: Connection, seen: Observation) -> None:
        """Record what a worker saw. Raises Unavailable where no operation is given, or what the operation raises."""
        if self._record is None:
            raise Unavailable("This process has no operation to record with.")
        self._record(self._tenant, connection, seen)

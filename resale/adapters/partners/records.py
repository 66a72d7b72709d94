"""What is on record of a tenant's connections, as a guard asks for it: read by a reader, written by the door."""

from collections.abc import Callable

from resale.application.ports import Reader
from resale.domain.connections import ConnectionState, Observation
from resale.domain.ids import ConnectionId
from resale.domain.partners import Connection
from resale.domain.tenants import Tenant
from resale.errors import Unavailable

#: Has what a worker saw recorded, by the operation; a door's, as nothing else commits.
RecordConnection = Callable[[Tenant, Connection, Observation], None]


class ConnectionRecords:
    """Keeps ``resale.application.ports.ConnectionStates``."""

    def __init__(self, tenant: Tenant, *, open_reader: Callable[[], Reader], record: RecordConnection | None) -> None:
        self._tenant = tenant
        self._open_reader = open_reader
        self._record = record

    def find(self, connection_id: ConnectionId) -> ConnectionState | None:
        """Read what was recorded last, consistently; None while it never failed."""
        return self._open_reader().find_connection(connection_id)

    def report(self, connection: Connection, seen: Observation) -> None:
        """Have recorded what a worker saw. Raises Unavailable where nobody records, or what the door raises."""
        if self._record is None:
            raise Unavailable("This process has no door that records.")
        self._record(self._tenant, connection, seen)

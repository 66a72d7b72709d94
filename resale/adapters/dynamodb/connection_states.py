"""States of connections in DynamoDB, stored in the orders table: they are few and never listed."""

from typing import Final

from resale.adapters.dynamodb.documents import DocumentKind
from resale.adapters.dynamodb.mapping import ITEM_ATTRIBUTES, EntityMapping, own_key
from resale.adapters.dynamodb.tenant_reads import TenantReads
from resale.domain.connections import SCHEMA, ConnectionState
from resale.domain.entities import CONNECTION
from resale.domain.ids import ConnectionId

CONNECTIONS: Final = DocumentKind(ConnectionState, schema=SCHEMA)
CONNECTION_MAPPING: Final = EntityMapping[ConnectionId, ConnectionState](
    entity_type=CONNECTION,
    documents=CONNECTIONS,
    rank=4,
    key=own_key(CONNECTION),
)


class ConnectionReads(TenantReads):
    """Implements ``resale.application.ports.connections.ConnectionReads``."""

    def find_connection(self, connection_id: ConnectionId) -> ConnectionState | None:
        """Return the recorded state of a connection, from a consistent read; None if it never failed."""
        key = CONNECTION_MAPPING.key(connection_id, connection_id)
        item = self._db.get_item(table=CONNECTION_MAPPING.table(self.tenant), key=dict(key), attributes=ITEM_ATTRIBUTES)
        return None if item is None else CONNECTION_MAPPING.from_item(item)

"""States of connections in DynamoDB: the one mapping, and its repository. They lie in the orders' table."""

from resale.adapters.dynamodb import keys
from resale.adapters.dynamodb.audited import ITEM_ATTRIBUTES, AuditedRepository, Noun, Scope
from resale.adapters.dynamodb.client import DynamoDB
from resale.adapters.dynamodb.documents import DocumentKind
from resale.domain.connections import SCHEMA, ConnectionChanged, ConnectionState, ConnectionStateNotFound
from resale.domain.ids import ConnectionId
from resale.domain.tenants import Tenant

CONNECTIONS = DocumentKind(ConnectionState, schema=SCHEMA)


def connection_noun(tenant: Tenant) -> Noun[ConnectionState]:
    """Say how the states of a tenant's connections lie in its orders' table: few, and listed under nothing."""
    return Noun(
        kind=CONNECTIONS,
        table=tenant.resources.tables.orders,
        rank=4,
        key=lambda state: keys.connection_key(state.id),
        index_keys=lambda _state: {},
        not_found=ConnectionStateNotFound,
        changed=ConnectionChanged,
    )


def find_connection(db: DynamoDB, tenant: Tenant, connection_id: ConnectionId) -> ConnectionState | None:
    """Read one, consistently; None while it never failed."""
    item = db.get_item(
        table=tenant.resources.tables.orders, key=dict(keys.connection_key(connection_id)), attributes=ITEM_ATTRIBUTES
    )
    return None if item is None else connection_noun(tenant).from_item(item)


class DynamoDBConnections(AuditedRepository[ConnectionState]):
    """Keeps ``resale.application.ports.ConnectionRepository``."""

    def __init__(self, scope: Scope) -> None:
        super().__init__(scope, connection_noun(scope.tenant))

    def find(self, connection_id: ConnectionId) -> ConnectionState | None:
        """Read one, consistently; None while it never failed."""
        try:
            return self.load(keys.connection_key(connection_id))
        except ConnectionStateNotFound:
            return None

"""Orders in DynamoDB: the one mapping of an order, and its repository."""

from collections.abc import Mapping

from resale.adapters.dynamodb import keys
from resale.adapters.dynamodb.audited import AuditedRepository, Noun, Scope
from resale.adapters.dynamodb.documents import DocumentKind
from resale.domain.ids import OrderId
from resale.domain.orders import SCHEMA, Order, OrderChanged, OrderNotFound
from resale.domain.tenants import Tenant

ORDERS = DocumentKind(Order, schema=SCHEMA)


def order_noun(tenant: Tenant) -> Noun[Order]:
    """Say how a tenant's orders lie in its table."""
    shards = tenant.resources.index_shards
    return Noun(
        kind=ORDERS,
        table=tenant.resources.tables.orders,
        rank=1,
        key=lambda order: keys.order_key(order.id),
        index_keys=lambda order: _index_keys(order, shards),
        not_found=OrderNotFound,
        changed=OrderChanged,
    )


def _index_keys(order: Order, shards: int) -> Mapping[str, str]:
    return {
        keys.ORDERS_BY_BUYER.partition: order.buyer_id,
        keys.ORDERS_BY_BUYER.sort: order.id,
        keys.ORDERS_BY_SELLER.partition: order.seller_id,
        keys.ORDERS_BY_SELLER.sort: order.id,
        keys.ORDERS_RECENT.partition: keys.numbered_partition(keys.shard_of(order.id, shards)),
        keys.ORDERS_RECENT.sort: order.id,
        **keys.due_keys(order.id, order.due_at, shards),
    }


class DynamoDBOrders(AuditedRepository[Order]):
    """Keeps ``resale.application.ports.OrderRepository``."""

    def __init__(self, scope: Scope) -> None:
        super().__init__(scope, order_noun(scope.tenant))

    def get(self, order_id: OrderId) -> Order:
        """Read one, consistently."""
        return self.load(keys.order_key(order_id))

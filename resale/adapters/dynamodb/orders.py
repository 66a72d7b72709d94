"""Orders in DynamoDB: the one mapping of an order, and its repository."""

from collections.abc import Mapping
from typing import Final

from resale.adapters.dynamodb import keys
from resale.adapters.dynamodb.audited import AuditedRepository, Noun, Scope
from resale.adapters.dynamodb.documents import DocumentKind, Tree
from resale.domain.ids import OrderId, sibling
from resale.domain.orders import SCHEMA, Order, OrderChanged, OrderNotFound
from resale.domain.tenants import Tenant

_PAYMENT_STATUS: Final = {"captured": "captured", "declined": "failed", "voided": "voided", "refunded": "voided"}


def _to_2(tree: Tree) -> Tree:
    """Schema 1 kept an attempt and its outcome, and ended with the payment; schema 2 keeps a payment and a parcel."""
    if tree["status"] == "confirmed":
        tree = {**tree, "shipment": {"id": sibling("shp", tree["id"])}}  # the workflow books the sale when it sees it
    attempt = tree.get("payment")
    if attempt is None:
        return tree
    outcome = attempt.get("outcome") or {}
    captured = outcome.get("state") == "captured"
    payment = {
        "id": attempt["id"],
        "status": _PAYMENT_STATUS.get(outcome.get("state", ""), "started"),
        "started_at": attempt["started_at"],
        "provider_reference": outcome.get("provider_reference"),
        "reason_code": outcome.get("reason_code"),
        "captured_minor": tree["amounts"]["grand_total"] if captured else 0,
    }
    return {**tree, "payment": payment}


ORDERS: Final = DocumentKind(Order, schema=SCHEMA, upcasters={1: _to_2})


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

"""Orders in DynamoDB: the mapping of an order, and its lists."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from resale.adapters.dynamodb import keys
from resale.adapters.dynamodb.documents import DocumentKind, Tree
from resale.adapters.dynamodb.mapping import EntityMapping, own_key
from resale.adapters.dynamodb.tenant_reads import TenantReads
from resale.application.ports import Page
from resale.domain.entities import ORDER
from resale.domain.ids import SHIPMENT_ID, CustomerId, OrderId
from resale.domain.orders import SCHEMA, Order

_PAYMENT_STATUS: Final = {"captured": "captured", "declined": "failed", "voided": "voided", "refunded": "voided"}


def _to_2(tree: Tree) -> Tree:
    """Upcast schema 1, which had an attempt and its outcome, to schema 2, which has a payment and a parcel."""
    if tree["status"] == "confirmed":
        shipment_id = SHIPMENT_ID.sibling_of(tree["id"])
        tree = {**tree, "shipment": {"id": shipment_id}}  # the workflow books the sale when it sees it
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


def _index_keys(order: Order, shards: int) -> Mapping[str, str]:
    return {
        keys.ORDERS_BY_BUYER.partition: order.buyer_id,
        keys.ORDERS_BY_BUYER.sort: order.id,
        keys.ORDERS_BY_SELLER.partition: order.seller_id,
        keys.ORDERS_BY_SELLER.sort: order.id,
        keys.ORDERS_RECENT.partition: keys.numbered_partition(keys.shard_of(order.id, shards)),
        keys.ORDERS_RECENT.sort: order.id,
    }


ORDER_MAPPING: Final = EntityMapping[OrderId, Order](
    entity_type=ORDER,
    documents=ORDERS,
    rank=1,
    key=own_key(ORDER),
    index_keys=_index_keys,
)


class OrderReads(TenantReads):
    """Implements ``resale.application.ports.orders.OrderReads``."""

    def list_buyer_orders(self, *, buyer_id: CustomerId, limit: int, cursor: str | None) -> Page:
        """List a buyer's orders, newest first."""
        query = self._query(ORDER_MAPPING, keys.ORDERS_BY_BUYER, (buyer_id,))
        return self._page(ORDER_MAPPING, query, limit=limit, cursor=cursor)

    def list_seller_orders(self, *, seller_id: CustomerId, limit: int, cursor: str | None) -> Page:
        """List a seller's sales, newest first."""
        query = self._query(ORDER_MAPPING, keys.ORDERS_BY_SELLER, (seller_id,))
        return self._page(ORDER_MAPPING, query, limit=limit, cursor=cursor)

    def list_recent_orders(self, *, limit: int, cursor: str | None) -> Page:
        """List all orders, newest first."""
        partitions = tuple(keys.numbered_partition(shard) for shard in self._shards)
        query = self._query(ORDER_MAPPING, keys.ORDERS_RECENT, partitions)
        return self._page(ORDER_MAPPING, query, limit=limit, cursor=cursor)

    def find_first_order_time(self) -> datetime | None:
        """Return when the oldest order was created: one query a shard, of one item."""
        index = keys.ORDERS_RECENT
        oldest = [
            str(item["doc"])
            for shard in self._shards
            for item in self._db.query(
                table=ORDER_MAPPING.table(self.tenant),
                index=index.name,
                condition=f"{index.partition} = :partition",
                values={":partition": keys.numbered_partition(shard)},
                attributes=("doc",),
                limit=1,
                forward=True,
                start=None,
            )[0]
        ]
        return min((ORDERS.from_doc(doc, private=None).created_at for doc in oldest), default=None)

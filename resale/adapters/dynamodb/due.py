"""The index of waiting items, which every table with such items has."""

from collections.abc import Iterator
from datetime import datetime
from typing import Final

from resale.adapters.dynamodb import keys
from resale.adapters.dynamodb.client import DynamoDB, Item
from resale.application.ports import DueItem
from resale.domain.ids import is_any_id
from resale.domain.tenants import Tenant

_PAGE: Final = 200


def iter_due(db: DynamoDB, tenant: Tenant, *, now: datetime) -> Iterator[DueItem]:
    """Iterate over the due items, page by page and shard after shard; eventually consistent."""
    tables = tenant.resources.tables
    for table in (tables.listings, tables.orders):
        for shard in range(tenant.resources.index_shards):
            yield from _due_in(db, table, shard, now)


def _due_in(db: DynamoDB, table: str, shard: int, now: datetime) -> Iterator[DueItem]:
    start: Item | None = None
    while True:
        items, start = db.query(
            table=table,
            index=keys.DUE.name,
            condition=f"{keys.DUE.partition} = :shard AND {keys.DUE.sort} <= :now",
            values={":shard": keys.numbered_partition(shard), ":now": keys.timestamp(now)},
            limit=_PAGE,
            forward=True,
            start=start,
        )
        yield from map(_due_item, items)
        if start is None:
            return


def _due_item(item: Item) -> DueItem:
    pk, sk = str(item["pk"]), str(item["sk"])
    entity_id = sk if is_any_id(sk) else pk  # a part lies beside what it is a part of, under its own id
    return DueItem(entity_id=entity_id, parent_id=pk, due_at=datetime.fromisoformat(str(item[keys.DUE.sort])))

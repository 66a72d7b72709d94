"""Balance transactions of sellers: transfers and payouts in one index."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Final

from resale.adapters.dynamodb import keys
from resale.adapters.dynamodb.client import DynamoDB, Item
from resale.adapters.dynamodb.cursors import Cursors, Position
from resale.adapters.dynamodb.pages import SEALED
from resale.domain.ids import CustomerId
from resale.domain.tenants import Tenant

_PAGE: Final = 500
_AFTER_ANY: Final = "~"  # sorts behind every moment


def balance_keys(seller_id: CustomerId, created_at: datetime, entity_id: str) -> Mapping[str, str]:
    """Return the index keys of a transfer or payout in its seller's list; they never change."""
    return {
        keys.ORDERS_BY_BUYER.partition: keys.balance_of(seller_id),
        keys.ORDERS_BY_BUYER.sort: keys.moment_sort(created_at, entity_id),
    }


class BalanceReads:
    """Reads of the transfers and payouts of one tenant's sellers."""

    def __init__(self, db: DynamoDB, tenant: Tenant, cursors: Cursors) -> None:
        self._db = db
        self._tenant = tenant
        self._cursors = cursors

    def page(self, seller_id: CustomerId, *, limit: int, cursor: str | None) -> tuple[list[Item], str | None]:
        """Read the next ``limit`` of a seller's transfers and payouts, newest first."""
        index, bound = keys.ORDERS_BY_BUYER, f"{self._tenant.id}|balance|{seller_id}"
        before = self._cursors.decode(cursor, query=bound, shards=1)[0].sort if cursor else _AFTER_ANY
        items, last = self._db.query(
            table=self._tenant.resources.tables.orders,
            index=index.name,
            condition=f"{index.partition} = :partition AND {index.sort} < :before",
            values={":partition": keys.balance_of(seller_id), ":before": before},
            attributes=("sk", *SEALED, index.sort),
            limit=limit,
            forward=False,
        )
        if last is None or not items:
            return items, None
        return items, self._cursors.encode((Position(sort=str(items[-1][index.sort])),), query=bound)

    def iter_partition(self, partition: str) -> Iterator[Item]:
        """Iterate over a seller's held or available transfers, oldest first."""
        index = keys.ORDERS_BY_SELLER
        start: Item | None = None
        while True:
            items, start = self._db.query(
                table=self._tenant.resources.tables.orders,
                index=index.name,
                condition=f"{index.partition} = :partition",
                values={":partition": partition},
                attributes=("doc",),
                limit=_PAGE,
                forward=True,
                start=start,
            )
            yield from items
            if start is None:
                return

"""The ledger in DynamoDB: one item for each entry, written once in the commit of the step that it belongs to."""

import heapq
from collections.abc import Iterator
from datetime import date
from itertools import groupby, islice
from typing import Final

import msgspec

from resale.adapters.dynamodb import keys
from resale.adapters.dynamodb.audited import Scope
from resale.adapters.dynamodb.buffer import Write
from resale.adapters.dynamodb.client import Item
from resale.adapters.dynamodb.cursors import Position
from resale.adapters.dynamodb.tenant_reads import TenantReads
from resale.application.ports import AlreadyPosted, LedgerPage
from resale.domain.ledger import HOUSE_ACCOUNTS, LedgerEntry, LedgerTransaction, entries_of
from resale.errors import Contended

_ENCODE: Final = msgspec.json.Encoder().encode
_DECODE: Final = msgspec.json.Decoder(LedgerEntry).decode
_PAGE: Final = 500
_LEGS: Final = 6  # of a booking, about; how much of an index one read for some bookings asks for
_BEFORE_ANY: Final = "0"  # sorts before every moment


class _Leg(msgspec.Struct, frozen=True):
    """An entry as the index projects it."""

    sort: str
    entry: LedgerEntry


class DynamoDBLedger:
    """Implements ``resale.application.ports.LedgerRepository``."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    def post(self, transaction: LedgerTransaction) -> None:
        """Buffer a balanced ledger transaction, an item an entry. Posted before, it fails the commit: AlreadyPosted."""
        for entry in entries_of(transaction):
            self._scope.writes.append(self._write(entry))

    def _write(self, entry: LedgerEntry) -> Write:
        tenant = self._scope.tenant
        shards = tenant.resources.index_shards
        return Write(
            table=tenant.resources.tables.ledger,
            item={
                **keys.ledger_key(
                    account=entry.account,
                    source_id=entry.source_id,
                    step=entry.step,
                    shards=_shards_of(entry.account, shards),
                ),
                **keys.ledger_index_keys(
                    account=entry.account, source_id=entry.source_id, step=entry.step, at=entry.at, shards=shards
                ),
                "transaction_id": self._scope.transaction_id,
                "doc": _ENCODE(entry).decode(),
            },
            expected_version=None,
            refused=lambda _found: AlreadyPosted("This step was already posted to the ledger. Read the order again."),
            contended=lambda _found: Contended("This ledger transaction is being posted. Retry in a moment."),
            mark=self._scope.transaction_id,
            rank=7,
        )


class LedgerReads(TenantReads):
    """Implements ``resale.application.ports.ledger.LedgerReads``."""

    def iter_ledger_account(self, name: str) -> Iterator[LedgerEntry]:
        """Iterate over an account's entries, shard after shard, by source."""
        for shard in range(_shards_of(name, self.tenant.resources.index_shards)):
            yield from self._entries(None, "pk", keys.ledger_partition(name, shard))

    def iter_ledger_source(self, source_id: str) -> Iterator[LedgerEntry]:
        """Iterate over the entries of an order or a payout, oldest first."""
        index = keys.LEDGER_BY_SOURCE
        yield from self._entries(index.name, index.partition, source_id)

    def iter_ledger_day(self, day: str) -> Iterator[LedgerEntry]:
        """Iterate over the entries of a day (``YYYY-MM-DD``, UTC), shard after shard."""
        index = keys.LEDGER_BY_DAY
        for shard in range(self.tenant.resources.index_shards):
            yield from self._entries(index.name, index.partition, keys.ledger_partition(day, shard))

    def list_ledger_source(self, source_id: str, *, limit: int, cursor: str | None) -> LedgerPage:
        """Return the next ``limit`` ledger transactions of an order or a payout, oldest first."""
        query = f"{self.tenant.id}|ledger|{source_id}"
        after = self._ledger_position(cursor, query)
        legs = self._legs(keys.LEDGER_BY_SOURCE, source_id, after or _BEFORE_ANY, limit)
        return self._ledger_page(legs, query, limit)

    def list_ledger_days(self, *, first: date, last: date, limit: int, cursor: str | None) -> LedgerPage:
        """Return the next ``limit`` ledger transactions of a range of days, oldest first.

        Shape: one query a shard and day from where the page before ended, until ``limit`` bookings are found. All legs
        of a booking lie in one shard, side by side.
        """
        query = f"{self.tenant.id}|ledger|{first}|{last}"
        after = self._ledger_position(cursor, query)
        day = date.fromisoformat(after[:10]) if after else first
        return self._ledger_page(self._legs_of_days(day, last, after or _BEFORE_ANY, limit), query, limit)

    def _ledger_position(self, cursor: str | None, query: str) -> str | None:
        return self._cursors.decode(cursor, query=query, shards=1)[0].sort if cursor else None

    def _ledger_page(self, legs: Iterator[_Leg], query: str, limit: int) -> LedgerPage:
        groups = groupby(legs, key=lambda leg: leg.entry.transaction_id)
        bookings = [tuple(group) for _, group in islice(groups, limit)]
        next_cursor = None
        if next(groups, None) is not None:
            position = Position(sort=bookings[-1][-1].sort)
            next_cursor = self._cursors.encode((position,), query=query)
        return LedgerPage(
            bookings=tuple(tuple(leg.entry for leg in booking) for booking in bookings), next_cursor=next_cursor
        )

    def _legs_of_days(self, day: date, last: date, after: str, limit: int) -> Iterator[_Leg]:
        for ordinal in range(day.toordinal(), last.toordinal() + 1):
            name = date.fromordinal(ordinal).isoformat()
            shards = (
                self._legs(keys.LEDGER_BY_DAY, keys.ledger_partition(name, shard), after, limit)
                for shard in range(self.tenant.resources.index_shards)
            )
            yield from heapq.merge(*shards, key=lambda leg: leg.sort)

    def _legs(self, index: keys.Index, partition: str, after: str, limit: int) -> Iterator[_Leg]:
        start: Item | None = None
        while True:
            items, start = self._db.query(
                table=self.tenant.resources.tables.ledger,
                index=index.name,
                condition=f"{index.partition} = :partition AND {index.sort} > :after",
                values={":partition": partition, ":after": after},
                limit=min(_PAGE, limit * _LEGS),
                forward=True,
                start=start,
            )
            yield from (_Leg(str(item[index.sort]), _DECODE(str(item["doc"]))) for item in items)
            if start is None:
                return

    def _entries(self, index: str | None, attribute: str, partition: str) -> Iterator[LedgerEntry]:
        start: Item | None = None
        while True:
            items, start = self._db.query(
                table=self.tenant.resources.tables.ledger,
                index=index,
                condition=f"{attribute} = :partition",
                values={":partition": partition},
                limit=_PAGE,
                forward=True,
                start=start,
                consistent=index is None,
            )
            yield from (_DECODE(str(item["doc"])) for item in items)
            if start is None:
                return


def _shards_of(account: str, shards: int) -> int:
    return shards if account in HOUSE_ACCOUNTS else 1

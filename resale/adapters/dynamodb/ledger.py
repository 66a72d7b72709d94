"""The ledger in DynamoDB: one item a leg, put once and never changed, in the commit of what it books."""

from collections.abc import Iterator
from typing import Final

import msgspec

from resale.adapters.dynamodb import keys
from resale.adapters.dynamodb.audited import Scope
from resale.adapters.dynamodb.buffer import Write
from resale.adapters.dynamodb.client import DynamoDB, Item
from resale.application.ports import AlreadyBooked
from resale.domain.ledger import HOUSE_ACCOUNTS, LedgerEntry, LedgerTransaction, entries_of
from resale.domain.tenants import Tenant
from resale.errors import Contended

_ENCODE: Final = msgspec.json.Encoder().encode
_DECODE: Final = msgspec.json.Decoder(LedgerEntry).decode
_PAGE: Final = 500


class DynamoDBLedger:
    """Keeps ``resale.application.ports.LedgerRepository``."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    def post(self, transaction: LedgerTransaction) -> None:
        """Buffer a balanced booking, a leg an item; booked before, it fails the commit with AlreadyBooked."""
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
            refused=lambda _found: AlreadyBooked("This step of the sale is booked already."),
            contended=lambda _found: Contended("This booking is being written."),
            mark=self._scope.transaction_id,
            rank=7,
        )


class LedgerBook:
    """Reads of one tenant's ledger."""

    def __init__(self, db: DynamoDB, tenant: Tenant) -> None:
        self._db = db
        self._tenant = tenant

    def iter_account(self, account: str) -> Iterator[LedgerEntry]:
        """Go through an account's entries, shard after shard, by source."""
        for shard in range(_shards_of(account, self._tenant.resources.index_shards)):
            yield from self._entries(None, "pk", keys.ledger_partition(account, shard))

    def iter_source(self, source_id: str) -> Iterator[LedgerEntry]:
        """Go through what was booked for an order or a payout, oldest first."""
        index = keys.LEDGER_BY_SOURCE
        yield from self._entries(index.name, index.partition, source_id)

    def iter_day(self, day: str) -> Iterator[LedgerEntry]:
        """Go through what was booked on a day (``YYYY-MM-DD``, UTC), shard after shard."""
        index = keys.LEDGER_BY_DAY
        for shard in range(self._tenant.resources.index_shards):
            yield from self._entries(index.name, index.partition, keys.ledger_partition(day, shard))

    def _entries(self, index: str | None, attribute: str, partition: str) -> Iterator[LedgerEntry]:
        start: Item | None = None
        while True:
            items, start = self._db.query(
                table=self._tenant.resources.tables.ledger,
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

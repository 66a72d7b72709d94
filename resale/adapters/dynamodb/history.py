"""History in DynamoDB: a row for every version, appended and never changed; of heartbeats only the newest."""

from collections.abc import Mapping
from typing import Final

from resale.adapters.dynamodb import keys
from resale.adapters.dynamodb.client import ConditionFailed, DynamoDB, Item
from resale.adapters.dynamodb.cursors import Cursors, Position
from resale.adapters.dynamodb.heartbeats import record_heartbeat
from resale.application.ports import HistoryPage, HistoryRow
from resale.domain.changes import decode_change, encode_change
from resale.domain.pipeline import HEARTBEAT
from resale.domain.tenants import Tenant

_NEW: Final = "attribute_not_exists(pk)"


def to_item(row: HistoryRow, *, shards: int) -> Item:
    """Convert a history row into an item with nothing but the data of the stream record."""
    item: Item = {
        **keys.history_key(row.entity_id, row.version),
        **keys.history_time_keys(row.entity_id, row.version, row.change.at, shards),
        "version": row.version,
        "change": encode_change(row.change),
        "doc": row.doc,
    }
    if row.private is not None:
        item["private"] = row.private
    return item


def from_item(item: Item) -> HistoryRow:
    """Convert an item into a history row."""
    private = item.get("private")
    return HistoryRow(
        entity_id=str(item["pk"]),
        version=int(str(item["version"])),
        change=decode_change(str(item["change"])),
        doc=str(item["doc"]),
        private=None if private is None else str(private),
    )


class DynamoDBHistory:
    """Implements ``resale.application.ports.HistoryLog``, and reads it."""

    def __init__(self, db: DynamoDB, tenant: Tenant, cursors: Cursors) -> None:
        self._db = db
        self._tenant = tenant
        self._cursors = cursors

    def append(self, rows: tuple[HistoryRow, ...]) -> Mapping[tuple[str, int], Exception]:
        """Append each row unless it exists; return the failures by row."""
        failed: dict[tuple[str, int], Exception] = {}
        for row in rows:
            try:
                if row.change.type == HEARTBEAT:
                    record_heartbeat(self._db, self._tenant, row)
                else:
                    self._put(row)
            except Exception as error:  # noqa: BLE001 - one row's fault is that row's; the caller leaves it in the queue
                failed[(row.entity_id, row.version)] = error
        return failed

    def find(self, entity_id: str, version: int) -> HistoryRow | None:
        """Return one version, from a consistent Query: the platform's role has no GetItem here."""
        key = keys.history_key(entity_id, version)
        items, _ = self._db.query(
            table=self._tenant.resources.tables.history,
            index=None,
            condition="pk = :entity AND sk = :version",
            values={":entity": key["pk"], ":version": key["sk"]},
            limit=1,
            forward=True,
            consistent=True,
        )
        return from_item(items[0]) if items else None

    def page(self, entity_id: str, *, limit: int, cursor: str | None) -> HistoryPage:
        """Return a page of an entity's versions, oldest first, from a consistent read."""
        bound = f"{self._tenant.id}|history|{entity_id}"
        start = self._cursors.decode(cursor, query=bound, shards=1)[0] if cursor else None
        items, last = self._db.query(
            table=self._tenant.resources.tables.history,
            index=None,
            condition="pk = :entity",
            values={":entity": entity_id},
            limit=limit,
            forward=True,
            start=None if start is None else {"pk": entity_id, "sk": start.sort},
            consistent=True,
        )
        next_cursor = None
        if last is not None:
            next_cursor = self._cursors.encode((Position(sort=str(last["sk"]), pk=entity_id),), query=bound)
        return HistoryPage(rows=tuple(from_item(item) for item in items), next_cursor=next_cursor)

    def _put(self, row: HistoryRow) -> None:
        item = to_item(row, shards=self._tenant.resources.index_shards)
        try:
            self._db.put_item(
                table=self._tenant.resources.tables.history, item=item, condition=_NEW, names={}, values={}
            )
        except ConditionFailed as known:
            if known.item is not None and known.item.get("change") != item["change"]:
                raise HistoryForked(f"{row.entity_id} version {row.version} is recorded with other contents") from known


class HistoryForked(Exception):  # noqa: N818 - named for what happened
    """Raised when two different changes have the same version of an entity: a write bypassed the unit of work."""

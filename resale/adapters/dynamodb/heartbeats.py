"""Heartbeats of the change pipeline: one item in each audited table, and one row of each in history, overwritten."""

from collections.abc import Iterator
from datetime import datetime
from typing import Final

import msgspec

from resale.adapters.dynamodb import keys
from resale.adapters.dynamodb.client import ConditionFailed, DynamoDB, Item
from resale.application.ports import HistoryRow
from resale.domain.actors import Actor, ActorKind
from resale.domain.changes import Change, decode_change, encode_change
from resale.domain.ids import IdSource
from resale.domain.pipeline import HEARTBEAT, AuditedTable, Heartbeat, TableChanges
from resale.domain.tenants import Tenant

SCHEMA: Final = 1
_ACTOR: Final = Actor(kind=ActorKind.SYSTEM, id="sweep")
_NEW: Final = "attribute_not_exists(pk)"
_NEXT: Final = "version = :expected"
_NEWER: Final = "attribute_not_exists(pk) OR version < :version"
_encode: Final = msgspec.json.Encoder().encode


class _Document(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    schema: int = SCHEMA
    waiting_since: datetime


_DOCUMENT: Final = msgspec.json.Decoder(_Document)


class DynamoDBHeartbeats:
    """The heartbeats of one tenant's tables."""

    def __init__(self, db: DynamoDB, tenant: Tenant, ids: IdSource) -> None:
        self._db = db
        self._tables = tenant.resources.tables
        self._ids = ids

    def read(self) -> tuple[TableChanges, ...]:
        """Return each table's newest heartbeat, and whether history has it, from consistent reads."""
        recorded = dict(self._iter_recorded())
        return tuple(
            TableChanges(table=table, heartbeat=self._find(table), recorded_version=recorded.get(_id_of(table), 0))
            for table in AuditedTable
        )

    def write(self, table: AuditedTable, heartbeat: Heartbeat) -> bool:
        """Write a table's next heartbeat; return False if another worker wrote it first."""
        change = Change(
            id=self._ids("chg"),
            type=HEARTBEAT,
            actor=_ACTOR,
            request_id=self._ids("req"),
            transaction_id=self._ids("txn"),
            at=heartbeat.at,
        )
        item: Item = {
            **keys.heartbeat_key(),
            "version": heartbeat.version,
            "change": encode_change(change),
            "doc": _encode(_Document(id=_id_of(table), waiting_since=heartbeat.waiting_since)).decode(),
        }
        is_first = heartbeat.version == 1
        try:
            self._db.put_item(
                table=self._name(table),
                item=item,
                condition=_NEW if is_first else _NEXT,
                values={} if is_first else {":expected": heartbeat.version - 1},
            )
        except ConditionFailed:
            return False
        return True

    def _find(self, table: AuditedTable) -> Heartbeat | None:
        item = self._db.get_item(table=self._name(table), key=dict(keys.heartbeat_key()))
        if item is None:
            return None
        return Heartbeat(
            version=int(str(item["version"])),
            at=decode_change(str(item["change"])).at,
            waiting_since=_DOCUMENT.decode(str(item["doc"])).waiting_since,
        )

    def _iter_recorded(self) -> Iterator[tuple[str, int]]:
        items, _ = self._db.query(
            table=self._tables.history,
            index=None,
            condition="pk = :pk",
            values={":pk": keys.HEARTBEAT_PK},
            limit=len(AuditedTable),
            forward=True,
            consistent=True,
        )
        return ((str(item["sk"]), int(str(item["version"]))) for item in items)

    def _name(self, table: AuditedTable) -> str:
        name: str = getattr(self._tables, table)
        return name


def record_heartbeat(db: DynamoDB, tenant: Tenant, row: HistoryRow) -> None:
    """Store the row of a heartbeat over the previous one, so that heartbeats do not fill the history."""
    item: Item = {
        **keys.heartbeat_row_key(row.entity_id),
        "version": row.version,
        "change": encode_change(row.change),
        "doc": row.doc,
    }
    try:
        db.put_item(
            table=tenant.resources.tables.history, item=item, condition=_NEWER, values={":version": row.version}
        )
    except ConditionFailed:
        return  # a newer one is there


def _id_of(table: AuditedTable) -> str:
    return f"heartbeat_{table}"

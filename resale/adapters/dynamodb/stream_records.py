"""Conversion of stream records, as the Pipe sends them, into history rows. A pure function without a clock."""

from collections.abc import Collection
from typing import Any, Final

import msgspec

from resale.adapters.dynamodb.attribute_values import Item, from_wire
from resale.application.ports import HistoryRow, RecordUnreadable
from resale.domain.changes import decode_change


class _Images(msgspec.Struct):
    new_image: dict[str, dict[str, Any]] = msgspec.field(name="NewImage")


class _Record(msgspec.Struct):
    images: _Images = msgspec.field(name="dynamodb")
    stream_arn: str = msgspec.field(name="eventSourceARN", default="")


class _Entity(msgspec.Struct):
    id: str


_RECORD: Final = msgspec.json.Decoder(_Record)
_ENTITY: Final = msgspec.json.Decoder(_Entity)


def history_row(body: str, *, tables: Collection[str] = ()) -> HistoryRow:
    """Convert a stream record into a history row. Raises RecordUnreadable.

    Args:
        body: JSON ``{"dynamodb": {"NewImage": {…}}}`` with attribute values in DynamoDB's wire form.
        tables: The tenant's own tables; a record of the stream of another table is refused. Empty: not checked.

    Returns:
        The row: a function of the record alone, so a redelivery writes the same.

    Raises:
        RecordUnreadable: Not a record of an audited item, or not of these tables.
    """
    try:
        record = _RECORD.decode(body)
        if tables and record.stream_arn and not _is_of(record.stream_arn, tables):
            raise RecordUnreadable("a record of another tenant's table")
        return row_of(from_wire(record.images.new_image))
    except (msgspec.MsgspecError, AttributeError, KeyError, RecursionError, TypeError, ValueError) as error:
        raise RecordUnreadable(f"not a record of an audited item: {type(error).__name__}") from error


def _is_of(stream_arn: str, tables: Collection[str]) -> bool:
    """Return whether a stream is of one of these tables, or of one that was restored to, or from, one of them."""
    name = stream_arn.partition(":table/")[2].partition("/")[0]
    return bool(name) and any(name.startswith(table) or table.startswith(name) for table in tables)


def row_of(item: Item) -> HistoryRow:
    """Build the history row of an item's current version."""
    doc, private = str(item["doc"]), item.get("private")
    return HistoryRow(
        entity_id=_ENTITY.decode(doc).id,
        version=int(str(item["version"])),
        change=decode_change(str(item["change"])),
        doc=doc,
        private=None if private is None else str(private),
    )

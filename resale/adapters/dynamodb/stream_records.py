"""Conversion of stream records, as the Pipe sends them, into history rows. A pure function without a clock."""

from typing import Any, Final

import msgspec

from resale.adapters.dynamodb.attribute_values import Item, from_wire
from resale.application.ports import HistoryRow, RecordUnreadable
from resale.domain.changes import decode_change


class _Images(msgspec.Struct):
    new_image: dict[str, dict[str, Any]] = msgspec.field(name="NewImage")


class _Record(msgspec.Struct):
    images: _Images = msgspec.field(name="dynamodb")


class _Entity(msgspec.Struct):
    id: str


_RECORD: Final = msgspec.json.Decoder(_Record)
_ENTITY: Final = msgspec.json.Decoder(_Entity)


def history_row(body: str) -> HistoryRow:
    """Convert a stream record into a history row. Raises RecordUnreadable.

    Args:
        body: JSON ``{"dynamodb": {"NewImage": {…}}}`` with attribute values in DynamoDB's wire form.

    Returns:
        The row: a function of the record alone, so a redelivery writes the same.

    Raises:
        RecordUnreadable: Not a record of an audited item.
    """
    try:
        return row_of(from_wire(_RECORD.decode(body).images.new_image))
    except (msgspec.MsgspecError, AttributeError, KeyError, RecursionError, TypeError, ValueError) as error:
        raise RecordUnreadable(f"not a record of an audited item: {type(error).__name__}") from error


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

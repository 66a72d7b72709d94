"""Reconciliation of history: read a tenant's streams from the start, append missing rows, verify every chain.

A stream keeps 24 hours (DynamoDB Developer Guide, streams), so run it daily: it finds what no worker reported. What it
appends is the same row the changes worker would have appended. The newest version of an entity needs no stream: its
item carries the change that made it.
"""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Protocol

import msgspec

from resale.application.ports import HistoryLog, HistoryRow, Reader, RecordUnreadable
from resale.application.queries.history import verify_history
from resale.domain.entities import entity_type_of
from resale.domain.history import Finding
from resale.domain.ids import is_any_id

logger = logging.getLogger(__name__)

_EMPTY_PAGES = 100  # in a row; DynamoDB may give empty pages before later records


class _Batch(Protocol):
    @property
    def bodies(self) -> Sequence[str]:
        """Messages in the format of the Pipe."""


class Streams(Protocol):
    """The streams of a tenant."""

    def read(self, positions: Mapping[str, str], *, empty_pages: int) -> Iterator[_Batch]:
        """Read all records after ``positions``, and continue through a number of empty pages."""


class Reconciliation(msgspec.Struct, frozen=True, kw_only=True):
    """The result of a reconciliation. ``open`` has the faults that the stream could not repair."""

    entities: int
    repaired: int
    open: Mapping[str, tuple[Finding, ...]]


def reconcile_tenant(
    *, reader: Reader, history: HistoryLog, streams: Streams, read_row: Callable[[str], HistoryRow]
) -> Reconciliation:
    """Find and repair gaps in the history of every entity of a tenant that changed within the stream's 24 hours.

    Shape: reads the streams twice, so that rows need not be held; one verification an entity, two where one failed.

    Returns:
        How many entities were checked, how many were mended, and what is still wrong.

    Raises:
        Unavailable: Store or streams do not respond; run it again.
    """
    parents = {row.entity_id: _parent_of(row) for row in _rows(streams, read_row)}
    broken = {entity_id for entity_id, parent_id in parents.items() if _findings(reader, entity_id, parent_id)}
    for row in _rows(streams, read_row):
        if row.entity_id in broken:
            _append(history, row)
    still = {
        entity_id: reconcile_entity(reader=reader, history=history, entity_id=entity_id, parent_id=parents[entity_id])
        for entity_id in broken
    }
    still_open = {entity_id: findings for entity_id, findings in still.items() if findings}
    return Reconciliation(entities=len(parents), repaired=len(broken) - len(still_open), open=still_open)


def reconcile_entity(*, reader: Reader, history: HistoryLog, entity_id: str, parent_id: str) -> tuple[Finding, ...]:
    """Append the newest version of one entity from its item, if history lacks it. Requires no stream.

    Args:
        reader: The tenant's.
        history: The tenant's.
        entity_id: Which.
        parent_id: The listing of an image, the order of a transfer, else the entity.

    Returns:
        What is still wrong with its history.

    Raises:
        Unavailable: The store does not respond; run it again.
    """
    findings = _findings(reader, entity_id, parent_id)
    row = reader.find_current_row(entity_id, parent_id=parent_id) if findings else None
    if row is None:
        return findings
    _append(history, row)
    return _findings(reader, entity_id, parent_id)


def _append(history: HistoryLog, row: HistoryRow) -> None:
    for (entity_id, version), error in history.append((row,)).items():
        logger.error("row not appended", extra={"entity_id": entity_id, "version": version, "why": repr(error)})


def _rows(streams: Streams, read_row: Callable[[str], HistoryRow]) -> Iterator[HistoryRow]:
    for batch in streams.read({}, empty_pages=_EMPTY_PAGES):
        for body in batch.bodies:
            try:
                row = read_row(body)
                if is_any_id(row.entity_id):  # else it is nothing of ours that a history could be asked for
                    yield row
            except RecordUnreadable as error:
                logger.error("unreadable record in the stream: %s", error)  # noqa: TRY400 - the body may be personal


def _parent_of(row: HistoryRow) -> str:
    """Return the id that an entity's key is derived from: its parent's, or its own."""
    parent = entity_type_of(row.entity_id).parent
    if parent is None:
        return row.entity_id
    return str(msgspec.json.decode(row.doc, type=dict[str, Any]).get(parent) or row.entity_id)


def _findings(reader: Reader, entity_id: str, parent_id: str) -> tuple[Finding, ...]:
    return verify_history(reader=reader, entity_id=entity_id, parent_id=parent_id).findings

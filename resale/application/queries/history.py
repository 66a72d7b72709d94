"""History for the brand and its staff: every version with its change, and the verification of the chain."""

from typing import Final

import msgspec

from resale.application.ports import Document, Head, HistoryRow, Reader
from resale.domain.access import Action, Principal, permits
from resale.domain.changes import Change
from resale.domain.entities import Absent, AnyEntityType
from resale.domain.history import Finding, Link, verify_chain
from resale.domain.ids import OrderId, TransferId
from resale.domain.transfers import TransferNotFound

MAX_VERIFIED: Final = 1_000  # versions read for one verification; no entity comes near it
_PAGE: Final = 100


class HistoryEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One version of an object. ``doc`` and ``sealed`` are the exact stored texts behind ``change.hash``."""

    object: str = "history_record"
    entity_id: str
    version: int
    status: str | None
    change: Change
    doc: str
    sealed: str | None


class Verification(msgspec.Struct, frozen=True, kw_only=True):
    """Whether the history is complete and unedited. ``findings`` lists the faults."""

    verified: bool
    head_version: int
    findings: tuple[Finding, ...]


class HistoryList(msgspec.Struct, frozen=True, kw_only=True):
    """A page of the history, with the verification of the complete history."""

    object: str = "list"
    data: tuple[HistoryEntry, ...]
    has_more: bool
    next_cursor: str | None
    verification: Verification


class _Status(msgspec.Struct):
    status: str | None = None


_STATUS: Final = msgspec.json.Decoder(_Status)


def list_history(
    *, reader: Reader, principal: Principal, of: AnyEntityType, entity_id: str, limit: int, cursor: str | None
) -> HistoryList:
    """List the history of an entity, oldest first, if its type has a ``history`` action.

    Shape: reads the entity, its whole history once to verify it (at most 1,000 rows), and one page.

    Raises:
        NotFound: None whose history the caller may see: the type's ``not_found``.
        InvalidCursor: The cursor was changed or belongs to another list.
    """
    if isinstance(of.history, Absent):
        raise TypeError(f"the history of a {of.name} is not listed: {of.history.because}")
    document = reader.find(of, entity_id) if of.id.matches(entity_id) else None
    if document is None or not _is_allowed(principal, of.history, document):
        raise of.not_found
    return _history(reader, entity_id, parent_id=entity_id, limit=limit, cursor=cursor)


def list_transfer_history(
    *,
    reader: Reader,
    principal: Principal,
    order_id: OrderId,
    transfer_id: TransferId,
    limit: int,
    cursor: str | None,
) -> HistoryList:
    """List the history of a transfer, oldest first, for callers with permission to see the ledger.

    Shape: as ``list_history``; a transfer lies beside its order.

    Raises:
        TransferNotFound: None whose history the caller may see.
        InvalidCursor: The cursor was changed or belongs to another list.
    """
    if not permits(Action.VIEW_LEDGER, principal.standing, ""):
        raise TransferNotFound
    if all(transfer.id != transfer_id for transfer in reader.list_transfers(order_id)):
        raise TransferNotFound
    return _history(reader, transfer_id, parent_id=order_id, limit=limit, cursor=cursor)


def verify_history(*, reader: Reader, entity_id: str, parent_id: str) -> Verification:
    """Read an entity's complete history and verify it against its current version.

    Shape: reads the head first, then at most 1,000 rows, so a change made meanwhile is not taken for a gap.
    """
    head = reader.find_head(entity_id, parent_id=parent_id)
    return verify_history_to(reader=reader, entity_id=entity_id, head=head)


def verify_history_to(*, reader: Reader, entity_id: str, head: Head | None) -> Verification:
    """Read an entity's complete history and verify it against a version that was read before.

    Shape: reads at most 1,000 rows.
    """
    rows = _all_rows(reader, entity_id)
    version, digest = (0, "") if head is None else (head.version, head.hash)
    links = tuple(
        Link(version=row.version, change=row.change, doc=row.doc, private=row.private)
        for row in rows
        if row.version <= version
    )
    findings = verify_chain(entity_id=entity_id, links=links, head_version=version, head_hash=digest)
    return Verification(verified=not findings, head_version=version, findings=findings)


def _is_allowed(principal: Principal, action: Action, document: Document) -> bool:
    return permits(action, principal.standing, _STATUS.decode(document.doc).status or "")


def _history(reader: Reader, entity_id: str, *, parent_id: str, limit: int, cursor: str | None) -> HistoryList:
    verification = verify_history(reader=reader, entity_id=entity_id, parent_id=parent_id)
    page = reader.list_history(entity_id, limit=limit, cursor=cursor)
    return HistoryList(
        data=tuple(_entry(row) for row in page.rows),
        has_more=page.next_cursor is not None,
        next_cursor=page.next_cursor,
        verification=verification,
    )


def _entry(row: HistoryRow) -> HistoryEntry:
    return HistoryEntry(
        entity_id=row.entity_id,
        version=row.version,
        status=_STATUS.decode(row.doc).status,
        change=row.change,
        doc=row.doc,
        sealed=row.private,
    )


def _all_rows(reader: Reader, entity_id: str) -> list[HistoryRow]:
    rows: list[HistoryRow] = []
    cursor: str | None = None
    while len(rows) < MAX_VERIFIED:
        page = reader.list_history(entity_id, limit=_PAGE, cursor=cursor)
        rows.extend(page.rows)
        cursor = page.next_cursor
        if cursor is None:
            break
    return rows

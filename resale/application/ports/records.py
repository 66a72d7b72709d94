"""Results of repositories and readers: documents, pages, history rows, and idempotency records."""

from datetime import datetime

import msgspec

from resale.domain.changes import Change
from resale.domain.ledger import LedgerEntry
from resale.errors import Conflict, Invalid


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """A stored entity as it was read: the JSON of everything not personal, upcast, and the sealed part."""

    id: str
    version: int
    doc: bytes
    private: str | None = None


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """A page of documents, and the opaque, signed cursor after them (None at the end)."""

    documents: tuple[Document, ...]
    next_cursor: str | None


class LedgerPage(msgspec.Struct, frozen=True, kw_only=True):
    """A page of ledger transactions with all entries, and the opaque, signed cursor after them (None at the end)."""

    bookings: tuple[tuple[LedgerEntry, ...], ...]
    next_cursor: str | None


class HistoryRow(msgspec.Struct, frozen=True, kw_only=True):
    """A version of an entity in history: a pure function of the stream record."""

    entity_id: str
    version: int
    change: Change
    doc: str
    private: str | None = None


class AlreadyPosted(Conflict):
    """The ledger has a transaction for this step."""

    code = "already_booked"
    title = "Ledger transaction exists"
    default_detail = "This step was posted to the ledger by another request. Read the order again."


class IdempotencyRecord(msgspec.Struct, frozen=True, kw_only=True):
    """The record of a completed command: the hashes of its request, and the entity that it created. No body.

    ``request_hash`` is of the request's bytes, ``meaning_hash`` of what it means; earlier releases kept the first only.
    """

    key: str
    request_hash: str
    meaning_hash: str | None = None
    entity_id: str
    version: int
    transaction_id: str


class IdempotencyConflict(Conflict):
    """The idempotency key has a record. Its reader returns the first response."""

    code = "idempotency_key_used"
    title = "Idempotency key used"
    default_detail = "A request with this Idempotency-Key was completed before."


class IdempotencyInProgress(Conflict):
    """The first request with the idempotency key has not finished."""

    code = "idempotency_in_progress"
    title = "Idempotent request in progress"
    default_detail = "The first request with this Idempotency-Key has not finished. Retry in a moment."


class IdempotencyMismatch(Invalid):
    """The idempotency key was used with another request body."""

    code = "idempotency_key_reused"
    title = "Idempotency key reused"
    default_detail = "This Idempotency-Key was used with another request. Send a new key."


class ReferenceTaken(Conflict):
    """A partner's reference belongs to another object."""

    code = "reference_taken"
    title = "Reference taken"
    default_detail = "The partner's reference belongs to another object of this shop."


class HistoryPage(msgspec.Struct, frozen=True, kw_only=True):
    """A page of an entity's history, and the cursor after it."""

    rows: tuple[HistoryRow, ...]
    next_cursor: str | None


class Head(msgspec.Struct, frozen=True, kw_only=True):
    """The current version and hash of an entity, which its newest history row must equal."""

    version: int
    hash: str


class DueItem(msgspec.Struct, frozen=True, kw_only=True):
    """An item whose wake-up has come. ``parent_id`` is the listing of an image, else the entity."""

    entity_id: str
    parent_id: str
    due_at: datetime


class RecordUnreadable(Exception):  # noqa: N818 - named for what happened
    """Raised for a message that is not a record of an audited item; it stays and ends in the dead-letter queue."""


class StreamRange(msgspec.Struct, frozen=True, kw_only=True):
    """The position of consecutive records in a stream: the sequence numbers of the first and the last."""

    stream_arn: str
    shard_id: str
    first: str
    last: str
    count: int = 1


class RecordsTrimmed(Exception):  # noqa: N818 - named for what happened
    """Raised when the stream no longer has the records: it keeps them for 24 hours."""

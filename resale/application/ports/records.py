"""What repositories and readers hand out: documents, pages, history rows, and the records of keyed commands."""

from datetime import datetime

import msgspec

from resale.domain.changes import Change
from resale.domain.ledger import LedgerEntry
from resale.errors import Conflict, Invalid


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """A stored entity as read: the JSON of everything not personal, upcast, and the sealed rest."""

    id: str
    version: int
    doc: bytes
    private: str | None = None


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """Some documents in order, and the opaque, signed position after them (None: the end)."""

    documents: tuple[Document, ...]
    next_cursor: str | None


class LedgerPage(msgspec.Struct, frozen=True, kw_only=True):
    """Some bookings in order, each with all its legs, and the opaque, signed position after them (None: the end)."""

    bookings: tuple[tuple[LedgerEntry, ...], ...]
    next_cursor: str | None


class HistoryRow(msgspec.Struct, frozen=True, kw_only=True):
    """One version of an entity as history keeps it: a pure function of the stream record."""

    entity_id: str
    version: int
    change: Change
    doc: str
    private: str | None = None


class AlreadyBooked(Conflict):
    """The ledger has a transaction for this step."""

    code = "already_booked"
    title = "Ledger transaction exists"
    default_detail = "This step was posted to the ledger by another request. Read the order again."


class IdempotencyRecord(msgspec.Struct, frozen=True, kw_only=True):
    """That a keyed command was done: the hashes of its request and what it made. No body.

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
    """Some rows of an entity's history, and the position after them."""

    rows: tuple[HistoryRow, ...]
    next_cursor: str | None


class Head(msgspec.Struct, frozen=True, kw_only=True):
    """Where an entity stands: what its newest history row must agree with."""

    version: int
    hash: str


class DueItem(msgspec.Struct, frozen=True, kw_only=True):
    """Something whose wake-up time has come. ``parent_id`` is the listing of an image, else the entity."""

    entity_id: str
    parent_id: str
    due_at: datetime


class RecordUnreadable(Exception):  # noqa: N818 - named for what happened
    """A message on the changes queue is no record of an audited item; it stays and ends in the DLQ."""


class StreamRange(msgspec.Struct, frozen=True, kw_only=True):
    """Where one or more consecutive records lie in a stream: the sequence numbers of the first and the last."""

    stream_arn: str
    shard_id: str
    first: str
    last: str
    count: int = 1


class RecordsTrimmed(Exception):  # noqa: N818 - named for what happened
    """The stream no longer has these records: it keeps them for 24 hours."""

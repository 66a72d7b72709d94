"""Dead letters as the brand and its managers see them: an allow-list. Lists have ids, never bodies."""

from datetime import datetime
from typing import Annotated

import msgspec

from resale.application.ports import DeadLetterMessage
from resale.domain.actors import ActorKind
from resale.domain.dead_letters import (
    DeadLetter,
    DeadLetterStatus,
    FailureNote,
    FailureOutcome,
    LetterQueue,
    letter_id_of,
)
from resale.domain.ids import DeadLetterId


class FailureView(msgspec.Struct, frozen=True, kw_only=True):
    """The failure of one delivery: the class and the code of the error, never its message."""

    outcome: FailureOutcome
    code: str
    exception: str
    task: str | None
    receive_count: int
    at: datetime
    release: str


class DeadLetterView(msgspec.Struct, frozen=True, kw_only=True):
    """A message that failed as often as its queue allows. ``receive_count`` includes reads by operators."""

    id: DeadLetterId
    object: str = "dead_letter"
    status: DeadLetterStatus
    queue: LetterQueue
    task: str | None
    entity_ids: tuple[str, ...]
    change_type: str | None = None
    change_version: int | None = None
    sent_at: datetime
    receive_count: int
    size_bytes: int
    last_error: FailureView | None
    replayed_at: datetime | None = None
    discarded_at: datetime | None = None


class DeadLetterPage(msgspec.Struct, frozen=True, kw_only=True):
    """A page of dead letters."""

    object: str = "list"
    data: tuple[DeadLetterView, ...]
    has_more: bool
    next_cursor: str | None


class TimelineEntry(msgspec.Struct, frozen=True, kw_only=True):
    """A version of the object of the message, or a refused command of a message about it.

    ``type`` is the type of the change, or ``refused``. ``code`` is the reason of the change, or of the refusal.
    """

    at: datetime
    entity_id: str
    type: str
    version: int | None
    status: str | None
    actor_kind: ActorKind
    code: str | None


class DeadLetterDetail(DeadLetterView, frozen=True, kw_only=True):
    """A dead letter with its failures. The body of a change contains a complete item, so it is not shown."""

    body: Annotated[
        str | None, msgspec.Meta(description="The body of a task; null for a change, or when it was not stored.")
    ]
    reason: Annotated[str | None, msgspec.Meta(description="Why it was discarded.")]
    timeline: tuple[TimelineEntry, ...]


def view_letter(letter: DeadLetterMessage, note: FailureNote | None) -> DeadLetterView:
    """Return the view of a message without a record."""
    contents, row = letter.contents, letter.row
    return DeadLetterView(
        id=letter_id_of(letter.message_id),
        status=DeadLetterStatus.WAITING,
        queue=letter.queue,
        task=contents.task,
        entity_ids=contents.entity_ids,
        change_type=None if row is None else row.change.type,
        change_version=None if row is None else row.version,
        sent_at=letter.sent_at,
        receive_count=letter.receive_count,
        size_bytes=len(letter.body.encode()),
        last_error=view_failure(note),
    )


def view_record(record: DeadLetter) -> DeadLetterView:
    """Return the view of a recorded dead letter."""
    return DeadLetterView(
        id=record.id,
        status=record.status,
        queue=record.queue,
        task=record.task,
        entity_ids=record.entity_ids,
        change_type=record.change_type,
        change_version=record.change_version,
        sent_at=record.sent_at,
        receive_count=record.receive_count,
        size_bytes=record.size_bytes,
        last_error=view_failure(record.last_error),
        replayed_at=record.replayed_at,
        discarded_at=record.discarded_at,
    )


def view_failure(note: FailureNote | None) -> FailureView | None:
    """Return the view of a note of a failure."""
    if note is None:
        return None
    return FailureView(
        outcome=note.outcome,
        code=note.code,
        exception=note.exception,
        task=note.task,
        receive_count=note.receive_count,
        at=note.at,
        release=note.release,
    )

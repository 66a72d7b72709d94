"""Dead letters: messages that failed as often as their queue allows, their failures, and their records."""

import re
from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Final
from urllib.parse import unquote_plus

import msgspec
from msgspec import UNSET, UnsetType

from resale.domain.ids import DEAD_LETTER_ID, CustomerId, DeadLetterId, ListingId, MediaId, is_any_id
from resale.domain.media import parse_original_key
from resale.domain.messages import RAW_TASKS, Malformed, read_task
from resale.domain.states import Machine, Row
from resale.domain.text import paragraphs
from resale.errors import Conflict, NotFound, Rejected, Unavailable

SCHEMA: Final = 1
MAX_ENTITIES: Final = 5  # ids of a message that are shown; ours name two at most
#: Whose data key seals what belongs to no shopper: original bodies, and what staff write about them.
TENANT_OWNER: Final = CustomerId("tenant")

_TASK: Final = re.compile(r"[a-z_]{1,40}\.[a-z_]{1,40}")

Reason = Annotated[str, paragraphs(min_length=3, max_length=500)]


class LetterQueue(StrEnum):
    """The queues with dead letters, named as in the tenant's resource map."""

    CHANGES = "changes"
    ORDERS = "orders"
    IMAGES = "images"


class DeadLetterStatus(StrEnum):
    """The status of a dead letter. Only the message itself exists while it is waiting."""

    WAITING = "waiting"
    REPLAYING = "replaying"
    REPLAYED = "replayed"
    DISCARDED = "discarded"


class DeadLetterCommand(StrEnum):
    """A command on a dead letter."""

    REPLAY = "replay"
    SENT = "sent"
    DISCARD = "discard"


class DeadLetterTransitionRefused(Rejected):
    """The status of the dead letter does not allow the command."""

    code = "dead_letter_transition_refused"
    title = "Dead letter status does not allow this"
    default_detail = "The status of the dead letter does not allow this. Read it again."


class DeadLetterNotFound(NotFound):
    """The dead letter does not exist."""

    code = "dead_letter_not_found"
    title = "Dead letter not found"
    default_detail = "No dead letter with this id exists. It may have been replayed or discarded."


class DeadLetterChanged(Conflict):
    """Another operator acted on the dead letter first."""

    code = "dead_letter_changed"
    title = "Dead letter changed"
    default_detail = "Another operator acted on this dead letter meanwhile. Read it again, then retry."


class DeadLetterGone(Rejected):
    """The message left its queue during a replay, and its body was too large to be stored."""

    code = "dead_letter_gone"
    title = "Dead letter gone"
    default_detail = (
        "The message is no longer in the queue, and its body was too large to be stored. Run `reconcile` to "
        "repair the history."
    )


class DeadLetterHeld(Unavailable):
    """Another reader of the queue hides its messages for some seconds."""

    code = "dead_letter_held"
    title = "Dead letter temporarily hidden"
    default_detail = (
        "Another operator is reading this queue, which hides its messages for some seconds. Retry in a moment."
    )


_S = DeadLetterStatus
_C = DeadLetterCommand

DEAD_LETTERS: Final = Machine(
    "dead letter",
    (
        Row(_S.WAITING, _C.REPLAY, _S.REPLAYING),
        Row(_S.WAITING, _C.DISCARD, _S.DISCARDED),
        Row(_S.REPLAYING, _C.SENT, _S.REPLAYED),
    ),
    refused=DeadLetterTransitionRefused,
    initial=_S.WAITING,
    cannot={
        _C.REPLAY: "be replayed",
        _C.SENT: "be marked as replayed",
        _C.DISCARD: "be discarded",
    },
)


class FailureOutcome(StrEnum):
    """The result of a failed delivery."""

    FAILED = "failed"  # the message stays, and in the end becomes a dead letter
    REFUSED = "refused"  # the rules said no, for good: recorded, and the message is done


class FailureNote(msgspec.Struct, frozen=True, kw_only=True):
    """The note of a failed delivery. Never the message of an exception, which may quote personal data."""

    message_id: str
    queue: LetterQueue
    receive_count: int
    outcome: FailureOutcome
    code: str
    exception: str
    task: str | None = None
    entity_ids: tuple[str, ...] = ()
    at: datetime
    release: str = ""


class Contents(msgspec.Struct, frozen=True, kw_only=True):
    """The contents of a message that a list can show: its task and ids."""

    task: str | None = None
    kwargs: Mapping[str, Any] = {}
    entity_ids: tuple[str, ...] = ()


class DeadLetterPrivate(msgspec.Struct, frozen=True, kw_only=True):
    """The sealed part of a dead letter: the compressed original body, unless it is too large, and free text."""

    body: bytes | None
    reason: str | None = None


class DeadLetter(msgspec.Struct, frozen=True, kw_only=True):
    """A recorded dead letter; before an action on it there is only the message."""

    id: DeadLetterId
    object: str = "dead_letter"
    schema: int = SCHEMA
    version: int = 0
    status: DeadLetterStatus
    queue: LetterQueue
    task: str | None
    entity_ids: tuple[str, ...]
    change_type: str | None = None  # of a letter of the changes queue: the one version it carries
    change_version: int | None = None
    sent_at: datetime
    receive_count: int
    size_bytes: int
    last_error: FailureNote | None
    body_kept: bool
    replayed_at: datetime | None = None
    discarded_at: datetime | None = None
    created_at: datetime
    updated_at: datetime
    private: str | UnsetType = UNSET


def letter_id_of(message_id: str) -> DeadLetterId:
    """Return the dead letter id of an SQS message."""
    return DEAD_LETTER_ID.of(message_id.replace("-", "").lower())


def message_id_of(letter_id: DeadLetterId) -> str:
    """Return the SQS message id (a UUID) of a dead letter. Raises DeadLetterNotFound."""
    if not DEAD_LETTER_ID.matches(letter_id):
        raise DeadLetterNotFound("No dead letter with this id exists.")
    digits = letter_id.partition("_")[2]
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


def contents_of(body: str, *, message_id: str, queue: LetterQueue) -> Contents:
    """Return the contents of a message of a task queue; empty if no task can be parsed."""
    try:
        task_message = read_task(body, message_id=message_id, raw_task=RAW_TASKS.get(queue))
    except Malformed:
        return Contents()
    task = task_message.task if _TASK.fullmatch(task_message.task) else None  # a sender's own words are not shown
    return Contents(task=task, kwargs=task_message.kwargs, entity_ids=entity_ids_of(task_message.kwargs))


def entity_ids_of(kwargs: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the ids in a task's arguments and in the uploads of an S3 event; the last is the nearest."""
    plain = (value for value in kwargs.values() if isinstance(value, str) and is_any_id(value))
    uploaded = (part for slot in uploads_of(kwargs.get("event")) for part in slot)
    return tuple(dict.fromkeys((*plain, *uploaded)))[:MAX_ENTITIES]


def uploads_of(event: Any) -> tuple[tuple[ListingId, MediaId], ...]:
    """Return the image slots of an S3 event; none for any other event."""
    try:
        records = msgspec.convert(event, _Event).records
    except msgspec.ValidationError:
        return ()
    slots = (parse_original_key(unquote_plus(record.s3.uploaded.key)) for record in records)
    return tuple(slot for slot in slots if slot is not None)


class _Object(msgspec.Struct):
    key: str


class _Bucket(msgspec.Struct):
    uploaded: _Object = msgspec.field(name="object")


class _Record(msgspec.Struct):
    s3: _Bucket


class _Event(msgspec.Struct):
    records: tuple[_Record, ...] = msgspec.field(default=(), name="Records")

"""Queries of dead letters: the list, one with its object's timeline, and the effects of a replay."""

import zlib
from collections.abc import Iterator
from typing import Final

import msgspec

from resale.application.ports import DeadLetterMessage, DeadLetters, Document, HistoryRow, Reader
from resale.application.queries.dead_letters.dry_run import DryRunContext, Effect, describe_change, describe_task
from resale.application.queries.dead_letters.views import (
    DeadLetterDetail,
    DeadLetterPage,
    DeadLetterView,
    TimelineEntry,
    view_letter,
    view_record,
)
from resale.domain.access import Action, Principal, permits
from resale.domain.actors import ActorKind
from resale.domain.dead_letters import (
    TENANT_OWNER,
    DeadLetter,
    DeadLetterNotFound,
    DeadLetterPrivate,
    DeadLetterStatus,
    LetterQueue,
    contents_of,
    letter_id_of,
    message_id_of,
)
from resale.domain.entities import DEAD_LETTER
from resale.domain.ids import DeadLetterId

MAX_TIMELINE: Final = 1_000  # versions of an entity that are read; none comes near it
_PAGE: Final = 100


class DryRun(msgspec.Struct, frozen=True, kw_only=True):
    """The effects of a replay in the current state. No effects: the work of the message is already done."""

    object: str = "dead_letter_dry_run"
    id: DeadLetterId
    status: DeadLetterStatus
    queue: LetterQueue
    task: str | None
    effects: tuple[Effect, ...]


class _Found(msgspec.Struct, frozen=True, kw_only=True):
    """A dead letter that was found: its message, its record, or both."""

    letter: DeadLetterMessage | None
    record: DeadLetter | None
    private: DeadLetterPrivate | None
    view: DeadLetterView

    @property
    def body(self) -> str | None:
        """The original body, from the message or from the record."""
        if self.letter is not None:
            return self.letter.body
        kept = None if self.private is None else self.private.body
        return None if kept is None else zlib.decompress(kept).decode()


class _Status(msgspec.Struct):
    status: str | None = None


_STATUS: Final = msgspec.json.Decoder(_Status)
_RECORD: Final = msgspec.json.Decoder(DeadLetter)


def list_dead_letters(
    *,
    reader: Reader,
    letters: DeadLetters,
    principal: Principal,
    queue: LetterQueue | None,
    limit: int,
    cursor: str | None,
) -> DeadLetterPage:
    """List the messages of one dead-letter queue or of all, oldest first.

    Shape: looks at each queue (a second or more); reads 2 items a letter shown.

    Raises:
        DeadLetterNotFound: Not for this caller's eyes.
        InvalidCursor: The cursor was changed or belongs to another list.
        Unavailable: A queue does not respond.
    """
    _check_permitted(principal)
    page = letters.list_letters(queue=queue, limit=limit, cursor=cursor)
    return DeadLetterPage(
        data=tuple(_view(reader, letter) for letter in page.letters),
        has_more=page.next_cursor is not None,
        next_cursor=page.next_cursor,
    )


def get_dead_letter(
    *, reader: Reader, letters: DeadLetters, principal: Principal, letter_id: DeadLetterId
) -> DeadLetterDetail:
    """Return a dead letter, waiting or acted on: its body, its last error, and the timeline of its object.

    Shape: looks at the queues; reads 2 items, a data key when something was kept, and the entities' histories.

    Raises:
        DeadLetterNotFound: None that the caller may see.
        DeadLetterHeld: Somebody else is looking at the queue; try again.
        Unavailable: A queue or the store does not respond.
    """
    _check_permitted(principal)
    found = _find(reader, letters, letter_id)
    return DeadLetterDetail(
        **msgspec.structs.asdict(found.view),
        body=None if found.view.queue == LetterQueue.CHANGES else found.body,
        reason=None if found.private is None else found.private.reason,
        timeline=_timeline(reader, (*found.view.entity_ids, letter_id)),
    )


def describe_replay(
    *, context: DryRunContext, letters: DeadLetters, principal: Principal, letter_id: DeadLetterId
) -> DryRun:
    """Return the effects of a replay in the current state; nothing is changed, sent or called.

    Shape: looks at the queues; reads what the task would read.

    Raises:
        DeadLetterNotFound: None that the caller may see.
        DeadLetterHeld: Somebody else is looking at the queue; try again.
        Unavailable: A queue, the store or the bucket does not respond.
    """
    _check_permitted(principal)
    found = _find(context.reader, letters, letter_id)
    return DryRun(
        id=letter_id,
        status=found.view.status,
        queue=found.view.queue,
        task=found.view.task,
        effects=_effects(context, found),
    )


def _check_permitted(principal: Principal) -> None:
    if not permits(Action.VIEW_DEAD_LETTERS, principal.standing, DeadLetterStatus.WAITING):
        raise DeadLetterNotFound("No dead letter with this id exists.")


def _view(reader: Reader, letter: DeadLetterMessage) -> DeadLetterView:
    """Return the view of a message, with its record if an action on it was interrupted."""
    document = reader.find(DEAD_LETTER, letter_id_of(letter.message_id))
    if document is not None:
        return view_record(_RECORD.decode(document.doc))
    return view_letter(letter, reader.find_failure(letter.message_id))


def _find(reader: Reader, letters: DeadLetters, letter_id: DeadLetterId) -> _Found:
    message_id = message_id_of(letter_id)
    document = reader.find(DEAD_LETTER, letter_id)
    if document is not None:
        record = _RECORD.decode(document.doc)
        private = _open(reader, document)
        return _Found(letter=None, record=record, private=private, view=view_record(record))
    note = reader.find_failure(message_id)
    letter = None if note is None else letters.find(message_id, queue=note.queue)
    letter = letter or letters.find(message_id, queue=None)
    if letter is None:
        raise DeadLetterNotFound("No dead letter with this id exists.")
    return _Found(letter=letter, record=None, private=None, view=view_letter(letter, note))


def _open(reader: Reader, document: Document) -> DeadLetterPrivate | None:
    if document.private is None:
        return None
    return reader.vault.open(document.private, DeadLetterPrivate, owner_id=TENANT_OWNER, entity_id=document.id)


def _effects(context: DryRunContext, found: _Found) -> tuple[Effect, ...]:
    """Return the effects of a waiting message or an interrupted replay; any other replay has none."""
    view, body = found.view, found.body
    if view.status not in {DeadLetterStatus.WAITING, DeadLetterStatus.REPLAYING} or body is None:
        return ()
    if view.queue == LetterQueue.CHANGES:
        return describe_change(context, None if found.letter is None else found.letter.row)
    return describe_task(context, contents_of(body, message_id=message_id_of(view.id), queue=view.queue))


# ---------------------------------------------------------------- timeline
def _timeline(reader: Reader, entity_ids: tuple[str, ...]) -> tuple[TimelineEntry, ...]:
    """Merge the histories of entities with the notes of refusals, by time."""
    entries = (entry for entity_id in entity_ids for entry in _entries(reader, entity_id))
    return tuple(sorted(entries, key=lambda entry: entry.at))


def _entries(reader: Reader, entity_id: str) -> Iterator[TimelineEntry]:
    for row in _rows(reader, entity_id):
        yield TimelineEntry(
            at=row.change.at,
            entity_id=entity_id,
            type=row.change.type,
            version=row.version,
            status=_STATUS.decode(row.doc).status,
            actor_kind=row.change.actor.kind,
            code=row.change.reason_code,
        )
    for note in reader.list_refusals(entity_id):
        yield TimelineEntry(
            at=note.at,
            entity_id=entity_id,
            type="refused",
            version=None,
            status=None,
            actor_kind=ActorKind.SYSTEM,
            code=note.code,
        )


def _rows(reader: Reader, entity_id: str) -> Iterator[HistoryRow]:
    cursor: str | None = None
    for _ in range(MAX_TIMELINE // _PAGE):
        page = reader.list_history(entity_id, limit=_PAGE, cursor=cursor)
        yield from page.rows
        cursor = page.next_cursor
        if cursor is None:
            return

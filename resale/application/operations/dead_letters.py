"""Replay and discard of dead letters. Both are recorded.

A replay is three effects that no transaction spans, in an order that loses nothing when it is cut off between any two:
the intent is committed with the original body, the body is sent, that it was sent is committed, and only then is the
message deleted. ``begin_replay`` takes the first, ``finish_replay`` the others; a retry finishes what was begun.
Who is cut off after the send and before its commit sends twice, which every consumer bears.
"""

import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Annotated, Final

import msgspec
from msgspec import UNSET

from resale.application.ports import DeadLetterMessage, DeadLetters, UnitOfWork
from resale.domain.access import Action, permits
from resale.domain.changes import ChangeType
from resale.domain.dead_letters import (
    DEAD_LETTERS,
    TENANT_OWNER,
    DeadLetter,
    DeadLetterCommand,
    DeadLetterGone,
    DeadLetterHeld,
    DeadLetterNotFound,
    DeadLetterPrivate,
    DeadLetterStatus,
    Reason,
    letter_id_of,
    message_id_of,
)
from resale.domain.ids import DeadLetterId
from resale.domain.versions import next_version
from resale.errors import Outcome, Unavailable

MAX_KEPT_BYTES: Final = 48 * 1024  # compressed; base64 twice makes 85 KB of it, and an item holds 100


class Discard(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The reason for discarding a message. It is stored encrypted."""

    reason: Annotated[Reason, msgspec.Meta(description="Why it is discarded, for the history.")]


class Replay(msgspec.Struct, frozen=True, kw_only=True):
    """A started replay: the record, and the message, which is hidden, unless it is gone or another reader has it."""

    record: DeadLetter
    letter: DeadLetterMessage | None = None
    held_elsewhere: bool = False


def begin_replay(uow: UnitOfWork, *, letters: DeadLetters, letter_id: DeadLetterId) -> Replay:
    """Record the start of a replay with the body of the message, and hide the message.

    Shape: reads 1 item and the dead-letter queues; commits 1 (``dead_letter.replay_started``), or nothing when it was
    recorded before. Hand what it returns to ``finish_replay`` at once.

    Args:
        uow: Fresh; committed here at most once.
        letters: The same tenant's dead-letter queues.
        letter_id: Which.

    Raises:
        DeadLetterNotFound: No such message, and none that was acted on; or not for this caller's eyes.
        DeadLetterTransitionRefused: It was discarded.
        DeadLetterHeld: Somebody is looking at the queue; try again.
        DeadLetterChanged: Somebody else acted on it meanwhile; a retry returns what they did.
        Unavailable: Store or queue did not respond.
    """
    _check_permitted(uow)
    record = uow.dead_letters.find(letter_id)
    if record is not None:
        if record.status == DeadLetterStatus.DISCARDED:
            DEAD_LETTERS.next_status(record.status, DeadLetterCommand.REPLAY)
        return _resume(letters, record)
    letter = _take(uow, letters, letter_id)
    with _release_on_failure(letters, letter):
        record = _record_of(uow, letter, command=DeadLetterCommand.REPLAY, reason=None)
        uow.dead_letters.add(record, change_type=ChangeType.DEAD_LETTER_REPLAY_STARTED)
        uow.commit()
    return Replay(record=record, letter=letter)


def finish_replay(uow: UnitOfWork, *, letters: DeadLetters, begun: Replay) -> DeadLetter:
    """Send the message again, record that, and delete it from its dead-letter queue.

    Shape: reads 1 item; sends at most 1 message; commits at most 1 (``dead_letter.replayed``); deletes at most 1.

    Args:
        uow: Fresh; committed here at most once.
        letters: The same tenant's dead-letter queues.
        begun: From ``begin_replay``, a moment ago.

    Returns:
        The record: ``status`` replayed; or still replaying while somebody else holds the message.

    Raises:
        DeadLetterGone: Not sent, the message is gone, and its body was too large to be kept.
        Unavailable: Queue or store did not respond; a retry finishes it.
    """
    if begun.held_elsewhere:
        return begun.record
    with _release_on_failure(letters, begun.letter):
        record = uow.dead_letters.find(begun.record.id) or begun.record
        if record.status == DeadLetterStatus.REPLAYING:
            letters.send(record.queue, _body_of(uow, record) if begun.letter is None else begun.letter.body)
            status = DEAD_LETTERS.next_status(record.status, DeadLetterCommand.SENT)
            record = msgspec.structs.replace(record, status=status, replayed_at=uow.now)
            record = next_version(record, now=uow.now)
            uow.dead_letters.save(record, change_type=ChangeType.DEAD_LETTER_REPLAYED)
            uow.commit()
        if begun.letter is not None:
            letters.delete(begun.letter)
    return record


def discard_dead_letter(
    uow: UnitOfWork, *, letters: DeadLetters, letter_id: DeadLetterId, reason: Reason
) -> DeadLetter:
    """Discard a message: record the reason and its body, then delete it from its dead-letter queue.

    Shape: reads 1 item and the dead-letter queues; commits at most 1 (``dead_letter.discarded``); deletes at most 1.
    A retry finishes what was cut off and changes nothing else: the first reason stands.

    Args:
        uow: Fresh; committed here at most once.
        letters: The same tenant's dead-letter queues.
        letter_id: Which.
        reason: 3-500 characters; sealed.

    Returns:
        The record, ``status`` discarded.

    Raises:
        DeadLetterNotFound: No such message, and none that was acted on; or not for this caller's eyes.
        DeadLetterTransitionRefused: A replay was begun.
        DeadLetterHeld: Somebody is looking at the queue; try again.
        DeadLetterChanged: Somebody else acted on it meanwhile; a retry returns what they did.
        Unavailable: Store or queue did not respond; a retry finishes it.
    """
    _check_permitted(uow)
    record = uow.dead_letters.find(letter_id)
    if record is not None:
        if record.status != DeadLetterStatus.DISCARDED:
            DEAD_LETTERS.next_status(record.status, DeadLetterCommand.DISCARD)
        leftover = _resume(letters, record).letter
        if leftover is not None:
            letters.delete(leftover)
        return record
    letter = _take(uow, letters, letter_id)
    with _release_on_failure(letters, letter):
        record = _record_of(uow, letter, command=DeadLetterCommand.DISCARD, reason=reason)
        uow.dead_letters.add(record, change_type=ChangeType.DEAD_LETTER_DISCARDED)
        uow.commit()
        letters.delete(letter)
    return record


def _check_permitted(uow: UnitOfWork) -> None:
    if not permits(Action.MANAGE_DEAD_LETTERS, uow.principal.standing, DeadLetterStatus.WAITING):
        raise DeadLetterNotFound("No dead letter with this id exists.")


def _take(uow: UnitOfWork, letters: DeadLetters, letter_id: DeadLetterId) -> DeadLetterMessage:
    """Take a message without a record; the note of its failure has its queue."""
    message_id = message_id_of(letter_id)
    note = uow.dead_letters.find_failure(message_id)
    letter = None if note is None else letters.take(message_id, queue=note.queue)
    letter = letter or letters.take(message_id, queue=None)
    if letter is None:
        raise DeadLetterNotFound("No dead letter with this id exists.")
    return letter


def _resume(letters: DeadLetters, record: DeadLetter) -> Replay:
    """Return an interrupted replay: its record, and its message if it is still in the queue."""
    try:
        return Replay(record=record, letter=letters.take(message_id_of(record.id), queue=record.queue))
    except DeadLetterHeld:
        return Replay(record=record, held_elsewhere=True)


@contextmanager
def _release_on_failure(letters: DeadLetters, letter: DeadLetterMessage | None) -> Iterator[None]:
    try:
        yield
    except Outcome:
        if letter is not None:
            with suppress(Unavailable):  # it shows by itself half a minute later; what failed matters more
                letters.put_back(letter)
        raise


def _record_of(
    uow: UnitOfWork, letter: DeadLetterMessage, *, command: DeadLetterCommand, reason: str | None
) -> DeadLetter:
    letter_id, row, contents = letter_id_of(letter.message_id), letter.row, letter.contents
    body = letter.body.encode()
    packed = zlib.compress(body)
    private = DeadLetterPrivate(body=packed if len(packed) <= MAX_KEPT_BYTES else None, reason=reason)
    return DeadLetter(
        id=letter_id,
        version=1,
        status=DEAD_LETTERS.next_status(DeadLetterStatus.WAITING, command),
        queue=letter.queue,
        task=contents.task,
        entity_ids=contents.entity_ids,
        change_type=None if row is None else row.change.type,
        change_version=None if row is None else row.version,
        sent_at=letter.sent_at,
        receive_count=letter.receive_count,
        size_bytes=len(body),
        last_error=uow.dead_letters.find_failure(letter.message_id),
        body_kept=private.body is not None,
        discarded_at=uow.now if command == DeadLetterCommand.DISCARD else None,
        created_at=uow.now,
        updated_at=uow.now,
        private=uow.vault.seal(private, owner_id=TENANT_OWNER, entity_id=letter_id),
    )


def _body_of(uow: UnitOfWork, record: DeadLetter) -> str:
    """Decrypt the stored body of a message that is gone."""
    if record.private is not UNSET:
        private = uow.vault.open(record.private, DeadLetterPrivate, owner_id=TENANT_OWNER, entity_id=record.id)
        if private.body is not None:
            return zlib.decompress(private.body).decode()
    raise DeadLetterGone(
        "The message is no longer in the queue, and its body was not stored. Run reconcile to repair the history."
    )

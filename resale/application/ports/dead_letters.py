"""The dead-letter queues of one tenant, the records of dead letters, and the notes of failures."""

from datetime import datetime
from typing import Protocol

import msgspec

from resale.application.ports.records import HistoryRow
from resale.application.ports.repositories import Repository
from resale.domain.dead_letters import Contents, DeadLetter, FailureNote, LetterQueue, contents_of
from resale.domain.ids import DeadLetterId, is_any_id


class DeadLetterMessage(msgspec.Struct, frozen=True, kw_only=True):
    """A message of a dead-letter queue. ``handle`` is valid while it is hidden; each read counts as a receive.

    ``row`` is the change in it, on the changes queue, if one can be read.
    """

    queue: LetterQueue
    message_id: str
    body: str
    handle: str
    receive_count: int
    sent_at: datetime
    row: HistoryRow | None = None

    @property
    def contents(self) -> Contents:
        """The contents of the message."""
        if self.row is None:
            return contents_of(self.body, message_id=self.message_id, queue=self.queue)
        return Contents(entity_ids=(self.row.entity_id,) if is_any_id(self.row.entity_id) else ())


class DeadLetterMessages(msgspec.Struct, frozen=True, kw_only=True):
    """A page of dead letters, oldest first, and the cursor after them."""

    letters: tuple[DeadLetterMessage, ...]
    next_cursor: str | None


class DeadLetters(Protocol):
    """The dead-letter queues of one tenant, for an operator.

    SQS shows a message only by handing it out, so a look hides what it sees from everybody else until it ends. Whoever
    meets such a look waits some seconds for its end.
    """

    def list_letters(self, *, queue: LetterQueue | None, limit: int, cursor: str | None) -> DeadLetterMessages:
        """List one queue or all, at most a thousand messages each; the messages stay visible.

        Raises:
            InvalidCursor: The cursor was changed or belongs to another list.
            Unavailable: SQS refused or did not respond.
        """

    def find(self, message_id: str, *, queue: LetterQueue | None) -> DeadLetterMessage | None:
        """Return one message, which stays visible; None if no queue has it.

        Raises:
            DeadLetterHeld: Not seen, but somebody else looks at the queue and hides some.
            Unavailable: SQS refused or did not respond.
        """

    def take(self, message_id: str, *, queue: LetterQueue | None) -> DeadLetterMessage | None:
        """Return one message and hide it from other readers for half a minute, or until it is put back."""

    def put_back(self, letter: DeadLetterMessage) -> None:
        """Make a message that was taken visible again."""

    def send(self, queue: LetterQueue, body: str) -> None:
        """Send a body to a queue (not its dead-letter queue).

        Raises:
            Unavailable: The queue did not take it, or its response was lost.
        """

    def delete(self, letter: DeadLetterMessage) -> None:
        """Delete a message that was taken from its dead-letter queue."""


class FailureLog(Protocol):
    """The notes of failed deliveries; kept three weeks, a week longer than SQS keeps a message."""

    def record(self, note: FailureNote) -> None:
        """Store a note: of a failure, the newest of each message; of a refusal, the last few of the nearest entity.

        Raises:
            Unavailable: The store did not respond; the failure itself is what matters.
        """


class DeadLetterRepository(Repository[DeadLetterId, DeadLetter], Protocol):
    """Records of dead letters that were replayed or discarded."""

    def find_failure(self, message_id: str) -> FailureNote | None:
        """Return the note of a message's newest failed delivery; None if there is none."""


class DeadLetterReads(Protocol):
    """Reads of failures."""

    def find_failure(self, message_id: str) -> FailureNote | None:
        """Return the note of a message's newest failed delivery; None if there is none."""

    def list_refusals(self, entity_id: str) -> tuple[FailureNote, ...]:
        """List the notes of the last refusals of an entity, oldest first."""

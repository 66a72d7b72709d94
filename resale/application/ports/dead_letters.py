"""The dead-letter queues of one tenant, what was done about dead letters, and the record of what failed."""

from datetime import datetime
from typing import Protocol

import msgspec

from resale.application.ports.records import HistoryRow
from resale.application.ports.repositories import Repository
from resale.domain.dead_letters import Contents, DeadLetter, FailureNote, LetterQueue, contents_of
from resale.domain.ids import DeadLetterId, is_any_id


class Letter(msgspec.Struct, frozen=True, kw_only=True):
    """One message of a dead-letter queue. ``handle`` is good while the message is held; each look counts as a receive.

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
        """What the message is about."""
        if self.row is None:
            return contents_of(self.body, message_id=self.message_id, queue=self.queue)
        return Contents(entity_ids=(self.row.entity_id,) if is_any_id(self.row.entity_id) else ())


class LetterPage(msgspec.Struct, frozen=True, kw_only=True):
    """Some letters, the longest sent first, and the position after them."""

    letters: tuple[Letter, ...]
    next_cursor: str | None


class DeadLetters(Protocol):
    """The dead-letter queues of one tenant, for an operator.

    SQS shows a message only by handing it out, so a look hides what it sees from everybody else until it ends. Whoever
    meets such a look waits some seconds for its end.
    """

    def list_letters(self, *, queue: LetterQueue | None, limit: int, cursor: str | None) -> LetterPage:
        """Look at one queue or all, a thousand messages each at most; all of them stay, visible.

        Raises:
            InvalidCursor: The cursor was changed or belongs to another list.
            Unavailable: SQS refused or did not answer.
        """

    def find(self, message_id: str, *, queue: LetterQueue | None) -> Letter | None:
        """Look for one message, which stays visible; None when it is in none of the queues.

        Raises:
            DeadLetterHeld: Not seen, but somebody else looks at the queue and hides some.
            Unavailable: SQS refused or did not answer.
        """

    def take(self, message_id: str, *, queue: LetterQueue | None) -> Letter | None:
        """Find one message and keep it: nobody else sees it for half a minute, or until it is put back."""

    def put_back(self, letter: Letter) -> None:
        """Let a message that was taken be seen again."""

    def send(self, queue: LetterQueue, body: str) -> None:
        """Send a body to a queue (not its dead-letter queue) once more.

        Raises:
            Unavailable: The queue did not take it, or its answer was lost.
        """

    def delete(self, letter: Letter) -> None:
        """Take a message that was taken out of its dead-letter queue for good."""


class FailureLog(Protocol):
    """Where workers note why a delivery did not succeed; kept three weeks, a week longer than SQS keeps a message."""

    def record(self, note: FailureNote) -> None:
        """Put a note: of a failure, the newest of each message; of a refusal, the last few of the nearest entity.

        Raises:
            Unavailable: The store did not answer; the failure itself is what matters.
        """


class DeadLetterRepository(Repository[DeadLetterId, DeadLetter], Protocol):
    """Dead letters somebody acted on."""

    def find_failure(self, message_id: str) -> FailureNote | None:
        """Read why the newest delivery of a message failed; None when that is not, or no longer, on record."""


class DeadLetterReads(Protocol):
    """Reads of what failed."""

    def find_failure(self, message_id: str) -> FailureNote | None:
        """Read why the newest delivery of a message failed; None when that is not, or no longer, on record."""

    def list_refusals(self, entity_id: str) -> tuple[FailureNote, ...]:
        """Read the last few times the rules refused what a message asked of an entity, oldest first."""

"""A tenant's dead-letter queues: list them, take one message, send its body again.

SQS shows a message only by receiving it, which hides it from everybody else for a while. So a read keeps what it has
seen, to see the rest, and shows all of it again at its end; and it waits for the end of a read it meets.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

import msgspec

from resale.adapters.aws.sessions import TenantSession
from resale.adapters.dynamodb.cursors import Cursors, Position
from resale.adapters.dynamodb.keys import timestamp
from resale.adapters.dynamodb.stream_records import history_row
from resale.adapters.faults import unavailable_on_fault
from resale.adapters.sqs.queues import BATCH_COUNT, SQSQueues
from resale.application.ports import DeadLetterMessage, DeadLetterMessages, HistoryRow, RecordUnreadable
from resale.domain.dead_letters import DeadLetterHeld, LetterQueue
from resale.domain.tenants import Queue
from resale.errors import Unavailable

if TYPE_CHECKING:
    from mypy_boto3_sqs.client import SQSClient

R = TypeVar("R")

#: More than this is a task for SQS's own redrive, not for choosing by eye.
_MAX_MESSAGES: Final = 1000
_HIDDEN_SECONDS: Final = 30  # how long a message taken, or one seen by a process that died, is hidden
_READ_SECONDS: Final = 20.0  # a read ends before what it saw first can be seen again
PATIENCE_SECONDS: Final = 5.0  # longer than a read at a thousand messages takes
_POLL_SECONDS: Final = 1  # a long poll asks all of SQS's servers, a short one only some (Developer Guide, long polling)
_VISIBLE: Final = "ApproximateNumberOfMessages"
_NOT_VISIBLE: Final = "ApproximateNumberOfMessagesNotVisible"


class _Counts(msgspec.Struct, frozen=True):
    """The message counts of SQS, correct within a minute in AWS (API reference, GetQueueAttributes)."""

    visible: int
    hidden: int


class SQSDeadLetters:
    """Implements ``resale.application.ports.DeadLetters``."""

    def __init__(self, session: TenantSession, cursors: Cursors, *, patience_seconds: float = PATIENCE_SECONDS) -> None:
        self._session = session
        self._cursors = cursors
        self._patience_seconds = patience_seconds
        self._queues = SQSQueues(session)

    def list_letters(self, *, queue: LetterQueue | None, limit: int, cursor: str | None) -> DeadLetterMessages:
        """List one queue or all, at most a thousand messages each; the messages stay visible."""
        bound = f"{self._session.tenant.id}|dead_letters|{queue or 'all'}"
        after = _sort_key_of(self._cursors.decode(cursor, query=bound, shards=1)[0]) if cursor else ("", "")
        found = [letter for letters in self._for_each_queue(queue, self._receive_all) for letter in letters]
        rest = sorted((letter for letter in found if _sort_key(letter) > after), key=_sort_key)
        page, more = rest[:limit], len(rest) > limit
        return DeadLetterMessages(
            letters=tuple(page),
            next_cursor=self._cursors.encode((Position(*_sort_key(page[-1])),), query=bound) if more else None,
        )

    def find(self, message_id: str, *, queue: LetterQueue | None) -> DeadLetterMessage | None:
        """Return one message, which stays visible; None if there is none."""
        letter = self.take(message_id, queue=queue)
        if letter is not None:
            self.put_back(letter)
        return letter

    def take(self, message_id: str, *, queue: LetterQueue | None) -> DeadLetterMessage | None:
        """Return one message and hide it from other readers."""
        results = self._for_each_queue(queue, lambda one: self._receive_one(one, message_id))
        found = next((letter for letter, _ in results if letter is not None), None)
        if found is None and not all(whole for _, whole in results):
            raise DeadLetterHeld(
                "Another operator is reading the dead letters. Retry in a moment.", retry_after_seconds=5
            )
        return found

    def put_back(self, letter: DeadLetterMessage) -> None:
        """Make a message that was taken visible again."""
        self._make_visible(self._queue(letter.queue), [letter.handle])

    def send(self, queue: LetterQueue, body: str) -> None:
        """Send a body to a queue."""
        if self._queues.send(self._queue(queue).url, [body]):
            raise Unavailable("The queue did not accept the message.", retry_after_seconds=5)

    def delete(self, letter: DeadLetterMessage) -> None:
        """Delete a message that was taken."""
        self._queues.delete(self._queue(letter.queue).dlq_url, [letter.handle])

    # ------------------------------------------------------------ looking
    def _for_each_queue(self, queue: LetterQueue | None, read: Callable[[LetterQueue], R]) -> list[R]:
        """Run a read on one queue, or on all of them concurrently: an empty queue costs a long poll."""
        names = tuple(LetterQueue) if queue is None else (queue,)
        if len(names) == 1:
            return [read(names[0])]
        with ThreadPoolExecutor(len(names), thread_name_prefix="dead-letters") as threads:
            return list(threads.map(read, names))

    def _receive_all(self, name: LetterQueue) -> list[DeadLetterMessage]:
        with self._receive_visible(name) as (held, _):
            return list(held.values())

    def _receive_one(self, name: LetterQueue, message_id: str) -> tuple[DeadLetterMessage | None, bool]:
        with self._receive_visible(name, wanted=message_id) as (held, whole):
            return held.pop(message_id, None), whole  # what is popped is not shown again

    @contextmanager
    def _receive_visible(
        self, name: LetterQueue, *, wanted: str | None = None
    ) -> Iterator[tuple[dict[str, DeadLetterMessage], bool]]:
        """Receive the messages of a dead-letter queue, by message id, with whether these are all."""
        queue, held, whole = self._queue(name), dict[str, DeadLetterMessage](), False
        began = time.monotonic()
        try:
            while len(held) < _MAX_MESSAGES and time.monotonic() - began < _READ_SECONDS:
                received = self._receive(name, queue)
                held.update((letter.message_id, letter) for letter in received)
                if wanted in held:
                    break
                counts = self._counts(queue) if len(received) < BATCH_COUNT else None
                if counts is None or (received and counts.visible):
                    continue
                whole = not counts.visible and counts.hidden <= len(held)  # seen again since the receive: not all
                if whole or time.monotonic() - began >= self._patience_seconds:
                    break
            yield held, whole
        finally:
            self._make_visible(queue, [letter.handle for letter in held.values()])

    def _receive(self, name: LetterQueue, queue: Queue) -> list[DeadLetterMessage]:
        with unavailable_on_fault("SQS"):
            response = self._client.receive_message(
                QueueUrl=queue.dlq_url,
                MaxNumberOfMessages=BATCH_COUNT,
                WaitTimeSeconds=_POLL_SECONDS,
                VisibilityTimeout=_HIDDEN_SECONDS,
                MessageSystemAttributeNames=["ApproximateReceiveCount", "SentTimestamp"],
            )
        return [_letter(name, message) for message in response.get("Messages", ())]

    def _counts(self, queue: Queue) -> _Counts:
        with unavailable_on_fault("SQS"):
            found = self._client.get_queue_attributes(QueueUrl=queue.dlq_url, AttributeNames=[_VISIBLE, _NOT_VISIBLE])
        return _Counts(int(found["Attributes"][_VISIBLE]), int(found["Attributes"][_NOT_VISIBLE]))

    def _make_visible(self, queue: Queue, handles: Sequence[str]) -> None:
        for start in range(0, len(handles), BATCH_COUNT):
            entries: list[Any] = [
                {"Id": str(number), "ReceiptHandle": handle, "VisibilityTimeout": 0}
                for number, handle in enumerate(handles[start : start + BATCH_COUNT])
            ]
            with unavailable_on_fault("SQS"):
                self._client.change_message_visibility_batch(QueueUrl=queue.dlq_url, Entries=entries)

    def _queue(self, name: LetterQueue) -> Queue:
        queue: Queue = getattr(self._session.tenant.resources.queues, name)
        return queue

    @property
    def _client(self) -> "SQSClient":
        return cast("SQSClient", self._session.client("sqs"))


def _letter(name: LetterQueue, message: Any) -> DeadLetterMessage:
    attributes = message["Attributes"]
    return DeadLetterMessage(
        queue=name,
        message_id=message["MessageId"],
        body=message["Body"],
        handle=message["ReceiptHandle"],
        receive_count=int(attributes["ApproximateReceiveCount"]),
        sent_at=datetime.fromtimestamp(int(attributes["SentTimestamp"]) / 1000, UTC),
        row=_row(message["Body"]) if name == LetterQueue.CHANGES else None,
    )


def _row(body: str) -> HistoryRow | None:
    try:
        return history_row(body)
    except RecordUnreadable:
        return None  # an unreadable change is shown without its ids


def _sort_key(letter: DeadLetterMessage) -> tuple[str, str]:
    return timestamp(letter.sent_at), letter.message_id


def _sort_key_of(position: Position) -> tuple[str, str]:
    return position.sort, position.pk

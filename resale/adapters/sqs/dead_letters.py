"""The dead-letter queue of one queue: look, and replay one chosen message with its original body."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, cast

from resale.adapters.aws.sessions import TenantSession
from resale.adapters.faults import unavailable_on_fault
from resale.adapters.sqs.queues import BATCH_COUNT, SQSQueues
from resale.application.ports import Received
from resale.domain.tenants import Queue
from resale.errors import Unavailable

if TYPE_CHECKING:
    from mypy_boto3_sqs.client import SQSClient

#: More than this is a task for SQS's own redrive, not for choosing by eye.
_MOST: Final = 1000


class SQSDeadLetters:
    """For operators. While somebody looks, the messages seen are hidden from others for the queue's visibility time."""

    def __init__(self, session: TenantSession, queue: Queue) -> None:
        self._session = session
        self._queue = queue
        self._queues = SQSQueues(session)

    def list_messages(self) -> tuple[Received, ...]:
        """Give what lies there, up to a thousand; all of it stays. Raises Unavailable."""
        with self._held() as messages:
            return messages

    def replay(self, message_id: str) -> bool:
        """Send one message to its queue again and take it out; False when it is not there.

        Sent before taken out: a fault between the two leaves it in both, which every consumer bears.

        Raises:
            Unavailable: SQS refused or did not answer; the message is still there.
        """
        with self._held() as messages:
            chosen = next((message for message in messages if message.message_id == message_id), None)
            if chosen is None:
                return False
            if self._queues.send(self._queue.url, [chosen.body]):
                raise Unavailable("The queue did not take the message back.")
            self._queues.delete(self._queue.dlq_url, [chosen.handle])
            return True

    @contextmanager
    def _held(self) -> Iterator[tuple[Received, ...]]:
        messages: list[Received] = []
        try:
            while len(messages) < _MOST and (more := self._queues.receive(self._queue.dlq_url, wait_seconds=1)):
                messages += more
            yield tuple(messages)
        finally:
            self._release([message.handle for message in messages])

    def _release(self, handles: Sequence[str]) -> None:
        client = cast("SQSClient", self._session.client("sqs"))
        for start in range(0, len(handles), BATCH_COUNT):
            entries: list[Any] = [
                {"Id": str(number), "ReceiptHandle": handle, "VisibilityTimeout": 0}
                for number, handle in enumerate(handles[start : start + BATCH_COUNT])
            ]
            with unavailable_on_fault("SQS"):
                client.change_message_visibility_batch(QueueUrl=self._queue.dlq_url, Entries=entries)

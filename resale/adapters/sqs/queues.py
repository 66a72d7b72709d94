"""One tenant's queues: receive, send packed by ten and by bytes, delete; each entry's fault is its own."""

from collections.abc import Container, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, cast

from resale.adapters.aws.sessions import TenantSession
from resale.adapters.faults import unavailable_on_fault
from resale.application.ports import Received

if TYPE_CHECKING:
    from mypy_boto3_sqs.client import SQSClient

BATCH_COUNT: Final = 10  # SQS API reference, SendMessageBatch
BATCH_BYTES: Final = 1024 * 1024  # same: 1 MiB for a message, and for the sum of a batch
_TOO_LONG: Final = "BatchRequestTooLong"  # SQS's own word for it; it would fail the nine others, too
_LONG_POLL_MARGIN_SECONDS: Final = 5.0


class SQSQueues:
    """Keeps ``resale.application.ports.Queues``."""

    def __init__(self, session: TenantSession) -> None:
        self._session = session

    def receive(self, queue_url: str, *, wait_seconds: int, max_count: int = BATCH_COUNT) -> tuple[Received, ...]:
        """Long-poll for up to ten messages. Raises Unavailable."""
        client = self._client(wait_seconds + _LONG_POLL_MARGIN_SECONDS)
        with unavailable_on_fault("SQS"):
            answer = client.receive_message(
                QueueUrl=queue_url,
                MaxNumberOfMessages=max_count,
                WaitTimeSeconds=wait_seconds,
                MessageSystemAttributeNames=["ApproximateReceiveCount"],
            )
        return tuple(
            Received(
                body=message["Body"],
                message_id=message["MessageId"],
                handle=message["ReceiptHandle"],
                receive_count=int(message["Attributes"]["ApproximateReceiveCount"]),
            )
            for message in answer.get("Messages", ())
        )

    def send(self, queue_url: str, bodies: Sequence[str]) -> Mapping[int, str]:
        """Send all; returns the error code of each body that failed, by its position."""
        failed = {position: _TOO_LONG for position, body in enumerate(bodies) if len(body.encode()) > BATCH_BYTES}
        for batch in _packed(bodies, leaving_out=failed):
            entries: list[Any] = [{"Id": str(position), "MessageBody": bodies[position]} for position in batch]
            with unavailable_on_fault("SQS"):
                answer = self._client().send_message_batch(QueueUrl=queue_url, Entries=entries)
            failed.update({int(entry["Id"]): entry["Code"] for entry in answer.get("Failed", ())})
        return failed

    def delete(self, queue_url: str, handles: Sequence[str]) -> None:
        """Delete what is done; one that fails comes again, which every consumer bears."""
        for start in range(0, len(handles), BATCH_COUNT):
            entries: list[Any] = [
                {"Id": str(number), "ReceiptHandle": handle}
                for number, handle in enumerate(handles[start : start + BATCH_COUNT])
            ]
            with unavailable_on_fault("SQS"):
                self._client().delete_message_batch(QueueUrl=queue_url, Entries=entries)

    def _client(self, read_timeout_seconds: float | None = None) -> "SQSClient":
        return cast("SQSClient", self._session.client("sqs", read_timeout_seconds=read_timeout_seconds))


def _packed(bodies: Sequence[str], *, leaving_out: Container[int]) -> Iterator[list[int]]:
    """Group positions so that no batch has more than ten bodies or a sum above a mebibyte."""
    batch: list[int] = []
    batch_bytes = 0
    for position, body in enumerate(bodies):
        if position in leaving_out:
            continue
        size = len(body.encode())
        if batch and (len(batch) == BATCH_COUNT or batch_bytes + size > BATCH_BYTES):
            yield batch
            batch, batch_bytes = [], 0
        batch.append(position)
        batch_bytes += size
    if batch:
        yield batch

"""One tenant's queues: receive, send in batches of ten within the size limit, delete; failures are per entry."""

from collections.abc import Container, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, cast

from botocore.exceptions import ClientError

from resale.adapters.aws.sessions import TenantSession
from resale.adapters.faults import code_of, unavailable_on_fault
from resale.application.ports import CONTENT_REFUSED, Received

if TYPE_CHECKING:
    from mypy_boto3_sqs.client import SQSClient

BATCH_COUNT: Final = 10  # SQS API reference, SendMessageBatch
BATCH_BYTES: Final = 1024 * 1024  # same: 1 MiB for a message, and for the sum of a batch
_TOO_LONG: Final = "BatchRequestTooLong"  # SQS's own word for it; it would fail the nine others, too (CONTENT_REFUSED)
_WAITING: Final = "ApproximateNumberOfMessages"
_LONG_POLL_MARGIN_SECONDS: Final = 5.0


class SQSQueues:
    """Implements ``resale.application.ports.Queues``."""

    def __init__(self, session: TenantSession) -> None:
        self._session = session

    def receive(self, queue_url: str, *, wait_seconds: int, max_count: int = BATCH_COUNT) -> tuple[Received, ...]:
        """Long-poll for up to ten messages. Raises Unavailable."""
        client = self._client(wait_seconds + _LONG_POLL_MARGIN_SECONDS)
        with unavailable_on_fault("SQS"):
            response = client.receive_message(
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
            for message in response.get("Messages", ())
        )

    def send(self, queue_url: str, bodies: Sequence[str]) -> Mapping[int, str]:
        """Send all bodies; return the error code of each that failed, by its position."""
        failed = {position: _TOO_LONG for position, body in enumerate(bodies) if len(body.encode()) > BATCH_BYTES}
        for batch in _pack(bodies, leaving_out=failed):
            failed.update(self._send_batch(queue_url, {position: bodies[position] for position in batch}))
        return failed

    def _send_batch(self, queue_url: str, batch: Mapping[int, str]) -> dict[int, str]:
        """Send up to ten bodies. A batch that SQS rejects because of one body is sent again one by one."""
        entries: list[Any] = [{"Id": str(position), "MessageBody": body} for position, body in batch.items()]
        with unavailable_on_fault("SQS"):
            try:
                response = self._client().send_message_batch(QueueUrl=queue_url, Entries=entries)
            except ClientError as error:
                code = _plain(code_of(error))
                if code not in CONTENT_REFUSED:
                    raise
                if len(batch) == 1:
                    return dict.fromkeys(batch, code)
                alone = [self._send_batch(queue_url, {position: body}) for position, body in batch.items()]
                return {position: code for failed in alone for position, code in failed.items()}
        return {int(entry["Id"]): _plain(entry["Code"]) for entry in response.get("Failed", ())}

    def delete(self, queue_url: str, handles: Sequence[str]) -> None:
        """Delete completed messages; one that fails is delivered again, which every consumer tolerates."""
        for start in range(0, len(handles), BATCH_COUNT):
            entries: list[Any] = [
                {"Id": str(number), "ReceiptHandle": handle}
                for number, handle in enumerate(handles[start : start + BATCH_COUNT])
            ]
            with unavailable_on_fault("SQS"):
                self._client().delete_message_batch(QueueUrl=queue_url, Entries=entries)

    def postpone(self, queue_url: str, handles: Sequence[str], *, seconds: int) -> None:
        """Hide messages for a time; one that cannot be hidden is delivered earlier."""
        for start in range(0, len(handles), BATCH_COUNT):
            entries: list[Any] = [
                {"Id": str(number), "ReceiptHandle": handle, "VisibilityTimeout": seconds}
                for number, handle in enumerate(handles[start : start + BATCH_COUNT])
            ]
            with unavailable_on_fault("SQS"):
                self._client().change_message_visibility_batch(QueueUrl=queue_url, Entries=entries)

    def count(self, queue_url: str) -> int:
        """Return the number of messages, including hidden ones: an estimate of SQS, correct within a minute."""
        names: Any = [_WAITING, "ApproximateNumberOfMessagesNotVisible"]
        with unavailable_on_fault("SQS"):
            response = self._client().get_queue_attributes(QueueUrl=queue_url, AttributeNames=names)
        return sum(int(response["Attributes"][name]) for name in names)

    def count_waiting(self, queue_url: str) -> int:
        """Return the number of messages that no consumer has received: an estimate of SQS, correct within a minute."""
        with unavailable_on_fault("SQS"):
            response = self._client().get_queue_attributes(QueueUrl=queue_url, AttributeNames=[_WAITING])
        return int(response["Attributes"][_WAITING])

    def _client(self, read_timeout_seconds: float | None = None) -> "SQSClient":
        return cast("SQSClient", self._session.client("sqs", read_timeout_seconds=read_timeout_seconds))


def _plain(code: str) -> str:
    """Return an error code as in the API reference: the older protocol prefixes it, the newer names the exception."""
    return code.rpartition(".")[2].removesuffix("Exception")


def _pack(bodies: Sequence[str], *, leaving_out: Container[int]) -> Iterator[list[int]]:
    """Group positions so that no batch exceeds ten bodies or a mebibyte."""
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

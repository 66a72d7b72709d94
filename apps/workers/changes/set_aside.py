"""Redelivery of changes that a Pipe set aside: read again from the stream, and sent in a form that SQS accepts.

A Pipe gives a record up after its retries or its age, whatever the reason was, and writes only where it lies. The
stream keeps it for 24 hours. So what was a fault of the moment is made up for, and so is a text that the queue refuses
as the Pipe writes it. What cannot be sent stays, is reported each time, and is a person's to look at.
"""

import logging
import time
from collections.abc import Callable
from typing import Final, Protocol

import msgspec

from resale.application.ports import Queues, Received, RecordsTrimmed, RecordUnreadable, StreamRange
from resale.domain.tenants import Tenant

logger = logging.getLogger(__name__)

_TRIMMED: Final = "trimmed"
#: Bounds of one round, since the sweep's other work for the tenant waits meanwhile; the next round goes on.
ROUND_LETTERS: Final = 1_000
ROUND_SECONDS: Final = 20.0
_BATCH: Final = 10  # letters; the most SQS hands out at once


class ReadRange(Protocol):
    """Signature of a function that parses the position of records from a dead letter. Raises RecordUnreadable."""

    def __call__(self, body: str, /) -> StreamRange:
        """Return the position of the records."""


class Streams(Protocol):
    """The streams of a tenant."""

    def read_range(self, wanted: StreamRange) -> tuple[str, ...]:
        """Read the audited records of a range again, as messages. Raises RecordsTrimmed, Unavailable."""


OpenStreams = Callable[[], Streams]


class RemainingMessage(msgspec.Struct, frozen=True, kw_only=True):
    """A message that stays in the dead-letter queue, and a stable code of the reason."""

    message_id: str
    why: str
    place: StreamRange | None = None
    discarded: bool = False


class Redelivery(msgspec.Struct, frozen=True, kw_only=True):
    """The result of one round: changes sent, messages left, and whether a bound stopped it."""

    sent: int
    left: tuple[RemainingMessage, ...]
    more: bool = False


class SetAsideChanges:
    """The changes of one tenant that a Pipe set aside."""

    def __init__(
        self,
        *,
        tenant: Tenant,
        queues: Queues,
        open_streams: OpenStreams,
        read_range: ReadRange,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Store the tenant's own queues; its streams are opened when needed."""
        self._tenant = tenant
        self._queues = queues
        self._open_streams = open_streams
        self._read_range = read_range
        self._monotonic = monotonic
        self._url = tenant.resources.pipes_dlq_url

    def run_once(self, *, discard_trimmed: bool = False) -> Redelivery:
        """Send the changes in the Pipes' dead-letter queue to the changes queue. Idempotent: each is recorded once.

        Shape: at most ROUND_LETTERS messages, and no new batch of 10 after ROUND_SECONDS.

        Args:
            discard_trimmed: Also delete the messages whose records left the stream: nothing can send them any more.

        Raises:
            Unavailable: Queues or streams do not respond; nothing is lost, try again later.
        """
        sent, handled, left = 0, 0, list[RemainingMessage]()
        started_at = self._monotonic()
        streams: Streams | None = None
        while self._url and (received := self._queues.receive(self._url, wait_seconds=0, max_count=_BATCH)):
            streams = streams or self._open_streams()
            for message in received:
                outcome = self._send(message, streams)
                if isinstance(outcome, int):
                    sent += outcome
                else:
                    outcome = msgspec.structs.replace(outcome, discarded=discard_trimmed and outcome.why == _TRIMMED)
                    left.append(outcome)
                if isinstance(outcome, int) or outcome.discarded:
                    self._queues.delete(self._url, [message.handle])
            handled += len(received)
            if handled >= ROUND_LETTERS or self._monotonic() - started_at >= ROUND_SECONDS:
                return Redelivery(sent=sent, left=tuple(left), more=True)
        return Redelivery(sent=sent, left=tuple(left))

    def _send(self, message: Received, streams: Streams) -> int | RemainingMessage:
        place: StreamRange | None = None
        try:
            place = self._read_range(message.body)
            bodies = streams.read_range(place)
        except RecordUnreadable:
            return self._log_left(message, place, "unreadable")
        except RecordsTrimmed:
            return self._log_left(message, place, _TRIMMED)
        failed = self._queues.send(self._tenant.resources.queues.changes.url, bodies)
        if failed:
            return self._log_left(message, place, next(iter(failed.values())))
        extra: dict[str, object] = {"event": "change.redelivered", "count": len(bodies)}
        logger.warning("changes redelivered", extra=self._extra(message, place) | extra)
        return len(bodies)

    def _log_left(self, message: Received, place: StreamRange | None, why: str) -> RemainingMessage:
        extra: dict[str, object] = {"event": "change.not_redelivered", "why": why}
        logger.error("changes not redelivered", extra=self._extra(message, place) | extra)
        return RemainingMessage(message_id=message.message_id, why=why, place=place)

    def _extra(self, message: Received, place: StreamRange | None) -> dict[str, object]:
        known: dict[str, object] = {"tenant": self._tenant.slug, "message_id": message.message_id}
        if place is None:
            return known
        return {**known, "stream_arn": place.stream_arn, "sequence_number": place.first}

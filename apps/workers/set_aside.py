"""Changes that a Pipe set aside: read again from where they lie in the stream, and sent in a form every queue takes.

A Pipe gives a record up after its retries or its age, whatever the reason was, and writes only where it lies. The
stream keeps it for 24 hours. So what was a fault of the moment is made up for, and so is a text that the queue refuses
as the Pipe writes it. What cannot be sent stays, is reported each time, and is a person's to look at.
"""

import logging
from collections.abc import Callable
from typing import Final, Protocol

import msgspec

from resale.application.ports import Queues, Received, RecordsTrimmed, RecordUnreadable, StreamRange
from resale.domain.tenants import Tenant

logger = logging.getLogger(__name__)

_TRIMMED: Final = "trimmed"
_MOST: Final = 1_000  # letters a round; the next goes on


class ReadRange(Protocol):
    """Reads where records lie from a message of the dead-letter queue. Raises RecordUnreadable."""

    def __call__(self, body: str, /) -> StreamRange:
        """Read one."""


class Streams(Protocol):
    """A tenant's streams."""

    def read_range(self, wanted: StreamRange) -> tuple[str, ...]:
        """Read the audited records of a range again, as messages. Raises RecordsTrimmed, Unavailable."""


OpenStreams = Callable[[], Streams]


class Left(msgspec.Struct, frozen=True, kw_only=True):
    """A message that stays in the dead-letter queue, and the stable name of why."""

    message_id: str
    why: str
    place: StreamRange | None = None
    discarded: bool = False


class Redelivery(msgspec.Struct, frozen=True, kw_only=True):
    """What one round did: changes that were sent, and messages that stay."""

    sent: int
    left: tuple[Left, ...]


class SetAsideChanges:
    """One tenant's changes that a Pipe gave up on."""

    def __init__(self, *, tenant: Tenant, queues: Queues, open_streams: OpenStreams, read_range: ReadRange) -> None:
        """Keep the tenant's own queues; its streams are opened when there is something to read in them."""
        self._tenant = tenant
        self._queues = queues
        self._open_streams = open_streams
        self._read_range = read_range
        self._url = tenant.resources.pipes_dlq_url

    def run_once(self, *, discard_trimmed: bool = False) -> Redelivery:
        """Send what lies in the Pipes' dead-letter queue to the changes queue; sent twice it is recorded once.

        Args:
            discard_trimmed: Also delete the messages whose records left the stream: nothing can send them any more.

        Raises:
            Unavailable: Queues or streams do not answer; nothing is lost, try again later.
        """
        sent, left = 0, list[Left]()
        streams: Streams | None = None
        while self._url and len(left) < _MOST:
            received = self._queues.receive(self._url, wait_seconds=0)
            if not received:
                break
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
        return Redelivery(sent=sent, left=tuple(left))

    def _send(self, message: Received, streams: Streams) -> int | Left:
        place: StreamRange | None = None
        try:
            place = self._read_range(message.body)
            bodies = streams.read_range(place)
        except RecordUnreadable:
            return self._left(message, place, "unreadable")
        except RecordsTrimmed:
            return self._left(message, place, _TRIMMED)
        failed = self._queues.send(self._tenant.resources.queues.changes.url, bodies)
        if failed:
            return self._left(message, place, next(iter(failed.values())))
        extra: dict[str, object] = {"event": "change.redelivered", "count": len(bodies)}
        logger.warning("changes redelivered", extra=self._extra(message, place) | extra)
        return len(bodies)

    def _left(self, message: Received, place: StreamRange | None, why: str) -> Left:
        extra: dict[str, object] = {"event": "change.not_redelivered", "why": why}
        logger.error("changes not redelivered", extra=self._extra(message, place) | extra)
        return Left(message_id=message.message_id, why=why, place=place)

    def _extra(self, message: Received, place: StreamRange | None) -> dict[str, object]:
        known: dict[str, object] = {"tenant": self._tenant.slug, "message_id": message.message_id}
        if place is None:
            return known
        return {**known, "stream_arn": place.stream_arn, "sequence_number": place.first}

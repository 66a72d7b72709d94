"""Visibility leases: received messages stay hidden from other workers while they wait or run in this process.

Every tenant's long poll may bring a message when the pool has no room left. Such a message waits here, and SQS would
show it again when its visibility timeout is over: it would run twice, or reach the dead-letter queue without a failure.
"""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from kombu.asynchronous.hub import Hub

from apps.workers.transport.polls import Poll
from apps.workers.transport.queue_calls import QueueResponse

logger = logging.getLogger(__name__)

_RENEW_SHARE: Final = 1 / 3  # of the visibility timeout; the task that then begins has two thirds left
_LOOKS: Final = 6  # per visibility timeout
#: A message whose turn does not come in so many visibility timeouts is left to another worker (AWS: an hour).
_MOST_TIMEOUTS: Final = 10

Clock = Callable[[], float]


@dataclass
class _Lease:
    poll: Poll
    received_at: float
    renewed_at: float = field(init=False)

    def __post_init__(self) -> None:
        self.renewed_at = self.received_at


class Leases:
    """The messages that one channel holds, by receipt handle. For the event loop only."""

    def __init__(self, hub: Hub, *, visibility_seconds: float, clock: Clock = time.monotonic) -> None:
        """Store the queues' visibility timeout; nothing is renewed before ``start``."""
        self._hub = hub
        self._seconds = visibility_seconds
        self._clock = clock
        self._held: dict[str, _Lease] = {}
        self._timer: Any = None

    def start(self) -> None:
        """Start to renew leases."""
        self._timer = self._hub.call_repeatedly(self._seconds / _LOOKS, self.renew_due)

    def stop(self) -> None:
        """Stop renewing leases."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def hold(self, receipt_handle: str, poll: Poll) -> None:
        """Start the lease of a received message."""
        self._held[receipt_handle] = _Lease(poll, self._clock())

    def release(self, receipt_handle: str) -> None:
        """End the lease of a message that is deleted, or hidden for its back-off."""
        self._held.pop(receipt_handle, None)

    def renew_due(self) -> None:
        """Extend the visibility timeout of messages after a third of it."""
        now = self._clock()
        for handle, lease in self._held.items():
            if now - lease.received_at > _MOST_TIMEOUTS * self._seconds:
                continue
            if now - lease.renewed_at >= _RENEW_SHARE * self._seconds:
                lease.renewed_at = now
                self._renew(handle, lease)

    def _renew(self, handle: str, lease: _Lease) -> None:
        def on_failure(reason: str) -> None:
            if handle in self._held:  # else it was settled meanwhile
                logger.warning("visibility timeout of a message on queue %s not extended: %s", lease.poll.name, reason)
                lease.renewed_at = 0.0  # at the next look

        def on_response(response: QueueResponse) -> None:
            if not response.ok:
                lease.poll.renew_if_refused(response)
                on_failure(response.reason)

        lease.poll.send(partial(lease.poll.calls.hide, handle, round(self._seconds), on_response), on_failure)

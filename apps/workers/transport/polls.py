"""Long polls of all bound queues, concurrently on one event loop, each with its own back-off and health.

No tenant has more than its share of the worker: while other queues are polled too, one queue's messages take half of
the slots at most, so that a message of another finds one free, however long the first queue is.
"""

import logging
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, Protocol

from kombu.asynchronous.hub import Hub

from apps.core.metering import USAGE
from apps.workers.transport.bindings import Binding, Bindings
from apps.workers.transport.queue_calls import Call, LoopHTTP, QueueCalls, QueueResponse, loop_http
from resale.domain.usage import Meter

logger = logging.getLogger(__name__)

_SYNC_SECONDS: Final = 1.0
_BACK_OFF_SECONDS: Final = (0.5, 1.0, 2.0, 4.0, 8.0, 15.0)
_MESSAGES_PER_POLL: Final = 10  # SQS's limit
_SETTLE_TRIES: Final = 3
_SETTLE_AGAIN_SECONDS: Final = 1.0
_JITTER: Final = 0.25
_SILENT_SECONDS: Final = 60.0  # three whole long polls without a response
_SHARE: Final = 0.5  # of a worker's slots, for the messages of one queue beside others


@dataclass(frozen=True)
class Limits:
    """Timeouts of a poll: how long it waits for a message, and how much longer for the response."""

    wait_seconds: int = 20  # SQS's longest
    call_seconds: int = 10


class Poll:
    """One bound queue: its calls and its health."""

    def __init__(self, *, binding: Binding, calls: QueueCalls, bindings: Bindings, hub: Hub) -> None:
        """Start as healthy: the age of the last successful poll counts from now."""
        self.binding: Final = binding
        self.calls: Final = calls
        self._bindings = bindings
        self._hub = hub
        self._failure_count = 0
        self._ok_at = time.monotonic()
        self.in_flight = 0  # messages received and not settled yet

    @property
    def name(self) -> str:
        """Name of the queue."""
        return self.binding.queue.name

    def record_success(self) -> None:
        """Record a successful poll."""
        if self._failure_count:
            logger.info("queue %s responds again", self.name)
        self._failure_count = 0
        self._ok_at = time.monotonic()

    def record_failure(self, reason: str) -> float:
        """Record a failed poll; return the seconds to wait."""
        wait = _BACK_OFF_SECONDS[min(self._failure_count, len(_BACK_OFF_SECONDS) - 1)]
        self._failure_count += 1
        logger.error("queue %s: %s; polled again in %.1f s", self.name, reason, wait)
        return wait * random.uniform(1 - _JITTER, 1 + _JITTER)  # noqa: S311 - spreads retries, no secret

    def report(self) -> dict[str, Any]:
        """Return the health of the queue. Alarms use it; the worker's own health does not."""
        age = time.monotonic() - self._ok_at
        silent = age > _SILENT_SECONDS
        return {"last_ok_age_seconds": round(age, 1), "failure_count": self._failure_count, "silent": silent}

    def send(self, call: Callable[[], None], on_failure: Callable[[str], None]) -> None:
        """Make a call; a failure to sign or send it affects only this queue."""
        if not self.binding.may_sign:
            self._bindings.renew(self.binding, refused=False)
            on_failure("session is being renewed")
            return
        USAGE.add(self.binding.tenant.id, Meter.QUEUE_REQUESTS)
        try:
            call()
        except Exception as error:
            logger.exception("call to queue %s not sent", self.name)
            on_failure(type(error).__name__)

    def renew_if_refused(self, response: QueueResponse) -> None:
        """Renew the session if its token was refused."""
        if response.token_refused:
            self._bindings.renew(self.binding, refused=True)

    def settle(self, what: str, call: Call, *, finished: Callable[[], object], tries: int = _SETTLE_TRIES) -> None:
        """Make a call for a received message; a failure is retried soon, then left to the redelivery of SQS."""

        def on_failure(reason: str) -> None:
            if tries > 1:
                again = partial(self.settle, what, call, finished=finished, tries=tries - 1)
                self._hub.call_later(_SETTLE_AGAIN_SECONDS, again)
            else:
                logger.error("%s on queue %s: %s; SQS delivers the message again", what, self.name, reason)
                finished()

        def on_response(response: QueueResponse) -> None:
            if response.ok:
                finished()
                return
            self.renew_if_refused(response)
            on_failure(response.reason)

        self.send(partial(call, on_response), on_failure)


class Receiver(Protocol):
    """The receiver of messages (the channel)."""

    def slot_count(self) -> int:
        """Return how many messages it accepts in all."""

    def free_slots(self) -> int:
        """Return how many more messages it accepts."""

    def take(self, poll: Poll, message: dict[str, Any]) -> None:
        """Accept one message of SQS, received by this poll."""


class Polls:
    """The polls of one purpose, kept equal to its bindings."""

    def __init__(self, *, hub: Hub, bindings: Bindings, receiver: Receiver, limits: Limits) -> None:
        """Store the parts; nothing starts before ``start``."""
        self._hub = hub
        self._bindings = bindings
        self._receiver = receiver
        self._limits = limits
        self._polls: dict[str, Poll] = {}
        self._waiting: list[Poll] = []  # for a free slot
        self._http: LoopHTTP | None = None
        self._timer: Any = None

    def start(self) -> None:
        """Start polling the bound queues."""
        self._http = loop_http(self._hub)
        self._bindings.start()
        self._timer = self._hub.call_repeatedly(_SYNC_SECONDS, self._sync)

    def stop(self) -> None:
        """Stop polling."""
        self._bindings.stop()
        self._polls.clear()
        self._waiting.clear()
        if self._timer is not None:
            self._timer.cancel()

    def report(self) -> Mapping[str, dict[str, Any]]:
        """Return the health of each queue."""
        return {name: poll.report() for name, poll in self._polls.items()}

    def slot_freed(self) -> None:
        """Poll the queues again that waited for a free slot."""
        waiting, self._waiting = self._waiting, []
        for poll in waiting:
            self._begin(poll)

    def _sync(self) -> None:
        current = self._bindings.current()
        for name in [name for name, poll in self._polls.items() if current.get(name) is not poll.binding]:
            del self._polls[name]
            if self._http is not None:
                self._http.reserve(-1)
            logger.info("queue %s is no longer polled", name)
        if self._http is None:
            return
        # All are known before the first begins: the share of each depends on whether there are others.
        added = [self._add(self._http, current[name]) for name in current.keys() - self._polls.keys()]
        for poll in added:
            self._begin(poll)

    def _add(self, http: LoopHTTP, binding: Binding) -> Poll:
        calls = QueueCalls(
            http=http, client=binding.client, url=binding.queue.url, call_seconds=self._limits.call_seconds
        )
        poll = Poll(binding=binding, calls=calls, bindings=self._bindings, hub=self._hub)
        self._polls[poll.name] = poll
        http.reserve(1)
        logger.info("queue %s is polled", poll.name)
        return poll

    def _begin(self, poll: Poll) -> None:
        if self._polls.get(poll.name) is not poll:
            return
        free = self._free_slots(poll)
        if free <= 0:
            self._waiting.append(poll)
            return
        # Every queue asks for its share of the room: at most one message a queue comes in excess. One that is alone
        # asks for half of it at a time, since another may be added while it waits.
        count = max(1, min(_MESSAGES_PER_POLL, free // max(2, len(self._polls))))
        done = partial(self._on_response, poll)
        receive = partial(poll.calls.receive, count=count, wait_seconds=self._limits.wait_seconds, done=done)
        poll.send(receive, partial(self._on_failure, poll))

    def _free_slots(self, poll: Poll) -> int:
        """Return how many messages this queue may receive now: what is free, within its share beside other queues."""
        free = self._receiver.free_slots()
        if len(self._polls) == 1:
            return free
        share = max(1, int(self._receiver.slot_count() * _SHARE))
        return min(free, share - poll.in_flight)

    def _on_response(self, poll: Poll, response: QueueResponse) -> None:
        messages = response.messages()
        if messages is None:
            poll.renew_if_refused(response)
            self._on_failure(poll, response.reason)
            return
        poll.record_success()
        for message in messages:
            self._hand_over(poll, message)
        self._begin(poll)

    def _hand_over(self, poll: Poll, message: dict[str, Any]) -> None:
        if self._polls.get(poll.name) is poll:
            poll.in_flight += 1
            self._receiver.take(poll, message)
        else:  # dropped while its last poll was under way
            poll.settle("hand back", partial(poll.calls.hide, message["ReceiptHandle"], 0), finished=bool)

    def _on_failure(self, poll: Poll, reason: str) -> None:
        self._hub.call_later(poll.record_failure(reason), self._begin, poll)

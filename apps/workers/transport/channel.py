"""Celery's transport channel: one logical queue per purpose, fed by the SQS queues of all active tenants.

Built on kombu's virtual transport, not on its SQS one, in which one throttled, denied or missing queue stops the
worker, a message body chooses the credentials it is deleted with, and failed acks raise (docs/decisions). The worker
consumes ``orders`` or ``images``; which tenants' queues that means is the bindings' business and changes at run time.
A message belongs, from receive to delete, to the queue it was really polled from; nothing in its body can move it.
"""

import contextlib
import logging
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from queue import Empty
from typing import Any

import msgspec
from kombu.asynchronous.hub import get_event_loop
from kombu.transport import virtual
from kombu.utils.imports import symbol_by_name

from apps.core import clock
from apps.core.logs import log_context
from apps.workers import messages
from apps.workers.failures import Delivered, try_record
from apps.workers.transport.bindings import Bindings
from apps.workers.transport.leases import Leases
from apps.workers.transport.polls import Limits, Poll, Polls
from apps.workers.transport.queue_calls import Call

logger = logging.getLogger(__name__)


class PublishRefused(Exception):  # noqa: N818 - named for what happened
    """Raised on a publish through Celery: only the queue sender sends messages, after a commit."""


@dataclass(frozen=True)
class Delivery:
    """A message that is not settled yet."""

    poll: Poll
    receipt_handle: str
    facts: Delivered


class Channel(virtual.Channel):
    """Receives for one consumer of one purpose. Deletes on ack, hides with back-off on reject."""

    def __init__(self, connection: Any, **kwargs: Any) -> None:
        super().__init__(connection, **kwargs)
        self._deliveries: dict[str, Delivery] = {}
        self._settling: dict[
            str, Callable[[], None]
        ] = {}  # what to do, blocking, should the loop end before the response
        self._polls: dict[str, Polls] = {}  # by consumer tag
        self._leases: Leases | None = None  # from the first consumer on
        self._noting: ThreadPoolExecutor | None = None  # made by the first failure that no task could note itself

    @property
    def _options(self) -> Mapping[str, Any]:
        client = self.connection.client
        return (client.transport_options if client is not None else None) or {}

    # ---- consuming
    def basic_consume(
        self, queue: str, no_ack: Any, callback: Callable[[Any], Any] | None, consumer_tag: str | None, **kwargs: Any
    ) -> str:
        """Start polling every bound queue of this purpose."""
        hub = get_event_loop()
        if hub is None:
            raise RuntimeError("this transport needs Celery's event loop: use the prefork or threads pool")
        bindings: Bindings = symbol_by_name(self._options["bindings"])(queue)
        limits = Limits(
            wait_seconds=self._options.get("wait_time_seconds", Limits.wait_seconds),
            call_seconds=self._options.get("call_time_seconds", Limits.call_seconds),
        )
        if self._leases is None:
            self._leases = Leases(hub, visibility_seconds=self._options["visibility_seconds"])
            self._leases.start()
        consuming = super().basic_consume(queue, no_ack, callback, consumer_tag, **kwargs)
        polls = Polls(hub=hub, bindings=bindings, receiver=self, limits=limits)
        self._polls[str(consumer_tag)] = polls
        polls.start()
        return consuming

    def basic_cancel(self, consumer_tag: str) -> None:
        """Stop polling, and settle open calls immediately: the loop has ended or is about to."""
        super().basic_cancel(consumer_tag)
        if (polls := self._polls.pop(consumer_tag, None)) is not None:
            polls.stop()
        if self._leases is not None and not self._polls:
            self._leases.stop()
            self._leases = None
        while self._settling and not self._polls:
            _, settle_now = self._settling.popitem()
            settle_now()

    def report(self) -> Mapping[str, dict[str, Any]]:
        """Return the health of each polled queue."""
        return {name: report for polls in self._polls.values() for name, report in polls.report().items()}

    def slot_count(self) -> int:
        """Return how many messages the pool accepts in all (polls.Receiver)."""
        return int(self.qos.prefetch_count) or 1

    def free_slots(self) -> int:
        """Return how many more messages the pool accepts (polls.Receiver)."""
        room: int | None = self.qos.can_consume_max_estimate()
        return room if room is not None else 1

    def take(self, poll: Poll, message: dict[str, Any]) -> None:
        """Pass one message of SQS to Celery; a message that is not a task stays in its queue (polls.Receiver)."""
        tag = message["ReceiptHandle"]
        receive_count = int(message.get("Attributes", {}).get("ApproximateReceiveCount", 1))
        purpose = poll.binding.purpose
        facts = Delivered(queue=purpose, message_id=message["MessageId"], receive_count=receive_count)
        self._deliveries[tag] = Delivery(poll, tag, facts)
        if self._leases is not None:
            self._leases.hold(tag, poll)
        try:
            self.connection._deliver(self._payload(poll, message, facts), purpose)  # noqa: SLF001 - kombu's way in
        except messages.Malformed as refusal:
            logger.error("message %s on queue %s refused: %s", facts.message_id, poll.name, refusal)  # noqa: TRY400 - the sender's error
            self.note_failure(tag, refusal)
            self.basic_reject(tag)
        except Exception as error:
            logger.exception("message %s on queue %s not accepted", facts.message_id, poll.name)
            self.note_failure(tag, error)
            self.basic_reject(tag)

    def note_failure(
        self,
        delivery_tag: str,
        error: BaseException,
        *,
        task: str | None = None,
        kwargs: Mapping[str, Any] | None = None,
    ) -> None:
        """Note, off the loop, why a message stays whose task did not run or could not note its failure itself."""
        delivery, path = self._deliveries.get(delivery_tag), self._options.get("failures")
        if delivery is None or path is None:
            return
        note = delivery.facts.note(error, at=clock.for_platform(), task=task, kwargs=kwargs)
        self._noting = self._noting or ThreadPoolExecutor(1, thread_name_prefix="failures")
        tenant = delivery.poll.binding.tenant
        self._noting.submit(try_record, partial(symbol_by_name(path), tenant), note, tenant=tenant)

    def _payload(self, poll: Poll, message: Mapping[str, Any], facts: Delivered) -> dict[str, Any]:
        binding = poll.binding
        with log_context(tenant=binding.tenant.slug, queue=poll.name):
            payload = messages.read(
                message["Body"],
                message_id=facts.message_id,
                raw_task=messages.RAW_TASKS.get(binding.purpose),
                polled=(poll.name, binding.purpose, binding.tenant.slug),
            )
        payload["properties"] = {
            "delivery_tag": message["ReceiptHandle"],
            "correlation_id": payload["headers"]["id"],
            # The queue really polled, and what SQS itself says of the message.
            "delivery_info": {"exchange": "", "routing_key": poll.name, "delivered": msgspec.structs.asdict(facts)},
        }
        return payload

    # ---- settling: by the poll that received it, with that queue's own credentials
    def basic_ack(self, delivery_tag: str, *_: Any, **__: Any) -> None:
        """Delete a completed message. A failure is logged and never raised: SQS delivers the message again."""
        delivery = self._release(delivery_tag)
        if delivery is None:
            return
        calls = delivery.poll.calls
        self._settle(delivery, "delete", partial(calls.delete, delivery_tag), partial(calls.delete_now, delivery_tag))

    def basic_reject(self, delivery_tag: str, *_: Any, **__: Any) -> None:
        """Leave a message in its queue, hidden for its back-off. Never deleted: the redrive policy decides."""
        delivery = self._release(delivery_tag)
        if delivery is None:
            return
        seconds = self._options.get("back_off_seconds", {}).get(delivery.facts.receive_count)
        if seconds is not None:  # else the queue's own visibility timeout
            calls = delivery.poll.calls
            self._settle(delivery, "back off", partial(calls.hide, delivery_tag, seconds), lambda: None)

    def _release(self, delivery_tag: str) -> Delivery | None:
        with contextlib.suppress(KeyError):  # refused before it took a slot
            self.qos.get(delivery_tag)
            self.qos.ack(delivery_tag)  # the slot, not the message
        delivery = self._forget(delivery_tag)
        for polls in self._polls.values():
            polls.slot_freed()
        return delivery

    def _forget(self, delivery_tag: str) -> Delivery | None:
        if self._leases is not None:
            self._leases.release(delivery_tag)
        delivery = self._deliveries.pop(delivery_tag, None)
        if delivery is not None:
            delivery.poll.in_flight -= 1
        return delivery

    def _settle(self, delivery: Delivery, what: str, call: Call, blocking_call: Callable[[], None]) -> None:
        settle_now = partial(_attempt, delivery, what, blocking_call)
        if not self._polls:  # the loop has ended, or ends soon: nobody would read a response
            settle_now()
            return
        tag = delivery.receipt_handle
        self._settling[tag] = settle_now
        delivery.poll.settle(what, call, finished=partial(self._settling.pop, tag, None))

    def _restore(self, message: Any) -> None:
        """Return a received message that was not started to its queue, at shutdown."""
        delivery = self._forget(message.delivery_tag)
        if delivery is not None:
            _attempt(delivery, "hand back", partial(delivery.poll.calls.show_now, delivery.receipt_handle))

    # ---- what a virtual channel must have and this one has no use for
    def _size(self, *_: Any) -> int:
        return 0  # asked at start; a missing queue must not matter then

    def _get(self, *_: Any, **__: Any) -> None:
        raise Empty

    def _put(self, queue: str, *_: Any, **__: Any) -> None:
        raise PublishRefused(f"nothing is published to {queue} through Celery")

    def _purge(self, queue: str) -> int:
        raise PublishRefused(f"{queue} is not purged through Celery")


class Transport(virtual.Transport):
    """The transport that ``broker_transport`` names."""

    Channel = Channel
    driver_type = "sqs"
    driver_name = "resale"
    implements = virtual.Transport.implements.extend(asynchronous=True, exchange_type=frozenset(["direct"]))


def _attempt(delivery: Delivery, what: str, call: Callable[[], None]) -> None:
    try:
        call()
    except Exception as error:  # noqa: BLE001 - whatever the SDK raises: the loop has ended, SQS redelivers
        logger.error("%s on queue %s: %r", what, delivery.poll.name, error)  # noqa: TRY400 - one line is enough

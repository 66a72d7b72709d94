"""CPU of the orders worker for each step: its main process and its pool, with real messages.

Orders are taken from submitted to completed, all of them one step at a time: a message an order, then the wait until
the queue holds none. Nothing else sends messages meanwhile: neither the changes worker nor the sweep runs.
"""

import time
import uuid
from collections.abc import Callable, Sequence
from datetime import timedelta
from statistics import median
from typing import Any, Final

import msgspec

from apps.core.container import get_container
from apps.workers.messages import envelope
from bench.figures import Figure
from bench.processes import children, cpu_ms
from bench.sales import Sales
from resale.application.reactions import TASKS
from resale.domain.ids import OrderId
from resale.domain.orders import Order, OrderStatus
from resale.domain.shipments import ShipmentStatus
from resale.domain.task_names import ADVANCE_ORDER, PROCESS_INBOUND
from resale.domain.tenants import Tenant

PARTY_COUNT: Final = 20  # sellers, and as many buyers: two children seldom meet at one seller's balance
CHILD_COUNT: Final = 2  # of the worker, as `make run` starts it
_ORDER_COUNT: Final = 60  # a round: about 5 s of CPU, which /proc counts in hundredths
_GATE_MS: Final = 8
_PATIENCE_SECONDS: Final = 120
_LOOK_EVERY_SECONDS: Final = 0.1
_VISIBLE, _HIDDEN = "ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """A step of the workflow: its message, the required status before, and the status after."""

    name: str
    leads_to: OrderStatus
    task: str = ADVANCE_ORDER
    after: timedelta = timedelta()
    tracking_event: ShipmentStatus | None = None


class StepFailed(Exception):  # noqa: N818 - named for what happened
    """Raised when an order does not have the status after a step, or messages remain."""


STEPS: Final = (
    Step(name="begin the payment", leads_to=OrderStatus.PAYMENT_PENDING),
    Step(name="authorise it", leads_to=OrderStatus.PAYMENT_PENDING),
    Step(name="capture it, confirm the sale", leads_to=OrderStatus.CONFIRMED),
    Step(name="buy the label", leads_to=OrderStatus.AWAITING_SHIPMENT),
    Step(
        name="act on a webhook: in transit",
        leads_to=OrderStatus.SHIPPED,
        task=PROCESS_INBOUND,
        tracking_event=ShipmentStatus.IN_TRANSIT,
    ),
    Step(name="ask the carrier", leads_to=OrderStatus.SHIPPED, after=timedelta(hours=13)),
    Step(
        name="act on a webhook: delivered",
        leads_to=OrderStatus.DELIVERED,
        task=PROCESS_INBOUND,
        tracking_event=ShipmentStatus.DELIVERED,
    ),
    Step(name="complete the order", leads_to=OrderStatus.COMPLETED, after=timedelta(days=4)),
)


class Bench:
    """The measured worker and its tenant."""

    def __init__(self, tenant: Tenant, pid: int) -> None:
        self._sales = Sales(tenant, party_count=PARTY_COUNT)
        self._queue_url = tenant.resources.queues.orders.url
        self._queues = get_container().queues(tenant)
        self._sqs: Any = get_container().sessions.for_tenant(tenant).client("sqs")
        self._pid = pid

    def await_pool(self) -> None:
        """Return when the worker has started its children. Raises StepFailed."""
        self._await(lambda: len(children(self._pid)) == CHILD_COUNT, f"the worker has {CHILD_COUNT} children")

    def run_round(self) -> list[float]:
        """Run all steps for a set of orders; return the CPU milliseconds of each step. Raises StepFailed."""
        order_ids = self._sales.buy(_ORDER_COUNT)
        return [self._take(step, order_ids) for step in STEPS]

    def _take(self, step: Step, order_ids: Sequence[OrderId]) -> float:
        if step.after:
            self._sales.move_time(step.after)
        before = self._sales.read(order_ids)
        subjects = order_ids if step.tracking_event is None else self._sales.report(before, step.tracking_event)
        (argument,) = TASKS[step.task].arguments
        bodies = [envelope(step.task, {argument: subject}, uuid.uuid4().hex) for subject in subjects]
        processes, spent = children(self._pid), cpu_ms(self._pid)
        if self._queues.send(self._queue_url, bodies):
            raise StepFailed("SQS did not take every message")
        self._await(lambda: not any(self._counts()), f"{step.name}: no message is left")
        spent = cpu_ms(self._pid) - spent
        if children(self._pid) != processes:  # a dead one took its CPU along
            raise StepFailed(f"{step.name}: the pool's processes are not those that began")
        self._check(step, before, self._sales.read(order_ids))
        return spent / len(order_ids)

    @staticmethod
    def _await(is_so: Callable[[], bool], until: str) -> None:
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while not is_so():
            if time.monotonic() > deadline:
                raise StepFailed(f"waited {_PATIENCE_SECONDS} s until {until}")
            time.sleep(_LOOK_EVERY_SECONDS)

    def _counts(self) -> tuple[int, int]:
        """Return the number of waiting messages and of messages in progress."""
        response = self._sqs.get_queue_attributes(QueueUrl=self._queue_url, AttributeNames=[_VISIBLE, _HIDDEN])
        return int(response["Attributes"][_VISIBLE]), int(response["Attributes"][_HIDDEN])

    @staticmethod
    def _check(step: Step, before: Sequence[Order], after: Sequence[Order]) -> None:
        for was, order in zip(before, after, strict=True):
            if (order.status, order.version) != (step.leads_to, was.version + 1):
                raise StepFailed(f"{step.name}: an order is {order.status}, {order.version - was.version} steps on")


def measure(tenant: Tenant, pid: int, *, rounds: int, say: Callable[[str], None]) -> list[Figure]:
    """Measure the orders worker whose main process is ``pid``. Raises StepFailed."""
    bench = Bench(tenant, pid)
    bench.await_pool()
    bench.run_round()  # warm: imports, sessions, data keys, connections to partners
    taken = []
    for number in range(rounds):
        taken.append(bench.run_round())
        say(f"  round {number + 1} of {rounds}: " + ", ".join(f"{each:.1f}" for each in taken[-1]) + " ms")
    by_step = {step.name: costs for step, costs in zip(STEPS, zip(*taken, strict=True), strict=True)}
    for name, costs in by_step.items():
        say(f"  {median(costs):5.1f} ms ({min(costs):.1f}-{max(costs):.1f})  {name}")
    dearest = max(by_step, key=lambda name: median(by_step[name]))
    means = tuple(sum(costs) / len(costs) for costs in taken)
    return [
        _figure(f"one workflow step, of {len(STEPS)}", means),
        _figure(f"  most expensive: {dearest}", by_step[dearest]),
    ]


def _figure(name: str, samples: Sequence[float]) -> Figure:
    return Figure(name=name, unit="CPU ms/step", gate=_GATE_MS, samples=tuple(samples), digits=1)

"""One tenant's trouble is its own: the others are served, the worker lives, and it heals without a restart."""

from collections.abc import Iterator

import msgspec
import pytest

from tests.faults.proxy import Fault, FaultProxy
from tests.workers.lab import ACCOUNT_A, ACCOUNT_B, Lab, Worker, wait_until

pytestmark = pytest.mark.slow

SOON = 2.0  # seconds; for a tenant that nothing is wrong with


@pytest.fixture(scope="module")
def proxy(lab: Lab) -> Iterator[FaultProxy]:
    with FaultProxy(lab.url) as proxy:
        yield proxy


@pytest.fixture(scope="module")
def worker(lab: Lab, proxy: FaultProxy, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worker]:
    tenants = [lab.tenant(account, receive_count=50) for account in (ACCOUNT_A, ACCOUNT_B, ACCOUNT_B)]
    lab.delete_queue(tenants[2])
    worker = Worker(lab, tmp_path_factory.mktemp("neighbours"), [])
    worker.plan.endpoints[tenants[1].slug] = proxy.url
    worker.serve(*tenants)
    try:
        worker.start(pool="threads", concurrency=4)
        yield worker
    finally:
        worker.kill()


class TestNeighbours:
    """``worker`` serves A; B, whose SQS lies behind ``proxy``; and C, whose queue is missing at the start."""

    @pytest.fixture(autouse=True)
    def _lives_on(self, worker: Worker, proxy: FaultProxy) -> Iterator[None]:
        yield
        proxy.clear()
        assert not worker.failed(), worker.log()[-3000:]

    def test_a_queue_missing_at_the_start_is_served_once_it_is_there(self, lab: Lab, worker: Worker) -> None:
        a, _, c = worker.plan.tenants
        name = c.resources.queues.orders.name
        worker.ran(lab.send(a, "test.note"), SOON)
        wait_until(
            lambda: worker.health()["queues"].get(name, {}).get("failure_count"), "its failures in the health file"
        )

        lab.make_queue(c, c.resources.queues.orders, receive_count=50)

        worker.ran(lab.send(c, "test.note"), 10)

    @pytest.mark.parametrize(
        "fault",
        [Fault.UNAVAILABLE, Fault.FORBIDDEN, Fault.THROTTLE, Fault.DROP_REQUEST, Fault.TRUNCATE_ANSWER, Fault.STALL],
    )
    def test_polls_that_fail(self, lab: Lab, worker: Worker, proxy: FaultProxy, fault: Fault) -> None:
        a, b, _ = worker.plan.tenants
        proxy.inject(fault, "ReceiveMessage")
        wait_until(lambda: proxy.injected("ReceiveMessage"), "a poll that met the fault")
        held = lab.send(b, "test.note")

        worker.ran(lab.send(a, "test.note"), SOON)

        assert not worker.marks(held)
        proxy.clear()
        worker.ran(held, 10)

    @pytest.mark.parametrize("fault", [Fault.UNAVAILABLE, Fault.DROP_ANSWER, Fault.STALL])
    def test_deletes_that_fail(self, lab: Lab, worker: Worker, proxy: FaultProxy, fault: Fault) -> None:
        a, b, _ = worker.plan.tenants
        proxy.inject(fault, "DeleteMessage", count=1)
        task_id = lab.send(b, "test.note")
        worker.ran(task_id, 10)
        wait_until(lambda: proxy.injected("DeleteMessage"), "a delete that met the fault")

        worker.ran(lab.send(a, "test.note"), SOON)

        worker.ran(lab.send(b, "test.note"), SOON)  # its own polls go on as well
        wait_until(lambda: lab.counts(b) == (0, 0), "its messages deleted after all")
        assert len(worker.marks(task_id)) == 1  # by a second delete, not after a second run

    def test_deletes_that_are_denied(self, lab: Lab, worker: Worker) -> None:
        a, b, _ = worker.plan.tenants
        with lab.denying(b, "sqs:DeleteMessage"):
            task_id = lab.send(b, "test.note")
            wait_until(lambda: len(worker.marks(task_id)) > 1, "its message delivered again")
            worker.ran(lab.send(a, "test.note"), SOON)

        wait_until(lambda: lab.counts(b) == (0, 0), "its message deleted once that is allowed")

    def test_a_role_that_may_not_receive(self, lab: Lab, worker: Worker) -> None:
        a, b, _ = worker.plan.tenants
        with lab.denying(b, "sqs:ReceiveMessage"):
            held = lab.send(b, "test.note")
            worker.ran(lab.send(a, "test.note"), SOON)
        worker.ran(held, 10)

    def test_a_queue_deleted_and_made_again(self, lab: Lab, worker: Worker) -> None:
        a, b, _ = worker.plan.tenants
        lab.delete_queue(b)
        wait_until(lambda: "NonExistent" in worker.log() or "QueueDoesNotExist" in worker.log(), "its absence logged")
        worker.ran(lab.send(a, "test.note"), SOON)

        lab.make_queue(b, b.resources.queues.orders, receive_count=50)

        worker.ran(lab.send(b, "test.note"), 12)

    def test_tenants_come_and_go_while_it_runs(self, lab: Lab, worker: Worker) -> None:
        a, b, c = worker.plan.tenants
        lab.make_queue(c, c.resources.queues.orders, receive_count=50)  # it is missing at the start
        newcomer = lab.tenant(ACCOUNT_A)
        worker.serve(a, b, newcomer)

        worker.ran(lab.send(newcomer, "test.note"), 5)
        wait_until(lambda: c.resources.queues.orders.name not in worker.polled(), "C no longer polled")
        left = lab.send(c, "test.note")
        worker.ran(lab.send(a, "test.note"), SOON)
        wait_until(lambda: lab.counts(c) == (1, 0), "C's message back in its queue")
        assert not worker.marks(left)

        worker.serve(a, b, c)
        worker.ran(left, 10)

    def test_a_role_that_cannot_be_assumed(self, lab: Lab, worker: Worker) -> None:
        a, b, c = worker.plan.tenants
        newcomer = lab.tenant(ACCOUNT_B)
        held = lab.send(newcomer, "test.note")
        worker.serve(a, b, c, msgspec.structs.replace(newcomer, external_id="of-another-tenant"))
        name = newcomer.resources.queues.orders.name
        wait_until(lambda: f"queue {name} cannot be polled yet" in worker.log(), "the refusal logged")

        worker.ran(lab.send(a, "test.note"), SOON)

        assert not worker.marks(held)
        worker.serve(a, b, c, newcomer)
        worker.ran(held, 10)
        worker.serve(a, b, c)

    def test_sessions_that_a_restarted_aws_does_not_know(self, lab: Lab, worker: Worker) -> None:
        a, b, _ = worker.plan.tenants
        lab.engines.restart_ministack()

        for tenant in (a, b):
            worker.ran(lab.send(tenant, "test.note"), 20)
        wait_until(lambda: lab.counts(a) == lab.counts(b) == (0, 0), "their messages deleted with the new sessions")

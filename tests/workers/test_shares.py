"""A tenant's long queue leaves slots of the worker to the others; alone it has all of them."""

from pathlib import Path

import pytest

from resale.domain.tenants import Tenant
from tests.workers.lab import ACCOUNT_A, ACCOUNT_B, Lab, Worker, wait_until

pytestmark = pytest.mark.slow

_TASK_SECONDS = "0.4"


@pytest.fixture
def loud(lab: Lab) -> Tenant:
    return lab.tenant(ACCOUNT_A, visibility=30)


def test_beside_another_tenant_half_of_the_slots(lab: Lab, loud: Tenant, tmp_path: Path) -> None:
    quiet = lab.tenant(ACCOUNT_B, visibility=30)
    worker = Worker(lab, tmp_path / "shares", [loud, quiet])
    try:
        worker.start(pool="threads", concurrency=4)  # both queues are polled: while there is one, it has all slots
        sent = [lab.send(loud, "test.slow", seconds=_TASK_SECONDS) for _ in range(8)]
        wait_until(worker.marks, "the long queue begun")
        meanwhile = lab.send(quiet, "test.note")
        worker.ran(meanwhile)
        _wait_for_all(worker, sent)
        assert _most_at_once(worker, loud) == 2
        assert _count_ended_before(worker, meanwhile, loud) < len(sent)
    finally:
        worker.kill()


def test_alone_all_slots(lab: Lab, loud: Tenant, tmp_path: Path) -> None:
    sent = [lab.send(loud, "test.slow", seconds=_TASK_SECONDS) for _ in range(8)]
    worker = Worker(lab, tmp_path / "alone", [loud])
    try:
        worker.start(pool="threads", concurrency=4)
        _wait_for_all(worker, sent)
        assert _most_at_once(worker, loud) == 4
    finally:
        worker.kill()


def _wait_for_all(worker: Worker, sent: list[str]) -> None:
    wait_until(lambda: {mark["id"] for mark in worker.marks(event="ended")} == set(sent), "every task done", 30)


def _most_at_once(worker: Worker, tenant: Tenant) -> int:
    running = most = 0
    for mark in worker.marks():
        if mark["tenant"] == tenant.slug:
            running += {"began": 1, "ended": -1}[mark["event"]]
            most = max(most, running)
    return most


def _count_ended_before(worker: Worker, task_id: str, tenant: Tenant) -> int:
    marks = worker.marks()
    position = next(number for number, mark in enumerate(marks) if mark["id"] == task_id)
    return sum(mark["tenant"] == tenant.slug and mark["event"] == "ended" for mark in marks[:position])

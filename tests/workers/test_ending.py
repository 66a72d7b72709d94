"""A worker that ends, politely or not: nothing is lost, what was finished is not done again."""

import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from apps.workers import health
from resale.domain.usage import Meter
from tests.workers.lab import ACCOUNT_A, Lab, Worker, wait_until
from tests.workers.plan import read_marks, usage_file

pytestmark = pytest.mark.slow


@pytest.fixture
def worker(lab: Lab, tmp_path: Path) -> Iterator[Worker]:
    worker = Worker(lab, tmp_path, [])
    try:
        yield worker
    finally:
        worker.kill()


class TestEnding:
    def test_killed_in_mid_task_it_leaves_the_task_to_the_next_one(self, lab: Lab, worker: Worker) -> None:
        worker.serve(lab.tenant(ACCOUNT_A, receive_count=5))
        worker.start()
        task_id = lab.send(worker.plan.tenants[0], "test.slow", seconds="2")
        wait_until(lambda: worker.marks(task_id, "began"), "the task begun")

        worker.kill()
        worker.start()

        wait_until(lambda: worker.marks(task_id, "ended"), "the task run by the second worker", 15)
        assert len(worker.marks(task_id, "began")) == 2
        wait_until(lambda: lab.counts(worker.plan.tenants[0]) == (0, 0), "its message deleted")

    @pytest.mark.parametrize("pool", ["prefork", "threads"])
    def test_asked_to_stop_it_finishes_and_gives_back_what_it_had_not_begun(
        self, lab: Lab, worker: Worker, pool: str
    ) -> None:
        worker.serve(*(lab.tenant(ACCOUNT_A, visibility=60) for _ in range(2)))
        worker.start(pool=pool, concurrency=1)
        # One runs, for long enough that a busy machine receives the other meanwhile.
        ids = [lab.send(tenant, "test.slow", seconds="4") for tenant in worker.plan.tenants]
        wait_until(lambda: worker.marks(event="began"), "one of them begun")
        wait_until(lambda: all(f"{task_id}] received" in worker.log() for task_id in ids), "both received")

        worker.signal(signal.SIGTERM)

        wait_until(worker.failed, "the worker gone", 60)  # ECS waits 120 s (stopTimeout) before it kills
        assert worker.process is not None
        assert worker.process.returncode == 0, worker.log()[-2000:]
        first = worker.marks(event="began")[0]["id"]
        assert [mark["id"] for mark in worker.marks(event="ended")] == [first]
        assert sorted(lab.counts(tenant) for tenant in worker.plan.tenants) == [(0, 0), (1, 0)]


class TestUsage:
    def test_what_its_processes_counted_is_saved(self, lab: Lab, worker: Worker) -> None:
        worker.serve(lab.tenant(ACCOUNT_A, visibility=60))
        worker.start(concurrency=2)
        (tenant,) = worker.plan.tenants
        counting = {worker.ran(lab.send(tenant, "test.count", seconds="2"))["pid"] for _ in range(2)}

        worker.signal(signal.SIGTERM)

        wait_until(worker.failed, "the worker gone", 60)
        assert worker.process is not None
        saved = read_marks(usage_file(Path(worker.plan.marks_file)))
        by_tasks = [one for one in saved if one["meter"] == Meter.IMAGE_SECONDS]
        assert sum(one["quantity"] for one in by_tasks) == 5
        assert {one["pid"] for one in by_tasks} == counting
        polls = [one for one in saved if one["meter"] == Meter.QUEUE_REQUESTS]
        assert {one["pid"] for one in polls} == {worker.process.pid}
        assert {one["tenant"] for one in saved} == {tenant.id}


class TestHealth:
    def test_a_file_not_rewritten_for_a_while_means_the_loop_is_stuck(self, tmp_path: Path) -> None:
        path = tmp_path / "health.json"
        assert not health.is_alive(path, now=time.time())

        health.write(path, {})

        assert health.is_alive(path, now=time.time())
        assert not health.is_alive(path, now=time.time() + health.STALE_SECONDS + 1)

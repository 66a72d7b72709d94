"""A message that waits in a worker for its turn is kept hidden: no worker receives it meanwhile, none runs it twice."""

from pathlib import Path

import pytest

from tests.workers.lab import ACCOUNT_A, Lab, Worker, wait_until

pytestmark = pytest.mark.slow

_LEASE_SECONDS = 2
_TASK_SECONDS = "0.8"


def test_a_burst_of_many_tenants_runs_each_task_once(lab: Lab, tmp_path: Path) -> None:
    tenants = [lab.tenant(ACCOUNT_A, visibility=_LEASE_SECONDS, receive_count=2) for _ in range(12)]
    worker = Worker(lab, tmp_path / "burst", tenants)
    worker.plan.options["visibility_seconds"] = _LEASE_SECONDS
    worker.serve(*tenants)
    try:
        worker.start(pool="prefork", concurrency=1)
        sent = [lab.send(tenant, "test.slow", seconds=_TASK_SECONDS) for tenant in tenants]
        wait_until(lambda: {mark["id"] for mark in worker.marks(event="ended")} == set(sent), "every task done", 60)
        wait_until(lambda: all(lab.counts(tenant) == (0, 0) for tenant in tenants), "every message deleted", 30)
        runs = [mark["id"] for mark in worker.marks(event="began")]
        assert sorted(runs) == sorted(sent)
        assert [body for tenant in tenants for body in lab.dead_letters(tenant)] == []
    finally:
        worker.kill()

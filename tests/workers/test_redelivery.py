"""A message whose task does not end well: deleted only when done, else delivered again, else kept in the DLQ."""

import base64
import json
import pickle
from collections.abc import Iterator

import pytest

from apps.workers.messages import envelope
from tests.workers.lab import ACCOUNT_A, Lab, Worker, wait_until

pytestmark = pytest.mark.slow

PICKLED = json.dumps(
    {
        "body": base64.b64encode(pickle.dumps([(), {}, {}])).decode(),
        "content-type": "application/x-python-serialize",
        "headers": {"task": "test.note", "id": "pickled"},
        "properties": {"body_encoding": "base64"},
    }
)
NESTED = json.dumps({"body": [[], {}, {}], "headers": {"task": "test.note", "id": "nested"}, "properties": {}})


@pytest.fixture(scope="module")
def worker(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worker]:
    tenant = lab.tenant(ACCOUNT_A, receive_count=2)
    limits = {"task_time_limit": 1, "task_soft_time_limit": None}
    worker = Worker(lab, tmp_path_factory.mktemp("redelivery"), [tenant], **limits)
    try:
        worker.start(pool="prefork", concurrency=2)
        yield worker
    finally:
        worker.kill()


class TestMessagesThatDoNotEndWell:
    def test_every_one_is_done_once_or_kept_with_its_own_body(self, lab: Lab, worker: Worker) -> None:
        tenant = worker.plan.tenants[0]
        planned = {
            name: envelope(f"test.{name}", arguments, name)
            for name, arguments in {
                "fail": {},
                "refuse": {},
                "kill_child": {},
                "out_of_memory": {},
                "retry": {},
                "slow": {"seconds": "60"},
                "unregistered": {},
            }.items()
        }
        kept = [*planned.values(), PICKLED, NESTED, "no task at all", envelope("test.note", {"unknown": "x"}, "typed")]
        for body in kept:
            lab.send_raw(tenant, body)
        done = {name: lab.send(tenant, f"test.{name}") for name in ("note", "rejected", "unavailable_once")}

        wait_until(lambda: sorted(lab.dead_letters(tenant)) == sorted(kept), "every bad message in the DLQ", 40)

        assert lab.counts(tenant) == (0, 0)
        assert [len(worker.marks(done[name])) for name in ("note", "rejected", "unavailable_once")] == [1, 1, 2]
        failing = ("fail", "refuse", "kill_child", "out_of_memory", "retry")
        deliveries = {name: [mark["receive_count"] for mark in worker.marks(name)] for name in failing}
        # Celery's pool runs a task again, within one delivery, whose process died before its parent read that it began.
        deliveries["kill_child"] = sorted(set(deliveries["kill_child"]))
        assert deliveries == {name: [1, 2] for name in failing}  # maxReceiveCount
        assert worker.marks("slow", "began")
        assert not worker.marks("slow", "ended")
        assert not worker.failed()

    def test_their_arguments_and_exception_texts_are_not_logged(self, lab: Lab, worker: Worker) -> None:
        secret = "word-for-no-log"
        task_id = lab.send(worker.plan.tenants[0], "test.note", word=secret)
        worker.ran(task_id)
        wait_until(lambda: f"{task_id}] succeeded" in worker.log(), "the task's end logged")

        assert secret not in worker.log()
        assert "planted" not in worker.log()
        assert "no task at all" not in worker.log()
        lines = worker.log().partition("\n{")[2].splitlines()  # Celery's own advice to root comes before its logging
        assert not [line for line in lines[1:] if not line.startswith("{")]

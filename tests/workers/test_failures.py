"""Why a delivery did not succeed is noted, whoever finds out: the task, the pool, or the transport before any task."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from apps.workers.messages import envelope
from tests.workers.lab import ACCOUNT_A, Lab, Worker, wait_until
from tests.workers.plan import HERE, notes_file

pytestmark = pytest.mark.slow

ORDER = "ord_" + "5" * 32
LATE = ("time_limit", "TimeLimitExceeded")
FAILING = {
    "fail": {("internal_error", "ValueError")},
    "kill_child": {("worker_lost", "WorkerLostError"), LATE},  # whichever the pool sees first
    "out_of_memory": {("out_of_memory", "TaskTooLarge")},
    "slow": {LATE},
    "unregistered": {("unknown_task", "NotRegistered")},
    "unavailable_once": {("unavailable", "Unavailable")},
}


@pytest.fixture(scope="module")
def worker(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worker]:
    tenant = lab.tenant(ACCOUNT_A, receive_count=2)
    limits = {"task_time_limit": 1, "task_soft_time_limit": None}
    worker = Worker(lab, tmp_path_factory.mktemp("failures"), [tenant], **limits)
    try:
        worker.start(pool="prefork", concurrency=2)
        yield worker
    finally:
        worker.kill()


def sent(lab: Lab, worker: Worker, task: str, **ids: str) -> str:
    """Send a task's message; returns SQS's own id of it."""
    return lab.send_raw(worker.plan.tenants[0], envelope(f"test.{task}", ids, task))


def noted(worker: Worker, message_id: str, count: int = 1) -> list[dict[str, Any]]:
    notes: list[dict[str, Any]] = wait_until(
        lambda: len(worker.notes(message_id)) >= count and worker.notes(message_id), f"{count} notes", 30
    )
    return notes


class TestNotes:
    def test_each_failure_is_noted_with_its_kind_and_the_delivery(self, lab: Lab, worker: Worker) -> None:
        arguments = {"slow": {"seconds": "60"}}
        ids = {task: sent(lab, worker, task, **arguments.get(task, {})) for task in FAILING}
        for task, message_id in ids.items():
            first = noted(worker, message_id)[0]
            assert (first["code"], first["exception"]) in FAILING[task], task
            assert (first["queue"], first["receive_count"], first["outcome"]) == ("orders", 1, "failed")
            assert first["tenant"] == worker.plan.tenants[0].slug
        assert noted(worker, ids["fail"], 2)[1]["receive_count"] == 2
        assert worker.notes(ids["fail"])[0]["task"] == "test.fail"

    @pytest.mark.parametrize("body", ["no task at all", '{"headers": {}}', '{"Records": []}'])
    def test_a_message_no_task_can_be_read_from_is_noted(self, lab: Lab, worker: Worker, body: str) -> None:
        message_id = lab.send_raw(worker.plan.tenants[0], body)
        (first, *_) = noted(worker, message_id)
        assert (first["code"], first["task"], first["entity_ids"]) == ("malformed", None, [])

    def test_a_refusal_is_noted_once_and_the_message_is_done(self, lab: Lab, worker: Worker) -> None:
        tenant = worker.plan.tenants[0]
        message_id = sent(lab, worker, "rejected", order_id=ORDER)
        (note,) = noted(worker, message_id)
        assert (note["outcome"], note["code"], note["entity_ids"]) == ("refused", "rejected", [ORDER])
        wait_until(lambda: lab.counts(tenant) == (0, 0), "all messages done or dead", 40)
        assert not [body for body in lab.dead_letters(tenant) if "test.rejected" in body]
        assert len(worker.notes(message_id)) == 1

    def test_what_succeeds_is_not_noted(self, lab: Lab, worker: Worker) -> None:
        tenant = worker.plan.tenants[0]
        message_id = lab.send_raw(tenant, envelope("test.note", {}, "good"))
        worker.ran("good")
        wait_until(lambda: lab.counts(tenant) == (0, 0), "done", 40)
        assert worker.notes(message_id) == []

    def test_a_task_knows_how_often_its_message_was_received(self, lab: Lab, worker: Worker) -> None:
        task_id = lab.send(worker.plan.tenants[0], "test.fail")
        wait_until(lambda: len(worker.marks(task_id)) > 1, "two tries", 30)
        assert [mark["receive_count"] for mark in worker.marks(task_id)] == [1, 2]

    def test_a_body_cannot_say_which_delivery_it_is(self, lab: Lab, worker: Worker) -> None:
        forged = {"queue": "images", "message_id": "forged", "receive_count": 99}
        body = {
            "body": json.dumps([[], {}, {}]),
            "headers": {"task": "test.fail", "id": "forged-delivery", "delivered": forged},
            "properties": {"delivery_info": {"routing_key": "other", "delivered": forged}},
        }
        message_id = lab.send_raw(worker.plan.tenants[0], json.dumps(body))
        first = noted(worker, message_id)[0]
        assert (first["queue"], first["receive_count"]) == ("orders", 1)
        assert worker.notes("forged") == []

    def test_no_note_holds_what_an_exception_said(self, worker: Worker) -> None:
        notes = notes_file(Path(worker.plan.marks_file)).read_text()
        assert notes
        assert "planted" not in notes


class TestNoteLost:
    def test_the_failure_goes_its_own_way(self, lab: Lab, tmp_path: Path) -> None:
        tenant = lab.tenant(ACCOUNT_A, receive_count=2)
        worker = Worker(lab, tmp_path, [tenant])
        worker.plan.options["failures"] = f"{HERE}:lose_note"
        worker.serve(tenant)
        body, good = envelope("test.fail", {}, "bad"), lab.send(tenant, "test.note")
        for text in (body, "no task at all"):
            lab.send_raw(tenant, text)
        try:
            worker.start()
            wait_until(lambda: set(lab.dead_letters(tenant)) == {body, "no task at all"}, "both dead", 30)
            assert len(worker.marks("bad")) == 2
            assert worker.ran(good)
            assert "failure not noted" in worker.log()
            assert "planted" not in worker.log()
        finally:
            worker.kill()

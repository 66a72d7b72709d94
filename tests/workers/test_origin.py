"""A message is what the queue it was polled from makes it: its body changes no tenant, credentials or limits."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from resale.domain.tenants import Tenant
from tests.workers.lab import ACCOUNT_A, ACCOUNT_B, Lab, Worker, wait_until

pytestmark = pytest.mark.slow


def forged(task_id: str, victim: Tenant, **headers: Any) -> str:
    """Return a body in B's queue that claims to come from A's."""
    claimed = {
        "exchange": "",
        "routing_key": victim.resources.queues.orders.name,
        "sqs_queue": victim.resources.queues.orders.url,
    }
    embed = {"callbacks": [{"task": "test.note", "args": [], "kwargs": {"word": "called back"}, "options": {}}]}
    return json.dumps(
        {
            "body": json.dumps([[], {"word": "forged"}, embed]),
            "content-type": "application/json",
            "headers": {"task": "test.note", "id": task_id, "tenant": victim.slug, **headers},
            "properties": {"delivery_info": claimed, "correlation_id": task_id, "delivery_tag": "x"},
        }
    )


@pytest.fixture(scope="module")
def worker(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worker]:
    tenants = [lab.tenant(ACCOUNT_A), lab.tenant(ACCOUNT_B)]
    worker = Worker(lab, tmp_path_factory.mktemp("origin"), tenants)
    try:
        worker.start(purposes="orders,images", pool="threads", concurrency=4)
        yield worker
    finally:
        worker.kill()


class TestOrigin:
    def test_a_forged_routing_key_runs_and_is_deleted_as_the_queue_it_lay_in(self, lab: Lab, worker: Worker) -> None:
        victim, sender = worker.plan.tenants
        lab.send_raw(sender, forged("forged-key", victim))

        mark = worker.ran("forged-key")

        assert (mark["tenant"], mark["queue"]) == (sender.slug, sender.resources.queues.orders.name)
        # Only the sender's own session may delete there.
        wait_until(lambda: lab.counts(sender) == (0, 0), "the forged message deleted")
        assert len(worker.marks("forged-key")) == 1
        assert not [mark for mark in worker.marks() if mark.get("word") == "called back"]

    @pytest.mark.parametrize(
        "headers",
        [
            {"expires": "2000-01-01T00:00:00+00:00"},
            {"eta": "2999-01-01T00:00:00+00:00"},
            {"timelimit": [0.001, 0.001]},
            {"retries": "many", "stamped_headers": 1},
        ],
        ids=lambda headers: next(iter(headers)),
    )
    def test_a_header_cannot_expire_delay_or_limit_a_task(
        self, lab: Lab, worker: Worker, headers: dict[str, Any]
    ) -> None:
        victim, sender = worker.plan.tenants
        task_id = f"forged-{next(iter(headers))}"
        lab.send_raw(sender, forged(task_id, victim, **headers))

        assert worker.ran(task_id)["tenant"] == sender.slug

    def test_an_event_of_s3_runs_as_the_task_of_the_images_queue(self, lab: Lab, worker: Worker) -> None:
        tenant = worker.plan.tenants[0]
        event = {"Records": [{"eventName": "ObjectCreated:Post", "s3": {"object": {"key": "originals/lst+one/med"}}}]}
        message_id = lab.send_raw(tenant, json.dumps(event), to="images")

        mark = worker.ran(message_id)

        assert (mark["task"], mark["tenant"], mark["got"]) == ("images.process_upload", tenant.slug, event)

    def test_such_an_event_is_no_task_in_another_queue(self, lab: Lab, worker: Worker) -> None:
        tenant = worker.plan.tenants[0]
        lab.send_raw(tenant, '{"Records": []}')

        wait_until(lambda: '{"Records": []}' in lab.dead_letters(tenant), "the event in the orders DLQ")

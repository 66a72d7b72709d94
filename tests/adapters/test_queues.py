"""A tenant's queues."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from resale.adapters.aws.sessions import TenantSession, TenantSessions
from resale.adapters.sqs.queues import BATCH_BYTES, SQSQueues
from resale.application.ports import Received
from resale.domain.tenants import Queue, Tenant
from resale.errors import Unavailable
from tests.adapters.conftest import OpenSessions
from tests.adapters.peers import Peer, ok
from tests.adapters.test_sessions import spoil
from tests.faults.proxy import Fault, FaultProxy
from tests.integration.callers import root


@pytest.fixture
def queues(session: TenantSession) -> SQSQueues:
    return SQSQueues(session)


@pytest.fixture
def queue(session: TenantSession, engines: Any) -> Iterator[Queue]:
    """Northwind's changes queue and its dead-letter queue, empty before and after."""
    tenant = session.tenant
    owner: Any = root(tenant.account_id, engines.aws_endpoint_url).client("sqs", tenant.region)
    both = (tenant.resources.queues.changes.url, tenant.resources.queues.changes.dlq_url)
    for url in both:
        owner.purge_queue(QueueUrl=url)
    yield tenant.resources.queues.changes
    for url in both:
        owner.purge_queue(QueueUrl=url)


@pytest.fixture
def url(queue: Queue) -> str:
    return queue.url


def drain(queues: SQSQueues, url: str, count: int) -> list[Received]:
    got: list[Received] = []
    for _ in range(20):
        got += queues.receive(url, wait_seconds=1)
        if len(got) >= count:
            break
    return got


class TestSending:
    def test_packs_by_ten(self, queues: SQSQueues, url: str) -> None:
        bodies = [f"body {number}" for number in range(23)]
        assert queues.send(url, bodies) == {}
        assert sorted(message.body for message in drain(queues, url, 23)) == sorted(bodies)

    def test_packs_by_bytes(self, queues: SQSQueues, url: str) -> None:
        bodies = [letter * (600 * 1024) for letter in "abc"]
        assert queues.send(url, bodies) == {}
        assert len(drain(queues, url, 3)) == 3

    def test_counts_bytes_not_letters(self, queues: SQSQueues, url: str) -> None:
        bodies = ["ü" * (300 * 1024), "ü" * (300 * 1024)]
        assert queues.send(url, bodies) == {}

    def test_one_that_is_too_long_fails_alone(self, queues: SQSQueues, url: str) -> None:
        failed = queues.send(url, ["before", "x" * (BATCH_BYTES + 1), "after"])
        assert list(failed) == [1]
        assert sorted(message.body for message in drain(queues, url, 2)) == ["after", "before"]

    def test_one_with_a_character_it_refuses_fails_alone(self, queues: SQSQueues, url: str) -> None:
        assert queues.send(url, ["before", "a \uffff", "after"]) == {1: "InvalidMessageContents"}
        assert sorted(message.body for message in drain(queues, url, 2)) == ["after", "before"]

    def test_a_batch_refused_whole_for_one_body_is_sent_body_by_body(
        self, aws_proxy: FaultProxy, open_sessions: OpenSessions, tenants: tuple[Tenant, Tenant], url: str
    ) -> None:
        queues = SQSQueues(open_sessions().for_tenant(tenants[0]))
        aws_proxy.inject(Fault.INVALID_CONTENTS, "SendMessageBatch", count=1)  # as AWS does; the engine judges the rest
        assert queues.send(url, ["before", "a \uffff", "after"]) == {1: "InvalidMessageContents"}
        assert sorted(message.body for message in drain(queues, url, 2)) == ["after", "before"]

    def test_reports_each_entry_that_failed(
        self, open_sessions: OpenSessions, tenants: tuple[Tenant, Tenant], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        fault = {"Id": "1", "SenderFault": False, "Code": "InternalError", "Message": "try again"}
        response = ok(
            json.dumps({"Successful": [], "Failed": [fault]}).encode(), "Content-Type: application/x-amz-json-1.0"
        )
        with Peer([response]) as peer:  # the local engine never fails one entry of a batch
            monkeypatch.setenv("AWS_ENDPOINT_URL_SQS", peer.url)
            sessions = open_sessions()
            queues = SQSQueues(sessions.for_tenant(tenants[0]))
            assert queues.send(peer.url + "/1/queue", ["good", "bad"]) == {1: "InternalError"}
            sessions.close()

    def test_says_when_the_queue_does_not_answer(
        self, aws_proxy: FaultProxy, open_sessions: OpenSessions, tenants: tuple[Tenant, Tenant], url: str
    ) -> None:
        queues = SQSQueues(open_sessions().for_tenant(tenants[0]))
        aws_proxy.inject(Fault.THROTTLE, "SendMessageBatch")
        with pytest.raises(Unavailable):
            queues.send(url, ["body"])


class TestReceiving:
    def test_says_how_often_and_deletes(self, queues: SQSQueues, url: str) -> None:
        queues.send(url, ["body"])
        (message,) = drain(queues, url, 1)
        assert (message.body, message.receive_count) == ("body", 1)
        queues.delete(url, [message.handle])
        assert queues.receive(url, wait_seconds=0) == ()

    def test_waits_longer_than_other_calls_may_take(
        self, open_sessions: OpenSessions, tenants: tuple[Tenant, Tenant], url: str
    ) -> None:
        queues = SQSQueues(open_sessions(read_timeout_seconds=0.5).for_tenant(tenants[0]))
        assert queues.receive(url, wait_seconds=1) == ()

    def test_heals_a_refused_token(self, open_sessions: OpenSessions, tenants: tuple[Tenant, Tenant], url: str) -> None:
        session = open_sessions().for_tenant(tenants[0])
        queues = SQSQueues(session)
        queues.send(url, ["body"])
        spoil(session)
        assert [message.body for message in drain(queues, url, 1)] == ["body"]


class TestPostponing:
    def test_hides_a_message_and_counts_it(self, queues: SQSQueues, url: str) -> None:
        queues.send(url, ["body"])
        (message,) = drain(queues, url, 1)
        queues.postpone(url, [message.handle], seconds=0)
        (again,) = drain(queues, url, 1)
        queues.postpone(url, [again.handle], seconds=60)
        assert queues.receive(url, wait_seconds=0) == ()
        assert queues.count(url) == 1


class TestTenancy:
    def test_another_tenants_queue_is_out_of_reach(
        self, sessions: TenantSessions, tenants: tuple[Tenant, Tenant]
    ) -> None:
        northwind, atelier = tenants
        queues = SQSQueues(sessions.for_tenant(northwind))
        for purpose in (atelier.resources.queues.orders, atelier.resources.queues.changes):
            with pytest.raises(Unavailable, match="AccessDenied"):
                queues.receive(purpose.url, wait_seconds=0)
            with pytest.raises(Unavailable, match="AccessDenied"):
                queues.send(purpose.url, ["body"])

"""Sessions per tenant account on enforced STS: guard, refresh, healing, bounds; tenants never wait for each other."""

import gc
import os
import signal
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from resale.adapters.aws.sessions import TenantSession, TenantSessions
from resale.adapters.faults import SessionUnavailable, WrongAccount
from resale.domain.ids import TenantId
from resale.domain.tenants import Tenant
from resale.errors import Unavailable
from resale.settings import Settings
from tests.adapters.conftest import OpenSessions
from tests.faults.proxy import Fault, FaultProxy

Tenants = tuple[Tenant, Tenant]


def age(session: TenantSession, remaining: timedelta) -> None:
    """Have the session's lease end so soon."""
    lease = session._credentials.ensure(60)
    session._credentials._lease = lease._replace(expires_at=datetime.now(UTC) + remaining)


def spoil(session: TenantSession) -> str:
    """Put a key that AWS does not know in the place of the session's."""
    lease = session._credentials.ensure(60)
    session._credentials._lease = lease._replace(frozen=lease.frozen._replace(access_key="ASIAUNKNOWNUNKNOWN00"))
    return "ASIAUNKNOWNUNKNOWN00"


def eventually(condition: Callable[[], bool], seconds: float = 10.0) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


@pytest.fixture
def sessions(open_sessions: OpenSessions) -> TenantSessions:
    """Of each test's own: they are aged and spoiled here."""
    return open_sessions()


class TestIdentity:
    def test_each_tenant_acts_in_its_own_account_and_region(self, sessions: TenantSessions, tenants: Tenants) -> None:
        for tenant in tenants:
            session = sessions.for_tenant(tenant)
            client: Any = session.client("sts")
            assert client.get_caller_identity()["Account"] == tenant.account_id
            assert client.meta.region_name == tenant.region

    def test_a_session_lasts_an_hour(self, session: TenantSession) -> None:
        assert timedelta(minutes=58) < session.expires_at() - datetime.now(UTC) <= timedelta(hours=1, minutes=1)

    def test_refuses_a_role_of_another_account(self, sessions: TenantSessions, tenants: Tenants) -> None:
        strayed = msgspec.structs.replace(tenants[0], account_id="333333333333")
        session = sessions.for_tenant(strayed)
        with pytest.raises(WrongAccount, match="333333333333"):
            session.credentials()
        with pytest.raises(WrongAccount):
            session.dynamodb.get_item(table="any", key={"pk": "any"})
        client: Any = session.client("sqs")
        with pytest.raises(WrongAccount):
            client.list_queues()

    @pytest.mark.parametrize(
        "change", [{"external_id": "wrong"}, {"slug": "atelier"}, {"external_id": "external-id-of-atelier"}]
    )
    def test_is_refused_with_a_wrong_id_or_tag(
        self, change: dict[str, Any], sessions: TenantSessions, tenants: Tenants
    ) -> None:
        with pytest.raises(SessionUnavailable, match="AccessDenied"):
            sessions.for_tenant(msgspec.structs.replace(tenants[0], **change)).credentials()


class TestRefresh:
    def test_happens_in_the_background(self, open_sessions: OpenSessions, tenants: Tenants) -> None:
        session = open_sessions(tick_seconds=0.02).for_tenant(tenants[0])
        age(session, timedelta(minutes=19))
        known = session._credentials
        assert eventually(lambda: known.remaining_seconds() > 3000)

    def test_not_before_it_is_time(self, open_sessions: OpenSessions, tenants: Tenants, aws_proxy: FaultProxy) -> None:
        session = open_sessions(tick_seconds=0.01).for_tenant(tenants[0])
        age(session, timedelta(minutes=21))
        other: Any = session.client("sts")
        for _ in range(20):
            other.get_caller_identity()
        assert len(aws_proxy.seen("AssumeRole")) == 1

    def test_a_caller_never_waits_for_it(
        self, open_sessions: OpenSessions, tenants: Tenants, aws_proxy: FaultProxy
    ) -> None:
        session = open_sessions(tick_seconds=0.02).for_tenant(tenants[0])
        age(session, timedelta(minutes=19))
        aws_proxy.inject(Fault.STALL, "AssumeRole")
        assert eventually(lambda: aws_proxy.injected("AssumeRole") > 0)
        started_at = time.monotonic()
        assert session.credentials().access_key
        assert time.monotonic() - started_at < 0.5

    def test_a_failed_one_is_tried_again(
        self, open_sessions: OpenSessions, tenants: Tenants, aws_proxy: FaultProxy, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("resale.adapters.aws.credentials._FAILURE_SECONDS", 0.05)
        session = open_sessions(tick_seconds=0.02).for_tenant(tenants[0])
        age(session, timedelta(minutes=19))
        aws_proxy.inject(Fault.THROTTLE, "AssumeRole", count=4)
        known = session._credentials
        assert eventually(lambda: known.remaining_seconds() > 3000)

    def test_one_that_is_over_is_fetched_by_the_caller(self, session: TenantSession) -> None:
        age(session, timedelta(seconds=30))
        session.credentials()
        assert session.remaining_seconds() > 3000

    def test_credentials_for_long_are_fetched_before_their_time(self, session: TenantSession) -> None:
        age(session, timedelta(minutes=10))
        before = session.credentials()
        assert session.credentials_for(300) == before
        assert session.credentials_for(930) != before

    def test_and_refused_when_no_session_lives_so_long(self, session: TenantSession) -> None:
        with pytest.raises(SessionUnavailable):
            session.credentials_for(2 * 3600)


class TestHealing:
    def test_a_client_heals_in_the_call(self, session: TenantSession, tenants: Tenants) -> None:
        spoiled = spoil(session)
        queues: Any = session.client("sqs")
        assert queues.get_queue_attributes(QueueUrl=tenants[0].resources.queues.orders.url)
        objects: Any = session.client("s3")
        assert objects.list_objects_v2(Bucket=tenants[0].resources.media_bucket)
        assert session.credentials().access_key != spoiled

    def test_at_most_once_in_ten_seconds(self, session: TenantSession) -> None:
        session.credentials()
        session.expire()
        first = session.credentials()
        session.expire()
        assert session.credentials() == first
        session._credentials._expired_at = time.monotonic() - 11
        session.expire()
        assert session.credentials() != first

    def test_other_errors_renew_nothing(self, session: TenantSession, tenants: Tenants) -> None:
        before = session.credentials()
        client: Any = session.client("sqs")
        with pytest.raises(client.exceptions.ClientError, match="AccessDenied"):
            client.get_queue_attributes(QueueUrl=tenants[1].resources.queues.orders.url)
        assert session.credentials() == before


class TestNeighbours:
    def test_one_tenants_stalled_sts_blocks_nobody_else(
        self, open_sessions: OpenSessions, tenants: Tenants, aws_proxy: FaultProxy
    ) -> None:
        sessions = open_sessions()
        aws_proxy.inject(Fault.STALL, "AssumeRole", count=1)
        slow = sessions.for_tenant(tenants[0])
        failures: list[Exception] = []

        def use() -> None:
            try:
                slow.credentials()
            except Unavailable as failure:
                failures.append(failure)

        threads = [threading.Thread(target=use) for _ in range(8)]
        for thread in threads:
            thread.start()
        assert eventually(lambda: aws_proxy.injected("AssumeRole") == 1)
        started_at = time.monotonic()
        assert sessions.for_tenant(tenants[1]).credentials().account_id == tenants[1].account_id
        assert time.monotonic() - started_at < 1.5
        for thread in threads:
            thread.join(10)
        assert len(failures) == 7  # one fetched, in two attempts; the others did not wait so long
        assert len(aws_proxy.seen("AssumeRole")) == 3

    def test_a_refused_role_is_asked_for_once_and_not_by_everyone(
        self, open_sessions: OpenSessions, tenants: Tenants, aws_proxy: FaultProxy
    ) -> None:
        session = open_sessions().for_tenant(msgspec.structs.replace(tenants[0], external_id="wrong"))
        for _ in range(5):
            with pytest.raises(SessionUnavailable):
                session.credentials()
        assert len(aws_proxy.seen("AssumeRole")) == 1

    def test_many_threads_fetch_one_session(
        self, open_sessions: OpenSessions, tenants: Tenants, aws_proxy: FaultProxy
    ) -> None:
        sessions = open_sessions()
        got: set[str] = set()

        def use() -> None:
            got.add(str(sessions.for_tenant(tenants[0]).credentials().access_key))

        threads = [threading.Thread(target=use) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(got) == 1
        assert len(aws_proxy.seen("AssumeRole")) == 1


class TestCache:
    def test_gives_the_same_session_for_the_same_record(self, sessions: TenantSessions, tenants: Tenants) -> None:
        first = sessions.for_tenant(tenants[0])
        again = msgspec.json.decode(msgspec.json.encode(tenants[0]), type=Tenant)
        assert sessions.for_tenant(again) is first

    def test_keeps_credentials_and_clients_for_a_changed_record(
        self, sessions: TenantSessions, tenants: Tenants
    ) -> None:
        known = sessions.for_tenant(tenants[0])
        before, client = known.credentials(), known.client("kms")
        renamed = msgspec.structs.replace(tenants[0], name="Another name")
        session = sessions.for_tenant(renamed)
        assert session.tenant.name == "Another name"
        assert session.credentials() == before
        assert session.client("kms") is client

    def test_but_not_for_another_role(self, sessions: TenantSessions, tenants: Tenants) -> None:
        sessions.for_tenant(tenants[0]).credentials()
        moved = msgspec.structs.replace(tenants[0], account_id=tenants[1].account_id)
        with pytest.raises(WrongAccount):
            sessions.for_tenant(moved).credentials()

    def test_is_bounded(self, open_sessions: OpenSessions, tenants: Tenants) -> None:
        sessions = open_sessions(session_cache_count=2)
        records = [msgspec.structs.replace(tenants[0], id=TenantId(f"ten_{number:032x}")) for number in range(3)]
        first = sessions.for_tenant(records[0])
        second = sessions.for_tenant(records[1])
        assert sessions.for_tenant(records[0]) is first  # used again: the second is the oldest now
        sessions.for_tenant(records[2])
        assert sessions.for_tenant(records[0]) is first
        assert sessions.for_tenant(records[1]) is not second

    def test_keeps_every_tenant_that_a_process_serves_in_turn(
        self, open_sessions: OpenSessions, tenants: Tenants
    ) -> None:
        sessions = open_sessions()
        records = [msgspec.structs.replace(tenants[0], id=TenantId(f"ten_{number:032x}")) for number in range(1_000)]
        first_round = [sessions.for_tenant(record) for record in records]
        assert all(sessions.for_tenant(record) is first for record, first in zip(records, first_round, strict=True))

    def test_drops_a_session_that_nobody_asks_for(self, open_sessions: OpenSessions, tenants: Tenants) -> None:
        sessions = open_sessions(tick_seconds=0.01, session_idle_seconds=0.05)
        sessions.for_tenant(tenants[0])
        assert eventually(lambda: not sessions._sessions)

    def test_renews_a_dropped_session_that_is_still_held(self, open_sessions: OpenSessions, tenants: Tenants) -> None:
        sessions = open_sessions(tick_seconds=0.02, session_cache_count=1)
        held = sessions.for_tenant(tenants[0])
        sessions.for_tenant(tenants[1])  # takes the only place in the cache
        age(held, timedelta(minutes=19))
        assert eventually(lambda: held.remaining_seconds() > 3000)

    def test_forgets_a_dropped_session_that_nobody_holds(self, open_sessions: OpenSessions, tenants: Tenants) -> None:
        sessions = open_sessions(session_cache_count=1)
        sessions.for_tenant(tenants[0])
        kept = sessions.for_tenant(tenants[1])
        gc.collect()
        assert sessions._sessions_in_use() == [kept]

    def test_asks_nothing_of_aws_until_used(
        self, open_sessions: OpenSessions, tenants: Tenants, aws_proxy: FaultProxy
    ) -> None:
        open_sessions().for_tenant(tenants[0])
        assert aws_proxy.seen() == []

    @pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork.*:DeprecationWarning")
    def test_a_forked_child_starts_afresh(self, sessions: TenantSessions, tenants: Tenants) -> None:
        mine = sessions.for_tenant(tenants[0])
        mine.credentials()
        with sessions._lock:  # held by somebody at the moment of the fork
            child = os.fork()
            if child == 0:
                signal.alarm(30)  # a child that hangs ends
                theirs = sessions.for_tenant(tenants[0])
                os._exit(0 if theirs is not mine and theirs.credentials().access_key and sessions._thread else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


class TestClients:
    def test_are_made_once(self, session: TenantSession) -> None:
        assert session.client("sqs") is session.client("sqs")
        assert session.client("sqs") is not session.client("sqs", read_timeout_seconds=25)

    def test_have_limits(self, session: TenantSession) -> None:
        config: Any = session.client("sqs").meta.config
        assert (config.connect_timeout, config.read_timeout) == (2.0, 5.0)
        assert config.retries == {"mode": "standard", "total_max_attempts": 2}

    @pytest.mark.parametrize("region", ["eu-west-2", "us-east-1"])
    def test_reach_aws_in_the_tenants_region_when_nothing_else_is_set(
        self, region: str, resale_settings: Settings, tenants: Tenants, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delenv("AWS_ENDPOINT_URL")
        sessions = TenantSessions(msgspec.structs.replace(resale_settings, dynamodb_endpoints={}))
        session = sessions.for_tenant(msgspec.structs.replace(tenants[0], region=region))
        assert session.client("dynamodb").meta.endpoint_url == f"https://dynamodb.{region}.amazonaws.com"
        assert session._parts.pool_of(session).host == f"dynamodb.{region}.amazonaws.com"
        sessions.close()

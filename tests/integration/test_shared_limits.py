"""Limits over all web processes, on a real Valkey: exact together, all or nothing, and never gone with the server."""

import logging
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, cast

import msgspec
import pytest
from pytest_django import Settings

from apps.core.fair_shares.limiter import Admission
from apps.core.fair_shares.priorities import Priority
from apps.core.fair_shares.process import get_limiter, set_limiter
from apps.core.fair_shares.refusals import RateLimited
from apps.core.fair_shares.shared_limiter import SharedAdmission, SharedLimiter
from apps.tenancy import registry
from tests.api.test_rate_limits import limit, statuses
from tests.fixtures.storefront import Front
from tests.fixtures.valkeys import SharedProcess, ValkeyProcess, WebProcesses
from tests.local.processes import until
from tests.unit.test_fair_shares import Shop, a_tenant

SHOPPER = ("ten_northwind", "https://issuer.example", "shopper@example.com")


def slow(slug: str = "northwind", **bursts: int) -> Shop:
    """A tenant whose buckets hold a token more each second."""
    rates = ("tenant_requests_per_second", "key_requests_per_second", "shopper_requests_per_second")
    return a_tenant(slug, **dict.fromkeys(rates, 1), **bursts)


def enter(process: SharedProcess, tenant: Shop, **changes: Any) -> Admission:
    given = {"key_id": "key_1", "is_secret": True, "shopper": None, "priority": Priority.ORDER, **changes}
    return process.limiter.enter(tenant, **given)


def passes(process: SharedProcess, tenant: Shop, **changes: Any) -> bool:
    try:
        process.limiter.leave(enter(process, tenant, **changes))
    except RateLimited:
        return False
    return True


def admitted(process: SharedProcess, tenant: Shop, times: int, **changes: Any) -> int:
    return sum(passes(process, tenant, **changes) for _ in range(times))


def refusal(process: SharedProcess, tenant: Shop, **changes: Any) -> dict[str, str]:
    with pytest.raises(RateLimited) as caught:
        enter(process, tenant, **changes)
    return caught.value.headers


def fallen_back(process: SharedProcess) -> int:
    """Count the requests that the process decided by itself."""
    return sum(process.fallbacks._counts.values())


@pytest.fixture
def one(valkey: ValkeyProcess, web_processes: WebProcesses) -> SharedProcess:
    return web_processes.start_connected(valkey.url, processes=4)


@pytest.fixture
def other(valkey: ValkeyProcess, web_processes: WebProcesses) -> SharedProcess:
    return web_processes.start_connected(valkey.url, processes=4)


class TestTogether:
    def test_processes_admit_one_burst(self, one: SharedProcess, other: SharedProcess) -> None:
        tenant = a_tenant(tenant_requests_per_second=1, tenant_burst=40)
        assert admitted(one, tenant, 25) == 25
        assert 15 <= admitted(other, tenant, 25) <= 18  # and what comes back meanwhile
        assert fallen_back(one) + fallen_back(other) == 0

    def test_threads_of_processes_admit_one_burst(self, valkey: ValkeyProcess, web_processes: WebProcesses) -> None:
        tenant = a_tenant(tenant_requests_per_second=1, tenant_burst=300)
        processes = [web_processes.start_connected(valkey.url, connections=12) for _ in range(3)]
        with ThreadPoolExecutor(12) as pool:
            found = list(pool.map(lambda number: passes(processes[number % 3], tenant), range(600)))
        assert not sum(map(fallen_back, processes))
        assert 300 <= sum(found) <= 330  # and what comes back meanwhile

    def test_a_limit_of_a_tier_is_not_divided(self, one: SharedProcess) -> None:
        tenant = a_tenant(shopper_requests_per_second=1, shopper_burst=8)
        assert admitted(one, tenant, 8, shopper=SHOPPER) == 8
        headers = refusal(one, tenant, shopper=SHOPPER)
        assert headers["RateLimit-Policy"] == '"shopper";q=8;w=8'
        assert headers["RateLimit"] == '"shopper";r=0;t=1'
        assert headers["Retry-After"] == "1"

    def test_a_refusal_takes_nothing_from_any_bucket(self, one: SharedProcess, valkey: ValkeyProcess) -> None:
        tenant = slow(tenant_burst=50, key_burst=50, shopper_burst=2)
        assert admitted(one, tenant, 2, shopper=SHOPPER) == 2
        before = valkey.client().mget(sorted(valkey.client().keys("*{ten_*")))
        assert admitted(one, tenant, 20, shopper=SHOPPER) <= 1
        assert refusal(one, tenant, shopper=SHOPPER)["RateLimit"].startswith('"shopper"')
        after = valkey.client().mget(sorted(valkey.client().keys("*{ten_*")))
        assert [one - two <= 1_000_000 for one, two in zip(map(int, after), map(int, before), strict=True)] == [
            True
        ] * 3

    def test_the_rest_of_a_burst_is_for_higher_priorities(self, one: SharedProcess) -> None:
        tenant = a_tenant(tenant_requests_per_second=1, tenant_burst=20)
        assert admitted(one, tenant, 30, priority=Priority.BATCH) == 10
        assert 6 <= admitted(one, tenant, 30, priority=Priority.READ) <= 7
        assert 2 <= admitted(one, tenant, 30, priority=Priority.WRITE) <= 3
        assert 2 <= admitted(one, tenant, 30, priority=Priority.ORDER) <= 3

    def test_each_limit_is_named(self, one: SharedProcess) -> None:
        assert admitted(one, slow("a", tenant_burst=1), 1) == 1
        assert refusal(one, slow("a", tenant_burst=1))["RateLimit-Policy"] == '"tenant";q=1;w=1'
        assert admitted(one, slow("b", key_burst=1), 1) == 1
        assert refusal(one, slow("b", key_burst=1))["RateLimit-Policy"] == '"key";q=1;w=1'
        one.counts.flush_if_due(0)
        assert Counter(reason for _, reason in one.counts._counts) == {"tenant": 1, "key": 1}

    def test_what_is_left_is_of_all_processes(self, one: SharedProcess, other: SharedProcess) -> None:
        tenant = a_tenant(key_requests_per_second=1, key_burst=50)
        admitted(other, tenant, 10)
        item = enter(one, tenant).quota_item
        assert item is not None
        assert 39 <= int(item.removeprefix('"key";r=')) <= 41
        assert enter(one, tenant, is_secret=False).quota_item is None

    def test_a_new_limit_holds_at_once(self, one: SharedProcess) -> None:
        assert admitted(one, a_tenant(tenant_requests_per_second=100, tenant_burst=200), 9) == 9
        assert admitted(one, a_tenant(tenant_requests_per_second=1, tenant_burst=5), 9) in {4, 5}

    def test_a_request_that_is_repeated_counts_once(self, one: SharedProcess) -> None:
        tenant = slow(tenant_burst=5, key_burst=5, shopper_burst=5)
        for _ in range(20):
            admission = enter(one, tenant, shopper=SHOPPER)
            assert isinstance(admission, SharedAdmission)
            one.limiter.cancel(admission)
        assert admitted(one, tenant, 9, shopper=SHOPPER) in {5, 6}

    def test_concurrent_requests_are_those_of_one_process(self, one: SharedProcess, other: SharedProcess) -> None:
        tenant = a_tenant(concurrent_requests=2)
        held = [enter(one, tenant) for _ in range(2)]
        assert refusal(one, tenant)["RateLimit"].startswith('"concurrent"')
        assert passes(other, tenant)
        one.limiter.leave(held[0])
        assert passes(one, tenant)

    def test_a_refusal_holds_no_place(self, one: SharedProcess) -> None:
        tenant = a_tenant(concurrent_requests=2, tenant_requests_per_second=1, tenant_burst=1)
        admitted(one, tenant, 20)
        assert refusal(one, tenant)["RateLimit"].startswith('"tenant"')


class TestKeys:
    def test_are_of_the_tenant_without_personal_data_and_expire(
        self, one: SharedProcess, valkey: ValkeyProcess
    ) -> None:
        assert admitted(one, slow(), 60, shopper=SHOPPER) == 60
        client = valkey.client()
        names = sorted(key.decode() for key in client.keys("*") if b"probe" not in key)
        assert [name.rpartition(":")[0] for name in names] == [
            "resale:limit:{ten_northwind}:key",
            "resale:limit:{ten_northwind}:shopper",
            "resale:limit:{ten_northwind}",
        ]
        assert names[0].endswith(":key:key_1")
        assert not any(part in name for name in names for part in SHOPPER[1:])
        assert len(names[1].rpartition(":")[2]) == 32
        assert all(0 < client.pttl(name) <= 60_000 for name in names)

    def test_are_others_for_other_shoppers_and_tenants(self, one: SharedProcess) -> None:
        tenant, rival = slow(shopper_burst=1), slow("rival", shopper_burst=1)
        for shopper in (SHOPPER, (*SHOPPER[:2], "other"), (SHOPPER[0], "other", SHOPPER[2])):
            assert admitted(one, tenant, 3, shopper=shopper) == 1
        assert passes(one, rival, shopper=("ten_rival", *SHOPPER[1:]))

    def test_expire_when_the_bucket_is_full(self, one: SharedProcess, valkey: ValkeyProcess) -> None:
        tenant = a_tenant(key_requests_per_second=100, tenant_requests_per_second=100)
        passes(one, tenant)
        assert until(lambda: not valkey.client().keys("*{ten_*"))


class TestWithoutValkey:
    @pytest.mark.parametrize("url", ["closed_url", "silent_url"])
    def test_the_process_enforces_its_part(
        self, url: str, web_processes: WebProcesses, request: pytest.FixtureRequest
    ) -> None:
        process = web_processes.start(request.getfixturevalue(url), processes=4)
        tenant = a_tenant(tenant_requests_per_second=1, tenant_burst=100)
        assert 25 <= admitted(process, tenant, 60) <= 40
        assert fallen_back(process) == 60
        assert not process.buckets.is_available

    def test_a_name_that_is_none_is_no_error(self, web_processes: WebProcesses) -> None:
        process = web_processes.start("valkey://none.invalid:6379/0")
        assert passes(process, a_tenant())

    @pytest.mark.parametrize("fault", ["kill", "pause", "read_only", "forget"])
    def test_it_falls_back_at_once_and_returns_by_itself(
        self, fault: str, valkey: ValkeyProcess, one: SharedProcess, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.INFO, "resale.limits")
        begin, end = FAULTS[fault]
        tenant = a_tenant(tenant_requests_per_second=1, tenant_burst=100)
        assert admitted(one, tenant, 30) == 30
        begin(valkey)
        assert 25 <= admitted(one, tenant, 40) <= 36  # a quarter of the burst, of four processes
        assert fallen_back(one) == 40 or fault == "forget"
        if fault == "read_only":  # through a retry, which finds a server that responds
            assert not one.buckets.wait(seconds=0.7)
        end(valkey)
        assert until(lambda: one.buckets.is_available, seconds=30)
        assert isinstance(enter(one, tenant), SharedAdmission)
        messages = [record.message for record in caplog.records if record.name == "resale.limits"]
        assert messages == [
            "shared limits unavailable: each process enforces its part",
            "shared limits available again",
        ]

    def test_no_place_is_lost_in_a_failure(self, valkey: ValkeyProcess, one: SharedProcess) -> None:
        tenant = a_tenant(concurrent_requests=1)
        assert passes(one, tenant)
        valkey.kill()
        assert all(passes(one, tenant) for _ in range(5))

    def test_a_request_that_was_admitted_before_ends_as_usual(self, valkey: ValkeyProcess, one: SharedProcess) -> None:
        tenant = a_tenant(concurrent_requests=2)
        left, repeated = enter(one, tenant), enter(one, tenant)
        valkey.kill()
        one.limiter.leave(left)
        one.limiter.cancel(repeated)
        held = [enter(one, tenant) for _ in range(2)]
        assert len(held) == 2

    def test_requests_beyond_the_connections_fall_back_and_more_are_opened(
        self, valkey: ValkeyProcess, web_processes: WebProcesses
    ) -> None:
        process = web_processes.start_connected(valkey.url, connections=1)
        taken = process.buckets._idle.pop()  # as a thread does that waits for its response
        assert passes(process, a_tenant())
        assert fallen_back(process) == 1
        assert until(lambda: bool(process.buckets._idle))
        assert passes(process, a_tenant())
        assert fallen_back(process) == 1
        taken.disconnect()

    def test_fallbacks_are_a_metric(
        self, closed_url: str, web_processes: WebProcesses, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.INFO, "resale.metrics")
        process = web_processes.start(closed_url)
        admitted(process, a_tenant(), 3)
        process.fallbacks.flush()
        (line,) = [
            bytes(cast("msgspec.Raw", record.msg)).decode()
            for record in caplog.records
            if record.name == "resale.metrics"
        ]
        assert '"RequestsLimitedLocally":3' in line
        assert '"reason":"unavailable"' in line


class TestRequests:
    def test_are_limited_together_and_fail_never(
        self, front: Front, valkey: ValkeyProcess, web_processes: WebProcesses, settings: Settings
    ) -> None:
        limit(front, tenant_requests_per_second=1, tenant_burst=30)
        settings.VALKEY_URL = valkey.url
        set_limiter(None)
        mine, elsewhere = get_limiter(), web_processes.start_connected(valkey.url)
        assert isinstance(mine, SharedLimiter)
        assert mine._buckets.wait(seconds=20)
        assert admitted(elsewhere, cast("Shop", registry.by_slug(front.shop.tenant.slug)), 20) == 20
        together = statuses(30, lambda: front.get("/v1/listings"))
        assert 4 <= together.count(200) < 20  # reads have the first 24 of the burst
        valkey.kill()
        alone = statuses(30, lambda: front.get("/v1/listings"))
        assert 24 <= alone.count(200) < 30
        assert {*together, *alone} == {200, 429}
        mine._buckets.close()
        set_limiter(None)


def _read_only(valkey: ValkeyProcess) -> None:
    valkey.client().replicaof("127.0.0.1", "1")


def _writable(valkey: ValkeyProcess) -> None:
    valkey.client().replicaof("NO", "ONE")


def _forget(valkey: ValkeyProcess) -> None:
    valkey.client().script_flush()


Step = Callable[[ValkeyProcess], None]
FAULTS: dict[str, tuple[Step, Step]] = {
    "kill": (ValkeyProcess.kill, ValkeyProcess.start),
    "pause": (ValkeyProcess.pause, ValkeyProcess.resume),
    "read_only": (_read_only, _writable),
    "forget": (_forget, lambda _: None),
}

"""A limiter admits what the limits allow, moment by moment, and forgets nothing that it admitted."""

import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any, cast

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.core.event_counts import FLUSH_SECONDS, EventCounts
from apps.core.fair_shares.limiter import Admission, LocalLimiter
from apps.core.fair_shares.priorities import RULES, Priority
from apps.core.fair_shares.process import Load
from apps.core.fair_shares.rates import MIN_BURST, ProcessShare, Rate
from apps.core.fair_shares.refusals import RateLimited
from apps.core.fair_shares.shared_limiter import pair_of
from resale.domain.entitlements import ENTITLEMENTS, UNLIMITED, Limits, Tier, limits_of
from tests.fixtures.shares import Hand


class Shop(msgspec.Struct, frozen=True):
    """A tenant with nothing but limits."""

    slug: str
    limits: Limits

    @property
    def id(self) -> str:
        return f"ten_{self.slug}"


def a_tenant(slug: str = "northwind", **changes: int) -> Shop:
    """Return a tenant that is unlimited but for some limits."""
    return Shop(slug, limits(**changes))


class Door:
    """One limiter with a clock that a test turns."""

    def __init__(self, **options: Any) -> None:
        self.clock = Hand()
        self.limiter = LocalLimiter(
            clock=self.clock, counts=EventCounts(metric="RequestsRefused"), **{"processes": 1, **options}
        )

    def enter(self, tenant: Shop, **changes: Any) -> Admission:
        said = {"key_id": "key_1", "is_secret": True, "shopper": None, "priority": Priority.ORDER, **changes}
        return self.limiter.enter(tenant, **said)

    def admitted(self, tenant: Shop, times: int, **changes: Any) -> int:
        """Send requests at one moment, each ending at once; count those that were admitted."""
        return sum(self.passes(tenant, **changes) for _ in range(times))

    def passes(self, tenant: Shop, **changes: Any) -> bool:
        try:
            self.limiter.leave(self.enter(tenant, **changes))
        except RateLimited:
            return False
        return True

    def refusal(self, tenant: Shop, **changes: Any) -> dict[str, str]:
        with pytest.raises(RateLimited) as caught:
            self.enter(tenant, **changes)
        return caught.value.headers


class TestBuckets:
    def test_a_full_one_gives_its_burst_then_its_rate(self) -> None:
        door, tenant = Door(), a_tenant(tenant_requests_per_second=2, tenant_burst=5)
        assert door.admitted(tenant, 9) == 5
        door.clock.forward(0.5)
        assert door.admitted(tenant, 9) == 1
        door.clock.forward(60)
        assert door.admitted(tenant, 9) == 5

    def test_a_refusal_tells_when_there_is_a_token_and_then_there_is(self) -> None:
        door, tenant = Door(), a_tenant(tenant_requests_per_second=1, tenant_burst=2)
        assert door.admitted(tenant, 2) == 2
        headers = door.refusal(tenant)
        assert headers == {"Retry-After": "1", "RateLimit-Policy": '"tenant";q=2;w=2', "RateLimit": '"tenant";r=0;t=1'}
        door.clock.forward(int(headers["Retry-After"]))
        assert door.passes(tenant)

    def test_refused_requests_cost_nothing(self) -> None:
        door, tenant = Door(), a_tenant(tenant_requests_per_second=1, tenant_burst=1)
        assert door.admitted(tenant, 100) == 1
        door.clock.forward(1)
        assert door.passes(tenant)

    def test_a_shopper_above_the_limit_takes_nothing_from_shop_and_key(self) -> None:
        door = Door()
        tenant = a_tenant(shopper_burst=3, tenant_burst=20, tenant_requests_per_second=1)
        assert door.admitted(tenant, 100, shopper=("t", "i", "robin")) == 3
        assert door.refusal(tenant, shopper=("t", "i", "robin"))["RateLimit"].startswith('"shopper";r=0')
        assert door.admitted(tenant, 100, shopper=None) == 17

    def test_keys_shoppers_and_shops_do_not_share(self) -> None:
        door, tenant = Door(), a_tenant(key_burst=2, shopper_burst=1, tenant_burst=100)
        assert [door.admitted(tenant, 5, key_id=key) for key in ("key_1", "key_2")] == [2, 2]
        assert [door.admitted(tenant, 5, key_id=name, shopper=("t", "i", name)) for name in ("a", "b")] == [1, 1]
        assert door.admitted(a_tenant("atelier", tenant_burst=4), 9, key_id="key_3") == 4

    def test_new_limits_apply_at_once_and_keep_what_was_taken(self) -> None:
        door, tenant = Door(), a_tenant(tenant_requests_per_second=1, tenant_burst=4)
        assert door.admitted(tenant, 4) == 4
        assert door.admitted(a_tenant(tenant_requests_per_second=1, tenant_burst=6), 9) == 2

    def test_remember_a_bounded_number_of_shoppers(self) -> None:
        door, tenant = Door(max_shoppers=2), a_tenant(shopper_burst=1)
        for name in ("a", "b", "a", "c"):
            door.passes(tenant, shopper=("t", "i", name))
        # The refused request of "a" used nothing: "a" was the oldest when "c" came.
        assert [door.passes(tenant, shopper=("t", "i", name)) for name in ("b", "c", "a")] == [False, False, True]

    @given(st.lists(st.floats(0, 3), min_size=1, max_size=60), st.integers(1, 5), st.integers(1, 8))
    def test_never_give_more_than_burst_and_rate_in_any_time(self, gaps: list[float], rate: int, burst: int) -> None:
        door, tenant = Door(), a_tenant(tenant_requests_per_second=rate, tenant_burst=burst)
        admitted: list[float] = []
        for gap in gaps:
            door.clock.forward(gap)
            if door.passes(tenant):
                admitted.append(door.clock())
        for first, began in enumerate(admitted):
            for count, ended in enumerate(admitted[first:], start=1):
                assert count <= burst + rate * (ended - began) + 1e-6

    def test_threads_together_get_no_more(self) -> None:
        door, tenant = Door(), a_tenant(tenant_burst=50, tenant_requests_per_second=1)
        with ThreadPoolExecutor(8) as threads:
            assert sum(threads.map(lambda _: door.passes(tenant), range(400))) == 50


class TestPriorities:
    @pytest.mark.parametrize(("priority", "admitted"), [("batch", 10), ("read", 16), ("write", 18), ("order", 20)])
    def test_the_last_part_of_a_burst_is_for_orders(self, priority: str, admitted: int) -> None:
        door, tenant = Door(), a_tenant(tenant_burst=20, tenant_requests_per_second=1)
        assert door.admitted(tenant, 50, priority=Priority(priority)) == admitted

    def test_orders_pass_when_reads_have_taken_their_part(self) -> None:
        door, tenant = Door(), a_tenant(key_burst=10, key_requests_per_second=1)
        door.admitted(tenant, 50, priority=Priority.READ)
        assert door.admitted(tenant, 50, priority=Priority.ORDER) == 2

    def test_each_can_send_one_request_under_the_smallest_limit(self) -> None:
        for priority in Priority:
            tenant = a_tenant(tenant_burst=1, tenant_requests_per_second=1)
            assert Door().admitted(tenant, 3, priority=priority) == 1

    def test_are_refused_in_their_order_as_the_load_grows(self) -> None:
        load, refused = Load(threads=8), {}
        for in_flight in range(1, 1000):
            load.enter(b"loud")
            found = [one for one in Priority if load.is_too_high_for(one, b"loud") and one not in refused]
            refused.update(dict.fromkeys(found, in_flight))
        assert refused == {Priority.BATCH: 17, Priority.READ: 65, Priority.WRITE: 129, Priority.ORDER: 257}

    def test_one_shops_load_refuses_nothing_of_another(self) -> None:
        load = Load(threads=8)
        for _ in range(256):
            load.enter(b"loud")
        assert load.is_too_high_for(Priority.READ, b"loud")
        assert not load.is_too_high_for(Priority.READ, b"quiet")
        load.enter(b"quiet")
        assert load.is_too_high_for(Priority.READ, b"quiet")  # the total is four times the limit of one key

    def test_load_ends_with_its_requests(self) -> None:
        load = Load(threads=1)
        for _ in range(9):
            load.enter(b"loud")
        assert load.is_too_high_for(Priority.READ, b"loud")
        load.leave(b"loud")
        assert not load.is_too_high_for(Priority.READ, b"loud")

    def test_have_a_rule_each_in_falling_order(self) -> None:
        assert list(RULES) == list(Priority)
        parts = [rule.bucket_part for rule in RULES.values()]
        assert parts == sorted(parts, reverse=True)


class TestBulkhead:
    def test_a_shop_runs_a_bounded_number_at_once_and_others_run_on(self) -> None:
        door, tenant = Door(), a_tenant(concurrent_requests=2)
        running = [door.enter(tenant) for _ in range(2)]
        assert door.refusal(tenant)["RateLimit-Policy"] == '"concurrent";q=2;qu="concurrent-requests"'
        assert door.passes(a_tenant("atelier", concurrent_requests=2))
        door.limiter.leave(running[0])
        assert door.passes(tenant)

    def test_a_request_that_is_repeated_counts_once(self) -> None:
        door = Door()
        tenant = a_tenant(
            concurrent_requests=1, tenant_burst=2, key_burst=2, shopper_burst=2, tenant_requests_per_second=1
        )
        robin = ("t", "i", "robin")
        for _ in range(5):
            door.limiter.cancel(door.enter(tenant, shopper=robin))
        assert door.admitted(tenant, 5, shopper=robin) == 2

    def test_never_runs_more_in_many_threads(self) -> None:
        door, tenant = Door(), a_tenant(concurrent_requests=3)
        inside, most, lock = 0, 0, threading.Lock()

        def one(_: int) -> None:
            nonlocal inside, most
            try:
                admission = door.enter(tenant)
            except RateLimited:
                return
            with lock:
                inside += 1
                most = max(most, inside)
            with lock:
                inside -= 1
            door.limiter.leave(admission)

        with ThreadPoolExecutor(8) as threads:
            list(threads.map(one, range(500)))
        assert most <= 3
        assert [door.enter(tenant) for _ in range(3)]


class TestProcesses:
    def test_divide_a_limit(self) -> None:
        share = ProcessShare.of(limits(tenant_requests_per_second=100, tenant_burst=200), processes=4)
        assert (share.tenant.interval_seconds, share.tenant.window_seconds) == (1 / 25, 2.0)
        assert share.tenant.policy_item == '"tenant";q=200;w=2'

    def test_each_allow_a_least_so_that_chance_refuses_nobody(self) -> None:
        share = ProcessShare.of(limits(shopper_requests_per_second=5, shopper_burst=20), processes=100)
        assert share.shopper.interval_seconds == 1.0
        assert share.shopper.window_seconds == MIN_BURST

    def test_do_not_divide_concurrent_requests(self) -> None:
        assert ProcessShare.of(limits(concurrent_requests=6), processes=9).concurrent == 6


class TestDisclosure:
    def test_what_is_left_is_told_of_the_callers_own_limit(self) -> None:
        door, tenant = Door(), a_tenant(shopper_burst=5, key_burst=10)
        assert door.enter(tenant, shopper=("t", "i", "robin"), is_secret=False).quota_item == '"shopper";r=4'
        assert door.enter(tenant).quota_item == '"key";r=8'

    def test_visitors_of_a_shop_are_not_told_of_its_traffic(self) -> None:
        assert Door().enter(a_tenant(), is_secret=False).quota_item is None


class TestEntitlements:
    def test_an_override_replaces_the_tiers(self) -> None:
        assert limits_of(Tier.PREMIUM, {"key_burst": 7}) == msgspec.structs.replace(
            ENTITLEMENTS[Tier.PREMIUM].limits, key_burst=7
        )

    @pytest.mark.parametrize(
        "wrong", [{"key_burst": 0}, {"key_bursts": 5}, {"key_burst": "many"}, {"key_burst": 10**9}]
    )
    def test_a_wrong_override_is_refused(self, wrong: dict[str, object]) -> None:
        with pytest.raises(msgspec.ValidationError):
            limits_of(Tier.STANDARD, wrong)

    def test_every_tier_has_limits_and_none_takes_all_threads(self) -> None:
        assert set(ENTITLEMENTS) == set(Tier)
        assert all(each.limits.concurrent_requests < 8 for each in ENTITLEMENTS.values())


class TestCounts:
    def test_are_one_line_a_shop_and_reason_when_it_is_time(self, caplog: pytest.LogCaptureFixture) -> None:
        door, tenant = Door(), a_tenant(tenant_burst=1, tenant_requests_per_second=1)
        with caplog.at_level(logging.INFO, logger="resale.metrics"):
            door.admitted(tenant, 4)
            assert caplog.messages == []
            door.clock.forward(FLUSH_SECONDS)
            door.passes(tenant)
            door.clock.forward(FLUSH_SECONDS)
            door.passes(tenant)
        (line,) = (msgspec.json.decode(cast("msgspec.Raw", record.msg)) for record in caplog.records)
        assert (line["tenant"], line["reason"], line["RequestsRefused"]) == ("northwind", "tenant", 3)


def limits(**changes: int) -> Limits:
    return msgspec.structs.replace(UNLIMITED, **changes)


class TestSharedBuckets:
    """The numbers that limits over all processes give to Valkey."""

    def test_rounding_takes_no_token_and_adds_none(self) -> None:
        for per_second in range(1, 101):
            for burst in range(1, 201):
                interval, window = pair_of(Rate.of("key", per_second=per_second, burst=burst, processes=1), 1.0)
                assert burst * interval <= window < (burst + 1) * interval

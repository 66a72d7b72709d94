"""A breaker's life, what of it other workers learn, and that a guard's own faults stop nobody."""

import logging
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import msgspec
import pytest

from resale.adapters.partners.breaker import Breaker
from resale.adapters.partners.guard import Guard
from resale.adapters.partners.guarded import GuardedPayments, GuardedShipping
from resale.adapters.partners.guards import Guards
from resale.application.ports import PaymentProvider, ShippingProvider
from resale.domain.connections import ConnectionStatus, Observation
from resale.domain.partners import (
    PartnerBalanceTooLow,
    PartnerMisconfigured,
    PartnerNotReady,
    PartnerPaused,
    PartnerUnavailable,
)
from resale.domain.payments import PaymentState
from resale.errors import Rejected, Unavailable
from tests.adapters.partners import CONNECTION, HASTY, RULES, Clock, Recorded, a_guard, a_tenant, fail, state_of
from tests.adapters.stripe_connecting import attempt, connect, payout
from tests.adapters.stripe_double import StripeDouble

OPEN, CLOSED = ConnectionStatus.OPEN, ConnectionStatus.CLOSED


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def states() -> Recorded:
    return Recorded()


@pytest.fixture
def guard(tmp_path: Path, states: Recorded, clock: Clock) -> Guard:
    return a_guard(tmp_path / "worker", states=states, clock=clock)


def fail_often(guard: Guard, times: int = RULES.failures) -> None:
    for _ in range(times):
        with pytest.raises(PartnerUnavailable, match="no answer"):
            guard.call(fail)


def refused(guard: Guard) -> int:
    """Call while it is open, and say after how many seconds to come again."""
    with pytest.raises(PartnerPaused, match="are paused") as refusal:
        guard.call(lambda: pytest.fail("asked"))
    return refusal.value.retry_after_seconds


def decline() -> None:
    raise Rejected("declined")


class TestBreaker:
    def test_opens_after_unknown_outcomes_in_a_row(self, guard: Guard) -> None:
        fail_often(guard, RULES.failures - 1)
        assert guard.call(lambda: "asked") == "asked"
        fail_often(guard, RULES.failures - 1)
        with pytest.raises(Rejected):
            guard.call(decline)
        fail_often(guard)
        assert refused(guard) == RULES.pause_seconds

    @pytest.mark.parametrize("refusal", [PartnerNotReady("locked"), PartnerBalanceTooLow()])
    def test_counts_no_refusal_about_one_object(self, guard: Guard, refusal: Exception) -> None:
        fail_often(guard, RULES.failures - 1)
        for _ in range(RULES.failures):
            with pytest.raises(type(refusal)):
                guard.call(_raiser(refusal))
        fail_often(guard, RULES.failures - 1)
        assert guard.call(lambda: "asked") == "asked"

    def test_stays_closed_when_one_sellers_account_left(self, guard: Guard) -> None:
        with StripeDouble() as double:
            stripe = GuardedPayments(connect(double.url), guard)
            request = payout()
            request = msgspec.structs.replace(request, provider_reference=stripe.pay_out(request).provider_reference)
            double.leave(request.destination)
            for _ in range(RULES.failures):
                assert stripe.find_payout(request) is not None
            assert stripe.authorise(attempt()).state == PaymentState.AUTHORIZED  # any buyer of the shop

    def test_counts_no_answer_of_our_own(self, guard: Guard) -> None:
        for fault in (Unavailable("the store"), KeyError("a bug")):
            for _ in range(RULES.failures):
                with pytest.raises(type(fault)):
                    guard.call(_raiser(fault))
        assert guard.call(lambda: "asked") == "asked"

    def test_probes_with_one_call_after_the_pause(self, guard: Guard, clock: Clock) -> None:
        fail_often(guard)
        clock.turn_on(seconds=RULES.pause_seconds - 1)
        assert refused(guard) == 1
        clock.turn_on(seconds=1)
        probing, answered = threading.Event(), threading.Event()

        def response() -> str:
            probing.set()
            assert answered.wait(timeout=10)
            return "answered"

        with ThreadPoolExecutor(1) as pool:
            probe = pool.submit(guard.call, response)
            assert probing.wait(timeout=10)
            with pytest.raises(PartnerPaused, match="Another call tries"):
                guard.call(lambda: pytest.fail("asked"))
            answered.set()
            assert probe.result() == "answered"
        assert guard.call(lambda: "asked") == "asked"

    def test_pauses_longer_after_each_probe_that_fails(self, guard: Guard, clock: Clock) -> None:
        fail_often(guard)
        for pause in (10, 20, 35, 35):
            assert refused(guard) == pause
            clock.turn_on(seconds=pause)
            fail_often(guard, 1)
        clock.turn_on(seconds=35)
        guard.call(lambda: "answered")
        fail_often(guard)
        assert refused(guard) == 10

    def test_goes_on_after_a_pause_of_any_number(self, guard: Guard, clock: Clock) -> None:
        fail_often(guard)
        for _ in range(40):
            clock.turn_on(seconds=RULES.pause_max_seconds)
            fail_often(guard, 1)
        assert refused(guard) == RULES.pause_max_seconds

    def test_is_not_closed_by_a_call_from_before_it_opened(self, guard: Guard) -> None:
        def late() -> str:
            fail_often(guard)
            return "answered"

        assert guard.call(late) == "answered"
        assert refused(guard) == RULES.pause_seconds

    def test_spares_a_call_the_wait_for_a_place(self, guard: Guard, tmp_path: Path, clock: Clock) -> None:
        single = msgspec.structs.replace(CONNECTION, concurrent_calls=1)
        narrow = a_guard(tmp_path / "worker", clock=clock, connection=single, rules=HASTY)

        def slowly() -> int:
            fail_often(guard)
            return refused(narrow)  # its one place is taken by this call

        assert narrow.call(slowly) == RULES.pause_seconds

    def test_is_one_for_all_processes_of_a_folder(self, guard: Guard, tmp_path: Path, clock: Clock) -> None:
        sibling = a_guard(tmp_path / "worker", clock=clock)
        fail_often(guard, 1)
        fail_often(sibling, RULES.failures - 1)
        assert refused(guard) == RULES.pause_seconds

    def test_begins_anew_when_its_file_is_broken(self, guard: Guard, states: Recorded, tmp_path: Path) -> None:
        fail_often(guard)
        states.state = None  # else it would be learnt from there
        (tmp_path / "worker" / "breaker").write_bytes(b'{"state":"op')
        assert guard.call(lambda: "asked") == "asked"


class TestBreakerBetweenProcesses:
    """What another process may do between two looks at the record."""

    @pytest.fixture
    def breaker(self, tmp_path: Path, clock: Clock) -> Breaker:
        return Breaker(tmp_path, rules=RULES, clock=clock)

    def test_lets_nobody_in_whose_probe_was_made_by_another(self, breaker: Breaker, clock: Clock) -> None:
        for _ in range(RULES.failures):
            breaker.note(PartnerUnavailable())
        with pytest.raises(PartnerPaused, match="are paused"), breaker.admit():
            pytest.fail("admitted")
        clock.turn_on(seconds=RULES.pause_seconds)
        with breaker.admit():
            breaker.note(None)
        with breaker.admit():
            assert breaker.observe() == Observation(status=CLOSED, since=clock())

    def test_opens_again_after_one_probe_that_failed_whatever_others_counted(
        self, breaker: Breaker, clock: Clock
    ) -> None:
        breaker.adopt(Observation(status=OPEN, since=clock(), failures=1, reason_code="partner_unavailable"))
        clock.turn_on(seconds=RULES.pause_seconds)
        with breaker.admit():
            breaker.note(PartnerUnavailable())
        with pytest.raises(PartnerPaused, match="are paused"):
            breaker.refuse_if_open()

    def test_takes_over_only_what_is_newer(self, breaker: Breaker, clock: Clock) -> None:
        opened = Observation(status=OPEN, since=clock(), failures=7, reason_code="partner_unavailable")
        clock.turn_on(seconds=5)
        breaker.adopt(opened)
        assert breaker.observe() == opened
        closed = Observation(status=CLOSED, since=clock())
        breaker.adopt(closed)
        breaker.adopt(opened)
        assert breaker.observe() == closed


class TestRecord:
    def test_is_told_once_when_it_opens_and_once_when_it_closes(
        self, guard: Guard, states: Recorded, clock: Clock
    ) -> None:
        opened_at = clock()
        fail_often(guard, RULES.failures - 1)
        with pytest.raises(PartnerMisconfigured):
            guard.call(_raiser(PartnerMisconfigured()))
        refused(guard)
        clock.turn_on(seconds=RULES.pause_seconds)
        fail_often(guard, 1)
        clock.turn_on(seconds=2 * RULES.pause_seconds)
        guard.call(lambda: "answered")
        guard.call(lambda: "answered")
        assert states.reports == [
            Observation(status=OPEN, since=opened_at, failures=RULES.failures, reason_code="partner_misconfigured"),
            Observation(status=CLOSED, since=clock()),
        ]

    def test_spares_other_workers(self, guard: Guard, states: Recorded, clock: Clock, tmp_path: Path) -> None:
        other = a_guard(tmp_path / "another", states=states, clock=clock)
        fail_often(guard)
        assert refused(other) == RULES.pause_seconds
        clock.turn_on(seconds=RULES.pause_seconds)
        guard.call(lambda: "answered")
        assert other.call(lambda: "asked") == "asked"
        assert [seen.status for seen in states.reports] == [OPEN, CLOSED]

    def test_is_asked_for_at_most_once_in_a_while(self, tmp_path: Path, clock: Clock) -> None:
        states = Recorded()
        guard = a_guard(tmp_path, states=states, clock=clock, rules=msgspec.structs.replace(RULES, agree_seconds=3600))
        guard.call(lambda: "asked")
        states.state = state_of(CONNECTION, Observation(status=OPEN, since=clock()))
        assert guard.call(lambda: "asked") == "asked"

    def test_of_an_older_moment_is_mended(self, guard: Guard, states: Recorded, clock: Clock) -> None:
        fail_often(guard)
        states.fault = Unavailable("the store")
        clock.turn_on(seconds=RULES.pause_seconds)
        guard.call(lambda: "answered")
        states.fault = None
        assert guard.call(lambda: "asked") == "asked"
        assert [seen.status for seen in states.reports] == [OPEN, CLOSED]

    def test_that_was_never_made_is_made_later(self, guard: Guard, states: Recorded) -> None:
        states.fault = Unavailable("the store")
        fail_often(guard)
        states.fault = None
        refused(guard)
        refused(guard)
        assert [seen.status for seen in states.reports] == [OPEN]

    def test_that_cannot_be_had_is_logged_and_stops_no_call(
        self, guard: Guard, states: Recorded, clock: Clock, caplog: pytest.LogCaptureFixture
    ) -> None:
        for fault, code in ((Unavailable("the store"), "unavailable"), (KeyError("x"), "KeyError")):
            caplog.clear()
            states.fault = fault
            fail_often(guard)
            clock.turn_on(seconds=RULES.pause_seconds)
            assert guard.call(lambda: "asked") == "asked"
            said = caplog.messages
            assert said.count(f"state of a connection not recorded: {code}") == 2
            assert f"state of a connection not read: {code}" in said


class TestFaultOfItsOwn:
    def test_is_logged_and_the_call_is_made(self, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
        (tmp_path / "full").write_text("a file where the folder should be")
        guard = a_guard(tmp_path / "full")
        with caplog.at_level(logging.ERROR):
            assert guard.call(lambda: "asked") == "asked"
            fail_often(guard, RULES.failures + 1)
        assert "partner called unguarded: guard_unusable" in caplog.messages
        assert "outcome of a call to a partner not counted: guard_unusable" in caplog.messages


class TestGuards:
    @pytest.fixture
    def guards(self, tmp_path: Path, clock: Clock) -> Guards:
        return Guards(str(tmp_path), open_states=lambda _: Recorded(), rules=RULES, clock=clock)

    def test_a_tenants_open_breaker_stops_no_other(self, guards: Guards) -> None:
        one, other = a_tenant("a"), a_tenant("b")
        fail_often(guards.for_connection(one, CONNECTION))
        assert guards.for_connection(other, CONNECTION).call(lambda: "asked") == "asked"
        assert refused(guards.for_connection(one, CONNECTION)) == RULES.pause_seconds

    def test_a_change_of_the_connection_holds_from_the_next_call(self, guards: Guards) -> None:
        tenant = a_tenant("a")
        slow = msgspec.structs.replace(CONNECTION, calls_per_second=1)
        fast = guards.for_connection(tenant, CONNECTION)
        assert guards.for_connection(tenant, CONNECTION) is fast
        assert guards.for_connection(tenant, slow) is not fast

    def test_without_a_folder_have_one_until_they_are_closed(self, clock: Clock) -> None:
        guards = Guards(None, open_states=lambda _: Recorded(), rules=RULES, clock=clock)
        fail_often(guards.for_connection(a_tenant("a"), CONNECTION))
        assert refused(guards.for_connection(a_tenant("a"), CONNECTION)) == RULES.pause_seconds
        guards.close()
        assert guards.for_connection(a_tenant("a"), CONNECTION).call(lambda: "asked") == "asked"
        guards.close()


class Echo:
    """A partner that says what it was asked. Stands in for either port."""

    name = "echo"

    def __getattr__(self, method: str) -> Any:
        return lambda *given, **named: (method, given, named)


_WALKED = {"iter_transactions", "iter_account_movements"}


class TestGuardedPorts:
    @pytest.mark.parametrize(
        ("guarded", "port"), [(GuardedPayments, PaymentProvider), (GuardedShipping, ShippingProvider)]
    )
    def test_ask_the_same_and_only_while_it_is_closed(self, guard: Guard, guarded: Any, port: Any) -> None:
        partner = guarded(Echo(), guard)
        assert partner.name == "echo"
        methods = {name for name in vars(port) if not name.startswith("_")} - {"name"}
        for name in sorted(methods - _WALKED):
            assert _called(partner, port, name)[0] == name
        fail_often(guard)
        for name in sorted(methods - _WALKED - {"read_event"}):
            with pytest.raises(PartnerPaused, match="are paused"):
                _called(partner, port, name)
        assert _called(partner, port, "read_event")[0] == "read_event"

    def test_pass_on_what_they_are_given(self, guard: Guard) -> None:
        shipping: Any = GuardedShipping(Echo(), guard)
        asked = shipping.void_label(shipment_id="shp_1", provider_reference="ref")
        assert asked == ("void_label", (), {"shipment_id": "shp_1", "provider_reference": "ref"})


class Books:
    """Hands out numbers one after the other, and then no response."""

    def __init__(self, count: int, *, fails: bool = False) -> None:
        self.count, self.fails, self.begun = count, fails, 0

    def iter_transactions(self, *, since: object) -> Iterator[int]:  # noqa: ARG002 - the port's
        self.begun += 1
        yield from range(self.count)
        if self.fails:
            fail()


class Silent:
    """Does not even begin."""

    def iter_transactions(self, *, since: object) -> Iterator[int]:  # noqa: ARG002 - the port's
        fail()
        return iter(())


class TestWalk:
    @pytest.mark.parametrize("count", [0, 1, 100, 250])
    def test_goes_through_all_of_them_once(self, guard: Guard, count: int) -> None:
        books: Any = Books(count)
        walked: list[Any] = list(GuardedPayments(books, guard).iter_transactions(since=Clock()()))
        assert walked == list(range(count))
        assert books.begun == 1

    def test_stops_where_the_partner_does(self, guard: Guard) -> None:
        books: Any = Books(150, fails=True)
        with pytest.raises(PartnerUnavailable, match="no answer"):
            list(GuardedPayments(books, guard).iter_transactions(since=Clock()()))

    def test_that_cannot_even_begin_is_an_unknown_outcome(self, guard: Guard) -> None:
        partner: Any = Silent()
        for _ in range(RULES.failures):
            with pytest.raises(PartnerUnavailable, match="no answer"):
                list(GuardedPayments(partner, guard).iter_transactions(since=Clock()()))
        assert refused(guard) == RULES.pause_seconds

    def test_is_not_begun_while_it_is_open(self, guard: Guard) -> None:
        fail_often(guard)
        books: Any = Books(1)
        with pytest.raises(PartnerPaused, match="are paused"):
            list(GuardedPayments(books, guard).iter_transactions(since=Clock()()))
        assert books.begun == 0


def _called(partner: Any, port: Any, name: str) -> Any:
    code = vars(port)[name].__code__
    given = code.co_varnames[1 : code.co_argcount]
    named = code.co_varnames[code.co_argcount : code.co_argcount + code.co_kwonlyargcount]
    return getattr(partner, name)(*given, **{each: each for each in named})


def _raiser(fault: Exception) -> Any:
    def ask() -> None:
        raise fault

    return ask

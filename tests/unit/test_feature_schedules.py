"""When a scheduled feature advances, waits or is held, by the failed messages of the tenants that it reached."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from resale.domain.feature_schedules import (
    FeatureReleasedToAll,
    Progress,
    Verdict,
    WavePlanRefused,
    begins_by_itself,
    change_plan,
    decide,
    due_at,
    lowest_failures,
    reason_to_hold,
    require_next_wave,
    worse_tenants,
)
from resale.domain.features import Declaration, Feature
from resale.domain.waves import MAX_HOURS, Wave, WavePlan

NOW = datetime(2026, 12, 1, 12, tzinfo=UTC)
PLAN = WavePlan(ring_hours=2, canary_hours=3, tenth_hours=4)


def progress(**changes: Any) -> Progress:
    given: dict[str, Any] = {"wave": Wave.CANARY, "observed_since": NOW, "failures_before": {"a": 2}}
    return Progress(plan=PLAN, **{**given, **changes})


class TestDecide:
    @pytest.mark.parametrize(("wave", "hours"), [(Wave.RING, 2), (Wave.CANARY, 3), (Wave.TENTH, 4)])
    def test_advances_when_the_hours_of_the_wave_are_over(self, wave: Wave, hours: int) -> None:
        observed, over = progress(wave=wave), NOW + timedelta(hours=hours)
        assert decide(observed, {"a": 2}, now=over - timedelta(seconds=1)) == Verdict.WAIT
        assert decide(observed, {"a": 2}, now=over) == Verdict.ADVANCE
        assert due_at(observed) == over

    def test_of_nobody_nothing_is_observed(self) -> None:
        assert decide(progress(wave=Wave.NONE, observed_since=None), {}, now=NOW) == Verdict.ADVANCE

    def test_waits_until_failures_were_counted_once(self) -> None:
        fresh = progress(observed_since=None, failures_before={})
        assert decide(fresh, {"a": 9}, now=NOW + timedelta(days=99)) == Verdict.WAIT
        assert due_at(fresh) is None

    def test_a_new_failure_holds_before_and_after_the_hours(self) -> None:
        for later in (timedelta(), timedelta(days=1)):
            assert decide(progress(), {"a": 3}, now=NOW + later) == Verdict.HOLD

    def test_a_tenant_that_joined_is_not_blamed_for_what_it_had(self) -> None:
        assert decide(progress(), {"a": 2, "new": 7}, now=NOW) == Verdict.WAIT

    def test_as_many_new_failures_as_were_replayed_are_not_hidden(self) -> None:
        lowest = lowest_failures(progress(), {"a": 0, "new": 7})
        assert lowest == {"a": 0, "new": 7}
        assert worse_tenants(progress(failures_before=lowest), {"a": 1, "new": 7}) == ("a",)
        assert lowest_failures(progress(failures_before=lowest), {"a": 1}) == {"a": 0}

    def test_a_hold_names_tenants_within_the_bound_of_a_reason(self) -> None:
        slugs = [f"{number}{'x' * 30}" for number in range(9)]
        reason = reason_to_hold(progress(failures_before=dict.fromkeys(slugs, 0)), dict.fromkeys(slugs, 10**6))
        assert f"{slugs[2]} 1000000, and 6 tenants more" in reason
        assert slugs[3] not in reason
        assert len(reason) <= 200


class TestPlans:
    @pytest.mark.parametrize("hours", [{"ring_hours": 0}, {"tenth_hours": MAX_HOURS + 1}, {"all_hours": 5}])
    def test_hours_out_of_bounds_are_refused(self, hours: dict[str, int]) -> None:
        with pytest.raises(WavePlanRefused, match="1 to 2160 hours"):
            change_plan(PLAN, hours)

    def test_what_is_left_out_stays(self) -> None:
        assert change_plan(PLAN, {"canary_hours": MAX_HOURS}) == WavePlan(
            ring_hours=2, canary_hours=MAX_HOURS, tenth_hours=4
        )

    def test_after_all_there_is_none(self) -> None:
        assert [require_next_wave(Feature.RELISTING, wave) for wave in list(Wave)[:-1]] == list(Wave)[1:]
        with pytest.raises(FeatureReleasedToAll):
            require_next_wave(Feature.RELISTING, Wave.ALL)


class TestDeclarations:
    @pytest.mark.parametrize(
        ("begins_on", "wave", "begins"),
        [
            (None, Wave.NONE, False),
            (NOW.date(), Wave.NONE, True),
            (NOW.date() + timedelta(days=1), Wave.NONE, False),
            (NOW.date(), Wave.ALL, False),
        ],
    )
    def test_begin_by_themselves_on_their_day(self, begins_on: date | None, wave: Wave, begins: bool) -> None:  # noqa: FBT001 - a case
        declared = Declaration(
            summary="A test.", since=date(2026, 11, 1), default_wave=wave, latest=date(2029, 1, 1), begins_on=begins_on
        )
        assert begins_by_itself(declared, today=NOW.date()) is begins

"""Rollouts that go on by themselves, tenants that bake side by side, and the end of one that is abandoned."""

from datetime import timedelta
from io import StringIO

import pytest
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command

from apps.tenancy.entitlement_changes import Cause
from apps.tenancy.models import EntitlementChange, Rollout, Tenant, TenantUpgrade
from apps.tenancy.upgrades.schedule import abandon_rollout
from resale.domain.tenant_upgrades import (
    RolloutAbandoned,
    RolloutNotFound,
    RolloutUnfinished,
    UpgradeState,
    UpgradeStopped,
    UpgradeUnhealthy,
)
from resale.domain.tenants import Tenant as KnownTenant
from resale.domain.waves import Wave, place_of
from tests.tenancy.upgrade_world import SLUGS, Platform, in_order, organisation_of, states, templates

pytestmark = pytest.mark.django_db

CAUSE = Cause(by="stf_1", reason="The template has a fault")
PLAN = {"ring_hours": 1, "canary_hours": 2, "tenth_hours": 3}


@pytest.fixture
def platform() -> Platform:
    return Platform(organisation_of(*SLUGS))


@pytest.fixture
def scheduled(platform: Platform) -> Platform:
    platform.rollouts.start(wave=Wave.RING, keeps_templates=False, plan=PLAN, cause=CAUSE)
    return platform


def upgraded(platform: Platform) -> list[str]:
    return [slug for slug in in_order() if templates(platform.organisation)[slug] == "1-b"]


def recorded() -> list[tuple[str, str, str | None]]:
    rows = EntitlementChange.objects.filter(subject="rollout").order_by("id")
    return [(row.changed_by, row.value["wave"], row.value["state"]) for row in rows]


class TestBakeTime:
    def test_a_tenant_whose_time_is_over_is_judged_before_another_is_begun(self) -> None:
        slugs = (*SLUGS, "fourth")
        platform = Platform(organisation_of(*slugs))
        first, second, third, fourth = sorted(slugs, key=lambda slug: place_of(slug, "1-b"))

        def take_time(tenant: KnownTenant) -> None:
            if tenant.slug == third:
                platform.now += timedelta(seconds=61)
                platform.errors = {second: 1}

        platform.as_counted = take_time
        with pytest.raises(UpgradeStopped, match=f"{second} is rolled_back"):
            platform.roll_out()
        assert states() == {first: "upgraded", second: "rolled_back", third: "upgraded", fourth: "pending"}
        assert platform.baked == [60, 60]  # of the first, which is the canary, and of the third

    def test_tenants_that_were_changed_before_one_that_fails_are_judged(self, platform: Platform) -> None:
        first, second, third = in_order()

        def fail_the_third(tenant: KnownTenant) -> None:
            if tenant.slug == third:
                platform.organisation.smoke_fault = "broken"

        platform.as_counted = fail_the_third
        with pytest.raises(UpgradeStopped, match=f"{third} is rolled_back"):
            platform.roll_out()
        assert states() == {first: "upgraded", second: "upgraded", third: "rolled_back"}

    def test_each_that_fails_side_by_side_goes_back(self, platform: Platform) -> None:
        first, *others = in_order()

        def fail_the_others() -> None:
            if states()[first] == "upgraded":
                platform.errors_after = dict.fromkeys(others, 1)

        platform.as_baked = fail_the_others
        with pytest.raises(UpgradeStopped):
            platform.roll_out()
        assert states() == {first: "upgraded", **dict.fromkeys(others, "rolled_back")}

    def test_one_that_was_killed_while_it_baked_is_judged_by_the_next_run(self, platform: Platform) -> None:
        first = in_order()[0]

        def kill() -> None:
            raise KeyboardInterrupt

        platform.as_baked = kill
        with pytest.raises(KeyboardInterrupt):
            platform.roll_out()
        assert states()[first] == "baking"
        platform.as_baked, platform.errors = lambda: None, {first: 1}
        served = len(platform.organisation.served)
        with pytest.raises(UpgradeStopped, match="1 more than before"):
            platform.rollouts.resume()
        assert states()[first] == "rolled_back"
        assert len(platform.organisation.served) == served  # it was not upgraded a second time


class TestAdvance:
    def test_goes_on_wave_by_wave_when_the_hours_are_over(self, scheduled: Platform) -> None:
        reached = []
        for hours in (0.9, 0.1, 1.9, 0.1, 2.9, 0.1, 99):
            scheduled.advance(after_hours=hours)
            reached.append(len(upgraded(scheduled)))
        assert reached == [0, 1, 1, 1, 1, 3, 3]
        waves = ["ring", "canary", "tenth", "all"]
        assert recorded() == [
            ("stf_1", "ring", "running"),
            *(("schedule", wave, "running") for wave in waves[1:]),
        ]
        assert [rollout.wave for rollout in Rollout.objects.order_by("id")] == waves

    def test_new_failures_of_a_tenant_that_was_reached_stop_it_between_two_waves(self, scheduled: Platform) -> None:
        scheduled.advance(after_hours=1)
        (first,) = upgraded(scheduled)
        scheduled.errors = {first: 2}
        with pytest.raises(UpgradeUnhealthy, match=f"{first} 2"):
            scheduled.advance()
        stopped = Rollout.objects.first()
        assert stopped is not None
        assert (stopped.state, upgraded(scheduled)) == ("stopped", [first])
        assert first in stopped.detail
        assert recorded()[-1] == ("schedule", "canary", "stopped")
        with pytest.raises(RolloutUnfinished, match="is stopped"):
            scheduled.advance(after_hours=99)
        scheduled.rollouts.resume()  # an operator read them
        assert "is observed until" in scheduled.advance(after_hours=1.9)
        scheduled.advance(after_hours=0.1)
        scheduled.advance(after_hours=3)
        assert upgraded(scheduled) == in_order()

    def test_as_many_new_failures_as_were_replayed_are_not_hidden(self, scheduled: Platform) -> None:
        scheduled.errors = dict.fromkeys(SLUGS, 5)
        scheduled.advance(after_hours=1)
        (first,) = upgraded(scheduled)
        scheduled.errors = {first: 0}
        scheduled.advance(after_hours=1)
        scheduled.errors = {first: 4}
        with pytest.raises(UpgradeUnhealthy, match=f"{first} 4"):
            scheduled.advance(after_hours=1)

    def test_a_rollout_that_is_not_scheduled_stays_where_it_is(self, platform: Platform) -> None:
        assert platform.advance() == "no rollout is scheduled"
        platform.roll_out(Wave.CANARY)
        assert platform.advance(after_hours=99) == "no rollout is scheduled"
        assert len(upgraded(platform)) == 1

    def test_another_release_is_not_rolled_out_by_an_old_schedule(self, scheduled: Platform) -> None:
        scheduled.organisation.release = "1-c"
        assert "then start another" in scheduled.advance(after_hours=99)
        assert Rollout.objects.count() == 1

    def test_one_that_is_abandoned_while_tenants_are_counted_does_not_go_on(self, scheduled: Platform) -> None:
        scheduled.advance(after_hours=1)

        def abandon(_: KnownTenant) -> None:
            if Rollout.objects.filter(state="abandoned").count() == 0:
                abandon_rollout(cause=CAUSE)

        scheduled.as_counted = abandon
        with pytest.raises(RolloutAbandoned):
            scheduled.advance(after_hours=2)
        assert Rollout.objects.count() == 2

    def test_another_rollout_does_not_replace_one_that_waits(self, scheduled: Platform) -> None:
        with pytest.raises(RolloutUnfinished, match="waits for its next wave"):
            scheduled.roll_out(keeps_templates=True)
        scheduled.advance(after_hours=1)
        assert len(upgraded(scheduled)) == 1

    def test_tenants_of_an_older_rollout_do_not_decide(self, platform: Platform) -> None:
        platform.roll_out(Wave.CANARY)
        platform.rollouts.start(wave=Wave.RING, keeps_templates=False, plan=PLAN, cause=CAUSE)
        platform.errors = dict.fromkeys(in_order()[:1], 3)  # since weeks
        platform.advance(after_hours=1)
        assert [rollout.wave for rollout in Rollout.objects.all()] == ["canary", "ring", "canary"]

    def test_settings_alone_have_no_schedule(self) -> None:
        with pytest.raises(CommandError, match="Leave out --settings-only"):
            call_command("upgrade_tenants", "--scheduled", "--settings-only", "--reason", "A test")

    def test_one_that_runs_is_left_alone_and_one_that_was_killed_is_reported(self, scheduled: Platform) -> None:
        Rollout.objects.update(state="running")
        assert "is running" in scheduled.advance(after_hours=2)
        with pytest.raises(RolloutUnfinished, match="is running"):
            scheduled.advance(after_hours=0.1)

    def test_one_whose_tenants_bake_for_hours_is_not_taken_for_killed(self) -> None:
        platform = Platform(organisation_of(*SLUGS), bake_seconds=3 * 3600)
        platform.rollouts.start(wave=Wave.RING, keeps_templates=False, plan=PLAN, cause=CAUSE)
        Rollout.objects.update(state="running")
        assert "is running" in platform.advance(after_hours=4.9)
        with pytest.raises(RolloutUnfinished, match="is running"):
            platform.advance(after_hours=0.1)

    def test_one_that_stops_within_a_wave_waits_for_an_operator(self, scheduled: Platform) -> None:
        scheduled.organisation.smoke_fault = "broken"
        with pytest.raises(UpgradeStopped):
            scheduled.advance(after_hours=1)
        with pytest.raises(RolloutUnfinished, match="is stopped"):
            scheduled.advance(after_hours=99)


class TestAbandon:
    def test_nobody_else_is_begun_and_another_rollout_can_be(self, platform: Platform) -> None:
        first, second, third = in_order()
        Tenant.objects.filter(slug=third).update(approves_upgrades=True)
        platform.errors_after = {first: 1}
        with pytest.raises(UpgradeStopped):
            platform.roll_out()
        left = abandon_rollout(cause=CAUSE)
        assert left == {UpgradeState.ROLLED_BACK: 1, UpgradeState.ABANDONED: 2}
        assert states() == {first: "rolled_back", second: "abandoned", third: "abandoned"}
        assert set(templates(platform.organisation).values()) == {"1-a"}
        assert recorded() == [("stf_1", "all", "abandoned")]
        with pytest.raises(RolloutNotFound):
            platform.rollouts.resume()
        Tenant.objects.update(approves_upgrades=False)
        platform.errors_after = {}
        platform.roll_out()
        assert set(templates(platform.organisation).values()) == {"1-b"}

    def test_a_process_that_runs_it_ends_after_its_tenant(self, platform: Platform) -> None:
        first, *others = in_order()

        def abandon() -> None:
            abandon_rollout(cause=CAUSE)

        platform.as_baked, platform.errors_after = abandon, {first: 1}
        with pytest.raises(RolloutAbandoned):
            platform.roll_out()
        assert states() == {first: "baking", **dict.fromkeys(others, "abandoned")}
        assert Rollout.objects.get().state == "abandoned"
        assert upgraded(platform) == [first]  # it keeps the template, whatever its messages do

    def test_one_that_is_abandoned_while_it_is_resumed_does_not_go_on(
        self, platform: Platform, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        platform.errors_after = {in_order()[0]: 1}
        with pytest.raises(UpgradeStopped):
            platform.roll_out()
        release = platform.organisation.release

        def abandon() -> str:
            abandon_rollout(cause=CAUSE)
            return release

        monkeypatch.setattr(platform.terminal.onboarding, "release_template", abandon)
        with pytest.raises(RolloutNotFound, match="abandoned meanwhile"):
            platform.rollouts.resume()
        assert Rollout.objects.get().state == "abandoned"
        assert set(templates(platform.organisation).values()) == {"1-a"}

    def test_one_that_waits_for_its_next_wave_ends(self, scheduled: Platform) -> None:
        scheduled.advance(after_hours=1)
        assert abandon_rollout(cause=CAUSE) == {UpgradeState.UPGRADED: 1}
        assert scheduled.advance(after_hours=99) == "no rollout is scheduled"
        assert len(upgraded(scheduled)) == 1

    def test_there_is_none_to_abandon(self, platform: Platform) -> None:
        with pytest.raises(RolloutNotFound):
            abandon_rollout(cause=CAUSE)
        platform.roll_out()
        with pytest.raises(RolloutNotFound):
            abandon_rollout(cause=CAUSE)

    def test_without_a_reason_nothing_is_abandoned(self, scheduled: Platform) -> None:
        with pytest.raises(ValidationError):
            abandon_rollout(cause=Cause(by="stf_1", reason=" "))
        assert Rollout.objects.get().state == "completed"
        assert "is observed until" in scheduled.advance()

    def test_by_command_prints_what_happens_to_each(self, scheduled: Platform) -> None:
        scheduled.advance(after_hours=1)
        output = StringIO()
        call_command("upgrade_tenants", "--abandon", "--reason", "A fault", stdout=output)
        assert "1 upgraded           keeps the new template" in output.getvalue()
        with pytest.raises(CommandError, match="rollout_not_found"):
            call_command("upgrade_tenants", "--abandon", "--reason", "A fault")
        assert TenantUpgrade.objects.get().state == "upgraded"

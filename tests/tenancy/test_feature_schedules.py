"""Features that advance by themselves: the waves of the registry, the hold, the races, the command and its author."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from apps.tenancy import registry
from apps.tenancy.entitlement_changes import Cause
from apps.tenancy.feature_changes import opt_in, release_feature, set_ring
from apps.tenancy.feature_schedules import (
    Advance,
    advance_features,
    hold_feature,
    resume_feature,
    schedule_feature,
    view_of,
)
from apps.tenancy.models import EntitlementChange, FeatureRelease, Tenant
from resale.domain.feature_schedules import FeatureNotScheduled, FeatureReleasedToAll, ReleaseMode, WavePlanRefused
from resale.domain.features import Feature
from resale.domain.tenants import Tenant as KnownTenant
from resale.domain.waves import Wave, place_of
from resale.errors import Unavailable
from tests.fixtures.tenants import Shop

CAUSE = Cause(by="stf_1", reason="The waves of this week")
RELISTING = Feature.RELISTING
START = datetime(2026, 12, 1, 12, tzinfo=UTC)
HOURS = {"ring_hours": 1, "canary_hours": 2, "tenth_hours": 3}


class World:
    """Dead letters by tenant, and the time; ``run`` is one run of the schedule."""

    def __init__(self) -> None:
        self.now = START
        self.failures: dict[str, int] = {}
        self.as_counted: Callable[[KnownTenant], None] = lambda _: None

    def count(self, tenant: KnownTenant) -> int:
        self.as_counted(tenant)
        return self.failures.get(tenant.slug, 0)

    def run(self, *, after_hours: float = 0) -> tuple[Advance, ...]:
        self.now += timedelta(hours=after_hours)
        return advance_features(count_failures=self.count, now=lambda: self.now)


@pytest.fixture
def world(northwind: Shop, atelier: Shop) -> World:
    assert northwind.tenant.tier == atelier.tenant.tier == "standard"
    release_feature(feature=RELISTING, wave=Wave.NONE, cause=CAUSE)
    schedule_feature(feature=RELISTING, hours=HOURS, cause=CAUSE)
    return World()


def wave() -> str:
    return FeatureRelease.objects.get().wave


def who_has_it() -> set[str]:
    return {tenant.slug for tenant in registry.Registry().served_tenants() if tenant.is_enabled(RELISTING)}


def first_slug() -> str:
    return min(("northwind", "atelier"), key=lambda slug: place_of(slug, RELISTING))


def changes() -> list[tuple[str, str, str]]:
    rows = EntitlementChange.objects.filter(tenant=None, subject="feature:relisting").order_by("id")
    return [(row.changed_by, row.value["wave"], row.value["mode"]) for row in rows]


class TestAdvance:
    def test_reaches_all_by_itself_wave_by_wave(self, world: World) -> None:
        seen = []
        for hours in (0, 0.5, 0.5, 1.9, 0.1, 2.9, 0.1, 999):
            world.run(after_hours=hours)
            seen.append(wave())
        assert seen == ["ring", "ring", "canary", "canary", "tenth", "tenth", "all", "all"]
        assert who_has_it() == {"northwind", "atelier"}
        assert changes()[2:] == [("schedule", wave, "scheduled") for wave in ("ring", "canary", "tenth", "all")]
        assert world.run() == ()

    def test_a_new_failed_message_of_a_reached_tenant_holds_it_where_it_is(self, world: World) -> None:
        world.failures = {first_slug(): 4}
        world.run()
        world.run(after_hours=1)
        assert who_has_it() == {first_slug()}
        world.failures = {first_slug(): 5}
        (held,) = world.run(after_hours=99)
        assert (held.needs_action, wave(), who_has_it()) == (True, "canary", {first_slug()})
        assert f"{first_slug()} 1" in held.detail
        assert changes()[-1] == ("schedule", "canary", "held")
        assert world.run(after_hours=99) == ()
        assert wave() == "canary"

    def test_a_failure_of_a_tenant_that_was_not_reached_holds_nothing(self, world: World) -> None:
        (other,) = {"northwind", "atelier"} - {first_slug()}
        world.run()
        world.run(after_hours=1)
        world.failures = {other: 9}
        world.run(after_hours=2)
        assert wave() == "tenth"

    def test_a_resumed_one_is_observed_anew_for_all_its_hours(self, world: World) -> None:
        world.run()
        world.run(after_hours=1)
        hold_feature(feature=RELISTING, cause=CAUSE)
        world.failures = {first_slug(): 7}
        assert world.run(after_hours=99) == ()
        resume_feature(feature=RELISTING, cause=CAUSE)
        for hours in (0, 1.9):
            (observed,) = world.run(after_hours=hours)
            assert (observed.needs_action, wave()) == (False, "canary")
        world.run(after_hours=0.1)
        assert wave() == "tenth"

    def test_without_the_signal_of_a_tenant_nothing_goes_on(self, world: World) -> None:
        world.run()
        world.run(after_hours=1)

        def denied(_: KnownTenant) -> None:
            raise Unavailable("The queues do not respond.")

        world.as_counted = denied
        (one,) = world.run(after_hours=99)
        assert (one.needs_action, wave(), view_of(RELISTING).mode) == (True, "canary", ReleaseMode.SCHEDULED)
        world.as_counted = lambda _: None
        world.run()
        assert wave() == "tenth"

    def test_a_tenant_that_has_the_feature_keeps_it_when_another_with_a_lower_place_joins(self, world: World) -> None:
        first = first_slug()
        (later,) = {"northwind", "atelier"} - {first}
        Tenant.objects.filter(slug=first).update(in_ring=True)  # so that the other one is the canary
        world.run()
        world.run(after_hours=1)
        set_ring(slug=first, in_ring=False, cause=CAUSE)
        assert later in who_has_it()
        world.run(after_hours=2)
        assert (wave(), who_has_it()) == ("tenth", {first, later})

    def test_what_an_operator_does_meanwhile_holds(self, world: World) -> None:
        world.run()
        world.as_counted = lambda _: hold_feature(feature=RELISTING, cause=CAUSE)
        (one,) = world.run(after_hours=1)
        assert "changed meanwhile" in one.detail
        assert (wave(), view_of(RELISTING).mode) == ("ring", ReleaseMode.HELD)

    @pytest.mark.parametrize(("in_ring", "mode"), [(False, "scheduled"), (True, "held")])
    def test_a_sandbox_decides_only_in_the_ring(self, world: World, in_ring: bool, mode: str) -> None:  # noqa: FBT001 - a case
        sandbox = first_slug()  # below the reach of the other one, which is the canary
        Tenant.objects.filter(slug=sandbox).update(tier="sandbox", sandbox=True, in_ring=in_ring)
        world.run()
        world.run(after_hours=1)
        assert who_has_it() == {"northwind", "atelier"}
        world.failures = {sandbox: 5}
        world.run()
        assert view_of(RELISTING).mode == mode

    def test_a_premium_tenant_decides_nothing(self, world: World) -> None:
        Tenant.objects.filter(slug=first_slug()).update(tier="premium", in_ring=True)
        opt_in(slug=first_slug(), feature=RELISTING, cause=CAUSE)
        world.run()
        world.failures = {first_slug(): 5}
        world.run(after_hours=1)
        assert wave() == "canary"


class TestOperators:
    def test_a_release_by_hand_ends_the_schedule(self, world: World) -> None:
        release_feature(feature=RELISTING, wave=Wave.RING, cause=CAUSE)
        assert world.run(after_hours=99) == ()
        assert wave() == "ring"
        with pytest.raises(FeatureNotScheduled):
            hold_feature(feature=RELISTING, cause=CAUSE)

    @pytest.mark.usefixtures("world")
    def test_bad_schedules_are_refused_and_change_nothing(self) -> None:
        with pytest.raises(WavePlanRefused):
            schedule_feature(feature=RELISTING, hours={"ring_hours": 0}, cause=CAUSE)
        release_feature(feature=RELISTING, wave=Wave.ALL, cause=CAUSE)
        with pytest.raises(FeatureReleasedToAll):
            schedule_feature(feature=RELISTING, hours={}, cause=CAUSE)
        assert view_of(RELISTING).mode == ReleaseMode.MANUAL

    def test_a_view_names_who_is_observed_until_when(self, world: World) -> None:
        assert view_of(RELISTING).due_at is None
        world.run()
        world.run(after_hours=1)
        shown = view_of(RELISTING)
        assert (shown.observed, shown.due_at) == ((first_slug(),), world.now + timedelta(hours=2))


class TestCommand:
    def run(self, *words: str) -> str:
        output = StringIO()
        call_command("features", *words, stdout=output)
        return output.getvalue()

    @pytest.mark.usefixtures("northwind")
    def test_schedules_holds_and_resumes(self) -> None:
        reason = ("--reason", "A test")
        self.run("release", "relisting", "--wave", "none", *reason)
        shown = self.run("schedule", "relisting", "--canary-hours", "9", *reason)
        assert "ring 24 h, canary 9 h, tenth 72 h" in shown
        assert "released to the wave ring" in self.run("advance")
        assert "scheduled, next wave: 20" in self.run("list")
        assert "held" in self.run("hold", "relisting", *reason)
        assert self.run("advance") == "0 scheduled features\n"
        self.run("resume", "relisting", *reason)
        assert "observed in the wave ring: 0 tenants" in self.run("advance")

    @pytest.mark.usefixtures("northwind")
    def test_a_refusal_has_its_code(self) -> None:
        for words, code in (
            (("hold", "relisting"), "feature_not_scheduled"),
            (("schedule", "relisting"), "feature_released_to_all"),
        ):
            with pytest.raises(CommandError, match=code):
                self.run(*words, "--reason", "A test")

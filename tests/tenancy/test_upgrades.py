"""Rollouts: waves, approval, the way back of a tenant, every crash, and drift."""

from datetime import UTC, datetime, timedelta
from typing import Final

import msgspec
import pytest

from apps.tenancy import registry
from apps.tenancy.entitlement_changes import Cause
from apps.tenancy.models import OnboardingRecord, OnboardingRun, Rollout, Tenant, TenantUpgrade
from apps.tenancy.step_runs.leases import LEASE
from apps.tenancy.tenants import set_tenant_status
from apps.tenancy.upgrades.approval import approve_upgrade
from apps.tenancy.upgrades.drift import find_drift
from resale.domain.tenant_onboarding import OnboardingInProgress, SmokeTestFailed, StackFailed
from resale.domain.tenant_upgrades import (
    ApprovalNotRequired,
    RolloutNotFound,
    RolloutUnfinished,
    TemplateUnknown,
    UpgradeStopped,
    UpgradeUnhealthy,
)
from resale.domain.tenants import Resources, TenantStatus
from resale.domain.tenants import Tenant as KnownTenant
from resale.domain.waves import Wave
from tests.fixtures.tenants import resources_of
from tests.tenancy.onboarding_world import Boundaries, Killed, Organisation, boundaries_of
from tests.tenancy.upgrade_world import SLUGS, Platform, in_order, organisation_of, states, templates

pytestmark = pytest.mark.django_db

CAUSE = Cause(by="stf_1", reason="The brand wrote so")


@pytest.fixture
def organisation() -> Organisation:
    return organisation_of(*SLUGS)


@pytest.fixture
def platform(organisation: Organisation) -> Platform:
    return Platform(organisation)


class TestWaves:
    def test_all_reach_the_release_in_order_and_are_tested(self, platform: Platform) -> None:
        platform.roll_out()
        assert set(templates(platform.organisation).values()) == {"1-b"}
        assert [line.split()[0] for line in platform.lines] == in_order()
        assert len(platform.organisation.served) == 3
        assert platform.baked == [60, 60]  # the canary, then both others side by side
        assert Rollout.objects.get().state == "completed"
        assert all(run.state == "active" for run in OnboardingRun.objects.all())

    def test_a_canary_is_one_and_the_next_wave_passes_it_over(self, platform: Platform) -> None:
        platform.roll_out(Wave.CANARY)
        assert [slug for slug, name in templates(platform.organisation).items() if name == "1-b"] == in_order()[:1]
        platform.roll_out(Wave.ALL)
        assert TenantUpgrade.objects.count() == 3

    def test_the_ring_is_first(self, platform: Platform) -> None:
        last = in_order()[-1]
        Tenant.objects.filter(slug=last).update(in_ring=True)
        platform.roll_out(Wave.RING)
        assert [slug for slug, name in templates(platform.organisation).items() if name == "1-b"] == [last]

    def test_a_plan_writes_nothing(self, platform: Platform) -> None:
        planned = platform.rollouts.plan(wave=Wave.ALL, keeps_templates=False)
        assert [(one.slug, one.former) for one in planned] == [(slug, "1-a") for slug in in_order()]
        assert [one.wave for one in planned] == [Wave.CANARY, Wave.ALL, Wave.ALL]
        assert not Rollout.objects.exists()

    def test_of_settings_alone_keeps_the_templates(self, platform: Platform) -> None:
        platform.roll_out(keeps_templates=True)
        assert set(templates(platform.organisation).values()) == {"1-a"}
        assert len(platform.organisation.served) == 3
        platform.terminal.onboarding.resume("first")
        assert templates(platform.organisation)["first"] == "1-a"

    def test_of_settings_alone_refuses_an_unknown_template(self, platform: Platform) -> None:
        _forget_template(platform.organisation, "second")
        with pytest.raises(TemplateUnknown, match="second"):
            platform.roll_out(keeps_templates=True)
        assert not Rollout.objects.exists()
        assert set(templates(platform.organisation).values()) == {"1-a"}

    def test_of_settings_alone_stops_at_a_template_that_became_unknown(self, platform: Platform) -> None:
        first, second, _ = in_order()
        platform.as_baked = lambda: _forget_template(platform.organisation, second)
        applied = dict(platform.organisation.applied)
        with pytest.raises(UpgradeStopped) as stopped:
            platform.roll_out(keeps_templates=True)
        assert isinstance(stopped.value.__cause__, TemplateUnknown)
        assert states()[second] == "failed"
        assert set(templates(platform.organisation).values()) == {"1-a"}
        platform.organisation.applied, platform.as_baked = applied, lambda: None
        platform.rollouts.resume()
        assert set(states().values()) == {"upgraded"}
        assert templates(platform.organisation)[first] == "1-a"

    @pytest.mark.usefixtures("northwind")
    def test_tenants_that_were_not_onboarded_are_left_out(self, platform: Platform) -> None:
        assert {one.slug for one in platform.rollouts.plan(wave=Wave.ALL, keeps_templates=False)} == set(SLUGS)


def _forget_template(organisation: Organisation, slug: str) -> None:
    organisation.applied.pop(organisation.accounts_of[slug][0], None)


class TestOperatorsChanges:
    def test_only_changed_outputs_are_written(self, platform: Platform) -> None:
        _change_as_operators_do("first")
        platform.organisation.outputs_of = _outputs_of_a_new_template
        platform.roll_out()
        row = Tenant.objects.get(slug="first")
        assert {name: getattr(row, name) for name in OPERATORS_CHANGES} == OPERATORS_CHANGES
        assert row.resources["tables"]["orders"] == "orders-restored"
        assert row.resources["media_base_url"] == "https://new.example"
        other = Tenant.objects.get(slug="second")
        assert other.resources["tables"]["orders"] == "orders-v2"

    def test_a_connection_stays_disconnected(self, platform: Platform) -> None:
        Tenant.objects.get(slug="first").connections.all().delete()
        platform.organisation.outputs_of = _outputs_of_a_new_template
        platform.roll_out()
        assert not Tenant.objects.get(slug="first").connections.exists()
        assert Tenant.objects.get(slug="second").connections.exists()

    def test_of_a_registration_that_was_not_recorded_everything_stays(self, platform: Platform) -> None:
        registered = OnboardingRecord.objects.filter(run_id="first", step="registration")
        registered.update(record={"values": "0" * 64})
        _change_as_operators_do("first")
        tenant = Tenant.objects.get(slug="first")
        del tenant.resources["pipes_dlq_url"]  # a map of before there was one
        tenant.save()
        platform.organisation.outputs_of = _outputs_of_a_new_template
        platform.roll_out()
        row = Tenant.objects.get(slug="first")
        assert {name: getattr(row, name) for name in OPERATORS_CHANGES} == OPERATORS_CHANGES
        assert row.resources["tables"]["orders"] == "orders-restored"
        assert row.resources["pipes_dlq_url"] == "https://sqs.example/pipes"


OPERATORS_CHANGES: Final = {
    "name": "First Street",
    "tier": "premium",
    "locale": "cy-GB",
    "commission_basis_points": 900,
    "oidc_issuer": "https://sign-in.first.example",
    "oidc_audience": "first-shop",
    "allowed_origins": ["https://first.example"],
    "limits": {"tenant_burst": 700},
}


def _change_as_operators_do(slug: str) -> None:
    row = Tenant.objects.get(slug=slug)
    for name, value in OPERATORS_CHANGES.items():
        setattr(row, name, value)
    row.resources["tables"]["orders"] = "orders-restored"
    row.save()


def _outputs_of_a_new_template(slug: str, account_id: str, region: str) -> Resources:
    found = resources_of(slug, account_id, region)
    return msgspec.structs.replace(
        found,
        tables=msgspec.structs.replace(found.tables, orders="orders-v2"),
        media_base_url="https://new.example",
        pipes_dlq_url="https://sqs.example/pipes",
    )


class TestFailures:
    def test_a_tenant_whose_messages_fail_goes_back_and_the_rest_is_not_begun(self, platform: Platform) -> None:
        first, *others = in_order()
        platform.errors, platform.errors_after = {first: 2}, {first: 3}
        with pytest.raises(UpgradeStopped, match="1 more than before") as stopped:
            platform.roll_out()
        assert isinstance(stopped.value.__cause__, UpgradeUnhealthy)
        assert set(templates(platform.organisation).values()) == {"1-a"}
        assert states() == {first: "rolled_back", **dict.fromkeys(others, "pending")}
        assert OnboardingRun.objects.get(slug=first).state == "active"

    def test_one_that_had_failures_before_is_not_blamed(self, platform: Platform) -> None:
        platform.errors = dict.fromkeys(SLUGS, 7)
        platform.roll_out()
        assert set(states().values()) == {"upgraded"}

    def test_a_smoke_test_that_fails_stops_it(self, platform: Platform) -> None:
        platform.organisation.smoke_fault = "the table t does not return the record"
        with pytest.raises(UpgradeStopped) as stopped:
            platform.roll_out()
        assert isinstance(stopped.value.__cause__, SmokeTestFailed)
        assert platform.baked == []
        assert set(templates(platform.organisation).values()) == {"1-a"}

    def test_a_stack_that_fails_stops_it(self, platform: Platform) -> None:
        platform.organisation.apply_fault = "a name exists"
        with pytest.raises(UpgradeStopped) as stopped:
            platform.roll_out()
        assert isinstance(stopped.value.__cause__, StackFailed)
        upgrade = TenantUpgrade.objects.get(tenant__slug=in_order()[0])
        assert (upgrade.state, upgrade.error_code, upgrade.former_template) == ("rolled_back", "stack_failed", "1-a")

    @pytest.mark.parametrize("keeps_templates", [False, True])
    def test_one_that_has_no_other_template_to_go_back_to_failed(
        self, platform: Platform, *, keeps_templates: bool
    ) -> None:
        organisation = platform.organisation
        organisation.release = "1-a"  # only the settings are not current
        for account_id, applied in organisation.applied.items():
            organisation.applied[account_id] = msgspec.structs.replace(applied, allowed_origins=("https://a.example",))
        platform.errors_after = dict.fromkeys(SLUGS, 1)
        with pytest.raises(UpgradeStopped, match="is failed"):
            platform.roll_out(keeps_templates=keeps_templates)
        upgrade = TenantUpgrade.objects.get(state="failed")
        assert (upgrade.error_code, upgrade.former_template) == ("upgrade_unhealthy", "1-a")
        assert "rolled_back" not in states().values()

    def test_one_of_an_unknown_template_failed(self, platform: Platform) -> None:
        slug = in_order()[0]
        _forget_template(platform.organisation, slug)
        platform.organisation.smoke_fault = "broken"
        with pytest.raises(UpgradeStopped, match="is failed"):
            platform.roll_out()
        assert states()[slug] == "failed"

    def test_a_rolled_back_tenant_stays_where_it_is_until_it_is_upgraded(self, platform: Platform) -> None:
        first = in_order()[0]
        platform.errors_after = {first: 1}
        with pytest.raises(UpgradeStopped):
            platform.roll_out()
        platform.terminal.onboarding.resume(first)  # as `make run` does at its start
        assert templates(platform.organisation)[first] == "1-a"
        platform.errors_after = {}
        platform.rollouts.resume()
        assert set(templates(platform.organisation).values()) == {"1-b"}
        platform.organisation.release = "1-c"
        platform.terminal.onboarding.resume(first)
        assert templates(platform.organisation)[first] == "1-c"

    def test_a_tenant_that_another_process_works_on_is_left_alone(self, platform: Platform) -> None:
        run = OnboardingRun.objects.get(slug=in_order()[0])
        OnboardingRun.objects.filter(slug=run.slug).update(
            lease_owner="elsewhere|1|x", lease_until=datetime(2099, 1, 1, tzinfo=UTC)
        )
        with pytest.raises(OnboardingInProgress):
            platform.roll_out()
        assert set(templates(platform.organisation).values()) == {"1-a"}

    def test_two_rollouts_are_not_begun(self, platform: Platform) -> None:
        platform.organisation.smoke_fault = "broken"
        with pytest.raises(UpgradeStopped):
            platform.roll_out()
        with pytest.raises(RolloutUnfinished, match="1-b is stopped"):
            platform.roll_out()

    def test_there_is_nothing_to_resume(self, platform: Platform) -> None:
        platform.roll_out()
        with pytest.raises(RolloutNotFound):
            platform.rollouts.resume()


class TestTenantsThatLeave:
    def test_one_that_closes_before_its_turn_is_passed_over(self, platform: Platform) -> None:
        first, second, third = in_order()
        platform.organisation.smoke_fault = "broken"
        with pytest.raises(UpgradeStopped):
            platform.roll_out()
        for slug, status in ((first, TenantStatus.CLOSED), (second, TenantStatus.CLOSING)):
            set_tenant_status(slug=slug, status=status)
        platform.organisation.smoke_fault = None
        platform.rollouts.resume()
        assert states() == {first: "left", second: "left", third: "upgraded"}
        assert templates(platform.organisation) == {first: "1-a", second: "1-a", third: "1-b"}
        assert Rollout.objects.get().state == "completed"

    def test_one_that_closes_as_its_upgrade_begins_is_not_rolled_back(self, platform: Platform) -> None:
        first, *others = in_order()
        platform.as_counted = lambda tenant: _close(tenant.slug, only=first)
        platform.roll_out()
        assert states() == {first: "left", **dict.fromkeys(others, "upgraded")}
        assert templates(platform.organisation)[first] == "1-a"

    def test_one_that_closes_while_its_messages_fail_stops_nothing(self, platform: Platform) -> None:
        first, *others = in_order()
        platform.errors_after = {first: 1}
        platform.as_baked = lambda: _close(first, only=first)
        platform.roll_out()
        assert states() == {first: "left", **dict.fromkeys(others, "upgraded")}
        assert TenantUpgrade.objects.get(tenant__slug=first).error_code == "upgrade_unhealthy"


def _close(slug: str, *, only: str) -> None:
    if slug == only:
        set_tenant_status(slug=slug, status=TenantStatus.CLOSING)


class TestFrozen:
    """A tenant that is restored, or moved to another Region, while a rollout runs."""

    def test_is_passed_over_and_upgraded_when_the_rollout_is_resumed(self, platform: Platform) -> None:
        first, *others = in_order()
        Tenant.objects.filter(slug=first).update(status="frozen")
        with pytest.raises(UpgradeStopped, match=f"Frozen, so not upgraded yet: {first}"):
            platform.roll_out()
        assert states() == {first: "pending", **dict.fromkeys(others, "upgraded")}
        assert Rollout.objects.get().state == "stopped"
        Tenant.objects.filter(slug=first).update(status="active")
        platform.rollouts.resume()
        assert set(states().values()) == {"upgraded"}
        assert Rollout.objects.get().state == "completed"

    def test_as_its_test_runs_is_not_rolled_back(self, platform: Platform) -> None:
        first, *others = in_order()

        def freeze(tenant: KnownTenant) -> None:
            if tenant.slug == first:
                Tenant.objects.filter(slug=first).update(status="frozen")
                platform.organisation.smoke_fault = "frozen"
            else:
                platform.organisation.smoke_fault = None

        platform.as_counted = freeze
        with pytest.raises(UpgradeStopped, match="Frozen, so not upgraded yet"):
            platform.roll_out()
        assert states() == {first: "pending", **dict.fromkeys(others, "upgraded")}
        assert templates(platform.organisation)[first] == "1-b"


class TestApproval:
    def test_a_tenant_waits_for_its_brand(self, platform: Platform) -> None:
        Tenant.objects.filter(slug="second").update(approves_upgrades=True)
        platform.roll_out()
        assert states() == {"first": "upgraded", "second": "awaiting_approval", "third": "upgraded"}
        assert any("awaits the brand's approval" in line for line in platform.lines)
        approve_upgrade(slug="second", template="1-b", cause=CAUSE)
        platform.roll_out()
        assert set(templates(platform.organisation).values()) == {"1-b"}

    def test_an_approval_is_of_one_template(self, platform: Platform) -> None:
        Tenant.objects.filter(slug="second").update(approves_upgrades=True)
        approve_upgrade(slug="second", template="1-a", cause=CAUSE)
        platform.roll_out()
        assert states()["second"] == "awaiting_approval"

    def test_a_resumed_rollout_of_a_newer_release_waits_again(self, platform: Platform) -> None:
        first, second, third = in_order()
        Tenant.objects.filter(slug=second).update(approves_upgrades=True)
        approve_upgrade(slug=second, template="1-b", cause=CAUSE)
        platform.organisation.smoke_fault = "broken"
        with pytest.raises(UpgradeStopped):
            platform.roll_out()
        platform.organisation.smoke_fault, platform.organisation.release = None, "1-c"
        platform.rollouts.resume()
        assert templates(platform.organisation) == {first: "1-c", second: "1-a", third: "1-c"}
        assert states()[second] == "awaiting_approval"

    def test_settings_alone_need_none(self, platform: Platform) -> None:
        Tenant.objects.filter(slug="second").update(approves_upgrades=True)
        platform.roll_out(keeps_templates=True)
        assert states()["second"] == "upgraded"

    @pytest.mark.usefixtures("platform")
    def test_is_not_for_others(self) -> None:
        with pytest.raises(ApprovalNotRequired):
            approve_upgrade(slug="second", template="1-b", cause=CAUSE)


def _forget() -> None:
    Rollout.objects.all().delete()
    OnboardingRun.objects.all().delete()
    for tenant in Tenant.objects.all():
        tenant.api_keys.all().delete()
        tenant.connections.all().delete()
        tenant.delete()
    registry.clear()


def _roll_out(boundaries: Boundaries) -> None:
    Platform(organisation_of("first"), boundaries).roll_out()


class TestCrashes:
    def test_from_every_boundary_resume_reaches_the_end(self) -> None:
        counted = list(boundaries_of(_roll_out))
        assert len(counted) > 10
        for number, after in counted:
            _forget()
            organisation = organisation_of("first")
            with pytest.raises(Killed):
                Platform(organisation, Boundaries(number, after=after)).roll_out()
            rerun = Platform(organisation)
            rerun.terminal.later(LEASE * 2 + timedelta(minutes=1))
            rerun.rollouts.resume()
            where = f"{'after' if after else 'before'} write {number}"
            assert templates(organisation) == {"first": "1-b"}, where
            assert (states(), Rollout.objects.get().state) == ({"first": "upgraded"}, "completed"), where
            assert TenantUpgrade.objects.get().former_template == "1-a", where


class TestDrift:
    def test_there_is_none_after_onboarding_and_upgrade(self, platform: Platform) -> None:
        onboarding = platform.terminal.onboarding
        platform.organisation.release = "1-a"
        assert find_drift(onboarding, "first") == ()
        platform.organisation.release = "1-b"
        platform.roll_out()
        assert find_drift(onboarding, "first") == ()

    def test_each_kind_is_found(self, platform: Platform) -> None:
        onboarding, organisation = platform.terminal.onboarding, platform.organisation
        organisation.templates[organisation.accounts_of["first"][0]] = "1-z"
        row = Tenant.objects.get(slug="first")
        row.resources["tables"]["orders"] = "elsewhere"
        row.allowed_origins = ["https://other.example"]
        row.external_id = "x" * 43
        row.save()
        found = {one.subject: (one.recorded, one.actual) for one in find_drift(onboarding, "first")}
        assert set(found) == {"template", "settings", "resources.tables.orders", "allowed_origins", "external_id"}
        assert found["template"] == ("1-a", "1-z")
        assert found["resources.tables.orders"][0] == "elsewhere"
        assert "x" * 43 not in str(found)

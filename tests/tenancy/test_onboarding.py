"""Onboarding of a tenant: every crash, every refusal, and what is left behind under which name."""

from datetime import timedelta
from typing import Any

import msgspec
import pytest

from apps.tenancy import keys, registry
from apps.tenancy.models import APIKey, OnboardingRecord, OnboardingRun, Tenant
from apps.tenancy.onboarding.steps import IssuedKeys
from apps.tenancy.step_runs.leases import LEASE, is_gone, new_owner
from apps.tenancy.tenants import set_policies, set_tenant_status
from resale.domain.policies import Policies
from resale.domain.tenant_onboarding import (
    AccountDuplicated,
    AccountQuotaReached,
    AccountTaken,
    AccountUnit,
    OnboardingInProgress,
    OnboardingInvalid,
    OnboardingNotFound,
    OnboardingStep,
    OnboardingUnfinished,
    RegionNotSupported,
    SlugReserved,
    SlugTaken,
    SmokeTestFailed,
    StackFailed,
    StepTimedOut,
    TenantRequest,
)
from resale.domain.tenants import TenantStatus
from resale.errors import Invalid, Outcome, Unavailable
from tests.fixtures.tenants import Shop
from tests.tenancy.onboarding_world import REQUEST, Boundaries, Killed, Organisation, Terminal, boundaries_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def organisation() -> Organisation:
    return Organisation()


def terminal(organisation: Organisation, boundaries: Boundaries | None = None) -> Terminal:
    return Terminal(organisation, organisation, boundaries)


def changed(**fields: Any) -> TenantRequest:
    return msgspec.structs.replace(REQUEST, **fields)


class TestOnboard:
    def test_a_tenant_is_active_with_keys_that_work(self, organisation: Organisation) -> None:
        done = terminal(organisation)
        done.onboarding.start(REQUEST)
        tenant = registry.by_slug("third")
        assert tenant.status == TenantStatus.ACTIVE
        assert (tenant.currency, tenant.market, tenant.locale) == ("GBP", "GB", "en-GB")
        (issued,) = done.keys
        for text in (issued.publishable, issued.secret):
            known = registry.by_api_key_hash(keys.hash_of(text))
            assert known is not None
            assert known.tenant == tenant
        assert organisation.units[tenant.account_id] == AccountUnit.TENANTS
        assert organisation.finished == {tenant.account_id}

    def test_every_step_keeps_its_time_and_what_it_recorded(self, organisation: Organisation) -> None:
        done = terminal(organisation)
        done.onboarding.start(REQUEST)
        rows = {row.step: row for row in OnboardingRecord.objects.filter(run_id="third")}
        assert list(rows) == [step.value for step in OnboardingStep]
        assert rows["account"].duration == timedelta(seconds=5)  # one poll
        assert rows["account"].record == {"account_id": registry.by_slug("third").account_id}
        assert any("the account is created" in line for line in done.lines)

    def test_until_pauses_and_resume_continues(self, organisation: Organisation) -> None:
        terminal(organisation).onboarding.start(REQUEST, until=OnboardingStep.SMOKE)
        run = OnboardingRun.objects.get(slug="third")
        assert (run.state, run.step, run.lease_owner) == ("paused", "smoke", "")
        assert not Tenant.objects.exists()
        with pytest.raises(OnboardingUnfinished, match="paused at the step smoke"):
            terminal(organisation).onboarding.start(REQUEST)
        terminal(organisation).onboarding.resume("third")
        assert OnboardingRun.objects.get(slug="third").state == "active"
        assert len(organisation.smoked) == 1

    def test_a_plan_writes_nothing(self, organisation: Organisation) -> None:
        planned = terminal(organisation).onboarding.plan(REQUEST)
        assert [one.step for one in planned] == list(OnboardingStep)
        assert not any(one.done for one in planned)
        assert not OnboardingRun.objects.exists()
        assert not organisation.accounts_of

    def test_what_operators_changed_stays(self, organisation: Organisation) -> None:
        terminal(organisation).onboarding.start(REQUEST)
        set_policies(slug="third", policies=Policies(claim_window_hours=96))
        set_tenant_status(slug="third", status=TenantStatus.SUSPENDED)
        again = terminal(organisation)
        again.onboarding.ensure(changed(name="Third Street"))
        tenant = registry.by_slug("third")
        assert (tenant.name, tenant.status) == ("Third Street", TenantStatus.SUSPENDED)
        assert tenant.policies.claim_window_hours == 96
        assert again.keys == []

    def test_a_request_changes_only_what_differs_from_the_one_before(self, organisation: Organisation) -> None:
        terminal(organisation).onboarding.start(REQUEST)
        Tenant.objects.filter(slug="third").update(tier="premium", commission_basis_points=900, locale="cy-GB")
        terminal(organisation).onboarding.ensure(changed(name="Third Street", commission_basis_points=500))
        tenant = registry.by_slug("third")
        assert (tenant.name, tenant.tier, tenant.locale) == ("Third Street", "premium", "cy-GB")
        assert tenant.commission_basis_points == 500
        terminal(organisation).onboarding.ensure(changed(name="Third", commission_basis_points=500))
        assert registry.by_slug("third").name == "Third"

    def test_a_tenant_of_before_is_adopted_by_its_account(self, organisation: Organisation, northwind: Shop) -> None:
        request = changed(slug="northwind", account_id=northwind.tenant.account_id)
        organisation.accounts_of["northwind"] = [northwind.tenant.account_id]
        terminal(organisation).onboarding.ensure(request)
        adopted = registry.by_slug("northwind")
        assert (adopted.id, adopted.external_id) == (northwind.tenant.id, northwind.tenant.external_id)
        assert not organisation.smoked  # its workers would receive the canaries


def _crash(organisation: Organisation, boundaries: Boundaries) -> None:
    terminal(organisation, boundaries).onboarding.start(REQUEST)


class TestCrashes:
    def test_from_every_boundary_a_rerun_reaches_the_end(self) -> None:
        counted = list(boundaries_of(lambda boundaries: _crash(Organisation(), boundaries)))
        _forget()
        assert len(counted) > 40
        for number, after in counted:
            organisation, boundaries = Organisation(), Boundaries(number, after=after)
            where = f"{'after' if after else 'before'} write {number}"
            first = terminal(organisation, boundaries)
            with pytest.raises(Killed):
                first.onboarding.start(REQUEST)
            rerun = terminal(organisation).later(LEASE * 2)
            if OnboardingRun.objects.filter(slug="third").exists():
                rerun.onboarding.resume("third")
            else:
                rerun.onboarding.start(REQUEST)
            where += f" ({boundaries.passed[-1]})"
            assert Tenant.objects.get(slug="third").status == "active", where
            assert organisation.accounts_of["third"] == ["100000000001"], f"{where}: one account"
            assert len(set(organisation.smoked)) == 1, where
            _check_keys([*first.keys, *rerun.keys], where)
            _forget()


def _check_keys(printed: list[IssuedKeys], where: str) -> None:
    """Exactly one pair is good: the one that was printed last."""
    good = set(APIKey.objects.filter(revoked_at=None).values_list("hash", flat=True))
    assert good == {keys.hash_of(text) for text in (printed[-1].publishable, printed[-1].secret)}, where


def _forget() -> None:
    for model in (OnboardingRun, APIKey):
        model.objects.all().delete()
    for tenant in Tenant.objects.all():
        tenant.connections.all().delete()
        tenant.delete()
    registry.clear()


class TestLease:
    def test_two_at_once_are_one(self, organisation: Organisation) -> None:
        with pytest.raises(Killed):
            _crash(organisation, Boundaries(10))
        with pytest.raises(OnboardingInProgress, match="at the step"):
            terminal(organisation).onboarding.resume("third")

    def test_a_silent_process_is_replaced_and_writes_nothing_more(self, organisation: Organisation) -> None:
        first = terminal(organisation)
        second = terminal(organisation).later(LEASE * 2)

        def overtake(*_: Any, **__: Any) -> Any:
            organisation.run = original  # type: ignore[method-assign]
            second.onboarding.resume("third")
            return {"late": "result"}

        original = organisation.run
        organisation.run = overtake  # type: ignore[method-assign]
        with pytest.raises(OnboardingInProgress, match="took over"):
            first.onboarding.start(REQUEST)
        assert first.keys == []
        assert len(second.keys) == 1
        assert OnboardingRun.objects.get(slug="third").state == "active"

    def test_a_process_that_ended_gives_way_at_once(self) -> None:
        host, _, token = new_owner().split("|")
        assert is_gone(f"{host}|{2**22 - 1}|{token}")
        assert not is_gone(new_owner())
        assert not is_gone(f"another-host|{2**22 - 1}|{token}")


class TestRefusals:
    @pytest.mark.parametrize(
        ("fields", "error", "said"),
        [
            ({"slug": "Third"}, OnboardingInvalid, "3 to 31 characters"),
            ({"slug": "ab"}, OnboardingInvalid, "3 to 31 characters"),
            ({"slug": "third\n"}, OnboardingInvalid, "3 to 31 characters"),
            ({"slug": "admin"}, SlugReserved, "reserved"),
            ({"slug": "aws-third"}, SlugReserved, "reserved"),
            ({"region": "mars-1"}, RegionNotSupported, "eu-west-2"),
            ({"name": " "}, OnboardingInvalid, "name"),
            ({"tier": "gold"}, OnboardingInvalid, "tier"),
            ({"account_id": "12"}, OnboardingInvalid, "12 digits"),
            ({"currency": "pounds"}, OnboardingInvalid, "currency"),
            ({"market": "gb"}, OnboardingInvalid, "market"),
            ({"locale": "?"}, OnboardingInvalid, "locale"),
            ({"commission_basis_points": 10_001}, OnboardingInvalid, "commission"),
        ],
    )
    def test_a_wrong_request_reserves_nothing(
        self, organisation: Organisation, fields: dict[str, Any], error: type[Invalid], said: str
    ) -> None:
        with pytest.raises(error, match=said):
            terminal(organisation).onboarding.start(changed(**fields))
        assert not OnboardingRun.objects.exists()

    def test_a_slug_that_a_tenant_has(self, organisation: Organisation, northwind: Shop) -> None:
        with pytest.raises(SlugTaken, match="northwind"):
            terminal(organisation).onboarding.start(changed(slug="northwind"))
        with pytest.raises(SlugTaken, match="another account"):
            terminal(organisation).onboarding.ensure(changed(slug="northwind", account_id="9" * 12))
        assert registry.by_slug("northwind") == northwind.tenant

    def test_a_second_onboarding_of_an_active_tenant(self, organisation: Organisation) -> None:
        terminal(organisation).onboarding.start(REQUEST)
        with pytest.raises(SlugTaken):
            terminal(organisation).onboarding.start(REQUEST)

    def test_nothing_to_resume(self, organisation: Organisation) -> None:
        with pytest.raises(OnboardingNotFound, match="without --resume"):
            terminal(organisation).onboarding.resume("third")

    def test_an_account_of_another_tenant(self, organisation: Organisation, northwind: Shop) -> None:
        organisation.accounts_of["third"] = [northwind.tenant.account_id]
        self._fails(organisation, AccountTaken, "northwind", step="account")

    def test_no_quota_for_an_account(self, organisation: Organisation) -> None:
        organisation.quota = 0
        self._fails(organisation, AccountQuotaReached, "quota", step="account")
        organisation.quota = 1
        self._resumes(organisation)

    def test_two_accounts(self, organisation: Organisation) -> None:
        organisation.accounts_of["third"] = ["1" * 12, "2" * 12]
        self._fails(organisation, AccountDuplicated, "Close all but one", step="account")
        organisation.accounts_of["third"].pop()
        self._resumes(organisation)

    def test_a_stack_that_was_rolled_back(self, organisation: Organisation) -> None:
        organisation.stack_fault = "Limit of tables reached."
        self._fails(organisation, StackFailed, "Limit of tables reached", step="stacks")
        organisation.stack_fault = None
        self._resumes(organisation)

    def test_a_resource_that_does_not_work(self, organisation: Organisation) -> None:
        organisation.smoke_fault = "The queue third-orders does not deliver."
        self._fails(organisation, SmokeTestFailed, "third-orders", step="smoke")
        assert not Tenant.objects.exists()
        organisation.smoke_fault = None
        self._resumes(organisation)

    def test_an_account_that_is_never_ready(self, organisation: Organisation) -> None:
        organisation.accounts_of["third"] = ["1" * 12]
        organisation.polls_left = 100_000
        self._fails(organisation, StepTimedOut, "within an hour", step="account")
        organisation.polls_left = 0
        self._resumes(organisation)

    def test_a_service_that_is_away_for_a_moment_is_no_failure(self, organisation: Organisation) -> None:
        organisation.faults_left = 4
        done = terminal(organisation)
        done.onboarding.start(REQUEST)
        assert OnboardingRun.objects.get(slug="third").state == "active"
        assert sum("retries in" in line for line in done.lines) == 4

    def test_a_service_that_stays_away_is(self, organisation: Organisation) -> None:
        organisation.faults_left = 100
        self._fails(organisation, Unavailable, "throttled", step="organizational_unit")
        organisation.faults_left = 0
        self._resumes(organisation)

    def test_a_fault_of_ours_has_a_name_too(self, organisation: Organisation) -> None:
        organisation.move = None  # type: ignore[assignment,method-assign]
        with pytest.raises(TypeError):
            terminal(organisation).onboarding.start(REQUEST)
        run = OnboardingRun.objects.get(slug="third")
        assert (run.state, run.error_code) == ("failed", "unexpected")
        assert "then resume" in run.error_detail

    @staticmethod
    def _fails(organisation: Organisation, error: type[Outcome], said: str, *, step: str) -> None:
        with pytest.raises(error, match=said):
            terminal(organisation).onboarding.start(REQUEST)
        run = OnboardingRun.objects.get(slug="third")
        assert (run.state, run.step, run.error_code, run.lease_owner) == ("failed", step, error.code, "")
        assert said in run.error_detail

    @staticmethod
    def _resumes(organisation: Organisation) -> None:
        terminal(organisation).onboarding.resume("third")
        run = OnboardingRun.objects.get(slug="third")
        assert (run.state, run.error_code, run.error_detail) == ("active", "", "")

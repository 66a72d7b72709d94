"""The operator's pages of onboardings: start one, live while it runs, resume and finish it."""

import os
import re
import socket
import subprocess
import sys
from datetime import timedelta

import pytest
from pytest_django import Settings

from apps.core import clock
from apps.tenancy import keys, registry
from apps.tenancy.models import APIKey, OnboardingRecord, OnboardingRun, Sandbox, Tenant
from apps.tenancy.onboarding.background import background
from apps.tenancy.onboarding.machine import Onboarding
from resale.domain.tenant_onboarding import AccountUnknown, OnboardingStep, OnboardingUnfinished, SmokeTestFailed
from resale.domain.tenants import TenantStatus
from tests.backoffice.staff_clients import StaffClient
from tests.tenancy.onboarding_world import REQUEST, Boundaries, Killed, Organisation, Terminal

ORGANISATION: list[Organisation] = []
FORM = {"slug": "third", "name": "Third", "region": "eu-west-2", "tier": "premium", "commission_basis_points": "500"}
KEY = re.compile(r"[sp]k_test_[\w-]{43}")


def open_organisation() -> Organisation:
    """Return the organisation of the present test, for ``settings.ONBOARDING_PROVIDERS``."""
    return ORGANISATION[-1]


@pytest.fixture
def organisation(settings: Settings) -> Organisation:
    ORGANISATION[:] = [Organisation()]
    ORGANISATION[-1].poll_seconds = 0.0
    settings.ONBOARDING_PROVIDERS = f"{__name__}.open_organisation"
    return ORGANISATION[-1]


def onboard(organisation: Organisation, boundaries: Boundaries | None = None) -> Onboarding:
    return Terminal(organisation, organisation, boundaries).onboarding


@pytest.mark.django_db
class TestOnboardings:
    def test_none_yet(self, operator: StaffClient) -> None:
        assert "No tenant was onboarded yet" in operator.get("onboardings").text
        assert operator.get("onboarding", slug="nobody").status == 404

    def test_one_that_ended_shows_the_time_of_each_step(self, operator: StaffClient) -> None:
        onboard(Organisation()).start(REQUEST)
        assert "third Active 30 Nov 2026, 12:00 UTC" in operator.get("onboardings").text
        page = operator.get("onboarding", slug="third")
        assert page.text.count("Completed") == len(OnboardingStep)
        assert "Find the AWS account, or create it Completed 1 5.00 s" in page.text
        assert "data-live" not in page.html
        assert OnboardingRun.objects.get(slug="third").external_id not in page.html

    def test_one_that_runs_is_read_again(self, operator: StaffClient) -> None:
        with pytest.raises(Killed):
            onboard(Organisation(), Boundaries(9)).start(REQUEST)
        run = OnboardingRun.objects.get(slug="third")
        run.lease_until = clock.for_platform() + timedelta(minutes=1)
        run.save()
        page = operator.get("onboarding", slug="third")
        assert 'data-live="2"' in page.html
        assert "Pending" in page.text
        run.lease_until = clock.for_platform() - timedelta(seconds=1)
        run.save()
        page = operator.get("onboarding", slug="third")
        assert "data-live" not in page.html
        assert "Its process ended at the step" in page.text
        assert "onboard_tenant third --resume" in page.text

    def test_one_that_failed_says_what_to_do(self, operator: StaffClient) -> None:
        organisation = Organisation()
        organisation.smoke_fault = "The queue third-orders does not deliver."
        with pytest.raises(SmokeTestFailed):
            onboard(organisation).start(REQUEST)
        page = operator.get("onboarding", slug="third")
        assert "smoke_test_failed The queue third-orders does not deliver." in page.text
        assert "onboard_tenant third --resume" in page.text
        assert page.text.count("Failed") == 2  # the onboarding, and its step
        assert OnboardingRecord.objects.filter(run_id="third", finished_at=None).count() == 1


@pytest.mark.django_db
class TestStart:
    @pytest.mark.parametrize(
        ("fields", "fault"),
        [
            ({"slug": "Third!"}, "3 to 31 characters"),
            ({"slug": "admin"}, "reserved for the platform"),
            ({"region": "mars-1"}, "not one of the available choices"),
            ({"name": ""}, "This field is required"),
            ({"market": "gb"}, "country code of two capital letters"),
            ({"account_id": "1234"}, "12 digits"),
            ({"commission_basis_points": "10001"}, "less than or equal to 10000"),
        ],
    )
    def test_a_bad_field_starts_nothing(
        self, organisation: Organisation, operator: StaffClient, fields: dict[str, str], fault: str
    ) -> None:
        page = operator.post("onboardings", FORM | fields)
        assert (page.status, fault in page.text) == (422, True)
        assert "<details" in page.html
        assert not OnboardingRun.objects.exists()
        assert not organisation.accounts_of

    def test_a_slug_that_is_taken_is_refused(self, organisation: Organisation, operator: StaffClient) -> None:
        onboard(organisation).start(REQUEST)
        page = operator.post("onboardings", FORM)
        assert (page.status, "A tenant with the slug third exists" in page.text) == (422, True)

    def test_without_an_organisation_the_reason_is_shown(self, operator: StaffClient) -> None:
        page = operator.post("onboardings", FORM)
        assert (page.status, "No organisation is configured" in page.text) == (422, True)
        assert not OnboardingRun.objects.exists()


@pytest.mark.django_db(transaction=True)
class TestWholeWay:
    def test_started_resumed_and_finished(self, organisation: Organisation, operator: StaffClient) -> None:
        organisation.apply_fault = "The limit of tables is exceeded."
        assert operator.send("onboardings", FORM)["Location"] == "/admin/onboardings/third/"
        background.join()
        page = operator.get("onboarding", slug="third")
        assert "stack_failed The limit of tables is exceeded." in page.text
        assert "Resume the onboarding" in page.text
        assert "Issue the keys" not in page.text

        organisation.apply_fault = None
        onboard(organisation).resume("third", until=OnboardingStep.SMOKE)
        operator.post("onboarding-resume", slug="third")
        background.join()
        run, tenant = OnboardingRun.objects.get(), Tenant.objects.get()
        assert (run.state, run.step, run.lease_owner) == ("paused", "registration", "")
        assert (tenant.status, tenant.tier, tenant.commission_basis_points) == (TenantStatus.SUSPENDED, "premium", 500)
        assert "Issue its keys to activate it" in operator.get("onboarding", slug="third").text
        assert not APIKey.objects.exists()

        shown = KEY.findall(operator.post("onboarding-finish", slug="third").html)
        assert len(shown) == 2
        for text in shown:
            known = registry.by_api_key_hash(keys.hash_of(text))
            assert known is not None
            assert known.tenant is not None
            assert (known.tenant.slug, known.tenant.status) == ("third", TenantStatus.ACTIVE)
        page = operator.post("onboarding-finish", slug="third")
        assert "Nothing was done" in page.text
        assert not KEY.findall(page.html)
        assert APIKey.objects.count() == 2


@pytest.mark.django_db
class TestFinish:
    def test_keys_are_shown_although_the_activation_failed(
        self, organisation: Organisation, operator: StaffClient, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        onboard(organisation).start(REQUEST, until=OnboardingStep.REGISTRATION)
        monkeypatch.setattr(organisation, "finish", _refuse)
        page = operator.post("onboarding-finish", slug="third")
        assert len(KEY.findall(page.html)) == 2
        assert "The account is closed" in page.text
        monkeypatch.undo()
        page = operator.post("onboarding-finish", slug="third")
        assert not KEY.findall(page.html)
        assert Tenant.objects.get().status == TenantStatus.ACTIVE
        assert APIKey.objects.count() == 2

    def test_a_tenant_that_is_not_registered_is_refused(
        self, organisation: Organisation, operator: StaffClient
    ) -> None:
        onboard(organisation).start(REQUEST, until=OnboardingStep.SMOKE)
        assert "Nothing was done" in operator.post("onboarding-finish", slug="third").text
        with pytest.raises(OnboardingUnfinished, match="not registered yet"):
            onboard(organisation).finish("third")
        assert not APIKey.objects.exists()


@pytest.mark.django_db
class TestResume:
    def test_one_whose_process_has_ended_can_be_resumed_at_once(
        self, organisation: Organisation, operator: StaffClient
    ) -> None:
        with pytest.raises(Killed):
            onboard(organisation, Boundaries(9)).start(REQUEST)
        ended = subprocess.run(
            [sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, text=True, check=True
        )
        run = OnboardingRun.objects.get()
        run.lease_until = clock.for_platform() + timedelta(minutes=1)
        run.lease_owner = f"{socket.gethostname()[:80]}|{ended.stdout.strip()}|0"
        run.save()
        assert "Resume the onboarding" in operator.get("onboarding", slug="third").text
        run.lease_owner = f"{socket.gethostname()[:80]}|{os.getpid()}|0"
        run.save()
        assert "Resume the onboarding" not in operator.get("onboarding", slug="third").text
        assert "Nothing was done" in operator.post("onboarding-resume", slug="third").text

    def test_an_account_of_the_pool_is_left_to_the_pool(
        self, organisation: Organisation, operator: StaffClient
    ) -> None:
        onboard(organisation).start(REQUEST, until=OnboardingStep.SMOKE)
        Sandbox.objects.create(slug="third", region="eu-west-2", created_at=clock.for_platform())
        assert "Resume the onboarding" not in operator.get("onboarding", slug="third").text
        assert "Nothing was done" in operator.post("onboarding-resume", slug="third").text
        assert OnboardingRun.objects.get().step == OnboardingStep.SMOKE


def _refuse(account_id: str) -> None:
    raise AccountUnknown(f"The account is closed: {account_id}.")

"""The operator's pages of onboardings: live while one runs, and what to do when it stopped."""

from datetime import timedelta

import pytest

from apps.core import clock
from apps.tenancy.models import OnboardingRecord, OnboardingRun
from apps.tenancy.onboarding.machine import Onboarding
from resale.domain.tenant_onboarding import OnboardingStep, SmokeTestFailed
from tests.backoffice.staff_clients import StaffClient
from tests.tenancy.onboarding_world import REQUEST, Boundaries, Killed, Organisation, Terminal


def onboard(organisation: Organisation, boundaries: Boundaries | None = None) -> Onboarding:
    return Terminal(organisation, organisation, boundaries).onboarding


@pytest.mark.django_db
class TestOnboardings:
    def test_none_yet(self, operator: StaffClient) -> None:
        assert "No tenant was onboarded yet" in operator.get("onboardings").text
        assert operator.get("onboarding", slug="nobody").status == 404

    def test_one_that_ended_shows_the_time_of_each_step(self, operator: StaffClient) -> None:
        onboard(Organisation()).start(REQUEST)
        assert "third Active Active" in operator.get("onboardings").text
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

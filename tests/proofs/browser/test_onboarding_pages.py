"""The operator's pages of an onboarding in a real browser: live while it runs, its form, and the keys at the end."""

from datetime import timedelta

import pytest
from django.urls import reverse
from pytest_django import Settings

from apps.core import clock
from apps.tenancy.models import OnboardingRun
from apps.tenancy.onboarding.background import background
from resale.domain.tenant_onboarding import OnboardingStep
from tests.backoffice.staff_clients import StaffClient
from tests.proofs.browser.visiting import THEMES, WIDTHS, Visits, keep_picture
from tests.tenancy.onboarding_world import REQUEST, Organisation, Terminal

pytestmark = [pytest.mark.proof, pytest.mark.django_db(transaction=True), pytest.mark.timeout(900)]

EVERY = [(theme, width) for theme in THEMES for width in WIDTHS]
ORGANISATION: list[Organisation] = []


def open_organisation() -> Organisation:
    """Return the organisation of the present test, for ``settings.ONBOARDING_PROVIDERS``."""
    return ORGANISATION[-1]


@pytest.fixture
def organisation(settings: Settings) -> Organisation:
    ORGANISATION[:] = [Organisation()]
    ORGANISATION[-1].poll_seconds = 0.0
    settings.ONBOARDING_PROVIDERS = f"{__name__}.open_organisation"
    return ORGANISATION[-1]


def test_an_onboarding_that_runs_shows_its_progress_by_itself(visits: Visits, operator: StaffClient) -> None:
    organisation = Organisation()
    Terminal(organisation, organisation).onboarding.start(REQUEST)
    run = OnboardingRun.objects.get(slug="third")
    ended = (run.state, run.lease_until)
    run.state, run.lease_until = "running", clock.for_platform() + timedelta(minutes=5)
    run.save()
    with visits.opened(theme="light", width="desktop", client=operator) as page:
        page.goto(reverse("admin:onboarding", kwargs={"slug": "third"}))
        status = page.get_by_role("status")
        assert "Running" in status.inner_text()
        run.state, run.lease_until = ended
        run.save()
        status.get_by_text("Active", exact=True).wait_for(timeout=20_000)
        assert page.locator("[data-live]").count() == 0
        visits.check(page)
    assert not visits.faults, "\n".join(visits.faults)


@pytest.mark.parametrize(("theme", "width"), EVERY, ids=map("-".join, EVERY))
def test_is_started_and_finished_on_the_pages(
    organisation: Organisation, visits: Visits, operator: StaffClient, theme: str, width: str
) -> None:
    organisation.apply_fault = "The limit of tables in this account is exceeded (LimitExceededException)."
    with visits.opened(theme=theme, width=width, client=operator) as page:
        visits.visit(page, reverse("admin:onboardings"))
        page.get_by_text("Onboard a tenant…").click()
        visits.check(page)
        keep_picture(page, f"onboarding-form-{theme}-{width}")
        page.get_by_role("button", name="Start the onboarding").click()
        page.get_by_role("alert").first.wait_for()
        visits.check(page)
        keep_picture(page, f"onboarding-form-refused-{theme}-{width}")
        page.get_by_label("Slug").fill(REQUEST.slug)
        page.get_by_label("Name of the shop").fill(REQUEST.name)
        page.get_by_label("Region").select_option(REQUEST.region)
        page.get_by_role("button", name="Start the onboarding").click()
        page.wait_for_url("**/admin/onboardings/third/")
        page.get_by_role("button", name="Resume the onboarding").wait_for()
        visits.check(page)
        keep_picture(page, f"onboarding-failed-{theme}-{width}")
        background.join()
        organisation.apply_fault = None
        Terminal(organisation, organisation).onboarding.resume(REQUEST.slug, until=OnboardingStep.SMOKE)
        page.reload()
        page.get_by_role("button", name="Resume the onboarding").click()
        page.get_by_role("button", name="Issue the keys and activate").wait_for()
        visits.check(page)
        keep_picture(page, f"onboarding-registered-{theme}-{width}")
        page.get_by_role("button", name="Issue the keys and activate").click()
        page.get_by_role("heading", name="The API keys of third").wait_for()
        visits.check(page)
        keep_picture(page, f"onboarding-keys-{theme}-{width}")
    assert not visits.faults, "\n".join(visits.faults)

"""The operator's page of rollouts: requested, approved and abandoned by forms, and carried out by the command."""

from collections.abc import Mapping

import pytest
from pytest_django import Settings

from apps.tenancy.entitlement_changes import Cause
from apps.tenancy.models import EntitlementChange, Rollout, Tenant
from resale.domain.tenant_upgrades import UpgradeStopped
from resale.domain.tenants import Tenant as KnownTenant
from resale.domain.waves import Wave
from tests.backoffice.staff_clients import Backoffice, StaffClient
from tests.tenancy.onboarding_world import Organisation
from tests.tenancy.upgrade_world import SLUGS, Platform, in_order, organisation_of, states

ORGANISATIONS: list[Organisation] = []
HOURS = {"ring_hours": 1, "canary_hours": 2, "tenth_hours": 3}
REQUEST = {**{name: str(hours) for name, hours in HOURS.items()}, "template": "1-b", "reason": "Release 2.4"}


def open_providers() -> Organisation:
    """The providers that a test's settings name."""
    return ORGANISATIONS[-1]


@pytest.fixture
def platform(backoffice: Backoffice, settings: Settings) -> Platform:
    """Three tenants, and that of the shop's staff, which no rollout can reach."""
    ORGANISATIONS.append(organisation_of(*SLUGS))
    settings.ONBOARDING_PROVIDERS = f"{__name__}.open_providers"
    Tenant.objects.filter(slug=backoffice.slug).update(status="closed")
    return Platform(ORGANISATIONS[-1])


class TestRollouts:
    @pytest.mark.usefixtures("backoffice")
    def test_without_providers_the_reason_is_shown(self, operator: StaffClient) -> None:
        page = operator.get("rollouts")
        assert "Not known: No organisation is configured" in page.text
        assert "Abandon the rollout" not in page.text
        refused = operator.post("rollout-request", REQUEST)
        assert (refused.status, Rollout.objects.count()) == (422, 0)

    @pytest.mark.usefixtures("platform")
    def test_only_operators_have_it(self, manager: StaffClient) -> None:
        assert manager.get("rollouts").status == 404
        for name in ("rollout-request", "rollout-abandon", "rollout-approve"):
            assert manager.post(name, {**REQUEST, "slug": SLUGS[0]}).status == 404
        assert Rollout.objects.count() == 0

    def test_a_requested_one_is_carried_out_by_the_schedule(self, platform: Platform, operator: StaffClient) -> None:
        page = operator.post("rollout-request", REQUEST)
        assert "Its ring begins within the hour" in page.text
        assert "Status Waiting Wave Not begun Next wave From" in page.text
        assert f"Release 2.4 {operator.user.staff_id}" in page.text
        platform.now = Rollout.objects.get().started_at
        for hours in (0, 1, 2, 3):
            platform.advance(after_hours=hours)
        assert states() == dict.fromkeys(SLUGS, "upgraded")
        text = operator.get("rollouts").text
        assert "Wave All Next wave None by itself" in text
        for slug in SLUGS:
            assert f"{slug} " in text.partition("Its tenants")[2]
        assert EntitlementChange.objects.filter(subject="rollout", reason="Begun as requested").count() == 1

    def test_tenants_of_the_schedule_before_do_not_stop_it(self, platform: Platform, operator: StaffClient) -> None:
        platform.rollouts.start(
            wave=Wave.RING, keeps_templates=False, plan=HOURS, cause=Cause(by="stf_1", reason="2.3")
        )
        for hours in (1, 2, 3):
            platform.advance(after_hours=hours)
        platform.errors = dict.fromkeys(SLUGS, 3)  # since then
        platform.organisation.release = "1-c"
        operator.post("rollout-request", {**REQUEST, "template": "1-c"})
        platform.now = Rollout.objects.all()[0].started_at
        assert platform.advance() == "the wave ring of 1-c is completed"

    @pytest.mark.parametrize("wrong", [{"ring_hours": "0"}, {"tenth_hours": "2161"}, {"reason": " "}])
    def test_a_request_that_is_no_plan_begins_nothing(
        self, platform: Platform, operator: StaffClient, wrong: Mapping[str, str]
    ) -> None:
        assert operator.post("rollout-request", {**REQUEST, **wrong}).status == 422
        assert platform.advance() == "no rollout is scheduled"

    @pytest.mark.usefixtures("platform")
    def test_another_is_refused_while_one_waits(self, operator: StaffClient) -> None:
        operator.post("rollout-request", REQUEST)
        refused = operator.post("rollout-request", REQUEST)
        assert (refused.status, "waits for its next wave" in refused.text) == (422, True)
        assert Rollout.objects.count() == 1

    def test_who_failed_is_shown_first_and_the_rest_abandoned(self, platform: Platform, operator: StaffClient) -> None:
        first, second, third = in_order()

        def fail_the_third(tenant: KnownTenant) -> None:
            if tenant.slug == third:
                platform.organisation.smoke_fault = "broken"

        platform.as_counted = fail_the_third
        with pytest.raises(UpgradeStopped):
            platform.roll_out()
        text = operator.get("rollouts").text
        tenants = text.partition("Its tenants")[2]
        assert tenants.index(third) < tenants.index(first) < tenants.index(second)
        assert "broken" in tenants
        sent = {"rollout": Rollout.objects.get().id, "reason": "A fault"}
        assert operator.post("rollout-abandon", {**sent, "reason": " "}).status == 422
        assert operator.post("rollout-abandon", {**sent, "rollout": 10**6}).status == 422
        page = operator.post("rollout-abandon", sent)
        assert "The rollout is abandoned" in page.text
        assert states() == {first: "upgraded", second: "upgraded", third: "rolled_back"}
        refused = operator.post("rollout-abandon", sent)
        assert (refused.status, "No rollout is under way" in refused.text) == (422, True)

    def test_an_approval_lets_a_brands_account_be_upgraded(self, platform: Platform, operator: StaffClient) -> None:
        slug = SLUGS[0]
        approval = {"slug": slug, "template": "1-b", "reason": "By Ms Gray, in a letter"}
        assert operator.post("rollout-approve", approval).status == 422  # it needs none
        Tenant.objects.filter(slug=slug).update(approves_upgrades=True)
        platform.roll_out()
        assert states()[slug] == "awaiting_approval"
        seen_before = operator.post("rollout-approve", {**approval, "template": "1-a"})
        assert (seen_before.status, "Another release runs by now" in seen_before.text) == (422, True)
        page = operator.post("rollout-approve", approval)
        assert "The approval is recorded" in page.text
        platform.roll_out()
        assert platform.organisation.templates[platform.organisation.accounts_of[slug][0]] == "1-b"

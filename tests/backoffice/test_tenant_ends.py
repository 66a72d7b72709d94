"""The operator's pages of sandboxes and offboardings."""

from datetime import timedelta
from pathlib import Path

import pytest

from apps.tenancy.models import OffboardingRun
from apps.tenancy.sandboxes import SandboxPool
from resale.domain.tenant_offboarding import OffboardingOnHold, OffboardingStep, OpenWork, OrdersOpen
from tests.backoffice.staff_clients import Backoffice, StaffClient
from tests.tenancy.offboarding_world import Account, OffboardingTerminal
from tests.tenancy.onboarding_world import Organisation, Terminal

REGION = "eu-west-2"


@pytest.mark.django_db
class TestSandboxes:
    def test_none_yet(self, operator: StaffClient) -> None:
        text = operator.get("sandboxes").text
        assert "No sandbox is in use" in text
        assert "No account is prepared" in text

    def test_those_in_use_are_apart_from_the_pool(self, operator: StaffClient) -> None:
        organisation = Organisation()
        pool = SandboxPool(Terminal(organisation, organisation).onboarding, say=lambda _: None)
        used = pool.create(name="Trial", region=REGION)
        pool.fill(count=1, region=REGION)
        page = operator.get("sandboxes")
        in_use, _, prepared = page.text.partition("The pool of accounts")
        assert used.expires_at is not None
        assert f"{used.slug} Trial In use {REGION} {used.expires_at:%-d %b %Y, %H:%M} UTC" in in_use
        assert f"Ready {REGION}" in prepared
        assert used.slug not in prepared
        assert "Ready" not in in_use
        assert f"/admin/tenants/{used.slug}/" in page.html


class TestOffboardings:
    @pytest.mark.django_db
    def test_none_yet(self, operator: StaffClient) -> None:
        assert "No tenant was offboarded yet" in operator.get("offboardings").text
        assert operator.get("offboarding", slug="nobody").status == 404

    def test_one_that_waits_shows_until_when(
        self, backoffice: Backoffice, operator: StaffClient, tmp_path: Path
    ) -> None:
        with pytest.raises(OffboardingOnHold) as hold:
            OffboardingTerminal(Account(), tmp_path).offboarding.start(backoffice.slug, hold_days=7)
        assert f"{backoffice.slug} Paused" in operator.get("offboardings").text
        text = operator.get("offboarding", slug=backoffice.slug).text
        assert f"offboarding_on_hold {hold.value.detail}" in text
        assert f"offboard_tenant {backoffice.slug} --resume" in text
        assert "Hold period of 7 days" in text

    def test_one_that_is_refused_shows_what_is_open(
        self, backoffice: Backoffice, operator: StaffClient, tmp_path: Path
    ) -> None:
        account = Account()
        account.open = OpenWork(order_count=3)
        with pytest.raises(OrdersOpen):
            OffboardingTerminal(account, tmp_path).offboarding.start(backoffice.slug, hold_days=0)
        text = operator.get("offboarding", slug=backoffice.slug).text
        assert "offboarding_orders_open" in text
        assert text.count("Failed") == 2  # the offboarding, and its step

    def test_one_that_ended_names_its_certificate(
        self, backoffice: Backoffice, operator: StaffClient, tmp_path: Path
    ) -> None:
        OffboardingTerminal(Account(), tmp_path).later(timedelta(days=1)).offboarding.start(
            backoffice.slug, hold_days=0
        )
        page = operator.get("offboarding", slug=backoffice.slug)
        assert page.text.count("Completed") == len(OffboardingStep)
        assert f"{backoffice.slug}/certificate.json" in page.text
        assert "--resume" not in page.text
        assert OffboardingRun.objects.get().state == "closed"

"""The operator's pages: tenants, keys that are shown once, suspension, health."""

import re
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from pytest_django import Settings

from apps.tenancy import keys, registry
from apps.tenancy.entitlement_changes import Cause
from apps.tenancy.feature_changes import release_feature
from apps.tenancy.feature_schedules import schedule_feature
from apps.tenancy.models import APIKey, Tenant
from apps.tenancy.tenants import set_tenant_status
from apps.tenancy.upgrades.rollout import Rollouts
from resale.domain.entitlements import ENTITLEMENTS, Tier
from resale.domain.features import Feature
from resale.domain.pipeline import BEAT_EVERY
from resale.domain.tenants import TenantStatus
from resale.domain.waves import Wave
from tests.backoffice.staff_clients import Backoffice, Shown, StaffClient
from tests.tenancy.onboarding_world import REQUEST, Organisation, Terminal

KEY = re.compile(r"sk_test_[\w-]{43}")
PIN = datetime.now(UTC).date() + timedelta(days=30)
SCOPES = ["orders:read", "history:read"]


def new_key(client: StaffClient, slug: str, **fields: object) -> Shown:
    page = client.get("tenant", slug=slug)
    found = re.search(r'name="once" value="([^"]+)"', page.html)
    assert found is not None
    body = {"kind": "secret", "scopes": SCOPES, "once": found[1], **fields}
    return client.post("tenant-keys", body, slug=slug)


class TestTenants:
    def test_are_listed_with_status_region_and_keys(
        self, backoffice: Backoffice, other_backoffice: Backoffice, operator: StaffClient
    ) -> None:
        text = operator.get("tenancy_tenant_changelist").text
        for shop in (backoffice, other_backoffice):
            tenant = shop.front.shop.tenant
            assert f"{tenant.slug} Active {tenant.account_id} {tenant.region} Standard" in text

    def test_one_shows_its_keys_by_their_last_characters_only(
        self, backoffice: Backoffice, operator: StaffClient
    ) -> None:
        page = operator.get("tenant", slug=backoffice.slug)
        secret = backoffice.front.shop.secret.text
        assert f"sk_test_…{secret[-4:]}" in page.text
        assert secret not in page.html
        assert backoffice.front.shop.tenant.external_id not in page.html

    def test_an_unknown_one_is_not_there(self, operator: StaffClient) -> None:
        assert operator.get("tenant", slug="nobody").status == 404
        assert operator.send("tenant-status", {"status": "active"}, slug="nobody").status_code == 404

    def test_their_health_is_told(
        self, backoffice: Backoffice, other_backoffice: Backoffice, operator: StaffClient
    ) -> None:
        text = operator.get("health").text
        for shop in (backoffice, other_backoffice):
            tenant = shop.front.shop.tenant
            assert f"{tenant.slug} {tenant.account_id} {tenant.region} Ok" in text

    def test_changes_that_do_not_reach_history_are_told_of(
        self, backoffice: Backoffice, operator: StaffClient, viewer: StaffClient
    ) -> None:
        tenant, container = backoffice.front.shop.tenant, backoffice.front.container
        heartbeats = [table.heartbeat for table in container.pipeline(tenant).read_state().tables]
        latest = max((one.at for one in heartbeats if one), default=datetime.now(UTC) - timedelta(hours=1))
        container.pipeline(tenant).write_heartbeats(now=latest + BEAT_EVERY)
        assert "Late oldest" in operator.get("health").text
        (told,) = [one for one in operator.client.get("/admin/health/tenants").json() if one["slug"] == tenant.slug]
        assert told["changes"]["status"] == "late"
        assert told["changes"]["age_seconds"] > 0
        assert "may be missing from the history" in viewer.get("index").text


class TestKeys:
    def test_are_shown_once_and_work(self, backoffice: Backoffice, operator: StaffClient) -> None:
        page = new_key(operator, backoffice.slug)
        found = KEY.search(page.text)
        assert found is not None
        assert APIKey.objects.get(hash=keys.hash_of(found[0])).scopes == sorted(SCOPES)
        assert "no-store" in page.response.headers["Cache-Control"]
        assert KEY.search(operator.get("tenant", slug=backoffice.slug).text) is None

    def test_the_same_form_makes_one_only(self, backoffice: Backoffice, operator: StaffClient) -> None:
        found = re.search(r'name="once" value="([^"]+)"', operator.get("tenant", slug=backoffice.slug).html)
        assert found is not None
        body = {"kind": "secret", "scopes": SCOPES, "once": found[1]}
        before = APIKey.objects.count()
        operator.post("tenant-keys", body, slug=backoffice.slug)
        again = operator.post("tenant-keys", body, slug=backoffice.slug)
        assert "submitted before" in again.text
        assert APIKey.objects.count() == before + 1

    @pytest.mark.parametrize("fields", [{"kind": "golden"}, {"scopes": []}, {"scopes": ["all"]}, {"kind": ""}])
    def test_need_a_kind_and_scopes_there_are(
        self, backoffice: Backoffice, operator: StaffClient, fields: dict[str, object]
    ) -> None:
        before = APIKey.objects.count()
        assert new_key(operator, backoffice.slug, **fields).status == 422
        assert APIKey.objects.count() == before

    def test_revoked_ones_are_useless_at_once(self, backoffice: Backoffice, operator: StaffClient) -> None:
        key_id = backoffice.front.shop.secret.id
        assert backoffice.front.get("/v1/orders", brand=True).status == 200
        for _ in range(2):
            assert "is revoked" in operator.post("key-revoke", slug=backoffice.slug, key_id=key_id).text
        assert backoffice.front.get("/v1/orders", brand=True).code == "401 api_key_revoked"

    def test_are_revoked_under_their_own_tenant_only(
        self, backoffice: Backoffice, other_backoffice: Backoffice, operator: StaffClient
    ) -> None:
        key_id = backoffice.front.shop.secret.id
        assert operator.send("key-revoke", slug=other_backoffice.slug, key_id=key_id).status_code == 404
        assert APIKey.objects.get(id=key_id).revoked_at is None


class TestLimits:
    def test_override_those_of_the_tier_where_a_number_is_given(
        self, backoffice: Backoffice, operator: StaffClient
    ) -> None:
        page = operator.get("tenant", slug=backoffice.slug)
        assert "Requests per second of the shop, over all its keys. Standard: 100." in page.text
        done = operator.post(
            "tenant-limits", {"tenant_burst": "7", "key_burst": "", "reason": "A sale"}, slug=backoffice.slug
        )
        assert "The limits are changed" in done.text
        assert Tenant.objects.get(slug=backoffice.slug).limits == {"tenant_burst": 7}
        assert 'limits {"tenant_burst": 7} A sale' in done.text
        limits = registry.by_slug(backoffice.slug).limits
        assert limits == msgspec.structs.replace(ENTITLEMENTS[Tier.STANDARD].limits, tenant_burst=7)

    @pytest.mark.parametrize("value", ["0", "-1", "many", "1000000000", "1.5"])
    def test_out_of_bounds_are_refused(self, backoffice: Backoffice, operator: StaffClient, value: str) -> None:
        before = Tenant.objects.get(slug=backoffice.slug).limits
        assert (
            operator.post("tenant-limits", {"tenant_burst": value, "reason": "A sale"}, slug=backoffice.slug).status
            == 422
        )
        assert Tenant.objects.get(slug=backoffice.slug).limits == before

    def test_are_not_changed_without_a_reason(self, backoffice: Backoffice, operator: StaffClient) -> None:
        before = Tenant.objects.get(slug=backoffice.slug).limits
        assert operator.post("tenant-limits", {"tenant_burst": "7", "reason": " "}, slug=backoffice.slug).status == 422
        assert Tenant.objects.get(slug=backoffice.slug).limits == before

    def test_are_for_operators(self, backoffice: Backoffice, manager: StaffClient) -> None:
        before = Tenant.objects.get(slug=backoffice.slug).limits
        refused = manager.send("tenant-limits", {"tenant_burst": "7"}, slug=backoffice.slug).status_code
        assert refused in {403, 404}
        assert Tenant.objects.get(slug=backoffice.slug).limits == before


class TestFeatures:
    def test_a_standard_tenant_has_them_by_its_wave(self, backoffice: Backoffice, operator: StaffClient) -> None:
        text = operator.get("tenant-features", slug=backoffice.slug).text
        assert "relisting" in text
        assert "Features reach the tenants of this tier in waves" in text
        body = {"name": "relisting", "action": "opt-in", "reason": "They want it"}
        refused = operator.post("tenant-features", body, slug=backoffice.slug)
        assert refused.status == 422
        assert Tenant.objects.get(slug=backoffice.slug).feature_choices == {}

    def test_a_premium_tenant_chooses(self, backoffice: Backoffice, operator: StaffClient) -> None:
        Tenant.objects.filter(slug=backoffice.slug).update(tier="premium")
        body = {"name": "relisting", "action": "pin", "until": str(PIN), "reason": "Training in January"}
        page = operator.post("tenant-features", body, slug=backoffice.slug)
        assert f"Pinned off until {PIN}" in page.text
        assert "Training in January" in page.text
        assert not registry.by_slug(backoffice.slug).is_enabled(Feature.RELISTING)
        operator.post("tenant-features", {**body, "action": "unpin"}, slug=backoffice.slug)
        assert registry.by_slug(backoffice.slug).is_enabled(Feature.RELISTING)

    @pytest.mark.parametrize(
        "fields",
        [
            {"until": ""},
            {"until": "2020-01-01"},
            {"until": "2099-01-01"},
            {"reason": ""},
            {"name": "x"},
            {"action": "x"},
        ],
    )
    def test_a_choice_that_is_none_is_refused(
        self, backoffice: Backoffice, operator: StaffClient, fields: dict[str, str]
    ) -> None:
        Tenant.objects.filter(slug=backoffice.slug).update(tier="premium")
        body = {"name": "relisting", "action": "pin", "until": str(PIN), "reason": "Training"} | fields
        assert operator.post("tenant-features", body, slug=backoffice.slug).status == 422
        assert Tenant.objects.get(slug=backoffice.slug).feature_choices == {}


class TestFeatureReleases:
    def test_a_schedule_is_shown_held_and_resumed(self, operator: StaffClient, manager: StaffClient) -> None:
        release_feature(feature=Feature.RELISTING, wave=Wave.NONE, cause=Cause(by="stf_1", reason="A fault"))
        body = {"name": "relisting", "action": "hold", "reason": "The sale begins"}
        refused = operator.post("features", body)
        assert (refused.status, "No schedule advances “relisting”" in refused.text) == (422, True)
        schedule_feature(feature=Feature.RELISTING, hours={}, cause=Cause(by="stf_1", reason="Week 1"))
        assert "None Its schedule Not known yet" in operator.get("features").text
        assert manager.post("features", body).status == 404
        assert operator.post("features", {**body, "reason": " "}).status == 422
        assert "None Held None" in operator.post("features", body).text
        page = operator.post("features", {**body, "action": "resume", "reason": "The sale is over"})
        assert "None Its schedule Not known yet" in page.text
        assert f"The sale is over {operator.user.staff_id}" in page.text


ORGANISATION = Organisation()


def open_providers() -> Organisation:
    """The providers that a test's settings name."""
    return ORGANISATION


class TestUpgrades:
    def test_without_providers_the_reason_is_shown(self, backoffice: Backoffice, operator: StaffClient) -> None:
        text = operator.get("tenant-drift", slug=backoffice.slug).text
        assert "They could not be compared: No organisation is configured" in text
        assert "No upgrades yet" in text

    @pytest.mark.usefixtures("backoffice")
    def test_differences_and_upgrades_are_shown(self, operator: StaffClient, settings: Settings) -> None:
        settings.ONBOARDING_PROVIDERS = f"{__name__}.open_providers"
        onboarding = Terminal(ORGANISATION, ORGANISATION).onboarding
        onboarding.start(REQUEST)
        assert "registry and account None." in operator.get("tenant-drift", slug=REQUEST.slug).text
        ORGANISATION.release = "1-b"
        rollouts = Rollouts(
            onboarding, count_errors=lambda _: 0, bake_seconds=0, say=lambda _: None, pause=lambda _: None
        )
        rollouts.start(wave=Wave.ALL, keeps_templates=False)
        row = Tenant.objects.get(slug=REQUEST.slug)
        row.resources["tables"]["orders"] = "restored"
        row.save()
        text = operator.get("tenant-drift", slug=REQUEST.slug).text
        assert "resources.tables.orders restored third-orders" in text
        assert "1-a 1-b Canary Upgraded" in text


class TestSuspension:
    def test_stops_the_shop_and_lets_it_go_on(self, backoffice: Backoffice, operator: StaffClient) -> None:
        assert "is suspended" in operator.post("tenant-status", {"status": "suspended"}, slug=backoffice.slug).text
        assert backoffice.front.get("/v1/listings").code == "403 tenant_suspended"
        assert "active again" in operator.post("tenant-status", {"status": "active"}, slug=backoffice.slug).text
        assert backoffice.front.get("/v1/listings").status == 200

    @pytest.mark.parametrize("status", ["gone", "closing", "closed"])
    def test_a_status_that_is_none_of_a_page_is_refused(
        self, backoffice: Backoffice, operator: StaffClient, status: str
    ) -> None:
        assert operator.send("tenant-status", {"status": status}, slug=backoffice.slug).status_code == 404
        assert Tenant.objects.get(slug=backoffice.slug).status == "active"

    def test_a_closed_tenant_stays_closed(self, backoffice: Backoffice, operator: StaffClient) -> None:
        set_tenant_status(slug=backoffice.slug, status=TenantStatus.CLOSED)
        assert "Resume this tenant" not in operator.get("tenant", slug=backoffice.slug).text
        refused = operator.post("tenant-status", {"status": "active"}, slug=backoffice.slug)
        assert "cannot be resumed" in refused.text
        assert backoffice.front.get("/v1/listings").code == "403 tenant_closed"

    def test_a_tenant_without_its_stack_cannot_trade(self, operator: StaffClient) -> None:
        Tenant.objects.create(slug="unready", name="Unready", account_id="3" * 12, status="suspended")
        page = operator.post("tenant-status", {"status": "active"}, slug="unready")
        assert "registration is not valid" in page.text
        assert Tenant.objects.get(slug="unready").status == "suspended"

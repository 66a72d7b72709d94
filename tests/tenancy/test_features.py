"""Features of tenants as the registry keeps them: releases, choices, who changed them, and the command."""

from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command

from apps.tenancy import registry
from apps.tenancy.entitlement_changes import Cause
from apps.tenancy.errors import TenantNotFound
from apps.tenancy.feature_changes import opt_in, pin_feature, release_feature, set_ring, unpin_feature
from apps.tenancy.models import EntitlementChange, Tenant
from apps.tenancy.tenants import set_limits
from resale.domain.features import Feature, FeatureNotChosen
from resale.domain.waves import Wave
from tests.fixtures.tenants import Shop

CAUSE = Cause(by="stf_1", reason="The brand asked for it")
PIN = datetime.now(UTC).date() + timedelta(days=30)


def is_on(slug: str) -> bool:
    return registry.by_slug(slug).is_enabled(Feature.RELISTING)


def make_premium(shop: Shop, **fields: Any) -> str:
    Tenant.objects.filter(slug=shop.tenant.slug).update(tier="premium", **fields)
    registry.clear()
    return shop.tenant.slug


def command(*words: str) -> str:
    output = StringIO()
    call_command("features", *words, stdout=output)
    return output.getvalue()


class TestReleases:
    def test_a_feature_of_today_is_on_for_todays_tenants(self, northwind: Shop, atelier: Shop) -> None:
        assert is_on(northwind.tenant.slug)
        assert is_on(make_premium(atelier))

    def test_reaches_tenants_wave_by_wave_and_goes_back(self, northwind: Shop, atelier: Shop) -> None:
        slugs = (northwind.tenant.slug, atelier.tenant.slug)
        for wave, count in ((Wave.NONE, 0), (Wave.CANARY, 1), (Wave.ALL, 2), (Wave.RING, 0)):
            release_feature(feature=Feature.RELISTING, wave=wave, cause=CAUSE)
            assert sum(map(is_on, slugs)) == count

    def test_the_ring_comes_first(self, northwind: Shop, atelier: Shop) -> None:
        release_feature(feature=Feature.RELISTING, wave=Wave.RING, cause=CAUSE)
        set_ring(slug="atelier", in_ring=True, cause=CAUSE)
        assert (is_on(northwind.tenant.slug), is_on(atelier.tenant.slug)) == (False, True)

    def test_costs_no_query_for_each_tenant_or_test(
        self, northwind: Shop, atelier: Shop, django_assert_num_queries: Any
    ) -> None:
        with django_assert_num_queries(3):  # tenants, their connections, the releases
            served = registry.Registry().served_tenants()
        with django_assert_num_queries(0):
            assert all(tenant.is_enabled(Feature.RELISTING) for tenant in served)
        assert {tenant.slug for tenant in served} == {northwind.tenant.slug, atelier.tenant.slug}

    def test_who_when_and_why_are_recorded(self, northwind: Shop) -> None:
        release_feature(feature=Feature.RELISTING, wave=Wave.CANARY, cause=CAUSE)
        set_limits(slug=northwind.tenant.slug, limits={"tenant_burst": 7}, cause=CAUSE)
        limits, release = EntitlementChange.objects.all()
        assert (release.tenant, release.subject, release.value["wave"]) == (None, "feature:relisting", "canary")
        assert (limits.tenant_id, limits.subject, limits.value) == (northwind.tenant.id, "limits", {"tenant_burst": 7})
        assert {(one.changed_by, one.reason) for one in (limits, release)} == {(CAUSE.by, CAUSE.reason)}

    @pytest.mark.parametrize("reason", ["", "  ", "x" * 201, "a\x00b"])
    def test_nothing_changes_without_a_reason(self, northwind: Shop, reason: str) -> None:
        cause = Cause(by="stf_1", reason=reason)
        with pytest.raises(ValidationError):
            release_feature(feature=Feature.RELISTING, wave=Wave.NONE, cause=cause)
        with pytest.raises(ValidationError):
            set_ring(slug=northwind.tenant.slug, in_ring=True, cause=cause)
        assert is_on(northwind.tenant.slug)
        assert not Tenant.objects.get(slug=northwind.tenant.slug).in_ring


class TestChoices:
    def test_a_premium_tenant_pins_off_and_on(self, northwind: Shop) -> None:
        slug = make_premium(northwind)
        pin_feature(slug=slug, feature=Feature.RELISTING, until=PIN, cause=CAUSE)
        assert not is_on(slug)
        unpin_feature(slug=slug, feature=Feature.RELISTING, cause=CAUSE)
        assert is_on(slug)

    def test_a_premium_tenant_opts_in_before_the_waves(self, northwind: Shop) -> None:
        slug = make_premium(northwind)
        release_feature(feature=Feature.RELISTING, wave=Wave.NONE, cause=CAUSE)
        assert not is_on(slug)
        opt_in(slug=slug, feature=Feature.RELISTING, cause=CAUSE)
        assert is_on(slug)

    def test_a_pin_remembers_that_the_brand_opted_in(self, northwind: Shop) -> None:
        slug = make_premium(northwind)
        opt_in(slug=slug, feature=Feature.RELISTING, cause=CAUSE)
        pin_feature(slug=slug, feature=Feature.RELISTING, until=PIN, cause=CAUSE)
        stored = Tenant.objects.get(slug=slug).feature_choices
        assert stored == {"relisting": {"opted_in": True, "pinned_until": str(PIN)}}

    def test_a_standard_tenant_chooses_nothing(self, northwind: Shop) -> None:
        with pytest.raises(FeatureNotChosen):
            opt_in(slug=northwind.tenant.slug, feature=Feature.RELISTING, cause=CAUSE)
        assert not EntitlementChange.objects.exists()

    @pytest.mark.usefixtures("db")
    def test_nobody_chooses_nothing(self) -> None:
        with pytest.raises(TenantNotFound):
            opt_in(slug="nobody", feature=Feature.RELISTING, cause=CAUSE)

    @pytest.mark.parametrize("choices", [[], {"relisting": True}, {"relisting": {"opted": True}}])
    def test_choices_that_are_none_are_refused(self, northwind: Shop, choices: Any) -> None:
        row = Tenant.objects.get(slug=northwind.tenant.slug)
        row.feature_choices = choices
        with pytest.raises(ValidationError):
            row.full_clean()


class TestCommand:
    def test_releases_lists_and_shows(self, northwind: Shop) -> None:
        assert "is released to the wave none" in command(
            "release", "relisting", "--wave", "none", "--reason", "A fault"
        )
        assert "wave none" in command("list")
        assert command("list", northwind.tenant.slug).split() == ["relisting", "off"]

    def test_a_premium_tenant_chooses(self, northwind: Shop) -> None:
        slug = make_premium(northwind)
        command("pin", slug, "relisting", "--until", str(PIN), "--reason", "Training")
        assert command("list", slug).split() == ["relisting", "off"]
        command("unpin", slug, "relisting", "--reason", "Trained")
        command("opt-in", slug, "relisting", "--reason", "Wanted")
        command("ring-add", slug, "--reason", "A test shop")
        assert Tenant.objects.get(slug=slug).in_ring
        command("ring-remove", slug, "--reason", "No test shop")
        assert not Tenant.objects.get(slug=slug).in_ring

    @pytest.mark.parametrize(
        ("words", "code"),
        [
            (("opt-in", "northwind", "relisting"), "feature_not_chosen_by_tenant"),
            (("opt-in", "northwind", "nothing"), "feature_not_found"),
            (("unpin", "nobody", "relisting"), "tenant_not_found"),
            (("pin", "northwind", "relisting", "--until", "2020-01-01"), "feature_pin_refused"),
        ],
    )
    @pytest.mark.usefixtures("northwind")
    def test_a_refusal_has_its_code(self, words: tuple[str, ...], code: str) -> None:
        with pytest.raises(CommandError, match=code):
            command(*words, "--reason", "A test")

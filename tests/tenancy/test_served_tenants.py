"""A process that serves some of the tenants only: what it lists for its workers, and what its web refuses."""

import pytest
from django.test import Client
from pytest_django import Settings

from apps.tenancy import registry
from resale.domain.served_tenants import ServedTenants, served_tenants_of
from tests.fixtures.tenants import Shop


def serve(settings: Settings, *words: str) -> None:
    settings.SERVED_TENANTS = served_tenants_of(words)


class TestList:
    @pytest.mark.parametrize(
        ("words", "served"),
        [
            ([], {"northwind", "atelier", "third"}),
            (["atelier"], {"atelier"}),
            (["atelier", "third"], {"atelier", "third"}),
            (["-atelier"], {"northwind", "third"}),
            (["-atelier", "-third"], {"northwind"}),
            (["nobody"], set()),
        ],
    )
    def test_names_or_leaves_out(self, words: list[str], served: set[str]) -> None:
        found = served_tenants_of(words)
        assert {slug for slug in ("northwind", "atelier", "third") if found.includes(slug)} == served

    def test_serves_all_by_default(self) -> None:
        assert served_tenants_of([]) == ServedTenants()

    @pytest.mark.parametrize("words", [["a", "-b"], ["-"], ["-a", "-"]])
    def test_of_both_kinds_is_refused(self, words: list[str]) -> None:
        with pytest.raises(ValueError, match="-"):
            served_tenants_of(words)


class TestProcess:
    def test_works_for_its_tenants_only(self, northwind: Shop, atelier: Shop, settings: Settings) -> None:
        for words, expected in (
            ((), ["atelier", "northwind"]),
            (("atelier",), ["atelier"]),
            (("-atelier",), ["northwind"]),
        ):
            serve(settings, *words)
            assert [tenant.slug for tenant in registry.served_tenants()] == expected
            assert [tenant.slug for tenant in registry.active_tenants()] == expected
        assert registry.by_slug(atelier.tenant.slug).id != northwind.tenant.id

    def test_refuses_the_keys_of_others(
        self, client: Client, northwind: Shop, atelier: Shop, settings: Settings
    ) -> None:
        serve(settings, "atelier")
        refused = client.get("/v1/listings", headers={"X-API-Key": northwind.publishable.text})
        assert (refused.status_code, refused.json()["code"]) == (421, "tenant_not_served_here")
        assert "northwind" not in refused.text
        other = client.get("/v1/listings?limit=0", headers={"X-API-Key": atelier.publishable.text})
        assert other.status_code == 422

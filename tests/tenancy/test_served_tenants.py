"""A process that serves some of the tenants only: what it lists for its workers, and what its web refuses."""

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.db import connection
from django.test import Client
from pytest_django import Settings

from apps.tenancy import registry
from apps.tenancy.models import Tenant
from apps.workers import sources
from apps.workers.roles import changes_loops, sweep_loops
from resale.domain.served_tenants import ServedTenants, served_tenants_of
from resale.domain.worker_shards import WorkerShard
from tests.fixtures.tenants import Shop


def serve(settings: Settings, *words: str) -> None:
    settings.SERVED_TENANTS = served_tenants_of(words)


def give_own_processes(shop: Shop) -> None:
    row = Tenant.objects.get(slug=shop.tenant.slug)
    row.tier, row.own_processes = "premium", True
    row.full_clean()
    row.save()
    registry.clear()


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
        slugs = ("northwind", "atelier", "third")
        assert {slug for slug in slugs if found.includes(slug, own_processes=False)} == served
        assert {slug for slug in slugs if found.lists(slug)} == served

    @pytest.mark.parametrize(("words", "served"), [([], False), (["-third"], False), (["atelier"], True)])
    def test_the_pool_leaves_out_who_has_processes_of_its_own(self, words: list[str], served: bool) -> None:  # noqa: FBT001 - a case
        assert served_tenants_of(words).includes("atelier", own_processes=True) is served
        assert served_tenants_of(words).lists("atelier")

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

    def test_the_pool_leaves_out_who_has_processes_of_its_own(
        self, client: Client, northwind: Shop, atelier: Shop, settings: Settings
    ) -> None:
        give_own_processes(atelier)
        assert [tenant.slug for tenant in registry.served_tenants()] == ["northwind"]
        assert [tenant.slug for tenant in registry.listed_tenants()] == ["atelier", "northwind"]  # for commands
        refused = client.get("/v1/listings", headers={"X-API-Key": atelier.publishable.text})
        assert (refused.status_code, refused.json()["code"]) == (421, "tenant_not_served_here")
        serve(settings, "atelier")
        assert [tenant.slug for tenant in registry.served_tenants()] == ["atelier"]
        taken = client.get("/v1/listings?limit=0", headers={"X-API-Key": atelier.publishable.text})
        assert taken.status_code == 422
        refused = client.get("/v1/listings", headers={"X-API-Key": northwind.publishable.text})
        assert refused.status_code == 421

    def test_refuses_the_keys_of_others(
        self, client: Client, northwind: Shop, atelier: Shop, settings: Settings
    ) -> None:
        serve(settings, "atelier")
        refused = client.get("/v1/listings", headers={"X-API-Key": northwind.publishable.text})
        assert (refused.status_code, refused.json()["code"]) == (421, "tenant_not_served_here")
        assert "northwind" not in refused.text
        other = client.get("/v1/listings?limit=0", headers={"X-API-Key": atelier.publishable.text})
        assert other.status_code == 422


class TestShards:
    @pytest.mark.parametrize("count", [1, 2, 5])
    def test_a_tenant_is_polled_by_two_of_the_services(
        self, northwind: Shop, atelier: Shop, settings: Settings, count: int
    ) -> None:
        polled: Counter[str] = Counter()
        changes: Counter[str] = Counter()
        for number in range(1, count + 1):
            settings.WORKER_SHARD = WorkerShard(number, count)
            polled.update(tenant.slug for tenant in sources.bindings("orders")._tenants())
            loops = changes_loops(wait_seconds=0, health_file=None)
            changes.update(tenant.slug for tenant in loops._tenants())
            swept = sweep_loops(interval_seconds=None, health_file=None)._tenants()
            assert {tenant.slug for tenant in swept} == {"northwind", "atelier"}  # a sweep has no shard
        assert polled == changes == {slug: min(count, 2) for slug in (northwind.tenant.slug, atelier.tenant.slug)}

    @pytest.mark.usefixtures("northwind")
    def test_one_with_processes_of_its_own_is_polled_by_them_alone(self, atelier: Shop, settings: Settings) -> None:
        give_own_processes(atelier)
        shards = [WorkerShard(number, 5) for number in range(1, 6)]
        for words, services in (((), 0), (("atelier",), 5)):
            serve(settings, *words)
            found = 0
            for settings.WORKER_SHARD in shards if not words else [WorkerShard()] * 5:
                found += "atelier" in {tenant.slug for tenant in registry.polled_tenants()}
            assert found == services


class TestTiers:
    def test_only_a_tier_that_includes_own_processes_has_some(self, northwind: Shop, atelier: Shop) -> None:
        row = Tenant.objects.get(slug=northwind.tenant.slug)
        row.own_processes = True
        with pytest.raises(ValidationError, match="does not include processes of its own"):
            row.full_clean()
        give_own_processes(atelier)
        downgraded = Tenant.objects.get(slug="atelier")
        downgraded.tier = "standard"
        with pytest.raises(ValidationError, match="does not include processes of its own"):
            downgraded.full_clean()

    @pytest.mark.parametrize("words", [("northwind",), ("atelier", "northwind"), ("-northwind",)])
    @pytest.mark.parametrize("command", ["changes", "sweep"])
    @pytest.mark.usefixtures("northwind")
    def test_a_role_that_lists_another_does_not_start(
        self, atelier: Shop, settings: Settings, words: tuple[str, ...], command: str
    ) -> None:
        give_own_processes(atelier)
        serve(settings, *words)
        with pytest.raises(SystemExit, match="own_processes_not_in_tier: RESALE_TENANTS names northwind, whose tier"):
            call_command(command)

    @pytest.mark.usefixtures("northwind")
    def test_a_web_that_lists_another_is_not_ready(self, client: Client, atelier: Shop, settings: Settings) -> None:
        give_own_processes(atelier)
        for words, status, tenants in (
            ((), 200, "ok"),
            (("atelier", "nobody"), 200, "ok"),
            (("northwind",), 503, "own_processes_not_in_tier"),
        ):
            serve(settings, *words)
            response = client.get("/readyz")
            assert (response.status_code, response.json()["tenants"]) == (status, tenants)

    @pytest.mark.skipif(connection.vendor != "sqlite", reason="the worker opens the database by its file")
    @pytest.mark.django_db(transaction=True)
    @pytest.mark.usefixtures("northwind")
    def test_a_worker_that_lists_another_does_not_start(self, tmp_path: Path) -> None:
        ended = subprocess.run(
            [sys.executable, "-m", "celery", "--quiet", "-A", "config.celery", "worker", "-Q", "orders", "-c", "1"],
            cwd=Path(__file__).resolve().parents[2],
            env={
                **os.environ,
                "DJANGO_SETTINGS_MODULE": "config.settings.local",
                "DATABASE_URL": f"sqlite:///{connection.settings_dict['NAME']}",
                "RESALE_VAR_DIR": str(tmp_path),
                "RESALE_TENANTS": "northwind",
            },
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert ended.returncode == 1
        assert "own_processes_not_in_tier: RESALE_TENANTS names northwind" in ended.stderr

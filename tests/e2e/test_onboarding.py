"""A tenant onboarded beside a running platform: it is served without a restart, and sells what its shoppers list."""

import re

import pytest

from deploy.local.journey.client import Client
from deploy.local.journey.money import MoneyJourney
from deploy.local.journey.shops import Shop
from deploy.local.private_files import DemoTenant, Login
from tests.e2e.admin_pages import AdminPages
from tests.e2e.machine import Machine, eventually
from tests.e2e.processes import children_of
from tests.e2e.test_commands import Case, run


def serving(machine: Machine) -> set[int]:
    """The supervised processes but ministack, which restarts to save the keys of a new account."""
    return {process.pid for process in children_of(machine._pid) if "ministack" not in process.command}


def onboard(machine: Machine, slug: str, *words: str) -> str:
    done = run(machine, Case(" ".join(("onboard_tenant", slug, *words)), ""))
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def shopper(machine: Machine, slug: str, name: str) -> str:
    return run(machine, Case(f"mint_shopper {slug} {name}", "")).stdout.strip()


@pytest.mark.slow
@pytest.mark.timeout(300)
class TestOnboardTenant:
    def test_a_new_tenant_sells_without_a_restart(self, machine: Machine) -> None:
        before = serving(machine)
        printed = onboard(machine, "third", "--region", "eu-west-2")
        keys = re.findall(r"^  (?:publishable|secret) +(\S+)$", printed, re.MULTILINE)
        assert len(keys) == 2
        tenant = DemoTenant(
            slug="third",
            account_id="300000000001",
            region="eu-west-2",
            publishable_key=keys[0],
            secret_key=keys[1],
            seller_token=shopper(machine, "third", "seller"),
            buyer_token=shopper(machine, "third", "buyer"),
            staff=Login("", ""),
            logins=(),
        )
        said: list[str] = []
        MoneyJourney(Shop(machine.demo.base_url, tenant, currency="GBP", say=said.append)).play()
        assert said
        assert before <= serving(machine)

    def test_an_operator_onboards_one_on_the_pages(self, machine: Machine) -> None:
        pages = AdminPages(machine.demo.base_url, machine.demo.operator)
        fields = {"slug": "fifth", "name": "Fifth", "region": "us-east-1", "tier": "standard"}
        pages.post("/admin/onboardings/", {**fields, "commission_basis_points": "1000"})
        path = "/admin/onboardings/fifth/"
        ready = eventually(
            lambda: pages.get(path),
            lambda html: "finish/" in html or "Resume the onboarding" in html,
            until="the tenant is registered",
        )
        assert "finish/" in ready
        issued = re.findall(r"data-secret>([^<]+)<", pages.post(f"{path}finish/", {}, form_at=path))
        assert [key[:2] for key in issued] == ["pk", "sk"]
        for key in issued:
            assert Client(machine.demo.base_url, {"X-API-Key": key}).get("/v1/listings").status == 200

    def test_its_onboarding_is_done_once(self, machine: Machine) -> None:
        done = run(machine, Case("onboard_tenant northwind --region eu-west-2", ""))
        assert done.returncode == 1
        assert "slug_taken: A tenant with the slug northwind exists" in done.stderr

    def test_a_sandbox_out_of_the_pool_is_served_in_seconds(self, machine: Machine) -> None:
        filled = run(machine, Case("sandbox fill --count 1", ""))
        assert "1 accounts in eu-west-2 are ready" in filled.stdout, filled.stdout + filled.stderr
        created = run(machine, Case("sandbox create --name Trial", ""))
        assert "is ready: one is prepared now" not in created.stdout, created.stdout
        key = re.search(r"^  publishable +(pk_test_\S+)$", created.stdout, re.MULTILINE)
        assert key, created.stdout + created.stderr
        assert Client(machine.demo.base_url, {"X-API-Key": key[1]}).get("/v1/listings").status == 200

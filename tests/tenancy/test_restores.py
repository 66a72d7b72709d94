"""Restore of a tenant: what is refused meanwhile, every crash, every refusal, and what is left afterwards."""

from contextlib import suppress
from datetime import datetime, timedelta

import msgspec
import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client

from apps.tenancy import registry
from apps.tenancy.errors import TenantClosed, TenantFrozen, TenantNotFound
from apps.tenancy.models import Connection, RestoreRecord, RestoreRun, Tenant
from apps.tenancy.step_runs.leases import LEASE
from apps.tenancy.tenants import save_tenant, set_standby, set_tenant_status
from resale.application.ports import Broken, Pending
from resale.domain.tenant_restores import (
    RESTORED_TABLES,
    RestoreCancelled,
    RestoreInProgress,
    RestoreNotFound,
    RestoreStep,
    RestoreTimeInvalid,
    RestoreUnfinished,
    RestoreUnsound,
    TableSetting,
)
from resale.domain.tenants import SETTLE, Standby, TenantStatus
from resale.errors import Rejected
from tests.fixtures.tenants import Shop, record_of, resources_of
from tests.tenancy.onboarding_world import Boundaries, Killed
from tests.tenancy.restore_world import ORDER, Account, RestoreTerminal

SLUG = "northwind"
_OF_TABLES = {"restore", "apply_setting", "close_table", "append"}


@pytest.fixture
def account() -> Account:
    return Account()


@pytest.fixture
def at() -> datetime:
    return RestoreTerminal(Account()).now() - timedelta(minutes=10)


def status() -> str:
    return Tenant.objects.get(slug=SLUG).status


def tables() -> dict[str, str]:
    found: dict[str, str] = Tenant.objects.get(slug=SLUG).resources["tables"]
    return found


def is_restored() -> bool:
    generation = RestoreRun.objects.get().generation
    return all(tables()[name] == f"northwind-{name}-{generation}" for name in RESTORED_TABLES)


class TestRestore:
    def test_the_map_names_the_restored_tables_and_the_tenant_is_served_as_before(
        self, account: Account, northwind: Shop, at: datetime
    ) -> None:
        RestoreTerminal(account).restores.start(SLUG, at=at)
        assert is_restored()
        assert (tables()["keys"], tables()["idempotency"]) == ("northwind-keys", "northwind-idempotency")
        assert (status(), RestoreRun.objects.get().state) == ("active", "restored")
        assert [tenant.slug for tenant in registry.served_tenants()] == [SLUG]
        assert all(given == set(TableSetting) for given in account.settings.values())
        assert len(account.settings) == len(RESTORED_TABLES)
        assert northwind.tenant.resources.tables.orders in account.closed
        assert account.retired == [("northwind-listings", "northwind-orders", "northwind-customers")]
        assert [row.version for row in account.history[tables()["history"]]] == [1, 2, 3]

    def test_a_suspended_tenant_stays_suspended(self, account: Account, northwind: Shop, at: datetime) -> None:  # noqa: ARG002 - is registered
        set_tenant_status(slug=SLUG, status=TenantStatus.SUSPENDED)
        RestoreTerminal(account).restores.start(SLUG, at=at)
        assert (status(), is_restored()) == ("suspended", True)

    def test_a_second_restore_begins_from_the_restored_tables(
        self,
        account: Account,
        northwind: Shop,  # noqa: ARG002 - is registered
        at: datetime,
    ) -> None:
        RestoreTerminal(account).restores.start(SLUG, at=at)
        first = tables()["history"]
        RestoreTerminal(account).later(timedelta(hours=1)).restores.start(SLUG, at=at)
        assert is_restored()
        assert tables()["history"] != first

    def test_a_replica_of_the_former_tables_is_a_standby_no_more(
        self, account: Account, northwind: Shop, at: datetime
    ) -> None:
        resources = resources_of(SLUG, northwind.tenant.account_id, "eu-west-1")
        set_standby(slug=SLUG, standby=Standby(region="eu-west-1", resources=resources))
        RestoreTerminal(account).restores.start(SLUG, at=at)
        assert (Tenant.objects.get().standby, registry.by_slug(SLUG).standby) == ({}, None)
        assert RestoreRecord.objects.get(step="swap").record["standby"] == "eu-west-1"

    @pytest.mark.usefixtures("northwind")
    def test_nothing_is_restored_before_all_processes_know(self, account: Account, at: datetime) -> None:
        RestoreTerminal(account).restores.start(SLUG, at=at)
        of = {row.step: row for row in RestoreRecord.objects.all()}
        frozen_at = datetime.fromisoformat(of["freeze"].record["frozen_at"])
        assert of["tables"].started_at >= frozen_at + SETTLE

    @pytest.mark.usefixtures("northwind")
    def test_a_moment_that_can_be_restored_to_in_a_few_minutes_is_awaited(self, account: Account, at: datetime) -> None:
        account.latest_in = timedelta(minutes=15)
        terminal = RestoreTerminal(account)
        waited = terminal._wait

        def pass_time(seconds: float) -> None:
            waited(seconds)
            account.latest_in -= timedelta(seconds=seconds)

        terminal.restores._machine._pause = pass_time
        terminal.restores.start(SLUG, at=at)
        assert account.latest_in <= timedelta(minutes=10)

    @pytest.mark.usefixtures("northwind")
    def test_it_pauses_after_a_step_and_goes_on(self, account: Account, at: datetime) -> None:
        terminal = RestoreTerminal(account)
        terminal.restores.start(SLUG, at=at, until=RestoreStep.VERIFY)
        assert (RestoreRun.objects.get().state, status(), tables()["orders"]) == (
            "paused",
            "frozen",
            "northwind-orders",
        )
        assert [one.step for one in terminal.restores.plan(SLUG, at=None) if one.done][-1] == RestoreStep.VERIFY
        terminal.restores.resume(SLUG)
        assert (status(), is_restored()) == ("active", True)


class TestOwner:
    """A freeze belongs to one run, which ends it."""

    @pytest.mark.usefixtures("northwind")
    def test_another_runs_freeze_is_not_adopted(self, account: Account, at: datetime) -> None:
        terminal = RestoreTerminal(account)
        terminal.restores.start(SLUG, at=at, until=RestoreStep.CHANGES)
        Tenant.objects.update(frozen_by="move 0 to eu-west-1")
        with pytest.raises(RestoreCancelled):
            terminal.restores.resume(SLUG)
        assert (status(), tables()["orders"], account.closed) == ("frozen", "northwind-orders", set())

    @pytest.mark.usefixtures("northwind")
    def test_a_tenant_that_was_closed_meanwhile_is_not_frozen(self, account: Account, at: datetime) -> None:
        def close() -> None:
            Tenant.objects.update(status="closing")

        with pytest.raises(RestoreCancelled):  # between the start of the run and the freeze
            RestoreTerminal(account, Boundaries(1, after=True, act=close)).restores.start(SLUG, at=at)
        assert status() == "closing"

    def test_from_the_swap_on_it_is_not_resumed_and_not_registered_anew(
        self, account: Account, northwind: Shop, at: datetime
    ) -> None:
        terminal = RestoreTerminal(account)
        terminal.restores.start(SLUG, at=at, until=RestoreStep.SWAP)
        with pytest.raises(CommandError, match="--resume"):
            call_command("resume_tenant", SLUG)
        record = record_of(SLUG, northwind.tenant.account_id, issuer=northwind.tenant.oidc_issuer)
        with pytest.raises(TenantFrozen):
            save_tenant(record)  # an upgrade that read the row before
        assert (status(), account.retired) == ("frozen", [])
        terminal.restores.resume(SLUG)
        assert (status(), is_restored(), Tenant.objects.get().frozen_by) == ("active", True, "")

    @pytest.mark.usefixtures("northwind")
    def test_pipes_are_awaited(self, account: Account, at: datetime) -> None:
        account.delay, account.stopping = Pending("the Pipe is CREATING"), 2
        terminal = RestoreTerminal(account)
        terminal.restores.start(SLUG, at=at)
        assert any("the Pipe is CREATING" in line for line in terminal.lines)
        assert (status(), len(account.retired)) == ("active", 1)
        account.delay = Broken("The Pipe is CREATE_FAILED.")
        with pytest.raises(Rejected, match="CREATE_FAILED"):
            terminal.later(timedelta(hours=1)).restores.start(SLUG, at=at)
        assert status() == "frozen"


class TestFrozen:
    @pytest.fixture
    def frozen(self, northwind: Shop) -> Shop:
        set_tenant_status(slug=SLUG, status=TenantStatus.FROZEN)
        return northwind

    def test_the_api_responds_when_to_come_back(self, frozen: Shop) -> None:
        response = Client().get("/v1/listings", headers={"X-API-Key": frozen.publishable.text})
        assert (response.status_code, response.json()["code"]) == (503, "tenant_frozen")
        assert response.headers["Retry-After"] == "30"

    def test_a_partner_repeats_its_event(self, frozen: Shop) -> None:
        row = Tenant.objects.get(slug=SLUG)
        connection = Connection.objects.create(
            tenant=row, kind="payments", provider="sandbox", calls_per_second=1, concurrent_calls=1
        )
        with pytest.raises(TenantFrozen):
            registry.by_connection(connection.id)
        assert Client().post(f"/v1/hooks/{connection.id}", b"{}", "application/json").status_code == 503
        assert frozen.tenant.id == row.id

    @pytest.mark.usefixtures("frozen")
    def test_no_worker_polls_it(self) -> None:
        assert registry.served_tenants() == registry.polled_tenants() == ()


class TestRefusals:
    @pytest.mark.usefixtures("northwind")
    def test_data_with_faults_is_swapped_only_when_they_are_accepted(self, account: Account, at: datetime) -> None:
        account.head = msgspec.structs.replace(account.head, doc='{"id":"broken"}')
        terminal = RestoreTerminal(account)
        with pytest.raises(RestoreUnsound, match=f"{ORDER} was changed without its hash"):
            terminal.restores.start(SLUG, at=at)
        with pytest.raises(RestoreUnsound):
            terminal.restores.resume(SLUG)
        assert (status(), tables()["orders"]) == ("frozen", "northwind-orders")
        terminal.restores.resume(SLUG, accepts_faults=True)
        assert (status(), is_restored()) == ("active", True)

    @pytest.mark.usefixtures("northwind")
    def test_what_cannot_be_restored(self, account: Account, at: datetime) -> None:
        restores = RestoreTerminal(account).restores
        with pytest.raises(TenantNotFound):
            restores.start("nobody", at=at)
        with pytest.raises(RestoreNotFound, match="without --resume"):
            restores.resume(SLUG)
        for moment in (at + timedelta(days=1), at - timedelta(days=36)):
            with pytest.raises(RestoreTimeInvalid):
                restores.start(SLUG, at=moment)
        account.find_range = lambda *_: None  # type: ignore[method-assign]
        with pytest.raises(RestoreTimeInvalid, match="no point-in-time recovery"):
            restores.plan(SLUG, at=at)
        assert (status(), RestoreRun.objects.count()) == ("active", 0)
        Tenant.objects.update(status="closing")
        with pytest.raises(TenantClosed):
            RestoreTerminal(Account()).restores.start(SLUG, at=at)

    @pytest.mark.usefixtures("northwind")
    def test_twice(self, account: Account, at: datetime) -> None:
        with pytest.raises(Killed):
            RestoreTerminal(account, Boundaries(8)).restores.start(SLUG, at=at)
        second = RestoreTerminal(account)
        with pytest.raises(RestoreInProgress):
            second.restores.start(SLUG, at=at)
        with pytest.raises(RestoreUnfinished, match="--resume"):
            second.later(LEASE * 3).restores.start(SLUG, at=at)

    @pytest.mark.usefixtures("northwind")
    def test_a_tenant_that_is_resumed_is_not_restored_and_can_be_again(self, account: Account, at: datetime) -> None:
        terminal = RestoreTerminal(account)
        terminal.restores.start(SLUG, at=at, until=RestoreStep.CHANGES)
        call_command("resume_tenant", SLUG)
        with pytest.raises(RestoreCancelled):
            terminal.restores.resume(SLUG)
        assert (status(), tables()["orders"]) == ("active", "northwind-orders")
        terminal.later(timedelta(hours=1)).restores.start(SLUG, at=at)
        assert is_restored()


class TestCrashes:
    @pytest.mark.usefixtures("northwind")
    def test_from_every_boundary_a_rerun_reaches_the_end(self, at: datetime) -> None:
        counting = Boundaries()
        RestoreTerminal(_with_one_setting(), counting).restores.start(SLUG, at=at)
        numbers = [
            number
            for number, name in enumerate(counting.passed, start=1)
            if name not in _OF_TABLES or name != counting.passed[number - 2]  # of six tables, the first one
        ]
        assert len(numbers) > 30
        for number in numbers:  # after one write is before the next
            _reopen()
            account, boundaries = _with_one_setting(), Boundaries(number, after=True)
            with pytest.raises(Killed):
                RestoreTerminal(account, boundaries).restores.start(SLUG, at=at)
            where = f"after write {number} ({boundaries.passed[-1]})"
            rerun = RestoreTerminal(account).later(LEASE * 3)
            rerun.restores.resume(SLUG)
            assert (status(), is_restored()) == ("active", True), where
            assert [row.version for row in account.history[tables()["history"]]] == [1, 2, 3], where
            assert "northwind-orders" in account.closed, where
            assert len(account.created) == len(RESTORED_TABLES), where

    @pytest.mark.usefixtures("northwind")
    def test_a_resume_at_any_boundary_leaves_the_former_tables_or_the_restored_ones(self, at: datetime) -> None:
        depth, outcomes = len(connection.savepoint_ids), set()

        def resume() -> None:
            if (
                status() == "frozen" and len(connection.savepoint_ids) == depth
            ):  # else the row is locked: a resume waits
                with suppress(RestoreUnfinished):
                    set_tenant_status(slug=SLUG, status=TenantStatus.ACTIVE)

        counting = Boundaries()
        RestoreTerminal(_with_one_setting(), counting).restores.start(SLUG, at=at)
        # The status is not written between calls for tables.
        numbers = [number for number, name in enumerate(counting.passed, start=1) if name not in _OF_TABLES]
        for number in numbers:
            _reopen()
            account = _with_one_setting()
            boundaries = Boundaries(number, after=True, act=resume)
            with suppress(RestoreCancelled):
                RestoreTerminal(account, boundaries).restores.start(SLUG, at=at)
            where = f"after write {number} ({counting.passed[number - 1]})"
            assert status() == "active", where
            outcomes.add(is_restored())
            assert is_restored() == bool(account.closed) == bool(account.retired), where
        assert outcomes == {True, False}


def _with_one_setting() -> Account:
    """An account whose restored tables lack one setting: each of five is set in the same way."""
    account = Account()
    account.lacking = (TableSetting.STREAM,)
    return account


def _reopen() -> None:
    """Forget that the tenant was restored."""
    RestoreRun.objects.all().delete()
    row = Tenant.objects.get(slug=SLUG)
    row.resources["tables"] = {name: f"northwind-{name}" for name in row.resources["tables"]}
    row.status, row.frozen_by = "active", ""
    row.save()
    registry.clear()

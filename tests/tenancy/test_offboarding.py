"""Offboarding of a tenant: every crash, every refusal, and what is left when it is closed."""

import hashlib
from contextlib import suppress
from datetime import datetime, timedelta
from itertools import product
from pathlib import Path

import msgspec
import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client

from apps.tenancy import registry
from apps.tenancy.errors import TenantClosed, TenantNotFound
from apps.tenancy.models import (
    APIKey,
    OffboardingRecord,
    OffboardingRun,
    StaffMembership,
    StaffRole,
    Tenant,
    User,
)
from apps.tenancy.offboarding.archive import Manifest
from apps.tenancy.offboarding.certificates import Certificate, encode_statement
from apps.tenancy.sandboxes import SandboxPool, expire_sandboxes, list_leaving
from apps.tenancy.step_runs.leases import LEASE
from apps.tenancy.tenants import set_tenant_status
from resale.adapters.crypto.certificates import CertificateSigner, is_signed
from resale.domain.sandboxes import SANDBOX_LIFETIME
from resale.domain.tenant_offboarding import (
    OffboardingCancelled,
    OffboardingInProgress,
    OffboardingInvalid,
    OffboardingNotFound,
    OffboardingOnHold,
    OffboardingStep,
    OffboardingUnfinished,
    OpenWork,
    OrdersOpen,
)
from resale.domain.tenant_onboarding import SlugTaken
from resale.domain.tenants import SETTLE, TenantStatus
from tests.fixtures.tenants import Shop
from tests.tenancy.offboarding_world import Account, OffboardingTerminal
from tests.tenancy.onboarding_world import REQUEST, Boundaries, Killed, Organisation, Terminal, boundaries_of

SLUG = "northwind"


@pytest.fixture
def account() -> Account:
    return Account()


def status() -> str:
    return Tenant.objects.get(slug=SLUG).status


def code_of(shop: Shop, **headers: str) -> str:
    registry.clear()
    return str(Client().get("/v1/listings", headers={"X-API-Key": shop.publishable.text, **headers}).json()["code"])


def certificate_in(folder: Path) -> Certificate:
    return msgspec.json.decode((folder / SLUG / "certificate.json").read_bytes(), type=Certificate)


class TestOffboard:
    def test_a_closed_tenant_is_refused_everywhere(self, account: Account, northwind: Shop, tmp_path: Path) -> None:
        leaver, other = (User.objects.create_user(name, is_staff=True) for name in ("leaver", "other"))
        StaffMembership.objects.create(user=leaver, tenant=Tenant.objects.get(), role=StaffRole.MANAGER)
        OffboardingTerminal(account, tmp_path).offboarding.start(SLUG, hold_days=0)
        assert status() == "closed"
        assert code_of(northwind) == "tenant_closed"
        assert code_of(northwind, Authorization=f"Bearer {northwind.token()}") == "tenant_closed"
        assert registry.served_tenants() == ()
        assert not APIKey.objects.filter(revoked_at=None).exists()
        assert not StaffMembership.objects.exists()
        assert [User.objects.get(id=one.id).is_active for one in (leaver, other)] == [False, True]
        assert (account.secrets, account.key_deletions, account.retired) == ([], 1, [SLUG])
        for wanted in ("resume_tenant", "suspend_tenant"):
            with pytest.raises(CommandError, match="cannot be resumed"):
                call_command(wanted, SLUG)
        with pytest.raises(TenantClosed):
            OffboardingTerminal(account, tmp_path).offboarding.start(SLUG, hold_days=0)

    @pytest.mark.django_db
    def test_its_slug_stays_reserved(self, account: Account, tmp_path: Path) -> None:
        organisation = Organisation()
        onboarding = Terminal(organisation, organisation).onboarding
        request = msgspec.structs.replace(REQUEST, slug=SLUG)
        onboarding.start(request)
        OffboardingTerminal(account, tmp_path).offboarding.start(SLUG, hold_days=0)
        with pytest.raises(TenantClosed, match="Choose another slug"):
            onboarding.resume(SLUG)
        with pytest.raises(TenantClosed, match="Choose another slug"):
            onboarding.ensure(request)
        with pytest.raises(SlugTaken):
            onboarding.start(request)

    def test_the_export_has_every_table_with_its_digest(
        self, account: Account, northwind: Shop, tmp_path: Path
    ) -> None:
        OffboardingTerminal(account, tmp_path).offboarding.start(SLUG, hold_days=0)
        record = OffboardingRecord.objects.get(step=OffboardingStep.EXPORT).record
        encoded = (tmp_path / record["manifest"]).read_bytes()
        assert hashlib.sha256(encoded).hexdigest() == record["sha256"]
        manifest = msgspec.json.decode(encoded, type=Manifest)
        assert {one.table for one in manifest.tables} == set(
            msgspec.structs.asdict(northwind.tenant.resources.tables).values()
        )
        for table in manifest.tables:
            content = (tmp_path / table.file).read_bytes()
            assert (hashlib.sha256(content).hexdigest(), len(content)) == (table.sha256, table.byte_count)
            assert content.splitlines() == account.items.get(table.table, [])
            assert table.item_count == len(account.items.get(table.table, []))

    def test_the_certificate_is_signed_and_states_what_was_deleted(
        self, account: Account, northwind: Shop, tmp_path: Path
    ) -> None:
        OffboardingTerminal(account, tmp_path).offboarding.start(SLUG, hold_days=0)
        certificate = certificate_in(tmp_path)
        statement, signed = certificate.statement, certificate.signed
        assert is_signed(encode_statement(statement), signed)
        assert signed.public_key == CertificateSigner(b"lookup secret").sign(b"").public_key
        assert not is_signed(encode_statement(msgspec.structs.replace(statement, slug="atelier")), signed)
        assert statement.tenant_id == northwind.tenant.id
        assert statement.steps["keys"]["key"]["key_arn"] == northwind.tenant.resources.key_arn
        assert statement.steps["keys"]["secrets"] == ["northwind/payments", "northwind/shipping"]
        assert set(statement.steps["access"]["api_keys_revoked"]) == {northwind.publishable.id, northwind.secret.id}
        assert statement.steps["export"]["items"]["northwind-orders"] == 2

    @pytest.mark.usefixtures("northwind")
    def test_an_engine_without_backups_is_stated(self, tmp_path: Path) -> None:
        OffboardingTerminal(Account(has_backups=False), tmp_path).offboarding.start(SLUG, hold_days=0)
        assert "no backups" in certificate_in(tmp_path).statement.steps["backup"]["skipped"]

    @pytest.mark.usefixtures("northwind")
    def test_nothing_is_read_before_all_processes_know(
        self,
        account: Account,
        tmp_path: Path,
    ) -> None:
        terminal = OffboardingTerminal(account, tmp_path)
        terminal.offboarding.start(SLUG, hold_days=0)
        records = {row.step: row.record for row in OffboardingRecord.objects.all()}
        suspended, stopped = (
            datetime.fromisoformat(records[step][f"{state}_at"])
            for step, state in (("suspend", "suspended"), ("stop", "stopped"))
        )
        assert stopped - suspended >= SETTLE
        assert OffboardingRecord.objects.get(step="export").finished_at >= stopped + SETTLE  # type: ignore[operator]


class TestHold:
    @pytest.mark.usefixtures("northwind")
    def test_keys_are_destroyed_when_it_is_over(
        self,
        account: Account,
        tmp_path: Path,
    ) -> None:
        terminal = OffboardingTerminal(account, tmp_path)
        with pytest.raises(OffboardingOnHold, match="--resume"):
            terminal.offboarding.start(SLUG, hold_days=30)
        run = OffboardingRun.objects.get()
        assert (run.state, run.step, run.error_code, run.lease_owner) == ("paused", "hold", "offboarding_on_hold", "")
        assert status() == "closing"
        assert account.key_deletions == 0
        with pytest.raises(OffboardingOnHold):
            terminal.later(timedelta(days=29)).offboarding.resume(SLUG)
        terminal.later(timedelta(days=1)).offboarding.resume(SLUG)
        assert (status(), account.key_deletions) == ("closed", 1)

    def test_a_tenant_that_is_resumed_is_not_offboarded(
        self, account: Account, northwind: Shop, tmp_path: Path
    ) -> None:
        terminal = OffboardingTerminal(account, tmp_path)
        with pytest.raises(OffboardingOnHold):
            terminal.offboarding.start(SLUG, hold_days=1)
        assert code_of(northwind) == "tenant_suspended"
        call_command("resume_tenant", SLUG)
        account.items["northwind-orders"].append(b'{"pk":{"S":"ord_3"}}')
        with pytest.raises(OffboardingCancelled):
            terminal.later(timedelta(days=2)).offboarding.resume(SLUG)
        assert status() == "active"
        with pytest.raises(OffboardingOnHold):  # anew: another export, and the whole period again
            terminal.offboarding.start(SLUG, hold_days=1)
        assert OffboardingRecord.objects.get(step="export").record["items"]["northwind-orders"] == 3
        terminal.later(timedelta(days=1)).offboarding.resume(SLUG)
        assert status() == "closed"

    @pytest.mark.usefixtures("northwind")
    def test_once_keys_go_it_cannot_be_resumed(self, account: Account, tmp_path: Path) -> None:
        def fails(*_: object) -> None:
            raise TypeError("interrupted")

        account.destroy_key = fails  # type: ignore[assignment,method-assign]
        with pytest.raises(TypeError):
            OffboardingTerminal(account, tmp_path).offboarding.start(SLUG, hold_days=0)
        with pytest.raises(TenantClosed):
            set_tenant_status(slug=SLUG, status=TenantStatus.ACTIVE)
        assert status() == "closing"


class TestRefusals:
    def test_open_orders(self, account: Account, northwind: Shop, tmp_path: Path) -> None:
        account.open = OpenWork(order_count=3, other_count=1)
        terminal = OffboardingTerminal(account, tmp_path)
        with pytest.raises(OrdersOpen, match="3 orders, 1 claims, payouts"):
            terminal.offboarding.start(SLUG, hold_days=0)
        run = OffboardingRun.objects.get()
        assert (run.state, run.step, run.error_code) == ("failed", "orders", "offboarding_orders_open")
        assert status() == "suspended"
        assert [tenant.slug for tenant in registry.served_tenants()] == [SLUG]  # its workers finish them
        account.open = OpenWork()
        terminal.offboarding.resume(SLUG)
        assert code_of(northwind) == "tenant_closed"

    @pytest.mark.usefixtures("northwind")
    def test_changes_on_their_way_are_awaited(self, account: Account, tmp_path: Path) -> None:
        account.open = OpenWork(moving_count=2)
        terminal = OffboardingTerminal(account, tmp_path)
        waited = terminal._wait

        def arrive(seconds: float) -> None:
            waited(seconds)
            if any("on their way" in line for line in terminal.lines):
                account.open = OpenWork()

        terminal.offboarding._machine._pause = arrive
        terminal.offboarding.start(SLUG, hold_days=0)
        assert status() == "closed"
        assert account.open == OpenWork()

    @pytest.mark.django_db
    def test_a_sandbox_that_expired_is_closed_by_one_run_after_another(self, account: Account, tmp_path: Path) -> None:
        organisation = Organisation()
        terminal = Terminal(organisation, organisation)
        pool = SandboxPool(terminal.onboarding, say=terminal.lines.append, now=terminal.now)
        slug = pool.create(name="Trial", region="eu-west-2").slug
        expire_sandboxes(now=terminal.now() + SANDBOX_LIFETIME)
        assert list_leaving() == (slug,)
        with pytest.raises(Killed):
            OffboardingTerminal(account, tmp_path, Boundaries(9)).offboarding.ensure(slug, hold_days=0)
        OffboardingTerminal(account, tmp_path).later(LEASE * 2).offboarding.ensure(slug, hold_days=0)
        assert Tenant.objects.get(slug=slug).status == "closed"
        assert list_leaving() == ()

    @pytest.mark.usefixtures("northwind")
    def test_a_sandbox_waits_for_no_orders(self, account: Account, tmp_path: Path) -> None:
        Tenant.objects.update(tier="sandbox", sandbox=True, limits={})
        account.open = OpenWork(order_count=1)
        OffboardingTerminal(account, tmp_path).offboarding.start(SLUG, hold_days=0)
        assert status() == "closed"

    @pytest.mark.usefixtures("northwind")
    def test_what_cannot_be_offboarded(self, account: Account, tmp_path: Path) -> None:
        offboarding = OffboardingTerminal(account, tmp_path).offboarding
        with pytest.raises(TenantNotFound):
            offboarding.start("nobody", hold_days=0)
        with pytest.raises(TenantNotFound):
            offboarding.plan("nobody")
        with pytest.raises(OffboardingNotFound, match="without --resume"):
            offboarding.resume(SLUG)
        for days in (-1, 366):
            with pytest.raises(OffboardingInvalid, match="0 to 365"):
                offboarding.start(SLUG, hold_days=days)
        assert status() == "active"
        assert not any(planned.done for planned in offboarding.plan(SLUG))

    @pytest.mark.usefixtures("northwind")
    def test_twice(self, account: Account, tmp_path: Path) -> None:
        with pytest.raises(Killed):
            OffboardingTerminal(account, tmp_path, Boundaries(6)).offboarding.start(SLUG, hold_days=0)
        second = OffboardingTerminal(account, tmp_path)
        with pytest.raises(OffboardingUnfinished, match="--resume"):
            second.offboarding.start(SLUG, hold_days=0)
        with pytest.raises(OffboardingInProgress):
            second.offboarding.resume(SLUG)


class TestCrashes:
    @pytest.mark.usefixtures("northwind")
    def test_from_every_boundary_a_rerun_reaches_the_end(self, tmp_path: Path) -> None:
        def crash(boundaries: Boundaries) -> None:
            OffboardingTerminal(Account(), tmp_path, boundaries).offboarding.start(SLUG, hold_days=0)

        counted = list(boundaries_of(crash))
        _reopen()
        assert len(counted) > 80
        for number, after in counted:
            account, boundaries = Account(), Boundaries(number, after=after)
            where = f"{'after' if after else 'before'} write {number}"
            with pytest.raises(Killed):
                OffboardingTerminal(account, tmp_path, boundaries).offboarding.start(SLUG, hold_days=0)
            where += f" ({boundaries.passed[-1]})"
            rerun = OffboardingTerminal(account, tmp_path).later(LEASE * 3)
            if OffboardingRun.objects.exists():
                rerun.offboarding.resume(SLUG)
            else:
                rerun.offboarding.start(SLUG, hold_days=0)
            assert status() == "closed", where
            statement = certificate_in(tmp_path).statement
            assert statement.steps["keys"]["secrets"] == ["northwind/payments", "northwind/shipping"], where
            assert len(statement.steps["access"]["api_keys_revoked"]) == 2, where
            assert all(len(names) == 1 for names in account.backups.values()), where
            _reopen()

    @pytest.mark.usefixtures("northwind")
    def test_a_resume_at_any_boundary_never_leaves_an_active_tenant_without_its_access(self, tmp_path: Path) -> None:
        depth, resumed, outcomes = len(connection.savepoint_ids), [], set()

        def resume() -> None:
            if len(connection.savepoint_ids) > depth or status() == "active":
                return  # the row is locked, so a resume waits for the end of this transaction; or there is none
            with suppress(TenantClosed):
                set_tenant_status(slug=SLUG, status=TenantStatus.ACTIVE)
                resumed.append(status())

        def offboard(boundaries: Boundaries) -> Account:
            account = Account()
            with suppress(OffboardingCancelled):
                OffboardingTerminal(account, tmp_path, boundaries).offboarding.start(SLUG, hold_days=0)
            return account

        counting = Boundaries()
        offboard(counting)
        of_copies = {"save", "delete", "back_up"}  # the status is not written between these
        numbers = [number for number, name in enumerate(counting.passed, start=1) if name not in of_copies]
        for number, after in product(numbers, (False, True)):
            _reopen()
            account = offboard(Boundaries(number, after=after, act=resume))
            where = f"{'after' if after else 'before'} write {number} ({counting.passed[number - 1]})"
            outcomes.add(status())
            if resumed:
                assert status() == resumed.pop(), where
                assert (account.key_deletions, len(account.secrets)) == (0, 2), where
                assert APIKey.objects.filter(revoked_at=None).count() == 2, where
                assert OffboardingRun.objects.get().error_code == "offboarding_cancelled", where
            else:
                assert (status(), account.key_deletions, account.retired) == ("closed", 1, [SLUG]), where
        assert outcomes == {"active", "closed"}

    @pytest.mark.usefixtures("northwind")
    def test_a_resume_before_access_is_removed_leaves_the_next_hold_cancellable(
        self, account: Account, tmp_path: Path
    ) -> None:
        def resume() -> None:
            call_command("resume_tenant", SLUG)

        counting = Boundaries()
        OffboardingTerminal(Account(), tmp_path, counting).offboarding.start(SLUG, hold_days=0)
        _reopen()
        begins_access = counting.passed.index("destroy_secret") - 4  # then: note, complete, begin, note
        boundaries = Boundaries(begins_access, after=True, act=resume)
        terminal = OffboardingTerminal(account, tmp_path, boundaries)
        with pytest.raises(OffboardingCancelled):
            terminal.offboarding.start(SLUG, hold_days=0)
        assert OffboardingRun.objects.get().step == "access"
        call_command("suspend_tenant", SLUG)
        OffboardingRun.objects.update(hold_days=1)
        with pytest.raises(OffboardingOnHold):
            terminal.offboarding.resume(SLUG)
        call_command("resume_tenant", SLUG)
        assert status() == "active"


def _reopen() -> None:
    """Forget that the tenant was offboarded."""
    OffboardingRun.objects.all().delete()
    Tenant.objects.update(status="active")
    APIKey.objects.update(revoked_at=None)
    registry.clear()

"""``manage.py doctor`` names what is wrong with the platform or a tenant, what to do, and nothing else."""

from datetime import UTC, datetime, timedelta
from io import StringIO

import msgspec
import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder

from apps.tenancy import registry
from apps.tenancy.doctor.findings import Finding, Severity
from apps.tenancy.doctor.platform import examine_platform, examine_registry
from apps.tenancy.doctor.tenants import examine_tenants
from apps.tenancy.entitlement_changes import Cause
from apps.tenancy.models import MoveRun, OffboardingRun, OnboardingRun, RestoreRun, Rollout, Tenant
from apps.tenancy.step_runs.leases import new_owner
from apps.tenancy.tenants import set_tenant_status
from apps.tenancy.upgrades.schedule import request_rollout
from resale.domain.pipeline import BEAT_EVERY
from resale.domain.task_names import ADVANCE_ORDER
from resale.domain.tenants import TenantStatus
from tests.backoffice.staff_clients import Backoffice
from tests.fixtures.graveyard import Graveyard
from tests.tenancy.upgrade_world import SLUGS, Platform, organisation_of

pytestmark = pytest.mark.django_db

AT = datetime(2026, 12, 1, 12, tzinfo=UTC)


def doctor(*words: str) -> tuple[int, str]:
    """Return the exit code and what is printed."""
    output = StringIO()
    try:
        call_command("doctor", *words, stdout=output)
    except SystemExit as ended:
        return int(str(ended.code)), output.getvalue()
    return 0, output.getvalue()


def on_tenant(shop: Backoffice) -> list[str]:
    return [one.what for one in examine_tenants((shop.front.shop.tenant,))]


def on_platform() -> list[tuple[str, Severity, str]]:
    return [(one.subject, one.severity, one.what) for one in examine_platform()]


def a_tenant(slug: str, status: str) -> None:
    """Store a row that no process can serve: its resource map is empty."""
    account_id = f"4{Tenant.objects.count():011}"
    of = {"id": f"ten_{slug}", "slug": slug, "name": slug, "oidc_issuer": f"https://{slug}.example"}
    Tenant.objects.create(**of, account_id=account_id, region="eu-west-2", resources={}, status=status)


def a_restore(slug: str, *, state: str, detail: str = "") -> None:
    RestoreRun.objects.create(
        slug=slug, at=AT, generation="g", state=state, step="verify", started_at=AT, error_detail=detail
    )


def a_move(slug: str, *, state: str) -> None:
    MoveRun.objects.create(
        slug=slug, source="eu-west-2", target="eu-west-1", epoch=0, is_lost=False, state=state, step="freeze",
        started_at=AT,
    )  # fmt: skip


class TestTenants:
    def test_a_message_that_failed_is_told_with_its_command(self, backoffice: Backoffice, graveyard: Graveyard) -> None:
        before = sum("steps of orders" in what for what in on_tenant(backoffice))
        graveyard.bury_task(ADVANCE_ORDER, order_id="ord_" + "0" * 32)
        code, printed = doctor(backoffice.slug)
        assert before <= 1
        assert code == 1
        assert f"PROBLEM  {backoffice.slug}: " in printed
        assert "messages of its steps of orders failed as often as they can" in printed
        assert f"dead_letters {backoffice.slug} orders list" in printed

    def test_changes_that_do_not_reach_history_are_told(self, backoffice: Backoffice) -> None:
        tenant, container = backoffice.front.shop.tenant, backoffice.front.container
        heartbeats = [table.heartbeat for table in container.pipeline(tenant).read_state().tables]
        latest = max((one.at for one in heartbeats if one), default=datetime.now(UTC) - timedelta(hours=1))
        container.pipeline(tenant).write_heartbeats(now=latest + BEAT_EVERY)
        assert any("s behind: a Pipe" in what for what in on_tenant(backoffice))

    def test_an_account_that_does_not_work_is_told_alone(self, backoffice: Backoffice) -> None:
        row = Tenant.objects.get(slug=backoffice.slug)
        row.resources["tables"]["listings"] = "gone"
        row.save()
        broken = msgspec.structs.replace(
            backoffice.front.shop.tenant,
            resources=msgspec.structs.replace(
                backoffice.front.shop.tenant.resources,
                tables=msgspec.structs.replace(backoffice.front.shop.tenant.resources.tables, listings="gone"),
            ),
        )
        (finding,) = examine_tenants((broken,))
        assert f"Its account {broken.account_id} in {broken.region} cannot be used" in finding.what

    def test_one_that_is_frozen_without_a_restore_or_a_move_is_told(self, backoffice: Backoffice) -> None:
        a_tenant("cold", "frozen")
        assert "cold" not in doctor(backoffice.slug)[1]
        assert "PROBLEM  cold: It is frozen, and neither a restore nor a move of it is under way." in doctor()[1]
        a_restore("cold", state="paused")
        assert "It is frozen" not in doctor()[1]
        RestoreRun.objects.update(state="restored", finished_at=AT)
        assert "It is frozen" in doctor()[1]
        a_move("cold", state="running")
        assert "It is frozen" not in doctor()[1]

    def test_one_whose_row_no_process_can_read_is_told(self) -> None:
        a_tenant("odd", "active")
        code, printed = doctor("odd")
        assert (code, "PROBLEM  odd: Its row in the registry is not valid" in printed) == (1, True)

    def test_one_that_is_suspended_is_examined_as_well(self, backoffice: Backoffice, graveyard: Graveyard) -> None:
        graveyard.bury_task(ADVANCE_ORDER, order_id="ord_" + "0" * 32)
        set_tenant_status(slug=backoffice.slug, status=TenantStatus.SUSPENDED)
        registry.clear()
        assert "messages of its steps of orders failed" in doctor(backoffice.slug)[1]

    def test_one_that_does_not_exist_is_an_error(self) -> None:
        with pytest.raises(CommandError, match="No tenant with this name exists"):
            doctor("nobody")


class TestPlatform:
    def test_nothing_is_found_where_nothing_is_wrong(self) -> None:
        assert on_platform() == []
        assert list(examine_registry()) == []

    def test_a_migration_that_is_missing_is_told(self) -> None:
        last = MigrationRecorder.Migration.objects.filter(app="tenancy").order_by("-id")[0]
        last.delete()
        (finding,) = examine_registry()
        assert (finding.subject, finding.severity) == ("platform", Severity.PROBLEM)
        assert finding.what.endswith(f": 1, the first is tenancy.{last.name}.")

    @pytest.mark.parametrize(
        ("state", "expected"),
        [
            ("failed", (Severity.PROBLEM, "Its restore failed at the step verify: A table has faults")),
            ("running", (Severity.PROBLEM, "The process of its restore ended at the step verify.")),
            ("paused", (Severity.NOTICE, "Its restore is paused after the step verify.")),
        ],
    )
    def test_work_that_stopped_is_told(self, state: str, expected: tuple[Severity, str]) -> None:
        a_tenant("third", "frozen")
        a_restore("third", state=state, detail="A table has faults" if state == "failed" else "")
        assert on_platform() == [("third", *expected)]

    def test_work_that_an_operator_ended_is_no_problem(self) -> None:
        a_tenant("third", "active")
        a_restore("third", state="failed", detail="A table has faults")
        ((_, severity, what),) = on_platform()
        assert (severity, "stopped at the step verify and was ended: the tenant is active" in what) == (
            Severity.NOTICE,
            True,
        )

    def test_work_of_a_process_that_lives_is_not_told(self) -> None:
        a_tenant("third", "frozen")
        a_restore("third", state="running")
        minute = timedelta(minutes=1)
        RestoreRun.objects.update(lease_owner=new_owner(), lease_until=datetime.now(UTC) + minute)
        assert on_platform() == []
        RestoreRun.objects.update(lease_until=datetime.now(UTC) - minute)
        assert len(on_platform()) == 1

    def test_every_kind_of_work_has_its_command(self) -> None:
        a_tenant("third", "closing")
        a_tenant("fourth", "frozen")
        a_move("fourth", state="failed")
        OnboardingRun.objects.create(
            slug="new", tenant_id="ten_1", external_id="x", request={}, state="failed", step="stacks", started_at=AT
        )
        OffboardingRun.objects.create(slug="third", hold_days=1, state="failed", step="export", started_at=AT)
        found = {one.subject: f"{one.what} {one.action}" for one in examine_platform()}
        assert "Its move failed" in found["fourth"]
        assert "move_tenant fourth --resume or --cancel" in found["fourth"]
        assert "Its onboarding failed" in found["new"]
        assert "onboard_tenant new --resume" in found["new"]
        assert "Its offboarding failed" in found["third"]
        assert "offboard_tenant third --resume" in found["third"]

    def test_a_rollout_whose_process_ended_is_told(self) -> None:
        Rollout.objects.create(wave="ring", keeps_templates=False, template="1-b", state="running", started_at=AT)
        Rollout.objects.update(started_at=datetime.now(UTC))
        assert on_platform() == []
        Rollout.objects.update(started_at=datetime.now(UTC) - timedelta(days=1))
        ((_, severity, what),) = on_platform()
        assert (severity, what) == (Severity.PROBLEM, "The process of the rollout of 1-b ended at the wave ring.")

    def test_a_wave_that_nobody_begins_is_told(self) -> None:
        request_rollout(template="1-b", hours={}, cause=Cause(by="stf_1", reason="Release 2.4"))
        assert on_platform() == []
        Rollout.objects.update(finished_at=datetime.now(UTC) - timedelta(hours=4))
        ((_, severity, what),) = on_platform()
        assert (severity, "and nobody begins it" in what) == (Severity.NOTICE, True)

    def test_a_rollout_that_stopped_is_told_with_its_tenant(self) -> None:
        platform = Platform(organisation_of(*SLUGS))
        Tenant.objects.filter(slug="third").update(approves_upgrades=True)
        platform.organisation.smoke_fault = "broken"
        with pytest.raises(Exception, match="rolled_back"):
            platform.roll_out()
        stopped, waiting = examine_platform()
        assert "is stopped" in stopped.what
        assert "rolled back: " in stopped.what
        assert (waiting.severity, "the approval of third" in waiting.what) == (Severity.NOTICE, True)
        Rollout.objects.update(state="completed")
        assert [finding.severity for finding in examine_platform()] == [Severity.NOTICE]


class TestCommand:
    def test_problems_come_first_and_decide_the_exit_code(self) -> None:
        a_tenant("third", "frozen")
        a_restore("third", state="paused")
        code, printed = doctor("third")
        assert (code, "0 problems, 1 notice" in printed) == (0, True)
        a_tenant("fourth", "frozen")
        a_restore("fourth", state="failed")
        code, printed = doctor()
        assert code == 1
        assert printed.index("PROBLEM  fourth") < printed.index("NOTICE   third")

    def test_json_is_for_programs(self) -> None:
        a_tenant("third", "frozen")
        a_restore("third", state="failed")
        code, printed = doctor("third", "--json")
        (finding,) = msgspec.json.decode(printed, type=tuple[Finding, ...])
        assert (code, finding.subject, finding.severity) == (1, "third", Severity.PROBLEM)

    def test_a_database_that_is_down_is_told_in_place_of_an_error(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(registry, "state", lambda: "down")  # a test's own transaction keeps the database open
        code, printed = doctor()
        assert code == 1
        assert "The registry's database does not respond" in printed
        assert "0 tenants examined" in printed

    def test_missing_tables_are_told_in_place_of_an_error(self) -> None:
        MigrationRecorder.Migration.objects.filter(app="tenancy").order_by("-id")[0].delete()
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE tenancy_restorerun RENAME TO renamed")
        code, printed = doctor()
        assert (code, "Migrations of this release are not applied" in printed) == (1, True)

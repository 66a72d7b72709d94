"""``manage.py doctor`` names what is wrong with the platform or a tenant, what to do, and nothing else."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from io import StringIO

import msgspec
import pytest
from django.core.management import CommandError, call_command
from django.db.migrations.recorder import MigrationRecorder

from apps.tenancy.doctor.findings import Finding, Severity
from apps.tenancy.doctor.platform import examine_platform
from apps.tenancy.doctor.tenants import examine_tenants
from apps.tenancy.models import OffboardingRun, OnboardingRun, RestoreRun, Rollout, Tenant
from apps.tenancy.step_runs.leases import new_owner
from resale.domain.pipeline import BEAT_EVERY
from resale.domain.task_names import ADVANCE_ORDER
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

    def test_one_that_is_frozen_without_a_restore_is_told(self, backoffice: Backoffice) -> None:
        Tenant.objects.create(
            slug="cold", name="Cold", account_id="400000000001", region="eu-west-2", resources={}, status="frozen"
        )
        assert "cold" not in doctor(backoffice.slug)[1]
        RestoreRun.objects.create(slug="cold", at=AT, generation="g", state="paused", step="check", started_at=AT)
        assert "It is frozen" not in doctor()[1]
        RestoreRun.objects.update(state="restored", finished_at=AT)
        assert "PROBLEM  cold: It is frozen, and no restore of it is under way." in doctor()[1]

    def test_one_that_does_not_exist_is_an_error(self) -> None:
        with pytest.raises(CommandError, match="No tenant with this name exists"):
            doctor("nobody")


class TestPlatform:
    def test_nothing_is_found_where_nothing_is_wrong(self) -> None:
        assert on_platform() == []

    def test_a_migration_that_is_missing_is_told(self) -> None:
        last = MigrationRecorder.Migration.objects.filter(app="tenancy").order_by("-id")[0]
        last.delete()
        ((subject, severity, what),) = on_platform()
        assert (subject, severity) == ("platform", Severity.PROBLEM)
        assert what == f"Migrations of this release are not applied: 1, the first is tenancy.{last.name}."

    @pytest.mark.parametrize(
        ("state", "expected"),
        [
            ("failed", (Severity.PROBLEM, "Its restore failed at the step check: A table has faults")),
            ("running", (Severity.PROBLEM, "The process of its restore ended at the step check.")),
            ("paused", (Severity.NOTICE, "Its restore is paused after the step check.")),
        ],
    )
    def test_work_that_stopped_is_told(self, state: str, expected: tuple[Severity, str]) -> None:
        detail = "A table has faults" if state == "failed" else ""
        RestoreRun.objects.create(
            slug="third", at=AT, generation="g", state=state, step="check", started_at=AT, error_detail=detail
        )
        assert on_platform() == [("third", *expected)]

    def test_work_of_a_process_that_lives_is_not_told(self) -> None:
        run = RestoreRun(slug="third", at=AT, generation="g", state="running", step="check", started_at=AT)
        run.lease_owner, run.lease_until = new_owner(), datetime.now(UTC) + timedelta(minutes=1)
        run.save()
        assert on_platform() == []
        RestoreRun.objects.update(lease_until=datetime.now(UTC) - timedelta(minutes=1))
        assert len(on_platform()) == 1

    @pytest.mark.parametrize(
        ("start", "word"),
        [
            (
                lambda: OnboardingRun.objects.create(
                    slug="third", tenant_id="ten_1", external_id="x", request={}, state="failed", step="stacks",
                    started_at=AT,
                ),
                "onboarding",
            ),
            (
                lambda: OffboardingRun.objects.create(
                    slug="third", hold_days=1, state="failed", step="export", started_at=AT
                ),
                "offboarding",
            ),
        ],
        ids=["onboarding", "offboarding"],
    )  # fmt: skip
    def test_every_kind_of_work_has_its_command(self, start: Callable[[], object], word: str) -> None:
        start()
        (finding,) = examine_platform()
        assert f"Its {word} failed" in finding.what
        assert "third --resume" in finding.action

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
        RestoreRun.objects.create(slug="third", at=AT, generation="g", state="paused", step="check", started_at=AT)
        code, printed = doctor()
        assert (code, "0 problems, 1 notice" in printed) == (0, True)
        RestoreRun.objects.create(slug="fourth", at=AT, generation="g", state="failed", step="check", started_at=AT)
        code, printed = doctor()
        assert code == 1
        assert printed.index("PROBLEM  fourth") < printed.index("NOTICE   third")

    def test_json_is_for_programs(self) -> None:
        RestoreRun.objects.create(slug="third", at=AT, generation="g", state="failed", step="check", started_at=AT)
        code, printed = doctor("--json")
        (finding,) = msgspec.json.decode(printed, type=tuple[Finding, ...])
        assert (code, finding.subject, finding.severity) == (1, "third", Severity.PROBLEM)

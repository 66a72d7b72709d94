"""What is wrong with the platform itself: its registry, its release, and work on tenants that stopped half-way."""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Final

import msgspec
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from apps.core import clock
from apps.tenancy import health, registry
from apps.tenancy.doctor.findings import Finding, notice, problem
from apps.tenancy.models import (
    MoveRun,
    OffboardingRun,
    OnboardingRun,
    RestoreRun,
    Rollout,
    Status,
    Tenant,
    TenantUpgrade,
)
from apps.tenancy.step_runs.tables import StepRun
from apps.tenancy.upgrades.records import waits_for_next_wave
from apps.tenancy.upgrades.schedule import is_alive, next_wave_at
from resale.domain.tenant_upgrades import RolloutState, UpgradeState

PLATFORM: Final = "platform"
_SHOWN_TENANTS: Final = 5
_STOPPED: Final = frozenset({"failed", "paused", "running"})
#: A wave that is due for longer is begun by nobody: ``upgrade_tenants --advance`` runs hourly.
_WAVE_IS_LATE_AFTER: Final = timedelta(hours=3)


class _Work(msgspec.Struct, frozen=True):
    """A kind of work on a tenant that is done in steps.

    ``statuses``: of the tenant while the work is not done; in another one, somebody ended the work.
    """

    name: str
    command: str
    meanwhile: str
    statuses: frozenset[str]


_STANDS_STILL: Final = "Its API responds with 503 and its messages wait."
#: What stands still while such work has stopped. A tenant without a row has the status "".
_WORK: Final[Mapping[type[StepRun], _Work]] = {
    RestoreRun: _Work("restore", "restore_tenant {slug} --resume", _STANDS_STILL, frozenset({Status.FROZEN})),
    MoveRun: _Work("move", "move_tenant {slug} --resume or --cancel", _STANDS_STILL, frozenset({Status.FROZEN})),
    OnboardingRun: _Work(
        "onboarding", "onboard_tenant {slug} --resume", "The tenant is not live.", frozenset({"", *Status.values})
    ),
    OffboardingRun: _Work(
        "offboarding",
        "offboard_tenant {slug} --resume",
        "Its data and keys are still there.",
        frozenset({Status.SUSPENDED, Status.CLOSING, Status.CLOSED}),
    ),
}


def examine_registry() -> Iterator[Finding]:
    """Find why nothing else can be examined: the registry's database, or its tables."""
    if registry.state() != "ok":
        yield problem(
            PLATFORM,
            "The registry's database does not respond, so nothing else is examined.",
            "Look at the database first. Processes serve the tenants that they know for a while, but nobody can sign "
            "in, and no tenant can be changed. See docs/operations/disasters.md.",
        )
        return
    executor = MigrationExecutor(connection)
    missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if missing:
        yield problem(
            PLATFORM,
            f"Migrations of this release are not applied, so nothing else is examined: {len(missing)}, the first is "
            f"{missing[0][0]}.",
            "Run the role migrate of this release, then look again.",
        )


def examine_platform() -> Iterator[Finding]:
    """Find what is wrong with the release, and with work on tenants. Reads only the registry, which must respond."""
    yield from _examine_release()
    for table in _WORK:
        yield from _examine_runs(table)
    yield from _examine_rollout()


def _examine_release() -> Iterator[Finding]:
    if health.static_files_state() != "ok":
        yield problem(
            PLATFORM,
            "The static files of this release are not in their bucket, so web processes are not ready.",
            "Run the role migrate of this release: it uploads them.",
        )


def _examine_runs(table: type[StepRun]) -> Iterator[Finding]:
    work = _WORK[table]
    for run in table._default_manager.filter(finished_at=None).order_by("started_at"):  # noqa: SLF001 - Django's API
        slug, state, step = str(run.pk), str(run.state), str(run.step)  # type: ignore[attr-defined]  # each table has them
        if state not in _STOPPED or run.is_held:
            continue
        row = Tenant.objects.filter(slug=slug).first()
        if ("" if row is None else row.status) not in work.statuses:
            yield notice(
                slug,
                f"Its {work.name} stopped at the step {step} and was ended: the tenant is {row and row.status}.",
                f"Nothing, unless it is still wanted: then start another {work.name}.",
            )
            continue
        action = f"Continue it with {work.command.format(slug=slug)}. {work.meanwhile}"
        if state == "failed":
            yield problem(slug, f"Its {work.name} failed at the step {step}: {run.error_detail}", action)
        elif state == "running":
            yield problem(slug, f"The process of its {work.name} ended at the step {step}.", action)
        else:
            yield notice(slug, f"Its {work.name} is paused after the step {step}.", action)


def _examine_rollout() -> Iterator[Finding]:
    rollout = Rollout.objects.first()
    if rollout is not None and rollout.state == RolloutState.STOPPED:
        failed = rollout.upgrades.filter(state__in=(UpgradeState.FAILED, UpgradeState.ROLLED_BACK))
        detail = rollout.detail or "; ".join(_describe(upgrade) for upgrade in failed[:_SHOWN_TENANTS])
        yield problem(
            PLATFORM,
            f"The rollout of {rollout.template} is stopped. {detail}",
            "Remove the cause and run upgrade_tenants --resume, or --abandon with a reason. "
            "No further tenant is changed meanwhile. See docs/guides/upgrade-tenants.md.",
        )
    if rollout is not None and rollout.state == RolloutState.RUNNING and not is_alive(rollout):
        yield problem(
            PLATFORM,
            f"The process of the rollout of {rollout.template} ended at the wave {rollout.wave}.",
            "Run upgrade_tenants --resume: what was recorded holds. Or --abandon with a reason.",
        )
    if rollout is not None and waits_for_next_wave(rollout):
        due_at = next_wave_at(rollout)
        if clock.for_platform() > due_at + _WAVE_IS_LATE_AFTER:
            yield notice(
                PLATFORM,
                f"The next wave of {rollout.template} is due since {due_at:%Y-%m-%d %H:%M} UTC, and nobody begins it.",
                "Run upgrade_tenants --advance hourly, from a schedule.",
            )
    waiting = TenantUpgrade.objects.filter(rollout=rollout, state=UpgradeState.AWAITING_APPROVAL)
    slugs = list(waiting.values_list("tenant__slug", flat=True)[: _SHOWN_TENANTS + 1])
    if rollout is not None and slugs:
        more = " and others" if len(slugs) > _SHOWN_TENANTS else ""
        yield notice(
            PLATFORM,
            f"The rollout of {rollout.template} waits for the approval of {', '.join(slugs[:_SHOWN_TENANTS])}{more}.",
            "Ask the brand, then record it with approve_upgrade.",
        )


def _describe(upgrade: TenantUpgrade) -> str:
    return f"{upgrade.tenant.slug} {upgrade.get_state_display()}: {upgrade.error_detail}"

"""Restores of tenants on one platform, by the machine of step runs."""

import time
from collections.abc import Callable
from datetime import datetime

from apps.core import clock
from apps.tenancy import registry
from apps.tenancy.errors import TenantNotFound
from apps.tenancy.models import RestoreRun, Tenant
from apps.tenancy.restores.journal import Journal
from apps.tenancy.restores.steps import RESTORE_STEPS, Work, check_moment
from apps.tenancy.step_runs.machine import PlannedStep, Say, StepMachine
from resale.application.ports import HistoryLog, Reader, TableRestores
from resale.domain import tenants
from resale.domain.tenant_restores import RESTORE_PURPOSES, RestoreStep


class Restores:
    """Restores tenants on one platform. ``say``, ``now`` and ``pause`` are those of ``StepMachine``."""

    def __init__(  # noqa: PLR0913 - the parts that differ between machines and tests
        self,
        restores: TableRestores,
        *,
        open_reader: Callable[[tenants.Tenant], Reader],
        open_history: Callable[[tenants.Tenant], HistoryLog],
        say: Say,
        now: Callable[[], datetime] = clock.for_platform,
        pause: Callable[[float], None] = time.sleep,
        journal_for: Callable[[str], Journal] | None = None,
    ) -> None:
        self._restores = restores
        self._open_reader = open_reader
        self._open_history = open_history
        self._now = now
        self._machine = StepMachine(say=say, now=now, pause=pause, poll_seconds=restores.poll_seconds)
        self._journal_for = journal_for or (lambda slug: Journal(slug, now=now))

    def start(self, slug: str, *, at: datetime, until: RestoreStep | None = None, accepts_faults: bool = False) -> None:
        """Restore a tenant to a moment.

        Raises:
            RestoreTimeInvalid: Its tables cannot be restored to this moment.
            TenantNotFound, TenantClosed: There is no such tenant to restore.
            RestoreUnfinished: A restore or a move was started before.
            Outcome: A step failed; the run has the step and the reason, and can be resumed.
        """
        self._check(slug, at)
        journal = self._journal_for(slug)
        self._run(journal, journal.start(at=at), until, accepts_faults=accepts_faults)

    def resume(self, slug: str, *, until: RestoreStep | None = None, accepts_faults: bool = False) -> None:
        """Continue a restore at the first step that is not done. Raises as ``start``, and RestoreCancelled."""
        journal = self._journal_for(slug)
        self._run(journal, journal.resume(), until, accepts_faults=accepts_faults)

    def plan(self, slug: str, *, at: datetime | None) -> tuple[PlannedStep, ...]:
        """Return the steps, and which are done of a restore that has not ended; writes nothing. Raises as ``start``."""
        if at is not None:
            self._check(slug, at)
        done = frozenset() if at is not None else self._journal_for(slug).list_done()
        return tuple(PlannedStep(step, purpose, step in done) for step, purpose in RESTORE_PURPOSES.items())

    def _check(self, slug: str, at: datetime) -> None:
        row = Tenant.objects.prefetch_related("connections").filter(slug=slug).first()
        if row is None:
            raise TenantNotFound("No tenant with this name exists.")
        check_moment(self._restores, registry.to_tenant(row), at, now=self._now())

    def _run(self, journal: Journal, run: RestoreRun, until: RestoreStep | None, *, accepts_faults: bool) -> None:
        work = Work(
            slug=run.slug,
            at=run.at,
            generation=run.generation,
            accepts_faults=accepts_faults,
            restores=self._restores,
            open_reader=self._open_reader,
            open_history=self._open_history,
            now=self._now,
            journal=journal,
            records=journal.records(),
        )
        self._machine.run(RESTORE_STEPS, work, until=until)

"""Moves of tenants on one platform, by the machine of step runs."""

import time
from collections.abc import Callable
from datetime import datetime

from apps.core import clock
from apps.tenancy.errors import TenantNotFound
from apps.tenancy.models import MoveRun, Tenant
from apps.tenancy.moves.journal import Journal
from apps.tenancy.moves.steps import MOVE_STEPS, Work, reopen
from apps.tenancy.step_runs.machine import PlannedStep, Say, StepMachine
from resale.application.ports import Reader, RegionMoves
from resale.domain import tenants
from resale.domain.tenant_moves import MOVE_PURPOSES, MoveCancelled, MoveStep, MoveUnfinished


class Moves:
    """Moves tenants on one platform. ``say``, ``now`` and ``pause`` are those of ``StepMachine``."""

    def __init__(
        self,
        moves: RegionMoves,
        *,
        open_reader: Callable[[tenants.Tenant], Reader],
        say: Say,
        now: Callable[[], datetime] = clock.for_platform,
        pause: Callable[[float], None] = time.sleep,
        journal_for: Callable[[str], Journal] | None = None,
    ) -> None:
        self._moves = moves
        self._open_reader = open_reader
        self._now = now
        self._machine = StepMachine(say=say, now=now, pause=pause, poll_seconds=moves.poll_seconds)
        self._journal_for = journal_for or (lambda slug: Journal(slug, now=now))

    def start(self, slug: str, *, region: str, is_lost: bool = False, until: MoveStep | None = None) -> None:
        """Move the write Region of a tenant to its replica. ``is_lost``: its present one does not respond any more.

        Raises:
            TenantNotFound, TenantClosed, ReplicaUnknown: There is nothing to move, or nowhere to move it.
            MoveUnfinished: A move or a restore was started before.
            Outcome: A step failed; the run has the step and the reason, and can be resumed.
        """
        journal = self._journal_for(slug)
        self._run(journal, journal.start(region=region, is_lost=is_lost), until)

    def resume(self, slug: str, *, until: MoveStep | None = None) -> None:
        """Continue a move at the first step that is not done. Raises as ``start``, and MoveCancelled."""
        journal = self._journal_for(slug)
        self._run(journal, journal.resume(), until)

    def cancel(self, slug: str) -> None:
        """End a move that has not switched: open the tables again, and serve the tenant as before.

        Raises:
            MoveNotFound, MoveInProgress: There is none to end, or another process has it.
            MoveUnfinished: It has switched. Continue it, then move the tenant back.
            Unavailable: The Region does not respond.
        """
        journal = self._journal_for(slug)
        work = self._work_of(journal, journal.resume())
        if work.is_switched:
            raise MoveUnfinished(f"The writes of {slug} have moved. Continue with --resume, then move it back.")
        reopen(work)
        journal.fail(MoveStep.FREEZE, code=MoveCancelled.code, detail=f"An operator cancelled the move of {slug}.")

    def plan(self, slug: str) -> tuple[PlannedStep, ...]:
        """Return the steps, and which are done of a move that has not ended; writes nothing. Raises TenantNotFound."""
        if not Tenant.objects.filter(slug=slug).exists():
            raise TenantNotFound("No tenant with this name exists.")
        is_open = MoveRun.objects.filter(slug=slug, finished_at=None).exists()
        done = self._journal_for(slug).list_done() if is_open else frozenset()
        return tuple(PlannedStep(step, purpose, step in done) for step, purpose in MOVE_PURPOSES.items())

    def _run(self, journal: Journal, run: MoveRun, until: MoveStep | None) -> None:
        self._machine.run(MOVE_STEPS, self._work_of(journal, run), until=until)

    def _work_of(self, journal: Journal, run: MoveRun) -> Work:
        return Work(
            slug=run.slug,
            source=run.source,
            target=run.target,
            epoch=run.epoch,
            is_lost=run.is_lost,
            moves=self._moves,
            open_reader=self._open_reader,
            now=self._now,
            journal=journal,
            records=journal.records(),
        )

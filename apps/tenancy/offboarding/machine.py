"""Offboarding of tenants on one platform, by the machine of step runs."""

import time
from collections.abc import Callable
from datetime import datetime

from apps.core import clock
from apps.tenancy.errors import TenantNotFound
from apps.tenancy.models import OffboardingRun, Tenant
from apps.tenancy.offboarding.archive import Archive
from apps.tenancy.offboarding.journal import Journal
from apps.tenancy.offboarding.steps import OFFBOARDING_STEPS, Work
from apps.tenancy.step_runs.machine import PlannedStep, Say, StepMachine
from resale.application.ports import OffboardingProviders, Signer
from resale.domain import tenants
from resale.domain.tenant_offboarding import OFFBOARDING_PURPOSES, OffboardingOnHold, OpenWork, check_hold_days


class Offboarding:
    """Offboards tenants on one platform. ``say``, ``now`` and ``pause`` are those of ``StepMachine``."""

    def __init__(  # noqa: PLR0913 - the parts that differ between machines and tests
        self,
        providers: OffboardingProviders,
        archive: Archive,
        signer: Signer,
        *,
        count_open: Callable[[tenants.Tenant], OpenWork],
        say: Say,
        now: Callable[[], datetime] = clock.for_platform,
        pause: Callable[[float], None] = time.sleep,
        journal_for: Callable[[str], Journal] | None = None,
    ) -> None:
        self._providers = providers
        self._archive = archive
        self._signer = signer
        self._count_open = count_open
        self._now = now
        self._machine = StepMachine(
            say=say, now=now, pause=pause, poll_seconds=providers.poll_seconds, postponed=(OffboardingOnHold,)
        )
        self._journal_for = journal_for or (lambda slug: Journal(slug, now=now))

    def start(self, slug: str, *, hold_days: int) -> None:
        """Offboard a tenant.

        Raises:
            OffboardingInvalid: The hold period is not valid.
            TenantNotFound, TenantClosed: There is no such tenant to offboard.
            OffboardingUnfinished: It was started before.
            OffboardingOnHold: It is paused until its hold period is over.
            Outcome: A step failed; the run has the step and the reason, and can be resumed.
        """
        check_hold_days(hold_days)
        journal = self._journal_for(slug)
        self._run(journal, journal.start(hold_days=hold_days))

    def resume(self, slug: str) -> None:
        """Continue an offboarding at the first step that is not done. Raises as ``start``, and OffboardingCancelled."""
        journal = self._journal_for(slug)
        self._run(journal, journal.resume())

    def ensure(self, slug: str, *, hold_days: int) -> None:
        """Start the offboarding of a tenant, or continue it. Raises as ``start``."""
        if OffboardingRun.objects.filter(slug=slug).exists():
            self.resume(slug)
        else:
            self.start(slug, hold_days=hold_days)

    def plan(self, slug: str) -> tuple[PlannedStep, ...]:
        """Return the steps and which are done; writes nothing. Raises TenantNotFound."""
        if not Tenant.objects.filter(slug=slug).exists():
            raise TenantNotFound("No tenant with this name exists.")
        done = self._journal_for(slug).list_done()
        return tuple(PlannedStep(step, purpose, step in done) for step, purpose in OFFBOARDING_PURPOSES.items())

    def _run(self, journal: Journal, run: OffboardingRun) -> None:
        work = Work(
            slug=run.slug,
            hold_days=run.hold_days,
            providers=self._providers,
            count_open=self._count_open,
            archive=self._archive,
            signer=self._signer,
            now=self._now,
            journal=journal,
            records=journal.records(),
        )
        self._machine.run(OFFBOARDING_STEPS, work)

"""Onboarding of tenants on one platform, by the machine of step runs."""

import time
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final

import msgspec

from apps.core import clock
from apps.tenancy.errors import TenantClosed
from apps.tenancy.models import Status, Tenant
from apps.tenancy.onboarding.journal import Journal
from apps.tenancy.onboarding.steps import STEPS, IssuedKeys, Work
from apps.tenancy.onboarding_tables import OnboardingRun
from apps.tenancy.step_runs.machine import PlannedStep, Say, StepMachine
from resale.application.ports import OnboardingProviders, SmokeTest
from resale.domain.tenant_onboarding import (
    PURPOSES,
    AccountCreationFailed,
    OnboardingStep,
    StackFailed,
    TenantRequest,
    check_request,
)
from resale.errors import Rejected

_BROKEN: Final[Mapping[OnboardingStep, type[Rejected]]] = {
    OnboardingStep.ACCOUNT: AccountCreationFailed,
    OnboardingStep.STACKS: StackFailed,
}


class Onboarding:
    """Onboards tenants on one platform.

    ``deliver`` receives the texts of the first keys, once. ``say`` receives a line for each step. ``pause`` waits for
    some seconds between two probes.
    """

    def __init__(  # noqa: PLR0913 - the parts that differ between machines and tests
        self,
        providers: OnboardingProviders,
        smoke: SmokeTest,
        *,
        deliver: Callable[[IssuedKeys], None],
        say: Say,
        now: Callable[[], datetime] = clock.for_platform,
        pause: Callable[[float], None] = time.sleep,
        journal_for: Callable[[str], Journal] | None = None,
    ) -> None:
        self._providers = providers
        self._smoke = smoke
        self._deliver = deliver
        self._machine = StepMachine(say=say, now=now, pause=pause, poll_seconds=providers.poll_seconds, broken=_BROKEN)
        self._journal_for = journal_for or (lambda slug: Journal(slug, now=now))

    def start(self, request: TenantRequest, *, until: OnboardingStep | None = None) -> None:
        """Onboard a new tenant.

        Args:
            request: What is requested.
            until: The last step to run; the onboarding is paused after it.

        Raises:
            Invalid: The request is not valid.
            SlugTaken, OnboardingUnfinished: The slug is not free.
            Outcome: A step failed; the run has the step and the reason, and can be resumed.
        """
        self._check(request)
        journal = self._journal_for(request.slug)
        self._run(journal, journal.start(request), until)

    def resume(self, slug: str, *, until: OnboardingStep | None = None) -> None:
        """Continue an onboarding at the first step that is not done; ``start`` has the arguments and errors."""
        _refuse_closed(slug)
        journal = self._journal_for(slug)
        self._run(journal, journal.resume(), until)

    def ensure(self, request: TenantRequest) -> None:
        """Onboard a tenant, or bring one that is onboarded to what the request has; ``start`` has the errors."""
        self._check(request)
        _refuse_closed(request.slug)
        journal = self._journal_for(request.slug)
        self._run(journal, journal.ensure(request), None)

    def save(self, slug: str) -> None:
        """Make durable what was provisioned for an onboarding that is paused. Raises Unavailable."""
        account = self._journal_for(slug).records()[OnboardingStep.ACCOUNT]
        self._providers.shops.finish(str(account["account_id"]))

    def plan(self, request: TenantRequest) -> tuple[PlannedStep, ...]:
        """Return the steps of a request and which are done. Validates it; writes nothing."""
        self._check(request)
        records = self._journal_for(request.slug).list_done()
        return tuple(PlannedStep(step, purpose, step in records) for step, purpose in PURPOSES.items())

    def _check(self, request: TenantRequest) -> None:
        check_request(request)
        self._providers.shops.settings_of(request)

    def _run(self, journal: Journal, run: OnboardingRun, until: OnboardingStep | None) -> None:
        work = Work(
            request=msgspec.convert(run.request, TenantRequest),
            tenant_id=run.tenant_id,
            external_id=run.external_id,
            providers=self._providers,
            smoke=self._smoke,
            journal=journal,
            deliver=self._deliver,
            records=journal.records(),
        )
        self._machine.run(STEPS, work, until=until)


def _refuse_closed(slug: str) -> None:
    """Require that a tenant is not offboarded. Raises TenantClosed."""
    if Tenant.objects.filter(slug=slug, status__in=(Status.CLOSING, Status.CLOSED)).exists():
        raise TenantClosed(f"{slug} is closed or being closed, and is not onboarded again. Choose another slug.")

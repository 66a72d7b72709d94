"""The machine that runs the steps of an onboarding in order, and leaves it in a state with a name."""

import time
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Final

import msgspec

from apps.core import clock
from apps.tenancy.onboarding.journal import Journal
from apps.tenancy.onboarding.steps import STEPS, Found, IssuedKeys, Record, Step, Work
from apps.tenancy.onboarding_tables import OnboardingRun, RunState
from resale.application.ports import Broken, OnboardingProviders, Pending, SmokeTest
from resale.domain.tenant_onboarding import (
    PURPOSES,
    AccountCreationFailed,
    OnboardingInProgress,
    OnboardingStep,
    StackFailed,
    StepTimedOut,
    TenantRequest,
    check_request,
)
from resale.errors import Outcome, Rejected, Unavailable

Say = Callable[[str], None]

#: AWS takes minutes for an account and up to half an hour for a Region that must be enabled first.
STEP_TIMEOUT: Final = timedelta(hours=1)
#: Pauses before a step is repeated whose service did not respond: throttled, or restarted by another onboarding.
_RETRY_SECONDS: Final = (1, 2, 4, 8)
_UNEXPECTED: Final = "unexpected"
_BROKEN: Final[Mapping[OnboardingStep, type[Rejected]]] = {
    OnboardingStep.ACCOUNT: AccountCreationFailed,
    OnboardingStep.STACKS: StackFailed,
}


class PlannedStep(msgspec.Struct, frozen=True):
    """A step of a plan, and whether it is done."""

    step: OnboardingStep
    done: bool


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
        self._say = say
        self._now = now
        self._pause = pause
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
        journal = self._journal_for(slug)
        self._run(journal, journal.resume(), until)

    def ensure(self, request: TenantRequest) -> None:
        """Onboard a tenant, or bring one that is onboarded to what the request has; ``start`` has the errors."""
        self._check(request)
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
        return tuple(PlannedStep(step, step in records) for step in PURPOSES)

    def _check(self, request: TenantRequest) -> None:
        check_request(request)
        self._providers.shops.settings_of(request)

    def _run(self, journal: Journal, run: OnboardingRun, until: OnboardingStep | None) -> None:
        work, step = self._work(journal, run), OnboardingStep.RESERVE
        try:
            for each in STEPS:
                step = each.name
                self._complete_with_retries(each, work)
                if step == until:
                    break
        except OnboardingInProgress:  # another process has the run: nothing of it is ours to change
            raise
        except Outcome as outcome:
            journal.fail(step, code=outcome.code, detail=outcome.detail)
            raise
        except Exception as error:
            detail = f"{type(error).__name__} at this step. The log has the cause; remove it, then resume."
            journal.fail(step, code=_UNEXPECTED, detail=detail)
            raise
        is_active = OnboardingStep.ACTIVE in journal.list_done()
        journal.end(RunState.ACTIVE if is_active else RunState.PAUSED)

    def _work(self, journal: Journal, run: OnboardingRun) -> Work:
        return Work(
            request=msgspec.convert(run.request, TenantRequest),
            tenant_id=run.tenant_id,
            external_id=run.external_id,
            providers=self._providers,
            smoke=self._smoke,
            journal=journal,
            deliver=self._deliver,
            records=journal.records(),
        )

    def _complete_with_retries(self, step: Step, work: Work) -> None:
        """Complete a step; a service that does not respond for a moment does not end the onboarding."""
        for seconds in _RETRY_SECONDS:
            try:
                self._complete(step, work)
            except StepTimedOut:
                raise
            except Unavailable as fault:
                self._say(f"{step.name:<20} retries in {seconds} s: {fault.detail}")
                work.journal.renew()
                self._pause(seconds)
            else:
                return
        self._complete(step, work)

    def _complete(self, step: Step, work: Work) -> None:
        found = step.probe(work)
        if isinstance(found, Mapping):
            self._keep(step, work, found)
        else:
            self._execute(step, work, found)

    def _keep(self, step: Step, work: Work, record: Record) -> None:
        """Record a step that is done already, unless this record is stored."""
        if step.name not in work.journal.list_done() or work.records.get(step.name) != record:
            work.journal.complete(step.name, record)
        work.records[step.name] = record

    def _execute(self, step: Step, work: Work, found: Found) -> None:
        began = self._now()
        work.journal.begin(step.name)
        record = None if isinstance(found, Pending) else step.act(work)
        if record is None:
            record = self._await(step, work)
        work.journal.complete(step.name, record)
        work.records[step.name] = record
        self._say(f"{step.name:<20} {(self._now() - began).total_seconds():6.2f} s")

    def _await(self, step: Step, work: Work) -> Record:
        """Probe a step until it is done, renewing the lease; a step of several parts acts again for the next."""
        deadline, said = self._now() + STEP_TIMEOUT, ""
        while not isinstance(found := step.probe(work), Mapping):
            if isinstance(found, Broken):
                raise _BROKEN.get(step.name, Rejected)(f"{found.reason} Remove the cause, then resume.")
            if self._now() > deadline:
                raise StepTimedOut(f"The step {step.name} has not completed within an hour. Resume later.")
            if isinstance(found, Pending) and found.what != said:
                said = found.what
                self._say(f"{step.name:<20} {said}")
            work.journal.renew()
            self._pause(self._providers.poll_seconds)
            if found is None:
                step.act(work)
        return found

"""Onboarding of tenants on one platform, by the machine of step runs."""

import time
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from typing import Final

import msgspec

from apps.core import clock
from apps.tenancy.errors import TenantClosed
from apps.tenancy.models import Status, Tenant
from apps.tenancy.onboarding.journal import Journal
from apps.tenancy.onboarding.steps import STEPS, IssuedKeys, Work, external_id_of_another
from apps.tenancy.onboarding_tables import OnboardingRun
from apps.tenancy.step_runs.machine import PlannedStep, Say, StepMachine
from resale.application.ports import OnboardingProviders, SmokeTest
from resale.domain import tenants
from resale.domain.tenant_onboarding import (
    PURPOSES,
    AccountCreationFailed,
    OnboardingNotFound,
    OnboardingStep,
    OnboardingUnfinished,
    StackFailed,
    TenantRequest,
    check_request,
)
from resale.errors import Rejected

_BROKEN: Final[Mapping[OnboardingStep, type[Rejected]]] = {
    OnboardingStep.ACCOUNT: AccountCreationFailed,
    OnboardingStep.STACKS: StackFailed,
}
#: They neither wait for a provider nor poll one.
_FINAL_STEPS: Final = tuple(step for step in STEPS if step.name in {OnboardingStep.KEYS, OnboardingStep.ACTIVE})


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
        self.reserve(request, until=until)()

    def resume(self, slug: str, *, until: OnboardingStep | None = None) -> None:
        """Continue an onboarding at the first step that is not done; ``start`` has the arguments and errors."""
        self.take_over(slug, until=until)()

    def reserve(self, request: TenantRequest, *, until: OnboardingStep | None = None) -> Callable[[], None]:
        """Reserve the slug and take the lease; return what runs the steps. ``start`` has the arguments and errors."""
        self._check(request)
        journal = self._journal_for(request.slug)
        return partial(self._run, journal, journal.start(request), until)

    def take_over(self, slug: str, *, until: OnboardingStep | None = None) -> Callable[[], None]:
        """Take the lease of an onboarding; return what continues it. ``start`` has the arguments and errors."""
        _refuse_closed(slug)
        journal = self._journal_for(slug)
        return partial(self._run, journal, journal.resume(), until)

    def finish(self, slug: str) -> None:
        """Issue the keys of a registered tenant and activate it, without a probe of the steps before.

        Raises:
            OnboardingUnfinished: The tenant is not registered.
            Outcome: As of ``start``.
        """
        _refuse_closed(slug)
        journal = self._journal_for(slug)
        if OnboardingStep.REGISTRATION not in journal.list_done():
            raise OnboardingUnfinished(f"The tenant {slug} is not registered yet. Resume its onboarding first.")
        self._machine.run(_FINAL_STEPS, self._work(journal, journal.resume()))

    def ensure(self, request: TenantRequest, *, is_delivery_lost: bool = False) -> None:
        """Onboard a tenant, or bring one that is onboarded to what the request has; ``start`` has the errors.

        ``is_delivery_lost``: first keys that an interrupted run delivered reached nobody, so they are replaced.
        """
        self._check(request)
        _refuse_closed(request.slug)
        journal = self._journal_for(request.slug)
        run = journal.ensure(request)
        if is_delivery_lost:
            journal.forget_delivery()
        self._run(journal, run, None)

    def save(self, slug: str) -> None:
        """Make durable what was provisioned. Raises Unavailable."""
        account = self._journal_for(slug).records()[OnboardingStep.ACCOUNT]
        self._providers.shops.finish(str(account["account_id"]))

    def upgrade(self, slug: str, *, template: str) -> None:
        """Bring a tenant's stacks to a template, and its row to their outputs; ``start`` has the errors.

        Args:
            slug: The tenant's.
            template: The name of a stored one, at which the tenant stays from now on; empty: this release's.

        Raises:
            OnboardingNotFound: It was not onboarded by this platform.
            TenantClosed: It is closed, or being closed.
        """
        _refuse_closed(slug)
        journal = self._journal_for(slug)
        journal.resume()
        self._run(journal, journal.choose_template(template), None)
        self.save(slug)

    def open_work(self, slug: str) -> Work:
        """Return what is recorded of a tenant's onboarding, for reads: nobody's lease is taken.

        Raises:
            OnboardingNotFound: It was not onboarded by this platform.
        """
        run = OnboardingRun.objects.filter(slug=slug).first()
        if run is None:
            raise OnboardingNotFound(f"{slug} was not onboarded by this platform.")
        return self._work(self._journal_for(slug), run)

    def release_template(self) -> str:
        """Return the name of this release's template."""
        return self._providers.stacks.release_template()

    def stored_name(self, template: str) -> str:
        """Return how a tenant's run names a template: this release's is empty, so that the tenant follows releases."""
        return "" if template == self.release_template() else template

    def applied_template(self, slug: str) -> str:
        """Return the name of the template of a tenant's stacks; empty: it is not known. Raises Unavailable."""
        return self._providers.stacks.applied_template(self.open_work(slug).stack)

    def is_current(self, slug: str) -> bool:
        """Return whether a tenant's stacks have this release's template and the settings of now. Raises Unavailable."""
        stack = msgspec.structs.replace(self.open_work(slug).stack, template="")
        return isinstance(self._providers.stacks.find(stack), str)

    def check_served(self, tenant: tenants.Tenant) -> None:
        """Run the smoke test on a tenant that is served. Raises SmokeTestFailed or Unavailable."""
        self._smoke.run(
            tenant,
            sentinel=f"{tenant.slug}-{tenant.id}-upgrade",
            other_external_id=external_id_of_another(tenant.slug),
            is_served=True,
        )

    def plan(self, request: TenantRequest) -> tuple[PlannedStep, ...]:
        """Return the steps of a request and which are done. Validates it; writes nothing."""
        self._check(request)
        records = self._journal_for(request.slug).list_done()
        return tuple(PlannedStep(step, purpose, step in records) for step, purpose in PURPOSES.items())

    def _check(self, request: TenantRequest) -> None:
        check_request(request)
        self._providers.shops.settings_of(request)

    def _run(self, journal: Journal, run: OnboardingRun, until: OnboardingStep | None) -> None:
        self._machine.run(STEPS, self._work(journal, run), until=until)

    def _work(self, journal: Journal, run: OnboardingRun) -> Work:
        return Work(
            request=msgspec.convert(run.request, TenantRequest),
            tenant_id=run.tenant_id,
            external_id=run.external_id,
            providers=self._providers,
            smoke=self._smoke,
            journal=journal,
            deliver=self._deliver,
            template=run.template,
            records=journal.records(),
        )


def _refuse_closed(slug: str) -> None:
    """Require that a tenant is not offboarded. Raises TenantClosed."""
    if Tenant.objects.filter(slug=slug, status__in=(Status.CLOSING, Status.CLOSED)).exists():
        raise TenantClosed(f"{slug} is closed or being closed, and is not onboarded again. Choose another slug.")

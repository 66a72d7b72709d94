"""The journal of an onboarding: how its run begins."""

import secrets
from typing import ClassVar, Final

import msgspec
from django.db import IntegrityError, transaction

from apps.tenancy.models import Tenant, new_tenant_id
from apps.tenancy.onboarding_tables import OnboardingRecord, OnboardingRun, RunState
from apps.tenancy.step_runs import journal
from resale.domain.tenant_onboarding import (
    OnboardingInProgress,
    OnboardingNotFound,
    OnboardingStep,
    OnboardingUnfinished,
    SlugTaken,
    TenantRequest,
)
from resale.errors import Conflict, NotFound

_EXTERNAL_ID_BYTES: Final = 32


class Journal(journal.Journal[OnboardingRun, OnboardingStep]):
    """The onboarding of one slug. ``start``, ``resume`` or ``ensure`` takes the lease; the other methods need it."""

    runs = OnboardingRun
    step_records = OnboardingRecord
    steps = OnboardingStep
    noun = "onboarding"
    in_progress: ClassVar[type[Conflict]] = OnboardingInProgress
    unknown: ClassVar[type[NotFound]] = OnboardingNotFound
    last_step = OnboardingStep.ACTIVE
    last_state = RunState.ACTIVE.value

    def start(self, request: TenantRequest) -> OnboardingRun:
        """Reserve a slug that nobody has, and take the lease.

        Raises:
            SlugTaken: A tenant has it.
            OnboardingUnfinished: Its onboarding was started before.
            OnboardingInProgress: Another process started it at the same time.
        """
        known = OnboardingRun.objects.filter(slug=self.slug).first()
        if known is not None and known.state != RunState.ACTIVE:
            raise OnboardingUnfinished(
                f"The onboarding of {self.slug} was started before and is {known.state} at the step {known.step}. "
                f"Continue it with --resume."
            )
        if known is not None or Tenant.objects.filter(slug=self.slug).exists():
            raise SlugTaken(f"A tenant with the slug {self.slug} exists. Choose another slug.")
        return self._reserve(request)

    def ensure(self, request: TenantRequest) -> OnboardingRun:
        """Take the lease of a run with the values of this request; reserve the slug if no run exists.

        A tenant that was registered before there were runs is adopted, if the request names its account.

        Raises:
            SlugTaken: A tenant has the slug, and another account.
            OnboardingInProgress: Another process has the lease.
        """
        if not OnboardingRun.objects.filter(slug=self.slug).exists():
            tenant = Tenant.objects.filter(slug=self.slug).first()
            if tenant is not None and tenant.account_id != request.account_id:
                raise SlugTaken(f"A tenant with the slug {self.slug} exists in another account. Choose another slug.")
            return self._reserve(request, adopted=tenant)
        run = self.resume()
        run.request = msgspec.to_builtins(request)
        run.save(update_fields=["request"])
        return run

    def forget_delivery(self) -> None:
        """Have the first keys replaced, unless the onboarding is complete. Raises OnboardingInProgress."""
        record = self.records().get(OnboardingStep.KEYS, {})
        if record.get("delivered") and self.last_step not in self.list_done():
            self.note(OnboardingStep.KEYS, {**record, "delivered": False})

    def choose_template(self, template: str) -> OnboardingRun:
        """Store the template at which the tenant's stacks stay; empty: each release's. Raises OnboardingInProgress."""
        self._update(template=template)
        return OnboardingRun.objects.get(slug=self.slug)

    def _reserve(self, request: TenantRequest, adopted: Tenant | None = None) -> OnboardingRun:
        tenant_id = new_tenant_id() if adopted is None else adopted.id
        external_id = secrets.token_urlsafe(_EXTERNAL_ID_BYTES) if adopted is None else adopted.external_id
        try:
            with transaction.atomic():
                run = OnboardingRun.objects.create(
                    slug=self.slug,
                    tenant_id=tenant_id,
                    external_id=external_id,
                    request=msgspec.to_builtins(request),
                    step=OnboardingStep.RESERVE.value,
                    **self._lease(),
                )
                self.complete(OnboardingStep.RESERVE, {"tenant_id": tenant_id})
        except IntegrityError as clash:
            raise OnboardingInProgress(
                f"Another process started to onboard {self.slug} at the same time. Wait until it ends."
            ) from clash
        return run

"""The journal of an onboarding: every write to the registry about its run, each by the holder of the lease."""

import secrets
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

import msgspec
from django.db import IntegrityError, transaction

from apps.tenancy.models import Tenant, new_tenant_id
from apps.tenancy.onboarding.leases import LEASE, is_gone, new_owner
from apps.tenancy.onboarding_tables import OnboardingRecord, OnboardingRun, RunState
from resale.domain.tenant_onboarding import (
    OnboardingInProgress,
    OnboardingNotFound,
    OnboardingStep,
    OnboardingUnfinished,
    SlugTaken,
    TenantRequest,
)

_EXTERNAL_ID_BYTES: Final = 32


class Journal:
    """The run of one slug. ``start``, ``resume`` or ``ensure`` takes the lease; the other methods need it."""

    def __init__(self, slug: str, *, now: Callable[[], datetime]) -> None:
        self.slug = slug
        self._now = now
        self._owner = new_owner()

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

    def resume(self) -> OnboardingRun:
        """Take the lease of a run that was started before.

        Raises:
            OnboardingNotFound: None was started.
            OnboardingInProgress: Another process has the lease.
        """
        with transaction.atomic():
            run = OnboardingRun.objects.select_for_update().filter(slug=self.slug).first()
            if run is None:
                raise OnboardingNotFound(f"No onboarding of {self.slug} was started. Start it without --resume.")
            now = self._now()
            if run.lease_until is not None and run.lease_until > now and not is_gone(run.lease_owner):
                raise OnboardingInProgress(
                    f"Another process ({run.lease_owner.rpartition('|')[0]}) onboards {self.slug} at the step "
                    f"{run.step}. Wait until it ends; its lease ends at {run.lease_until:%H:%M:%S} UTC at the latest."
                )
            run.lease_owner, run.lease_until = self._owner, now + LEASE
            run.save(update_fields=["lease_owner", "lease_until"])
        return run

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

    def renew(self) -> None:
        """Extend the lease. Raises OnboardingInProgress if another process took it."""
        self._update(lease_until=self._now() + LEASE)

    def begin(self, step: OnboardingStep) -> None:
        """Record that a step acts, before it does. Raises OnboardingInProgress."""
        now = self._now()
        with transaction.atomic():
            self._update(step=step.value, state=RunState.RUNNING, lease_until=now + LEASE)
            row, is_new = OnboardingRecord.objects.get_or_create(
                run_id=self.slug, step=step.value, defaults={"started_at": now}
            )
            if not is_new:
                row.started_at, row.finished_at, row.attempts = now, None, row.attempts + 1
                row.save(update_fields=["started_at", "finished_at", "attempts"])

    def note(self, step: OnboardingStep, record: Mapping[str, Any]) -> None:
        """Store what a step did so far, without completing it. Raises OnboardingInProgress."""
        with transaction.atomic():
            self.renew()
            OnboardingRecord.objects.filter(run_id=self.slug, step=step.value).update(record=dict(record))

    def complete(self, step: OnboardingStep, record: Mapping[str, Any]) -> None:
        """Record that a step is done, with what it recorded. Raises OnboardingInProgress."""
        now = self._now()
        with transaction.atomic():
            self._update(step=step.value, error_code="", error_detail="", lease_until=now + LEASE)
            row, is_new = OnboardingRecord.objects.get_or_create(
                run_id=self.slug,
                step=step.value,
                defaults={"started_at": now, "finished_at": now, "record": dict(record)},
            )
            if not is_new:
                row.record, row.finished_at = dict(record), row.finished_at or now
                row.save(update_fields=["record", "finished_at"])

    def fail(self, step: OnboardingStep, *, code: str, detail: str) -> None:
        """Store why a step failed, and release the lease. Raises OnboardingInProgress."""
        self._release(state=RunState.FAILED, step=step.value, error_code=code, error_detail=detail)

    def end(self, state: RunState) -> None:
        """Store the state in which this process leaves the run, and release the lease. Raises OnboardingInProgress."""
        finished = {"finished_at": self._now()} if state == RunState.ACTIVE else {}
        self._release(state=state, error_code="", error_detail="", **finished)

    def list_done(self) -> frozenset[OnboardingStep]:
        """Return the steps that are done."""
        done = OnboardingRecord.objects.filter(run_id=self.slug, finished_at__isnull=False)
        return frozenset(OnboardingStep(step) for step in done.values_list("step", flat=True))

    def records(self) -> dict[OnboardingStep, Mapping[str, Any]]:
        """Return what each step recorded that is not empty, also of steps that are not done."""
        rows = OnboardingRecord.objects.filter(run_id=self.slug)
        return {OnboardingStep(row.step): row.record for row in rows if row.record}

    def _reserve(self, request: TenantRequest, adopted: Tenant | None = None) -> OnboardingRun:
        now = self._now()
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
                    lease_owner=self._owner,
                    lease_until=now + LEASE,
                    started_at=now,
                )
                self.complete(OnboardingStep.RESERVE, {"tenant_id": tenant_id})
        except IntegrityError as clash:
            raise OnboardingInProgress(
                f"Another process started to onboard {self.slug} at the same time. Wait until it ends."
            ) from clash
        return run

    def _release(self, **changes: Any) -> None:
        self._update(**changes, lease_owner="", lease_until=None)

    def _update(self, **changes: Any) -> None:
        held = OnboardingRun.objects.filter(slug=self.slug, lease_owner=self._owner)
        if not held.update(**changes):
            raise OnboardingInProgress(
                f"Another process took over the onboarding of {self.slug}, because this one was silent for too long."
            )

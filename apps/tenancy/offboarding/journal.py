"""The journal of an offboarding: how its run begins."""

from typing import ClassVar

from django.db import transaction

from apps.tenancy.errors import TenantClosed, TenantNotFound
from apps.tenancy.models import Status, Tenant
from apps.tenancy.offboarding_tables import OffboardingRecord, OffboardingRun, OffboardingRunState
from apps.tenancy.step_runs import journal
from resale.domain.tenant_offboarding import (
    OffboardingInProgress,
    OffboardingNotFound,
    OffboardingStep,
    OffboardingUnfinished,
)
from resale.errors import Conflict, NotFound


class Journal(journal.Journal[OffboardingRun, OffboardingStep]):
    """The offboarding of one slug. ``start`` or ``resume`` takes the lease; the other methods need it."""

    runs = OffboardingRun
    step_records = OffboardingRecord
    steps = OffboardingStep
    noun = "offboarding"
    in_progress: ClassVar[type[Conflict]] = OffboardingInProgress
    unknown: ClassVar[type[NotFound]] = OffboardingNotFound
    last_step = OffboardingStep.CLOSED
    last_state = OffboardingRunState.CLOSED.value

    def start(self, *, hold_days: int) -> OffboardingRun:
        """Begin the offboarding of a tenant, and take the lease. A former one that was cancelled is replaced.

        Raises:
            TenantNotFound: No such tenant.
            TenantClosed: It is closed.
            OffboardingUnfinished: It was started before, and the tenant was not resumed.
        """
        with transaction.atomic():
            tenant = Tenant.objects.select_for_update().filter(slug=self.slug).first()
            if tenant is None:
                raise TenantNotFound("No tenant with this name exists.")
            if tenant.status == Status.CLOSED:
                raise TenantClosed(f"{self.slug} is closed.")
            known = OffboardingRun.objects.filter(slug=self.slug).first()
            if known is not None and tenant.status != Status.ACTIVE:
                raise OffboardingUnfinished(
                    f"The offboarding of {self.slug} was started before and is {known.state} at the step {known.step}. "
                    "Continue it with --resume."
                )
            OffboardingRun.objects.filter(slug=self.slug).delete()
            return OffboardingRun.objects.create(
                slug=self.slug, hold_days=hold_days, step=OffboardingStep.SUSPEND.value, **self._lease()
            )

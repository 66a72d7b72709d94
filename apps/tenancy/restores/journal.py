"""The journal of a restore: how its run begins and is cancelled."""

from datetime import datetime
from typing import ClassVar

from django.db import transaction

from apps.tenancy.errors import TenantClosed, TenantNotFound
from apps.tenancy.models import RestoreRecord, RestoreRun, Status, Tenant
from apps.tenancy.restore_tables import RestoreRunState
from apps.tenancy.step_runs import journal
from resale.domain.tenant_restores import (
    RestoreInProgress,
    RestoreNotFound,
    RestoreStep,
    RestoreUnfinished,
    generation_of,
)
from resale.errors import Conflict, NotFound

_OPEN = frozenset({Status.ACTIVE.value, Status.SUSPENDED.value})


class Journal(journal.Journal[RestoreRun, RestoreStep]):
    """The restore of one slug. ``start`` or ``resume`` takes the lease; the other methods need it."""

    runs = RestoreRun
    step_records = RestoreRecord
    steps = RestoreStep
    noun = "restore"
    in_progress: ClassVar[type[Conflict]] = RestoreInProgress
    unknown: ClassVar[type[NotFound]] = RestoreNotFound
    last_step = RestoreStep.THAW
    last_state = RestoreRunState.RESTORED.value

    def start(self, *, at: datetime) -> RestoreRun:
        """Begin the restore of a tenant, and take the lease. The record of the one before is replaced.

        Raises:
            TenantNotFound: No such tenant.
            TenantClosed: It is closed, or being closed.
            RestoreUnfinished: One was started before, or another run has frozen the tenant.
        """
        with transaction.atomic():
            tenant = Tenant.objects.select_for_update().filter(slug=self.slug).first()
            if tenant is None:
                raise TenantNotFound("No tenant with this name exists.")
            if tenant.status in {Status.CLOSING, Status.CLOSED}:
                raise TenantClosed(f"{self.slug} is closed, or is being closed.")
            known = RestoreRun.objects.filter(slug=self.slug).first()
            if known is not None:
                self._require_free(known)
            if tenant.status not in _OPEN:
                raise RestoreUnfinished(
                    f"{self.slug} is {tenant.status}, so a restore or a move of it was started before. Continue it "
                    f"with --resume, or cancel it with resume_tenant {self.slug}."
                )
            RestoreRun.objects.filter(slug=self.slug).delete()
            return RestoreRun.objects.create(
                slug=self.slug,
                at=at,
                generation=generation_of(self._now()),
                step=RestoreStep.FREEZE.value,
                **self._lease(),
            )

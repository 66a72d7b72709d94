"""The journal of a move: how its run begins."""

from typing import ClassVar

from django.db import transaction

from apps.tenancy.errors import TenantClosed, TenantNotFound
from apps.tenancy.models import MoveRecord, MoveRun, Status, Tenant
from apps.tenancy.move_tables import MoveRunState
from apps.tenancy.step_runs import journal
from resale.domain.tenant_moves import MoveInProgress, MoveNotFound, MoveStep, MoveUnfinished, ReplicaUnknown
from resale.errors import Conflict, NotFound


class Journal(journal.Journal[MoveRun, MoveStep]):
    """The move of one slug. ``start`` or ``resume`` takes the lease; the other methods need it."""

    runs = MoveRun
    step_records = MoveRecord
    steps = MoveStep
    noun = "move"
    in_progress: ClassVar[type[Conflict]] = MoveInProgress
    unknown: ClassVar[type[NotFound]] = MoveNotFound
    last_step = MoveStep.THAW
    last_state = MoveRunState.MOVED.value

    def start(self, *, region: str, is_lost: bool) -> MoveRun:
        """Begin the move of a tenant to a Region, and take the lease. The record of the one before is replaced.

        Raises:
            TenantNotFound: No such tenant.
            TenantClosed: It is closed, or being closed.
            ReplicaUnknown: It has no replica there.
            MoveUnfinished: A move or a restore was started before.
        """
        with transaction.atomic():
            tenant = Tenant.objects.select_for_update().filter(slug=self.slug).first()
            if tenant is None:
                raise TenantNotFound("No tenant with this name exists.")
            if tenant.status in {Status.CLOSING, Status.CLOSED}:
                raise TenantClosed(f"{self.slug} is closed, or is being closed.")
            known = MoveRun.objects.filter(slug=self.slug).first()
            if known is not None:
                self._require_free(known)
            if tenant.status == Status.FROZEN:
                raise MoveUnfinished(
                    f"{self.slug} is frozen, so a move or a restore of it was started before. Continue it with "
                    "--resume, or end it: move_tenant --cancel, resume_tenant."
                )
            if tenant.standby.get("region") != region:
                raise ReplicaUnknown(f"{self.slug} has no replica in {region}. Register it with register_replica.")
            MoveRun.objects.filter(slug=self.slug).delete()
            return MoveRun.objects.create(
                slug=self.slug,
                source=tenant.region,
                target=region,
                epoch=tenant.write_epoch,
                is_lost=is_lost,
                step=MoveStep.FREEZE.value,
                **self._lease(),
            )

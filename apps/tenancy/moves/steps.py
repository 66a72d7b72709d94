"""The steps of a move. Each probes what is there, acts if it is not, and returns what to record."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import Final

import msgspec

from apps.tenancy import models, registry
from apps.tenancy.freezing import freeze, is_frozen_by, thaw
from apps.tenancy.moves.journal import Journal
from apps.tenancy.step_runs.machine import Found, Record, Step
from apps.tenancy.tenants import lock_tenant
from resale.application.ports import Pending, Reader, RegionMoves
from resale.domain.tenant_moves import MoveCancelled, MoveStep
from resale.domain.tenants import SETTLE, WRITE_LEASE_ENDS, Standby, Tenant, TenantStatus
from resale.errors import Unavailable

_DUE_MAX: Final = 10_000  # counted for the report


@dataclass(frozen=True, kw_only=True)
class Work:
    """What the steps of one move share. ``records`` is what the steps before recorded."""

    slug: str
    source: str
    target: str
    epoch: int
    is_lost: bool
    moves: RegionMoves
    open_reader: Callable[[Tenant], Reader]
    now: Callable[[], datetime]
    journal: Journal
    records: dict[MoveStep, Record] = field(default_factory=dict)

    @property
    def owner(self) -> str:
        """The name of this run on the tenant's row."""
        return f"move {self.epoch} to {self.target}"

    @property
    def row(self) -> models.Tenant:
        """The tenant's row, read now."""
        return models.Tenant.objects.prefetch_related("connections").get(slug=self.slug)

    @property
    def is_switched(self) -> bool:
        """Whether the registry names the new write Region."""
        return self.row.write_epoch > self.epoch

    def tenant_in(self, region: str) -> Tenant:
        """Return the tenant with the resource map of one of its two Regions."""
        tenant = registry.to_tenant(self.row)
        if tenant.region == region or tenant.standby is None:
            return tenant
        return msgspec.structs.replace(tenant, region=region, resources=tenant.standby.resources)

    def since_freeze(self) -> datetime:
        """Return when the tenant was frozen."""
        return datetime.fromisoformat(str(self.records[MoveStep.FREEZE]["frozen_at"]))


class Freeze:
    """The freeze of the tenant. One that was resumed before the switch is not moved."""

    name = MoveStep.FREEZE

    def probe(self, work: Work) -> Found:
        """Return when it was frozen, once every process that sees the registry knows. Raises MoveCancelled."""
        record = work.records.get(self.name)
        if not record:
            return None
        if not is_frozen_by(work.row, work.owner) and not work.is_switched:
            raise _cancellation_of(work.slug)
        if work.now() < work.since_freeze() + SETTLE:
            return Pending("waiting until all processes know that the tenant is frozen")
        return record

    def act(self, work: Work) -> Record | None:
        """Freeze it, with the record in the same transaction."""
        with lock_tenant(work.slug) as row:
            record = {"frozen_at": work.now().isoformat(), "status": row.status}
            if not freeze(row, owner=work.owner):
                raise _cancellation_of(work.slug)
            work.journal.note(self.name, record)
        work.records[self.name] = record
        return None


class Fence:
    """The fence of the Region that is left: its store refuses writes, or no process can write there any more."""

    name = MoveStep.FENCE

    def probe(self, work: Work) -> Found:
        """Return how it is fenced. Without the store, a process that does not see the registry must have given up."""
        record = work.records.get(self.name)
        if not record or "at" not in record:
            return None
        if not record["by_store"] and work.now() < work.since_freeze() + WRITE_LEASE_ENDS:
            return Pending("waiting until no process can write on an old registry row any more")
        return record

    def act(self, work: Work) -> Record | None:
        """Deny writes to every table there. Raises Unavailable, unless the Region is lost, and MoveCancelled."""
        tenant, closed = work.tenant_in(work.source), []
        with lock_tenant(work.slug) as row:
            if not is_frozen_by(row, work.owner):
                raise _cancellation_of(work.slug)
            work.journal.note(self.name, {"by_store": False})  # from here on the tenant cannot be resumed
        try:
            closed = [work.moves.close_table(tenant, table) for table in _tables_of(tenant)]
        except Unavailable:
            if not work.is_lost:
                raise
        record = {"by_store": bool(closed) and all(closed), "at": work.now().isoformat()}
        work.journal.note(self.name, record)
        work.records[self.name] = record
        return None


class CatchUp:
    """The replica, once it has every item. Items of one transaction arrive one by one, so all tables are compared."""

    name = MoveStep.CATCH_UP

    def probe(self, work: Work) -> Found:
        """Return the number of items that both Regions have."""
        if self.name in work.records:
            return work.records[self.name]
        if work.is_lost:
            return {"skipped": f"{work.source} is lost; what it had not replicated is lost, too"}
        source, target = work.tenant_in(work.source), work.tenant_in(work.target)
        count = 0
        for table, replica in zip(_tables_of(source), _tables_of(target), strict=True):
            wanted, found = work.moves.digest(source, table), work.moves.digest(target, replica)
            if wanted != found:
                behind = wanted.item_count - found.item_count
                return Pending(f"waiting for {table} in {work.target}: {behind} items fewer, or others")
            count += wanted.item_count
            work.journal.renew()
        return {"items": count}

    def act(self, work: Work) -> Record | None:  # noqa: ARG002 - the protocol's signature
        """Do nothing: DynamoDB replicates."""
        return None


class Switch:
    """The write Region in the registry."""

    name = MoveStep.SWITCH

    def probe(self, work: Work) -> Found:
        """Return the epoch of the new write Region."""
        return (work.records.get(self.name) or {"epoch": work.epoch + 1}) if work.is_switched else None

    def act(self, work: Work) -> Record | None:
        """Exchange write Region and standby under the next epoch, in one write of the row. Raises MoveCancelled."""
        with lock_tenant(work.slug) as row:
            if not is_frozen_by(row, work.owner) or row.write_epoch != work.epoch:
                raise _cancellation_of(work.slug)
            former = Standby(region=row.region, resources=registry.to_tenant(row).resources)
            row.region, row.resources = row.standby["region"], row.standby["resources"]
            row.standby = msgspec.to_builtins(former)
            row.write_epoch += 1
            row.full_clean()
            row.save(update_fields=["region", "resources", "standby", "write_epoch", "updated_at"])
            record = {"epoch": row.write_epoch, "switched_at": work.now().isoformat()}
            work.journal.note(self.name, record)
        return record


class Changes:
    """The way of changes in the new write Region. It begins at the start of the streams: consumers are idempotent."""

    name = MoveStep.CHANGES

    def probe(self, work: Work) -> Found:
        """Return whether those of the old Region stopped."""
        return work.records.get(self.name) or None

    def act(self, work: Work) -> Record | None:
        """Open the tables of the new Region, start its Pipes, and stop the old ones. Raises Unavailable."""
        source, target = work.tenant_in(work.source), work.tenant_in(work.target)
        for table in _tables_of(target):  # a Region that was left before was closed
            work.moves.open_table(target, table)
        work.moves.start_changes(target)
        try:
            work.moves.stop_changes(source)
        except Unavailable:
            if not work.is_lost:
                raise
            return {"stopped": False}
        return {"stopped": True}


class Thaw:
    """The end: the tenant as it was served before."""

    name = MoveStep.THAW

    def probe(self, work: Work) -> Found:
        """Return when it was thawed."""
        return work.records.get(self.name) or None

    def act(self, work: Work) -> Record | None:
        """Serve it, and count what the sweep is going to wake."""
        reader = work.open_reader(work.tenant_in(work.target))
        due = sum(1 for _ in islice(reader.iter_due(now=work.now()), _DUE_MAX))
        status = TenantStatus(str(work.records[MoveStep.FREEZE]["status"]))
        thaw(slug=work.slug, owner=work.owner, status=status)
        return {"thawed_at": work.now().isoformat(), "due": due}


MOVE_STEPS: Final[Sequence[Step[Work]]] = (Freeze(), Fence(), CatchUp(), Switch(), Changes(), Thaw())


def reopen(work: Work) -> None:
    """Open the tables of the write Region again, and serve the tenant as before. Raises Unavailable."""
    tenant = work.tenant_in(work.source)
    for table in _tables_of(tenant):
        work.moves.open_table(tenant, table)
    work.journal.note(MoveStep.FENCE, {})
    thaw(slug=work.slug, owner=work.owner, status=TenantStatus(str(work.records[MoveStep.FREEZE]["status"])))


def _tables_of(tenant: Tenant) -> Iterator[str]:
    return iter(msgspec.structs.astuple(tenant.resources.tables))


def _cancellation_of(slug: str) -> MoveCancelled:
    return MoveCancelled(f"{slug} was resumed or moved meanwhile, so it is not moved. Start again to move it.")

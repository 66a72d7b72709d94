"""The steps of a restore. Each probes what is there, acts if it is not, and returns what to record."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import chain, islice
from typing import Final

import msgspec

from apps.tenancy import models, registry
from apps.tenancy.freezing import freeze, is_frozen_by, thaw
from apps.tenancy.restores.journal import Journal
from apps.tenancy.restores.soundness import complete_history, verify_tables
from apps.tenancy.step_runs.machine import Found, Record, Step
from apps.tenancy.tenants import lock_tenant
from resale.application.ports import HistoryLog, HistoryRow, Pending, Reader, TableRestores
from resale.domain.pipeline import AuditedTable
from resale.domain.tenant_restores import (
    RESTORED_TABLES,
    RestoreCancelled,
    RestoreStep,
    RestoreTimeInvalid,
    RestoreUnsound,
    TableState,
    check_restore_time,
    tables_after,
)
from resale.domain.tenants import SETTLE, Tables, Tenant, TenantStatus

_DUE_MAX: Final = 10_000  # counted for the report


@dataclass(frozen=True, kw_only=True)
class Work:
    """What the steps of one restore share. ``records`` is what the steps before recorded."""

    slug: str
    at: datetime
    generation: str
    accepts_faults: bool
    restores: TableRestores
    open_reader: Callable[[Tenant], Reader]
    open_history: Callable[[Tenant], HistoryLog]
    now: Callable[[], datetime]
    journal: Journal
    records: dict[RestoreStep, Record] = field(default_factory=dict)

    @property
    def owner(self) -> str:
        """The name of this run on the tenant's row."""
        return f"restore {self.generation}"

    @property
    def row(self) -> models.Tenant:
        """The tenant's row, read now."""
        return models.Tenant.objects.prefetch_related("connections").get(slug=self.slug)

    @property
    def former(self) -> Tenant:
        """The tenant with the tables from before the restore."""
        tenant, known = registry.to_tenant(self.row), self.records.get(RestoreStep.TABLES, {}).get("former")
        return tenant if known is None else _with_tables(tenant, msgspec.convert(known, Tables))

    @property
    def restored(self) -> Tenant:
        """The tenant with the restored tables."""
        former = self.former
        return _with_tables(former, tables_after(former.resources.tables, self.generation))

    def pairs(self) -> Iterator[tuple[str, str]]:
        """Iterate over the names of the tables that are restored, former and restored."""
        former, restored = self.former.resources.tables, self.restored.resources.tables
        return ((getattr(former, name), getattr(restored, name)) for name in RESTORED_TABLES)

    def audited_pairs(self) -> dict[str, str]:
        """Return the tables whose changes are recorded: former name to restored name."""
        former, restored = self.former.resources.tables, self.restored.resources.tables
        return {getattr(former, table): getattr(restored, table) for table in AuditedTable}

    def heads(self) -> Iterator[HistoryRow]:
        """Iterate over the current version of every entity in the restored tables."""
        tenant, tables = self.restored, self.audited_pairs().values()
        return chain.from_iterable(self.restores.iter_heads(tenant, table) for table in tables)

    def is_swapped(self) -> bool:
        """Return whether the resource map has the restored tables."""
        return registry.to_tenant(self.row).resources.tables == self.restored.resources.tables


class Freeze:
    """The freeze of the tenant. One that was resumed before the swap is not restored."""

    name = RestoreStep.FREEZE

    def probe(self, work: Work) -> Found:
        """Return when it was frozen, once every process knows. Raises RestoreCancelled."""
        record = work.records.get(self.name)
        if not record:
            return None
        if not is_frozen_by(work.row, work.owner) and not work.is_swapped():
            raise _cancellation_of(work.slug)
        if work.now() < datetime.fromisoformat(str(record["frozen_at"])) + SETTLE:
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


class RestoredTables:
    """The restored tables, beside the present ones."""

    name = RestoreStep.TABLES

    def probe(self, work: Work) -> Found:
        """Return the tables, once all are there. Raises RestoreTimeInvalid."""
        if self.name not in work.records:
            return _wait_for_moment(work)
        states = [work.restores.find(work.former, target) for _, target in work.pairs()]
        if None in states:
            return None
        waiting = sum(state is not TableState.ACTIVE for state in states)
        return Pending(f"{waiting} of {len(states)} tables are restored") if waiting else work.records[self.name]

    def act(self, work: Work) -> Record | None:
        """Begin to restore those that are missing. The names of the former tables are recorded first."""
        former = work.former
        record = {
            "former": msgspec.structs.asdict(former.resources.tables),
            "restored": msgspec.structs.asdict(work.restored.resources.tables),
            "data_of": work.restores.moment_of(former, work.at).isoformat(),
        }
        work.journal.note(self.name, record)
        work.records[self.name] = record
        for source, target in work.pairs():
            if work.restores.find(former, target) is None:
                work.restores.restore(former, source, target, at=work.at)
                work.journal.renew()
        return None


class Settings:
    """What is not restored with a table: stream, TTL, tags, recovery, deletion protection."""

    name = RestoreStep.SETTINGS

    def probe(self, work: Work) -> Found:
        """Return that nothing is missing. Raises RestoreUnsound: what comes with a restore is not as before."""
        former = work.former
        for source, target in work.pairs():
            if work.restores.find(former, target) is not TableState.ACTIVE:
                return Pending(f"waiting for {target}")
            if work.restores.find_missing_settings(former, source, target):
                return None
        faults = [
            fault
            for source, target in work.pairs()
            for fault in work.restores.find_index_faults(former, source, target)
        ]
        if faults:
            raise RestoreUnsound(f"{'; '.join(faults)}. Correct it, then resume.")
        return {"checked": [target for _, target in work.pairs()]}

    def act(self, work: Work) -> Record | None:
        """Apply the next missing setting of each table: a table takes one update at a time."""
        former = work.former
        for source, target in work.pairs():
            missing = work.restores.find_missing_settings(former, source, target)
            if missing:
                work.restores.apply_setting(former, source, target, missing[0])
        return None


class History:
    """The rows of history that were on their way at the moment."""

    name = RestoreStep.HISTORY

    def probe(self, work: Work) -> Found:
        """Return how many were added."""
        return work.records.get(self.name) or None

    def act(self, work: Work) -> Record | None:
        """Add them."""
        appended = complete_history(
            work.heads(),
            reader=work.open_reader(work.restored),
            history=work.open_history(work.restored),
            past=work.open_reader(work.former),
            renew=work.journal.renew,
        )
        return {"appended": appended}


class Verify:
    """The verification of the restored tables."""

    name = RestoreStep.VERIFY

    def probe(self, work: Work) -> Found:
        """Return what was found, if it is sound or was accepted."""
        record = work.records.get(self.name)
        if not record:
            return None
        return record if work.accepts_faults or not record["faults"] else None

    def act(self, work: Work) -> Record | None:
        """Verify them. Raises RestoreUnsound."""
        found = verify_tables(
            work.heads(), reader=work.open_reader(work.restored), now=work.now(), renew=work.journal.renew
        )
        record = {"entities": found.entity_count, "fault_count": found.fault_count, "faults": list(found.faults)}
        work.journal.note(self.name, record)
        if found.fault_count and not work.accepts_faults:
            raise RestoreUnsound(
                f"The data of {work.at:%Y-%m-%d %H:%M:%S} UTC has {found.fault_count} faults: "
                f"{'; '.join(found.faults[:3])}. Cancel with resume_tenant {work.slug} and restore to another moment, "
                "or resume with --accept-faults."
            )
        return record


class Changes:
    """The way of the restored tables' changes to history."""

    name = RestoreStep.CHANGES

    def probe(self, work: Work) -> Found:
        """Return what carries them, once it does."""
        record = work.records.get(self.name)
        if not record:
            return None
        return work.restores.find_delay(work.former, tuple(work.audited_pairs().values())) or record

    def act(self, work: Work) -> Record | None:
        """Carry them."""
        carried = work.restores.carry_changes(work.former, work.audited_pairs(), generation=work.generation)
        record = {"pipes": list(carried)}
        work.journal.note(self.name, record)
        work.records[self.name] = record
        return None


class Swap:
    """The resource map with the restored tables."""

    name = RestoreStep.SWAP

    def probe(self, work: Work) -> Found:
        """Return when they were put into it."""
        return (work.records.get(self.name) or {"swapped_at": None}) if work.is_swapped() else None

    def act(self, work: Work) -> Record | None:
        """Put them into it, in one write of the tenant's row. Raises RestoreCancelled."""
        tables = msgspec.structs.asdict(work.restored.resources.tables)
        with lock_tenant(work.slug) as row:
            if not is_frozen_by(row, work.owner):
                raise _cancellation_of(work.slug)
            record = {"swapped_at": work.now().isoformat(), "standby": row.standby.get("region", "")}
            row.resources, row.standby = {**row.resources, "tables": tables}, {}  # restored tables have no replica
            row.full_clean()
            row.save(update_fields=["resources", "standby", "updated_at"])
            work.journal.note(self.name, record)
        return record


class Former:
    """The former tables: they stay, take no more writes, and their changes go nowhere."""

    name = RestoreStep.FORMER

    def probe(self, work: Work) -> Found:
        """Return what became of them, once no dropped message can be received any more."""
        record = work.records.get(self.name)
        if not record:
            return None
        ends_at = datetime.fromisoformat(str(record["dropped_at"])) + timedelta(seconds=work.restores.purge_seconds)
        return Pending("waiting until the dropped messages are gone") if work.now() < ends_at else record

    def act(self, work: Work) -> Record | None:
        """Close them, and drop their changes, of a tenant that is frozen: again, until their Pipes have stopped."""
        if not is_frozen_by(work.row, work.owner):  # a resume is refused from the swap on
            raise _cancellation_of(work.slug)
        former = work.former
        closed = [source for source, _ in work.pairs() if work.restores.close_table(former, source)]
        if not work.restores.retire_changes(former, tuple(work.audited_pairs())):
            return None
        record = {
            "kept": [source for source, _ in work.pairs()],
            "closed": closed,
            "dropped_at": work.now().isoformat(),
        }
        work.journal.note(self.name, record)
        work.records[self.name] = record
        return None


class Thaw:
    """The end: the tenant as it was served before."""

    name = RestoreStep.THAW

    def probe(self, work: Work) -> Found:
        """Return when it was thawed."""
        return work.records.get(self.name) or None

    def act(self, work: Work) -> Record | None:
        """Serve it, and count what the sweep is going to wake."""
        due = sum(1 for _ in islice(work.open_reader(work.restored).iter_due(now=work.now()), _DUE_MAX))
        status = TenantStatus(str(work.records[RestoreStep.FREEZE]["status"]))
        thaw(slug=work.slug, owner=work.owner, status=status)
        return {"thawed_at": work.now().isoformat(), "due": due}


RESTORE_STEPS: Final[Sequence[Step[Work]]] = (
    Freeze(),
    RestoredTables(),
    Settings(),
    History(),
    Verify(),
    Changes(),
    Swap(),
    Former(),
    Thaw(),
)


def check_moment(restores: TableRestores, tenant: Tenant, at: datetime, *, now: datetime) -> Mapping[str, datetime]:
    """Return until when each table can be restored now. Raises RestoreTimeInvalid."""
    latest, ranges = {}, []
    for name in RESTORED_TABLES:
        table = getattr(tenant.resources.tables, name)
        found = restores.find_range(tenant, table)
        if found is None:
            raise RestoreTimeInvalid(f"{table} has no point-in-time recovery, so it cannot be restored.")
        latest[table] = found.latest
        ranges.append(found)
    check_restore_time(at, ranges, now=now)
    return latest


def _wait_for_moment(work: Work) -> Found:
    """Return None when every table can be restored to the moment: the newest ones follow within minutes."""
    latest = check_moment(work.restores, work.former, work.at, now=work.now())
    if all(work.at <= until for until in latest.values()):
        return None
    return Pending("waiting until the tables can be restored to this moment")


def _with_tables(tenant: Tenant, tables: Tables) -> Tenant:
    return msgspec.structs.replace(tenant, resources=msgspec.structs.replace(tenant.resources, tables=tables))


def _cancellation_of(slug: str) -> RestoreCancelled:
    return RestoreCancelled(f"{slug} was resumed, so it is not restored. Start again to restore it.")

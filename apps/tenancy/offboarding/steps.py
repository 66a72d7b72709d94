"""The steps of an offboarding. Each probes what is there, acts if it is not, and returns what to record."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec

from apps.tenancy import keys, models, registry
from apps.tenancy.models import Status
from apps.tenancy.offboarding.archive import Archive
from apps.tenancy.offboarding.certificates import certify
from apps.tenancy.offboarding.journal import Journal
from apps.tenancy.step_runs.machine import Found, Record, Step
from apps.tenancy.tenants import lock_tenant, set_tenant_status
from resale.application.ports import OffboardingProviders, Pending, Signer
from resale.domain.entitlements import Tier
from resale.domain.tenant_offboarding import (
    OffboardingCancelled,
    OffboardingOnHold,
    OffboardingStep,
    OpenWork,
    OrdersOpen,
    describe_open_work,
)
from resale.domain.tenants import SETTLE, Tenant, TenantStatus

_STOPPED: Final = frozenset({Status.CLOSING, Status.CLOSED})


@dataclass(frozen=True, kw_only=True)
class Work:
    """What the steps of one offboarding share. ``records`` is what the steps before recorded."""

    slug: str
    hold_days: int
    providers: OffboardingProviders
    count_open: Callable[[Tenant], OpenWork]
    archive: Archive
    signer: Signer
    now: Callable[[], datetime]
    journal: Journal
    records: dict[OffboardingStep, Record] = field(default_factory=dict)

    @property
    def row(self) -> models.Tenant:
        """The tenant's row, read now."""
        return models.Tenant.objects.prefetch_related("connections").get(slug=self.slug)

    @property
    def tenant(self) -> Tenant:
        """The tenant."""
        return registry.to_tenant(self.row)

    @property
    def stopped_at(self) -> datetime:
        """When nothing changed the tenant's data any more."""
        return datetime.fromisoformat(str(self.records[OffboardingStep.STOP]["stopped_at"]))

    def is_of_this_stop(self, step: OffboardingStep) -> bool:
        """Return whether a step recorded something since the tenant was stopped."""
        return self.records.get(step, {}).get("stopped_at") == self.stopped_at.isoformat()

    def settles_at(self, step: OffboardingStep, field_name: str) -> datetime:
        """Return when every process knows of the status that a step set."""
        return datetime.fromisoformat(str(self.records[step][field_name])) + SETTLE


class Suspend:
    """The suspension. A tenant that was resumed since is not offboarded."""

    name = OffboardingStep.SUSPEND

    def probe(self, work: Work) -> Found:
        """Return when it was suspended. Raises OffboardingCancelled."""
        record = work.records.get(self.name)
        if record is not None and work.row.status == Status.ACTIVE:
            raise _cancellation_of(work.slug)
        return record

    def act(self, work: Work) -> Record | None:
        """Suspend the tenant, unless it is."""
        if work.row.status == Status.ACTIVE:
            set_tenant_status(slug=work.slug, status=TenantStatus.SUSPENDED)
        return {"suspended_at": work.now().isoformat()}


class Orders:
    """The open work. A sandbox is in test mode, so nobody waits for its orders."""

    name = OffboardingStep.ORDERS

    def probe(self, work: Work) -> Found:
        """Return that nothing is open. Raises OrdersOpen."""
        row = work.row
        if row.status in _STOPPED and self.name in work.records:
            return work.records[self.name]
        if work.now() < work.settles_at(OffboardingStep.SUSPEND, "suspended_at"):
            return Pending("waiting until all processes know that the tenant is suspended")
        if row.tier == Tier.SANDBOX:
            return {"skipped": "a sandbox is in test mode"}
        counted = work.count_open(registry.to_tenant(row))
        if counted.is_blocking:
            raise OrdersOpen(describe_open_work(work.slug, counted))
        return Pending("waiting for changes on their way to history") if counted.moving_count else {"open": 0}

    def act(self, work: Work) -> Record | None:  # noqa: ARG002 - the protocol's signature
        """Do nothing: workers finish what is open."""
        return None


class Stop:
    """The end of workers and webhooks."""

    name = OffboardingStep.STOP

    def probe(self, work: Work) -> Found:
        """Return when they were stopped."""
        return work.records.get(self.name) if work.row.status in _STOPPED else None

    def act(self, work: Work) -> Record | None:
        """Take the tenant from all processes. Raises OffboardingCancelled."""
        with lock_tenant(work.slug) as row:
            _require_status(row, Status.SUSPENDED, Status.CLOSING)  # closing: an earlier run was interrupted here
            set_tenant_status(slug=work.slug, status=TenantStatus.CLOSING)
        return {"stopped_at": work.now().isoformat()}


class Export:
    """The export of all tables."""

    name = OffboardingStep.EXPORT

    def probe(self, work: Work) -> Found:
        """Return the export since the tenant was stopped."""
        if work.is_of_this_stop(self.name):
            return work.records[self.name]
        settled = work.now() >= work.settles_at(OffboardingStep.STOP, "stopped_at")
        return None if settled else Pending("waiting until all processes have stopped serving the tenant")

    def act(self, work: Work) -> Record | None:
        """Write it."""
        manifest, saved = work.archive.export(
            work.providers, work.tenant, stopped_at=work.stopped_at, renew=work.journal.renew
        )
        counts = {one.table: one.item_count for one in manifest.tables}
        return {
            "stopped_at": work.stopped_at.isoformat(),
            "manifest": saved.file,
            "sha256": saved.sha256,
            "items": counts,
        }


class Backup:
    """The final backups."""

    name = OffboardingStep.BACKUP

    def probe(self, work: Work) -> Found:
        """Return the backups since the tenant was stopped."""
        return work.records[self.name] if work.is_of_this_stop(self.name) else None

    def act(self, work: Work) -> Record | None:
        """Make one of each table; where the engine has no backups, the export is the final copy."""
        tenant, stopped_at = work.tenant, work.stopped_at
        name = f"{work.slug}-{stopped_at:%Y%m%dT%H%M%SZ}"
        made = {}
        for table in msgspec.structs.asdict(tenant.resources.tables).values():
            work.journal.renew()
            made[table] = work.providers.back_up(tenant, table, name=name)
        record: dict[str, Any] = {"stopped_at": stopped_at.isoformat()}
        if any(arn is None for arn in made.values()):
            return {**record, "skipped": "the engine has no backups; the export is the final copy"}
        return {**record, "backups": made}


class Hold:
    """The hold period, in which the tenant can be resumed."""

    name = OffboardingStep.HOLD

    def probe(self, work: Work) -> Found:
        """Return the end of the period once it is over. Raises OffboardingOnHold."""
        if not work.is_of_this_stop(self.name):
            return None
        record = work.records[self.name]
        _require_over(work, record)
        return record

    def act(self, work: Work) -> Record | None:
        """Begin the period. Raises OffboardingOnHold unless it has no length."""
        until = work.stopped_at + timedelta(days=work.hold_days)
        record = {"stopped_at": work.stopped_at.isoformat(), "until": until.isoformat()}
        work.journal.note(self.name, record)
        _require_over(work, record)
        return record


class Access:
    """Keys, connections and staff of the tenant. From here on it cannot be resumed."""

    name = OffboardingStep.ACCESS

    def probe(self, work: Work) -> Found:
        """Return what was removed."""
        return work.records.get(self.name) or None

    def act(self, work: Work) -> Record | None:
        """Remove it, with the record in the same transaction; a resume waits for it. Raises OffboardingCancelled."""
        with lock_tenant(work.slug) as row:
            _require_status(row, Status.CLOSING)
            active = row.api_keys.filter(revoked_at=None)
            revoked = [key.id for key in active]
            for key_id in revoked:
                keys.revoke_api_key(key_id=key_id, now=work.now())
            connections, _ = row.connections.all().delete()
            invitations, _ = row.invitations.all().delete()
            staff = list(row.memberships.values_list("user_id", flat=True))
            row.memberships.all().delete()
            gone = models.User.objects.filter(id__in=staff, memberships=None, is_superuser=False)
            record = {
                "api_keys_revoked": revoked,
                "connections_removed": connections,
                "invitations_removed": invitations,
                "memberships_removed": len(staff),
                "accounts_deactivated": gone.update(is_active=False),
            }
            work.journal.note(self.name, record)
        return record


class Keys:
    """The encryption key and the secrets."""

    name = OffboardingStep.KEYS

    def probe(self, work: Work) -> Found:
        """Return what was destroyed."""
        record = work.records.get(self.name, {})
        return record if "key" in record else None

    def act(self, work: Work) -> Record | None:
        """Destroy them. The names of secrets are recorded before they are deleted."""
        tenant, providers = work.tenant, work.providers
        noted = work.journal.records().get(self.name, {}).get("secrets", ())
        names = sorted({*noted, *providers.list_secrets(tenant)})
        work.journal.note(self.name, {"secrets": names})
        for name in names:
            providers.destroy_secret(tenant, name)
        return {"secrets": names, "key": msgspec.to_builtins(providers.destroy_key(tenant))}


class Closed:
    """The end: the certificate, the account among the closed ones, and the tenant closed."""

    name = OffboardingStep.CLOSED

    def probe(self, work: Work) -> Found:
        """Return the certificate of a closed tenant."""
        record = work.records.get(self.name)
        return record if record and work.row.status == Status.CLOSED else None

    def act(self, work: Work) -> Record | None:
        """Sign and store the certificate, then close the tenant."""
        tenant = work.tenant
        steps: Mapping[str, Any] = {step.value: record for step, record in work.records.items() if step != self.name}
        certificate = certify(tenant, steps=steps, closed_at=work.now(), signer=work.signer)
        saved = work.archive.save(f"{work.slug}/certificate.json", certificate)
        work.providers.retire(tenant)
        set_tenant_status(slug=work.slug, status=TenantStatus.CLOSED)
        return {"certificate": saved.file, "sha256": saved.sha256}


OFFBOARDING_STEPS: Final[Sequence[Step[Work]]] = (
    Suspend(),
    Orders(),
    Stop(),
    Export(),
    Backup(),
    Hold(),
    Access(),
    Keys(),
    Closed(),
)


def _require_status(row: models.Tenant, *expected: Status) -> None:
    """Require the status that the steps before set, of a locked row. Raises OffboardingCancelled."""
    if row.status not in expected:
        raise _cancellation_of(row.slug)


def _cancellation_of(slug: str) -> OffboardingCancelled:
    return OffboardingCancelled(f"{slug} was resumed, so it is not offboarded. Start again to offboard it.")


def _require_over(work: Work, record: Record) -> None:
    until = datetime.fromisoformat(str(record["until"]))
    if work.now() < until:
        raise OffboardingOnHold(
            f"The keys of {work.slug} are destroyed after {until:%Y-%m-%d %H:%M} UTC. Continue with --resume then. "
            f"Before, resume_tenant {work.slug} cancels the offboarding."
        )

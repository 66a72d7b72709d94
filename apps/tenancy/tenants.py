"""Changes of tenants in the registry, for provisioning, operators and the local platform."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import msgspec
from django.core.exceptions import ValidationError
from django.db import transaction

from apps.tenancy import models, registry
from apps.tenancy.entitlement_changes import Cause, record_change
from apps.tenancy.errors import TenantClosed, TenantFrozen, TenantNotFound
from resale.domain.partners import Connection, ConnectionNotFound
from resale.domain.policies import Policies
from resale.domain.price_rules import PriceRules
from resale.domain.tenant_moves import MoveFenced, MoveStep
from resale.domain.tenant_offboarding import OffboardingStep
from resale.domain.tenant_restores import RestoreStep, RestoreUnfinished
from resale.domain.tenants import SERVED, Resources, Standby, Tenant, TenantStatus


class TenantRecord(msgspec.Struct, frozen=True, kw_only=True):
    """All fields of a tenant in the registry except its id."""

    slug: str
    name: str
    account_id: str
    region: str
    currency: str
    market: str
    locale: str
    commission_basis_points: int
    oidc_issuer: str
    oidc_audience: str
    allowed_origins: Sequence[str]
    external_id: str
    resources: Resources
    tier: str = models.Tier.STANDARD
    status: str = models.Status.ACTIVE
    sandbox: bool = False
    policies: Policies = Policies()
    price_rules: PriceRules = PriceRules()
    limits: Mapping[str, int] = {}
    connections: Sequence[Connection] = ()


def save_tenant(record: TenantRecord) -> Tenant:
    """Create the tenant of a slug, or update it with its connections. Idempotent.

    Raises:
        django.core.exceptions.ValidationError: A field or connection is wrong, another tenant has the account, the
            issuer and audience or a connection's id, or there are two connections of a kind.
        TenantFrozen: It is being restored or moved, and would get its former Region and tables back.
    """
    with transaction.atomic():
        known = models.Tenant.objects.select_for_update().filter(slug=record.slug).first()
        if known is not None and known.status == models.Status.FROZEN:
            raise TenantFrozen(f"{record.slug} is being restored or moved. Repeat this when it is served again.")
        row = known or models.Tenant(slug=record.slug)
        fields = msgspec.to_builtins(record)
        fields.pop("connections")
        for name, value in fields.items():
            setattr(row, name, value)
        row.full_clean()
        row.save()
        _connect_all(row, record.connections)
        saved = registry.to_tenant(row)
    registry.clear()
    return saved


def set_tenant_status(*, slug: str, status: TenantStatus) -> None:
    """Suspend a tenant, resume it or close it: here immediately, everywhere within 30 s. Idempotent.

    Raises:
        TenantNotFound: No such tenant.
        TenantClosed: It is closed, or its keys are being destroyed, and it does not come back.
        MoveFenced: Its tables are closed to writes for a move.
        RestoreUnfinished: It has its restored tables, and the restore is not at its end.
        django.core.exceptions.ValidationError: It has no valid resource map, so it cannot be served.
    """
    with lock_tenant(slug) as row:
        if status in SERVED and _is_irrevocable(row):
            raise TenantClosed(f"{slug} is closed, or its keys are being destroyed. It cannot be resumed.")
        if status in SERVED and _is_fenced(row):
            raise MoveFenced(
                f"The tables of {slug} are closed to writes for a move. Continue it with move_tenant {slug} --resume, "
                "or end it with --cancel."
            )
        if status in SERVED and _is_swapped(row):
            raise RestoreUnfinished(
                f"{slug} has its restored tables, and the former ones are not closed yet. Continue it with "
                f"restore_tenant {slug} --resume."
            )
        row.status, row.frozen_by = status.value, ""
        row.full_clean()
        row.save(update_fields=["status", "frozen_by", "updated_at"])


def set_standby(*, slug: str, standby: Standby) -> None:
    """Register the replica of a tenant, to which its writes can move. Idempotent.

    Raises:
        TenantNotFound: No such tenant.
        django.core.exceptions.ValidationError: It is in the Region of the tenant's writes.
    """
    with lock_tenant(slug) as row:
        if standby.region == row.region:
            raise ValidationError({"standby": f"{row.region} is the tenant's write Region."})
        row.standby = msgspec.to_builtins(standby)
        row.full_clean()
        row.save(update_fields=["standby", "updated_at"])


def set_policies(*, slug: str, policies: Policies) -> None:
    """Change the policies of a shop. Existing orders keep theirs.

    Raises:
        TenantNotFound: No such tenant.
        django.core.exceptions.ValidationError: A policy is out of its bounds.
    """
    with lock_tenant(slug) as row:
        row.policies = msgspec.to_builtins(policies)
        row.full_clean()
        row.save(update_fields=["policies", "updated_at"])


def set_limits(*, slug: str, limits: Mapping[str, int], cause: Cause) -> None:
    """Set the limits of a tenant that differ from its tier's: here immediately, everywhere within 30 s. Idempotent.

    Args:
        slug: The tenant's.
        limits: By field of ``resale.domain.entitlements.Limits``; what is left out is the tier's.
        cause: Recorded with the limits.

    Raises:
        TenantNotFound: No such tenant.
        django.core.exceptions.ValidationError: A limit has an unknown name or is out of its bounds, or the
            cause names no reason.
    """
    with lock_tenant(slug) as row:
        row.limits = dict(limits)
        row.full_clean()
        row.save(update_fields=["limits", "updated_at"])
        record_change(row, subject="limits", value=row.limits, cause=cause)


def connect(*, slug: str, connection: Connection) -> None:
    """Connect a tenant to a partner, replacing its connection of the same kind. Idempotent.

    Raises:
        TenantNotFound: No such tenant.
        django.core.exceptions.ValidationError: The tenant cannot use this connection, or another one has its id.
    """
    with lock_tenant(slug) as row:
        row.connections.filter(kind=connection.kind).exclude(id=connection.id).delete()
        _connect(row, connection)


def disconnect(*, slug: str, connection_id: str) -> None:
    """Remove a connection of a tenant.

    Raises:
        TenantNotFound: No such tenant.
        ConnectionNotFound: It has no such connection.
    """
    with lock_tenant(slug) as row:
        gone, _ = row.connections.filter(id=connection_id).delete()
        if not gone:
            raise ConnectionNotFound("This shop has no connection with this id.")


def _is_irrevocable(row: models.Tenant) -> bool:
    """Return whether access was removed. The record is written with the removal, while the row is locked."""
    removed = models.OffboardingRecord.objects.filter(run_id=row.slug, step=OffboardingStep.ACCESS).exclude(record={})
    return row.status == models.Status.CLOSED or (row.status == models.Status.CLOSING and removed.exists())


def _is_fenced(row: models.Tenant) -> bool:
    """Return whether a move that has not switched closed the tables of the tenant's write Region, or is about to."""
    fences = models.MoveRecord.objects.filter(run_id=row.slug, run__source=row.region, step=MoveStep.FENCE)
    return row.status == models.Status.FROZEN and fences.exclude(record={}).exists()


def _is_swapped(row: models.Tenant) -> bool:
    """Return whether the restore that has frozen the tenant has put its tables into the map, and has not ended."""
    swaps = models.RestoreRecord.objects.filter(run_id=row.slug, run__finished_at=None, step=RestoreStep.SWAP)
    return row.status == models.Status.FROZEN and swaps.exclude(record={}).exists()


@contextmanager
def lock_tenant(slug: str) -> Iterator[models.Tenant]:
    """Lock a tenant's row for a change; after the commit, this process forgets its cached registry.

    Raises:
        TenantNotFound: No such tenant.
    """
    with transaction.atomic():
        row = models.Tenant.objects.select_for_update().filter(slug=slug).first()
        if row is None:
            raise TenantNotFound("No tenant with this name exists.")
        yield row
    registry.clear()


def _connect_all(row: models.Tenant, connections: Sequence[Connection]) -> None:
    """Replace the connections of a tenant; each is validated, because the tenant can have changed."""
    ids = {connection.id for connection in connections}
    if len(ids) < len(connections):
        raise ValidationError({"connections": "Two connections have the same id."})
    row.connections.exclude(id__in=ids).delete()
    for connection in connections:
        _connect(row, connection)


def _connect(row: models.Tenant, connection: Connection) -> None:
    known = row.connections.filter(id=connection.id).first() or models.Connection(tenant=row)
    columns = msgspec.to_builtins(connection)
    for name, value in {**columns, "secret_name": connection.secret_name or ""}.items():
        setattr(known, name, value)
    known.full_clean()
    known.save()

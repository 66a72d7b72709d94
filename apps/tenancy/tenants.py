"""Putting a tenant into the registry and changing it there: for provisioning, for operators and for one machine."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import msgspec
from django.core.exceptions import ValidationError
from django.db import transaction

from apps.tenancy import models, registry
from apps.tenancy.errors import TenantNotFound
from resale.domain.partners import Connection, ConnectionNotFound
from resale.domain.tenants import Policies, Resources, Tenant, TenantStatus


class TenantRecord(msgspec.Struct, frozen=True, kw_only=True):
    """Everything the registry holds of a tenant but its id."""

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
    connections: Sequence[Connection] = ()


def save_tenant(record: TenantRecord) -> Tenant:
    """Create the tenant of this slug, or bring it up to date with its connections; a second time is a no-op.

    Raises:
        django.core.exceptions.ValidationError: A field or connection is wrong, another tenant has the account, the
            issuer and audience or a connection's id, or there are two connections of a kind.
    """
    with transaction.atomic():
        row = models.Tenant.objects.filter(slug=record.slug).first() or models.Tenant(slug=record.slug)
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
    """Suspend a tenant, or let it trade again: here at once, everywhere within 30 s. Again is a no-op.

    Raises:
        TenantNotFound: No such tenant.
        django.core.exceptions.ValidationError: It has no valid resource map, so it cannot be served.
    """
    with _changing(slug) as row:
        row.status = status.value
        row.full_clean()
        row.save(update_fields=["status", "updated_at"])


def set_policies(*, slug: str, policies: Policies) -> None:
    """Change a shop's timers and rates: what was agreed before, an order keeps.

    Raises:
        TenantNotFound: No such tenant.
        django.core.exceptions.ValidationError: A policy is out of its bounds.
    """
    with _changing(slug) as row:
        row.policies = msgspec.to_builtins(policies)
        row.full_clean()
        row.save(update_fields=["policies", "updated_at"])


def connect(*, slug: str, connection: Connection) -> None:
    """Connect a tenant to a partner, in the place of the one it had for this; the same again is a no-op.

    Raises:
        TenantNotFound: No such tenant.
        django.core.exceptions.ValidationError: The tenant cannot use this connection, or another one has its id.
    """
    with _changing(slug) as row:
        row.connections.filter(kind=connection.kind).exclude(id=connection.id).delete()
        _connect(row, connection)


def disconnect(*, slug: str, connection_id: str) -> None:
    """Take a tenant's connection away.

    Raises:
        TenantNotFound: No such tenant.
        ConnectionNotFound: It has no such connection.
    """
    with _changing(slug) as row:
        gone, _ = row.connections.filter(id=connection_id).delete()
        if not gone:
            raise ConnectionNotFound("This shop has no connection with this id.")


@contextmanager
def _changing(slug: str) -> Iterator[models.Tenant]:
    """Lock a tenant's row; what this process knows of the registry is forgotten when the change is committed."""
    with transaction.atomic():
        row = models.Tenant.objects.select_for_update().filter(slug=slug).first()
        if row is None:
            raise TenantNotFound("No tenant with this name exists.")
        yield row
    registry.clear()


def _connect_all(row: models.Tenant, connections: Sequence[Connection]) -> None:
    """Make the tenant's connections exactly these; each is checked anew, since the tenant may have changed."""
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

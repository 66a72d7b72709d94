"""Putting a tenant into the registry, for provisioning and for one machine."""

from collections.abc import Sequence

import msgspec
from django.db import transaction

from apps.tenancy import models, registry
from apps.tenancy.errors import TenantNotFound
from resale.domain.tenants import Resources, Tenant, TenantStatus


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


def save_tenant(record: TenantRecord) -> Tenant:
    """Create the tenant of this slug, or bring it up to date; a second time is a no-op.

    Raises:
        django.core.exceptions.ValidationError: A field is wrong, or another tenant has the slug's issuer and audience.
    """
    with transaction.atomic():
        row = models.Tenant.objects.filter(slug=record.slug).first() or models.Tenant(slug=record.slug)
        for name, value in msgspec.to_builtins(record).items():
            setattr(row, name, value)
        row.full_clean()
        row.save()
    registry.clear()
    return registry.to_tenant(row)


def set_tenant_status(*, slug: str, status: TenantStatus) -> None:
    """Suspend a tenant, or let it trade again: here at once, everywhere within 30 s. Again is a no-op.

    Raises:
        TenantNotFound: No such tenant.
        django.core.exceptions.ValidationError: It has no valid resource map, so it cannot be served.
    """
    with transaction.atomic():
        row = models.Tenant.objects.select_for_update().filter(slug=slug).first()
        if row is None:
            raise TenantNotFound("No such tenant.")
        row.status = status.value
        row.full_clean()
        row.save(update_fields=["status", "updated_at"])
    registry.clear()

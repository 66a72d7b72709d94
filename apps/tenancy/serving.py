"""The tenants that this process serves (``RESALE_TENANTS``): a premium tenant's own web and workers are such a list."""

from django.conf import settings

from apps.tenancy.errors import TenantNotServedHere
from resale.domain.tenants import Tenant


def is_served_here(tenant: Tenant) -> bool:
    """Return whether this process serves a tenant."""
    served: bool = settings.SERVED_TENANTS.includes(tenant.slug, own_processes=tenant.own_processes)
    return served


def require_served(tenant: Tenant) -> None:
    """Require a tenant that this process serves. Raises TenantNotServedHere."""
    if not is_served_here(tenant):
        raise TenantNotServedHere

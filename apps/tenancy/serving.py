"""The tenants that this process serves (``RESALE_TENANTS``), and whose queues it polls (``RESALE_WORKER_SHARD``)."""

from django.conf import settings

from apps.tenancy.errors import TenantNotServedHere
from resale.domain.tenants import Tenant


def is_served_here(tenant: Tenant) -> bool:
    """Return whether this process serves a tenant."""
    served: bool = settings.SERVED_TENANTS.includes(tenant.slug, own_processes=tenant.own_processes)
    return served


def is_shown_here(tenant: Tenant) -> bool:
    """Return whether this process's admin shows a tenant to its staff, also one with processes of its own.

    A security key works at the host where it was registered, and pages poll no queue.
    """
    shown: bool = settings.SERVED_TENANTS.lists(tenant.slug)
    return shown


def is_polled_here(tenant: Tenant) -> bool:
    """Return whether this process polls the queues of a tenant that it serves."""
    polled: bool = settings.WORKER_SHARD.polls(tenant.slug)
    return polled


def require_served(tenant: Tenant) -> None:
    """Require a tenant that this process serves. Raises TenantNotServedHere."""
    if not is_served_here(tenant):
        raise TenantNotServedHere

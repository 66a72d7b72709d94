"""Where workers take their tenants and sessions from: the registry and this process's container."""

from django.db import connections

from apps.core.container import get_container
from apps.tenancy import registry
from apps.workers.transport.bindings import Bindings, Purpose
from resale.domain.dead_letters import FailureNote
from resale.domain.tenants import Tenant


def tenants() -> tuple[Tenant, ...]:
    """List the active tenants, on the calling thread's database connection."""
    return registry.served_tenants()


def bindings(purpose: Purpose) -> Bindings:
    """Bind the active tenants' queues of one purpose to sessions of this process's container."""
    return Bindings(
        purpose,
        tenants=_read_and_hang_up,
        session_for=get_container().sessions.for_tenant,
    )


def note_failure(tenant: Tenant, note: FailureNote) -> None:
    """Note at a tenant why a delivery did not succeed. Raises Unavailable."""
    get_container().failures(tenant).record(note)


def _read_and_hang_up() -> tuple[Tenant, ...]:
    """Leave no connection open: a pool process forked later would end it on the parent's behalf."""
    try:
        return registry.served_tenants()
    finally:
        connections.close_all()

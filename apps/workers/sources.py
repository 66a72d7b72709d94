"""The tenants and sessions of workers, from the registry and this process's container."""

from django.db import connections

from apps.core.container import get_container
from apps.tenancy import registry
from apps.workers.transport.bindings import Bindings, Purpose
from resale.domain.dead_letters import FailureNote
from resale.domain.tenants import Tenant


def tenants() -> tuple[Tenant, ...]:
    """List the active tenants on this thread's database connection."""
    return registry.served_tenants()


def bindings(purpose: Purpose) -> Bindings:
    """Bind the active tenants' queues of one purpose to sessions of this process's container."""
    return Bindings(
        purpose,
        tenants=_list_and_close,
        session_for=get_container().sessions.for_tenant,
    )


def note_failure(tenant: Tenant, note: FailureNote) -> None:
    """Record the note of a failed delivery in the tenant's account. Raises Unavailable."""
    get_container().failures(tenant).record(note)


def _list_and_close() -> tuple[Tenant, ...]:
    """List the tenants to poll and close the connection: a pool process forked later would close the parent's."""
    try:
        return registry.polled_tenants()
    finally:
        connections.close_all()

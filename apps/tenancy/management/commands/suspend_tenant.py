"""``manage.py suspend_tenant SLUG``: stop what is new at a tenant; what is in flight ends."""

from apps.tenancy.management.status_command import StatusCommand
from resale.domain.tenants import TenantStatus


class Command(StatusCommand):
    """Suspends a tenant."""

    help = "Suspend a tenant within 30 s: its API refuses every request, and workers end the orders under way."
    status = TenantStatus.SUSPENDED

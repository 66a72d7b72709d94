"""``manage.py resume_tenant SLUG``: serve a suspended tenant again."""

from apps.tenancy.management.status_command import StatusCommand
from resale.domain.tenants import TenantStatus


class Command(StatusCommand):
    """Resumes a tenant."""

    help = "Serve a suspended tenant again, within 30 s."
    status = TenantStatus.ACTIVE

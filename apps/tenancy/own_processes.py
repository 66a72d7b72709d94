"""The list of tenants of a process (``RESALE_TENANTS``) against their tiers: only some include own processes."""

from django.conf import settings

from apps.tenancy import registry
from apps.tenancy.errors import TenantNotFound
from resale.domain.entitlements import ENTITLEMENTS, Tier
from resale.domain.served_tenants import OwnProcessesRefused


def check_listed_tenants() -> None:
    """Require that each tenant of the list can have processes of its own; one that is not registered yet can.

    Raises:
        OwnProcessesRefused: The tier of a tenant does not include them.
        RegistryUnavailable: The registry does not respond.
    """
    refused = [slug for slug in sorted(settings.SERVED_TENANTS.slugs) if not _can_have_own(slug)]
    if refused:
        raise OwnProcessesRefused(
            f"RESALE_TENANTS names {', '.join(refused)}, whose tier does not include processes of its own. Remove it "
            "from the list, or give it a tier that does."
        )


def _can_have_own(slug: str) -> bool:
    try:
        tenant = registry.by_slug(slug)
    except TenantNotFound:
        return True
    return ENTITLEMENTS[Tier(tenant.tier)].own_processes

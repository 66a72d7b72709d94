"""Sandboxes: tenants in test mode that end by themselves unless they are claimed. Calls nothing."""

from datetime import timedelta
from enum import StrEnum
from typing import Final

from resale.domain.entitlements import Tier
from resale.domain.tenant_onboarding import TenantRequest
from resale.errors import NotFound, Rejected, Unavailable

#: How long a sandbox is served unless it is claimed.
SANDBOX_LIFETIME: Final = timedelta(days=7)
#: Accounts that one ``sandbox fill`` prepares at most: AWS Organizations begins with a quota of 10 accounts.
MAX_POOL_ACCOUNTS: Final = 50
#: Begins the slug of each sandbox; eight hexadecimal digits follow.
SANDBOX_PREFIX: Final = "sandbox-"
_POOLED_NAME: Final = "Sandbox"


class SandboxState(StrEnum):
    """The state of a sandbox. An account of the pool is ``preparing``, then ``ready``."""

    PREPARING = "preparing"
    READY = "ready"
    IN_USE = "in_use"
    CLAIMED = "claimed"
    EXPIRED = "expired"


class SandboxNotFound(NotFound):
    """No sandbox with this slug is in use."""

    code = "sandbox_not_found"
    title = "Sandbox not found"
    default_detail = "No sandbox with this slug is in use. `manage.py sandbox list` has all of them."


class SandboxExpired(Rejected):
    """The sandbox has expired, and is being deleted."""

    code = "sandbox_expired"
    title = "Sandbox expired"
    default_detail = "The sandbox has expired and cannot be claimed. Create another one."


class SandboxPoolEmpty(Unavailable):
    """No prepared account is free."""

    code = "sandbox_pool_empty"
    title = "No sandbox available"
    default_detail = "No prepared account is free for a sandbox at the moment. Retry later."


def request_sandbox(*, slug: str, region: str, name: str = _POOLED_NAME) -> TenantRequest:
    """Return the onboarding request of a sandbox."""
    return TenantRequest(slug=slug, name=name, region=region, tier=Tier.SANDBOX)

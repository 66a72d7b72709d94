"""The freeze of a tenant by one run: a restore or a move. No other run adopts it, and no resume ends it half way."""

from apps.tenancy import models
from apps.tenancy.models import Status
from apps.tenancy.tenants import lock_tenant
from resale.domain.tenants import TenantStatus

_OPEN = frozenset({Status.ACTIVE.value, Status.SUSPENDED.value})


def freeze(row: models.Tenant, *, owner: str) -> bool:
    """Freeze a tenant whose row is locked; return False if it is not served, or another run has frozen it."""
    if row.status not in _OPEN:
        return is_frozen_by(row, owner)
    row.status, row.frozen_by = Status.FROZEN.value, owner
    row.save(update_fields=["status", "frozen_by", "updated_at"])
    return True


def is_frozen_by(row: models.Tenant, owner: str) -> bool:
    """Return whether this run has frozen a tenant."""
    return row.status == Status.FROZEN.value and row.frozen_by == owner


def thaw(*, slug: str, owner: str, status: TenantStatus) -> None:
    """Serve a tenant as before its freeze; what another run has frozen, or an operator has resumed, stays as it is."""
    with lock_tenant(slug) as row:
        if is_frozen_by(row, owner):
            row.status, row.frozen_by = status.value, ""
            row.save(update_fields=["status", "frozen_by", "updated_at"])

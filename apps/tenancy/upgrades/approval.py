"""The brand's approval of an upgrade, which a rollout waits for when the account is the brand's own."""

from apps.tenancy.entitlement_changes import Cause, record_change
from apps.tenancy.models import TenantUpgrade
from apps.tenancy.tenants import lock_tenant
from resale.domain.tenant_upgrades import ENDED, ApprovalNotRequired, UpgradeState


def approve_upgrade(*, slug: str, template: str, cause: Cause) -> None:
    """Record that a brand approved a template. Idempotent. The next rollout, or a resumed one, upgrades the tenant.

    Raises:
        TenantNotFound: No such tenant.
        ApprovalNotRequired: It is upgraded without an approval.
        django.core.exceptions.ValidationError: The cause names no reason.
    """
    with lock_tenant(slug) as row:
        if not row.approves_upgrades:
            raise ApprovalNotRequired(f"{slug} is upgraded without an approval.")
        row.approved_template = template
        row.save(update_fields=["approved_template", "updated_at"])
        waiting = TenantUpgrade.objects.filter(tenant=row, state=UpgradeState.AWAITING_APPROVAL)
        waiting.exclude(rollout__state__in=ENDED).update(state=UpgradeState.PENDING)
        record_change(row, subject="upgrade", value=template, cause=cause)

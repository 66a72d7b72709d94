"""The operator's page of one tenant's upgrades: its template, what differs from the registry, and its last upgrades."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404

from apps.backoffice.pages import OperatorPage
from apps.tenancy.models import Tenant
from apps.tenancy.onboarding.opening import open_onboarding
from apps.tenancy.upgrades.drift import Drift, find_drift
from apps.tenancy.upgrades.opening import refuse_keys
from resale.errors import Outcome

_UPGRADES_SHOWN = 10


class TenantDrift(OperatorPage):
    """``/admin/tenants/{slug}/drift/``."""

    def get(self, request: HttpRequest, slug: str) -> HttpResponse:  # noqa: ARG002 - Django's signature
        """Compare the account with the registry; a comparison that is not possible is shown with its reason."""
        tenant = get_object_or_404(Tenant, slug=slug)
        found: tuple[Drift, ...] = ()
        reason = release = applied = ""
        try:
            onboarding = open_onboarding(deliver=refuse_keys, say=lambda _line: None)
            release, applied = onboarding.release_template(), onboarding.applied_template(slug)
            found = find_drift(onboarding, slug)
        except Outcome as outcome:
            reason = outcome.detail
        return self.page(
            "tenant_drift",
            title=f"Upgrades of {tenant.name}",
            tenant=tenant,
            release=release,
            applied=applied,
            drift=found,
            reason=reason,
            upgrades=tenant.upgrades.select_related("rollout").order_by("-id")[:_UPGRADES_SHOWN],
        )

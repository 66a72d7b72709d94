"""The operator's pages of offboardings: where each is, what stopped it, and when its keys are destroyed."""

from typing import Final

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404

from apps.backoffice.pages import OperatorPage
from apps.backoffice.step_rows import list_steps
from apps.tenancy.models import OffboardingRun, Tenant
from resale.domain.tenant_offboarding import OFFBOARDING_PURPOSES, OffboardingStep

_RUNS_PER_PAGE: Final = 100


class Offboardings(OperatorPage):
    """``/admin/offboardings/``."""

    def get(self, request: HttpRequest) -> HttpResponse:  # noqa: ARG002 - Django's signature
        """List the newest offboardings."""
        return self.page("offboardings", title="Offboardings", runs=OffboardingRun.objects.all()[:_RUNS_PER_PAGE])


class OffboardingDetail(OperatorPage):
    """``/admin/offboardings/{slug}/``."""

    def get(self, request: HttpRequest, slug: str) -> HttpResponse:  # noqa: ARG002 - Django's signature
        """Show the steps of one offboarding."""
        run = get_object_or_404(OffboardingRun, slug=slug)
        closed = run.records.filter(step=OffboardingStep.CLOSED, finished_at__isnull=False).first()
        return self.page(
            "offboarding",
            title=f"Offboarding of {slug}",
            run=run,
            steps=list_steps(run, OFFBOARDING_PURPOSES),
            certificate="" if closed is None else closed.record["certificate"],
            tenant=Tenant.objects.filter(slug=slug).first(),
        )

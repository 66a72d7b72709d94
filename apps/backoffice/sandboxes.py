"""The operator's page of sandboxes: who has one until when, and how many accounts of the pool are ready."""

from django.http import HttpRequest, HttpResponse

from apps.backoffice.pages import OperatorPage
from apps.tenancy.models import OnboardingRun
from apps.tenancy.sandboxes import list_sandboxes
from resale.domain.sandboxes import SandboxState

_POOLED = (SandboxState.PREPARING, SandboxState.READY)


class Sandboxes(OperatorPage):
    """``/admin/sandboxes/``."""

    def get(self, request: HttpRequest) -> HttpResponse:  # noqa: ARG002 - Django's signature
        """List the sandboxes, the newest first, and the accounts of the pool."""
        found = list_sandboxes()[::-1]
        return self.page(
            "sandboxes",
            title="Sandboxes",
            sandboxes=[one for one in found if one.state not in _POOLED],
            pool=[one for one in found if one.state in _POOLED],
            started=set(
                OnboardingRun.objects.filter(slug__in=[one.slug for one in found]).values_list("slug", flat=True)
            ),
        )

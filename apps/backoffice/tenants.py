"""The operator's pages: tenants, their keys and their health. Nothing of what a tenant's account holds."""

import logging
import secrets
from typing import Final

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db.models import Count, Q
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse

from apps.backoffice.forms import KeyForm
from apps.backoffice.pages import OperatorPage
from apps.core import clock
from apps.tenancy import keys
from apps.tenancy.models import APIKey, KeyKind, Tenant, User
from apps.tenancy.report import tenants_report
from apps.tenancy.tenants import set_tenant_status
from resale.domain.tenants import TenantStatus

logger = logging.getLogger("resale.operator")

_ONCE: Final = "key_form"
_ONCE_BYTES: Final = 16
_SLOW: Final = "Other processes follow within 30 seconds."


class Tenants(OperatorPage):
    """``/admin/tenants/``."""

    def get(self, request: HttpRequest) -> HttpResponse:  # noqa: ARG002 - Django's signature
        """List all tenants."""
        working = Count("api_keys", filter=Q(api_keys__revoked_at=None))
        return self.page("tenants", title="Tenants", tenants=Tenant.objects.annotate(key_count=working))


class TenantPages(OperatorPage):
    """What the pages of one tenant share: how it is shown, and that what is done is written down."""

    def back(self) -> str:
        """Look at the tenant."""
        return reverse("admin:tenant", kwargs={"slug": self.kwargs["slug"]})

    def show(
        self, slug: str, *, form: KeyForm | None = None, issued: keys.IssuedKey | None = None, status: int = 200
    ) -> HttpResponse:
        """Show the tenant; ``issued`` is a key made just now, which no later page can show."""
        tenant = get_object_or_404(Tenant, slug=slug)
        once = self.request.session[_ONCE] = secrets.token_urlsafe(_ONCE_BYTES)
        return self.page(
            "tenant",
            title=tenant.name,
            status=status,
            tenant=tenant,
            api_keys=tenant.api_keys.all(),
            form=form or KeyForm(initial={"kind": KeyKind.SECRET, "scopes": sorted(keys.SCOPES)}),
            once=once,
            issued=issued,
        )

    def note(self, what: str, **of: str) -> None:
        """Write down what an operator did: the registry has no history of its own."""
        user = self.request.user
        by = user.staff_id if isinstance(user, User) else ""
        logger.warning(what, extra={"tenant": self.kwargs["slug"], "by": by, **of})


class TenantDetail(TenantPages):
    """``/admin/tenants/{slug}/``."""

    def get(self, request: HttpRequest, slug: str) -> HttpResponse:  # noqa: ARG002 - Django's signature
        """Show a tenant's settings and keys."""
        return self.show(slug)


class KeyIssue(TenantPages):
    """``/admin/tenants/{slug}/keys/``."""

    def post(self, request: HttpRequest, slug: str) -> HttpResponse:
        """Make a key and show it, this once; the same form again makes no other."""
        form = KeyForm(request.POST)
        if not form.is_valid():
            return self.show(slug, form=form, status=422)
        if request.session.pop(_ONCE, None) != form.cleaned_data["once"]:
            messages.warning(request, "This form was sent before, so no other key was made.")
            return redirect(self.back())
        kind = KeyKind(form.cleaned_data["kind"])
        issued = keys.issue_api_key(slug=slug, kind=kind, scopes=form.cleaned_data["scopes"])
        self.note("api key issued", key=issued.id)
        return self.show(slug, issued=issued)


class KeyRevocation(TenantPages):
    """``/admin/tenants/{slug}/keys/{key_id}/revoke/``."""

    def post(self, request: HttpRequest, slug: str, key_id: str) -> HttpResponse:
        """Make a key useless."""
        if not APIKey.objects.filter(id=key_id, tenant__slug=slug).exists():
            raise Http404
        keys.revoke_api_key(key_id=key_id, now=clock.for_platform())
        self.note("api key revoked", key=key_id)
        messages.success(request, f"The key is revoked. {_SLOW}")
        return redirect(self.back())


class StatusChange(TenantPages):
    """``/admin/tenants/{slug}/status/``."""

    def post(self, request: HttpRequest, slug: str) -> HttpResponse:
        """Suspend a tenant, or let it trade again."""
        wanted = request.POST.get("status", "")
        if wanted not in set(TenantStatus):
            raise Http404
        status = TenantStatus(wanted)
        try:
            set_tenant_status(slug=slug, status=status)
        except ValidationError as error:
            messages.error(request, f"The tenant cannot be served as it is registered: {'; '.join(error.messages)}")
            return redirect(self.back())
        self.note(f"tenant {status}")
        done = "suspended" if status == TenantStatus.SUSPENDED else "active again"
        messages.success(request, f"The tenant is {done}. {_SLOW}")
        return redirect(self.back())


class Health(OperatorPage):
    """``/admin/health/``."""

    def get(self, request: HttpRequest) -> HttpResponse:  # noqa: ARG002 - Django's signature
        """Ask every active tenant's account whether it answers."""
        return self.page("health", title="Health", report=tenants_report())

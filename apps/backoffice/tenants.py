"""The operator's pages: tenants, their keys, partners and policies, and health. Nothing of what an account holds."""

import logging
import secrets
from typing import Final

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.forms import Form
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse

from apps.backoffice.pages import OperatorPage
from apps.backoffice.tenant_forms import ConnectionForm, KeyForm, LimitsForm, PoliciesForm
from apps.core import clock
from apps.tenancy import keys
from apps.tenancy.entitlement_changes import Cause
from apps.tenancy.errors import TenantClosed
from apps.tenancy.models import APIKey, Connection, KeyKind, Tenant, User, new_connection_id
from apps.tenancy.report import tenants_report
from apps.tenancy.scopes import SCOPES
from apps.tenancy.tenants import connect, disconnect, set_limits, set_policies, set_tenant_status
from resale.domain.entitlements import Tier
from resale.domain.tenant_moves import MoveFenced
from resale.domain.tenant_restores import RestoreUnfinished
from resale.domain.tenants import SERVED, TenantStatus

logger = logging.getLogger("resale.operator")

_ONCE: Final = "key_form"
_ONCE_BYTES: Final = 16
_CHANGES_SHOWN: Final = 20
_SLOW: Final = "Other processes follow within 30 seconds."


class TenantPages(OperatorPage):
    """What the pages of one tenant share: how it is shown, and that what is done is written down."""

    def back(self) -> str:
        """Look at the tenant."""
        return reverse("admin:tenant", kwargs={"slug": self.kwargs["slug"]})

    def show(
        self, slug: str, *, sent: Form | None = None, issued: keys.IssuedKey | None = None, status: int = 200
    ) -> HttpResponse:
        """Show the tenant.

        Args:
            slug: The tenant's.
            sent: A form that was refused, shown with what is wrong in the place of a fresh one.
            issued: A key made just now, which no later page can show.
            status: Of the page.
        """
        tenant = get_object_or_404(Tenant, slug=slug)
        once = self.request.session[_ONCE] = secrets.token_urlsafe(_ONCE_BYTES)
        fresh = (
            KeyForm(initial={"kind": KeyKind.SECRET, "scopes": sorted(SCOPES)}),
            PoliciesForm(initial=tenant.policies),
            LimitsForm(tier=Tier(tenant.tier), initial=tenant.limits),
            ConnectionForm(),
        )
        key_form, policies_form, limits_form, connection_form = (
            sent if type(sent) is type(each) else each for each in fresh
        )
        return self.page(
            "tenant",
            title=tenant.name,
            status=status,
            tenant=tenant,
            api_keys=tenant.api_keys.all(),
            connections=tenant.connections.all(),
            form=key_form,
            policies_form=policies_form,
            limits_form=limits_form,
            changes=tenant.entitlement_changes.all()[:_CHANGES_SHOWN],
            connection_form=connection_form,
            once=once,
            issued=issued,
        )

    def staff_id(self) -> str:
        """Return the staff id of the operator."""
        user = self.request.user
        return user.staff_id if isinstance(user, User) else ""

    def cause(self, reason: str) -> Cause:
        """Return the cause of a change by this operator."""
        return Cause(by=self.staff_id(), reason=reason)

    def note(self, what: str, **of: str) -> None:
        """Log what an operator did."""
        logger.warning(what, extra={"tenant": self.kwargs["slug"], "by": self.staff_id(), **of})


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
            return self.show(slug, sent=form, status=422)
        if request.session.pop(_ONCE, None) != form.cleaned_data["once"]:
            messages.warning(request, "This form was submitted before, so no second key was created.")
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
        if wanted not in SERVED:
            raise Http404
        status = TenantStatus(wanted)
        try:
            set_tenant_status(slug=slug, status=status)
        except (TenantClosed, MoveFenced, RestoreUnfinished) as refusal:
            messages.error(request, refusal.detail)
            return redirect(self.back())
        except ValidationError as error:
            messages.error(request, f"The tenant's registration is not valid: {'; '.join(error.messages)}")
            return redirect(self.back())
        self.note(f"tenant {status}")
        done = "suspended" if status == TenantStatus.SUSPENDED else "active again"
        messages.success(request, f"The tenant is {done}. {_SLOW}")
        return redirect(self.back())


class PoliciesChange(TenantPages):
    """``/admin/tenants/{slug}/policies/``."""

    def post(self, request: HttpRequest, slug: str) -> HttpResponse:
        """Change the shop's timers and rates."""
        form = PoliciesForm(request.POST)
        if not form.is_valid():
            return self.show(slug, sent=form, status=422)
        set_policies(slug=slug, policies=form.policies())
        self.note("policies changed")
        messages.success(request, f"The policies are changed. They apply to new sales. {_SLOW}")
        return redirect(self.back())


class LimitsChange(TenantPages):
    """``/admin/tenants/{slug}/limits/``."""

    def post(self, request: HttpRequest, slug: str) -> HttpResponse:
        """Change the limits of the tenant's requests."""
        tenant = get_object_or_404(Tenant, slug=slug)
        form = LimitsForm(request.POST, tier=Tier(tenant.tier))
        if not form.is_valid():
            return self.show(slug, sent=form, status=422)
        set_limits(slug=slug, limits=form.limits(), cause=self.cause(form.cleaned_data["reason"]))
        self.note("limits changed")
        messages.success(request, f"The limits are changed. {_SLOW}")
        return redirect(self.back())


class ConnectionChange(TenantPages):
    """``/admin/tenants/{slug}/connections/``."""

    def post(self, request: HttpRequest, slug: str) -> HttpResponse:
        """Connect the tenant to a partner; another provider gets another id, since webhooks name it."""
        form = ConnectionForm(request.POST)
        if not form.is_valid():
            return self.show(slug, sent=form, status=422)
        wanted = {"kind": form.cleaned_data["kind"], "provider": form.cleaned_data["provider"]}
        known = Connection.objects.filter(tenant__slug=slug, **wanted).first()
        connection = form.connection(known.id if known is not None else new_connection_id())
        try:
            connect(slug=slug, connection=connection)
        except ValidationError as error:
            form.add_error(None, error.messages)
            return self.show(slug, sent=form, status=422)
        self.note("partner connected", connection=connection.id, **wanted)
        messages.success(request, f"The tenant is connected. {_SLOW}")
        return redirect(self.back())


class Disconnection(TenantPages):
    """``/admin/tenants/{slug}/connections/{connection_id}/remove/``."""

    def post(self, request: HttpRequest, slug: str, connection_id: str) -> HttpResponse:
        """Take a connection away."""
        disconnect(slug=slug, connection_id=connection_id)
        self.note("partner disconnected", connection=connection_id)
        messages.success(request, f"The tenant is disconnected. {_SLOW}")
        return redirect(self.back())


class Health(OperatorPage):
    """``/admin/health/``."""

    def get(self, request: HttpRequest) -> HttpResponse:  # noqa: ARG002 - Django's signature
        """Ask every active tenant's account whether it answers."""
        return self.page("health", title="Health", report=tenants_report())

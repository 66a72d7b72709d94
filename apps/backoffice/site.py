"""The admin site: Django's sign-in and unfold's looks, with pages of our own.

Models of the registry alone are registered (``apps.backoffice.model_admins``), and none of them writes Django's own
log: a tenant's history is the log of its data, and the log lines of operators that of the registry.
"""

from http import HTTPStatus
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.templatetags.static import static
from django.urls import reverse
from unfold.sites import UnfoldAdminSite

from apps.backoffice.factor_sessions import is_passed, staff_user
from apps.backoffice.sign_in import attempt_of, remember_device, render_busy, render_too_many_attempts
from apps.backoffice.staff_context import StaffContext, find_staff_context, list_shops
from apps.core import clock
from apps.core.concurrency import ConcurrencyLimitError
from apps.tenancy import sign_ins
from apps.tenancy.models import User
from resale.domain.access import Action
from resale.domain.dead_letters import DeadLetterStatus

_Link = tuple[str, str, str]
_STAFF_LINKS: tuple[_Link, ...] = (
    ("Overview", "space_dashboard", "admin:index"),
    ("Listings", "styler", "admin:listings"),
    ("Orders", "receipt_long", "admin:orders"),
    ("Claims", "gavel", "admin:claims"),
    ("Money", "account_balance", "admin:money"),
    ("Connections", "cable", "admin:connections"),
)
_MANAGER_LINKS: tuple[_Link, ...] = (*_STAFF_LINKS, ("Dead letters", "mark_email_unread", "admin:dead-letters"))
_OPERATOR_LINKS: tuple[_Link, ...] = (
    ("Tenants", "storefront", "admin:tenancy_tenant_changelist"),
    ("Onboardings", "rocket_launch", "admin:onboardings"),
    ("Sandboxes", "science", "admin:sandboxes"),
    ("Offboardings", "archive", "admin:offboardings"),
    ("Rollouts", "upgrade", "admin:rollouts"),
    ("Features", "toggle_on", "admin:features"),
    ("Users", "person", "admin:tenancy_user_changelist"),
    ("Memberships", "badge", "admin:tenancy_staffmembership_changelist"),
    ("Health", "monitor_heart", "admin:health"),
)


class BackofficeSite(UnfoldAdminSite):  # type: ignore[misc]  # unfold ships no types
    """Where staff and operators sign in."""

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Sign in, or guess a few times."""
        if request.method != "POST":
            if staff_user(request) is not None and not self.has_permission(request):
                return redirect(f"{reverse('admin:second-factor')}?{request.GET.urlencode()}")
            shown: HttpResponse = super().login(request, extra_context)
            return shown
        attempt = attempt_of(request)
        retry_after_seconds = sign_ins.count_attempt(attempt, now=clock.for_platform())
        if retry_after_seconds is not None:
            return render_too_many_attempts(request, retry_after_seconds)
        try:
            response: HttpResponse = super().login(request, extra_context)
        except ConcurrencyLimitError:
            sign_ins.uncount_attempt(attempt)
            return render_busy(request)
        if response.status_code == HTTPStatus.FOUND:
            sign_ins.reset_attempts(attempt)
            remember_device(response, attempt)
        return response

    def has_permission(self, request: HttpRequest) -> bool:
        """Whether a request is of active staff whose session passed the second factor, where there must be one."""
        user = staff_user(request)
        return user is not None and is_passed(request, user)

    def password_change(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Change the password of who is signed in."""
        try:
            response: HttpResponse = super().password_change(request, extra_context)
        except ConcurrencyLimitError:
            return render_busy(request)
        return response

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> list[Any]:  # noqa: ARG002 - Django's
        """List no apps: the sidebar names the pages, and there is no index of models."""
        return []

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        """Say what every page shows around its content."""
        context: dict[str, Any] = super().each_context(request)
        context["styles"] = [static("backoffice/backoffice.css")]
        context["site_favicons"] = [{"rel": "icon", "type": "image/svg+xml", "href": static("backoffice/icon.svg")}]
        user = request.user if self.has_permission(request) else None
        staff_context = None if user is None else find_staff_context(request)
        operator = isinstance(user, User) and user.is_operator
        if staff_context is not None:
            context |= {"site_header": staff_context.tenant.name, "site_subheader": staff_context.role.capitalize()}
        elif operator:
            context |= {"site_header": "Platform", "site_subheader": "Operator"}
        links = _OPERATOR_LINKS if operator else () if staff_context is None else _links_of(staff_context)
        shops = list_shops(user) if isinstance(user, User) else ()
        return {
            **context,
            "staff_context": staff_context,
            "shops": shops,
            "sidebar_navigation": _navigation(request, links),
        }


def _links_of(staff_context: StaffContext) -> tuple[_Link, ...]:
    return (
        _MANAGER_LINKS
        if staff_context.is_permitted(Action.VIEW_DEAD_LETTERS, DeadLetterStatus.WAITING)
        else _STAFF_LINKS
    )


def _navigation(request: HttpRequest, links: tuple[_Link, ...]) -> list[dict[str, Any]]:
    items = [_item(request, title, icon, reverse(name)) for title, icon, name in links]
    return [{"title": "", "items": items}]


def _item(request: HttpRequest, title: str, icon: str, link: str) -> dict[str, Any]:
    home = link == reverse("admin:index")
    active = request.path == link if home else request.path.startswith(link)
    return {"title": title, "icon": icon, "link": link, "active": active, "has_permission": True}


site = BackofficeSite(name="admin")

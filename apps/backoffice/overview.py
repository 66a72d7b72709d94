"""The first page, finding something by its id, and going to another of one's shops."""

from typing import Any, Final

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse

from apps.backoffice.links import find_page
from apps.backoffice.listings import with_covers
from apps.backoffice.orders import find_needing_action
from apps.backoffice.pages import Page, StaffPage, is_operator
from apps.backoffice.staff_context import choose_shop
from apps.core import clock
from apps.core.container import get_container
from apps.core.refused_credentials import log_refused_credential
from apps.tenancy.models import User
from resale.application.queries.claims import list_claims
from resale.application.queries.listings import list_review_queue
from resale.domain.ids import CUSTOMER_ID
from resale.domain.pipeline import PipelineStatus, age_seconds_of, status_of
from resale.domain.tenants import Tenant
from resale.errors import Unavailable

_COUNT_LIMIT: Final = 100  # beyond it the page says "100+": counting further would cost a read a hundred
_SHOWN: Final = 6
_RECENT: Final = 8


class Overview(StaffPage):
    """``/admin/`` for staff; an operator goes on to the tenants."""

    def handle(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Send operators to their own first page."""
        if is_operator(request):
            return redirect("admin:tenancy_tenant_changelist")
        return super().handle(request, *args, **kwargs)

    def get(self, request: HttpRequest) -> HttpResponse:  # noqa: ARG002 - Django's signature
        """Show what waits and what was ordered."""
        context = self.context
        reader = context.open_reader()
        waiting = list_review_queue(reader=reader, principal=context.principal, limit=_COUNT_LIMIT, cursor=None)
        scanned = find_needing_action(reader, context.principal, None, limit=1)
        claims = list_claims(reader=reader, principal=context.principal, limit=_COUNT_LIMIT, cursor=None)
        return self.page(
            "overview",
            title="Overview",
            waiting_count=len(waiting.data),
            waiting_more=waiting.has_more,
            waiting=with_covers(waiting.data[:_SHOWN], context),
            orders=scanned.orders[:_RECENT],
            scanned=scanned,
            claim_count=len(claims.data),
            claim_more=claims.has_more,
            claim_due=min((claim.deadline_at for claim in claims.data), default=None),
            changes_late_seconds=_changes_late_seconds(context.tenant),
        )


def _changes_late_seconds(tenant: Tenant) -> int | None:
    """Look how late the shop's changes are, if they are; a page is shown without this rather than not at all."""
    try:
        tables = get_container().pipeline(tenant).read_tables()
    except Unavailable:
        return None
    now = clock.for_platform()
    is_late = status_of(tables, now=now) in {PipelineStatus.LATE, PipelineStatus.UNWATCHED}
    return age_seconds_of(tables, now=now) if is_late else None


class Search(StaffPage):
    """``/admin/search/``: an id leads to what it names."""

    def get(self, request: HttpRequest) -> HttpResponse:
        """Go where the id points; what it names may still not be there."""
        text = request.GET.get("q", "").strip().lower()
        if CUSTOMER_ID.matches(text):
            return redirect(f"{reverse('admin:listings')}?seller={text}")
        page = find_page(text)
        if page is not None:
            return redirect(page)
        messages.warning(
            request,
            "Search requires a complete id: of a listing (lst_…), an order (ord_…), a claim (clm_…), a payout (pyt_…) "
            "or a seller (cus_…).",
        )
        return redirect("admin:index")


class ShopChoice(Page):
    """``/admin/shop/``: which of one's shops to work for."""

    def post(self, request: HttpRequest) -> HttpResponse:
        """Choose a shop."""
        if choose_shop(request, request.POST.get("shop", "")) is None:
            user = request.user
            log_refused_credential("not_on_staff", key_id=user.staff_id if isinstance(user, User) else "")
            raise Http404
        return redirect("admin:index")

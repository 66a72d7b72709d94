"""What all pages share: who may open them, how they look, and that every outcome becomes a message or a page."""

from http import HTTPStatus
from typing import Any, Final

from django.contrib import messages
from django.contrib.auth.views import redirect_to_login
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.cache import add_never_cache_headers
from django.views import View

from apps.backoffice.site import site
from apps.backoffice.staff_context import StaffContext, find_staff_context
from apps.tenancy.models import User
from resale.application.operations.orders import LabelUnderWay, RefundTooLarge, RefundUnderWay
from resale.domain.claims import ClaimChanged, ClaimTransitionRefused, RefundAmountRefused
from resale.domain.customs import CustomsDataMissing, ExportFilingRequired
from resale.domain.dead_letters import DeadLetterHeld, DeadLetterTransitionRefused
from resale.domain.listings import ListingChanged, ListingTransitionRefused
from resale.domain.orders import IssueNeedsAction, OrderChanged, OrderTransitionRefused
from resale.domain.parcel_sizes import ParcelRefused
from resale.errors import Conflict, Forbidden, NotFound, Outcome, Unavailable

#: What a member of staff is told; the first branch an outcome belongs to decides.
MESSAGES: Final[tuple[tuple[type[Outcome], str], ...]] = (
    (ListingChanged, "The listing was changed meanwhile. Your action was not applied; this is the current state."),
    (OrderChanged, "The order was changed meanwhile. Your action was not applied; this is the current state."),
    (ListingTransitionRefused, "The current status of the listing does not allow this. Nothing was changed."),
    (OrderTransitionRefused, "The current status of the order does not allow this. Nothing was changed."),
    (ClaimChanged, "The claim was changed meanwhile. Your action was not applied; this is the current state."),
    (ClaimTransitionRefused, "The current status of the claim does not allow this. Nothing was changed."),
    (IssueNeedsAction, "This issue still needs action and clears when that is done. Nothing was changed."),
    (LabelUnderWay, "A label for this address is being bought. Nothing was changed; check again in a minute."),
    (
        CustomsDataMissing,
        "The address is beyond a customs border and the item has no customs data. Nothing was changed.",
    ),
    (ExportFilingRequired, "The export must be filed with customs first, by its value. Nothing was changed."),
    (ParcelRefused, "The parcel is heavier or larger than the shop's carriers accept. Nothing was changed."),
    (
        RefundUnderWay,
        "Another refund of this order is pending. Nothing was changed; retry when it has settled.",
    ),
    (RefundTooLarge, "The amount is larger than the remaining amount of the payment. Nothing was changed."),
    (RefundAmountRefused, "The amount is larger than the remaining amount of the payment. Nothing was changed."),
    (DeadLetterTransitionRefused, "This message has already been replayed or discarded. Nothing was changed."),
    (
        DeadLetterHeld,
        "Another operator is reading the dead letters. Nothing was changed; retry in a moment.",
    ),
    (Forbidden, "Your role does not allow this."),
    (Conflict, "Another user changed this at the same time. Nothing was changed by you; check it and retry."),
    (
        Unavailable,
        "The shop's data store did not respond in time. Check whether your action was applied before you retry.",
    ),
)


class Page(View):
    """A page for whoever is signed in. Subclasses handle ``get`` and ``post``; ``back`` is where a refusal leads."""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Let in who is signed in, and turn outcomes into something to read."""
        if not site.has_permission(request):
            target = request.get_full_path() if request.method == "GET" else reverse("admin:index")
            return redirect_to_login(target, reverse("admin:login"))
        try:
            response = self.handle(request, *args, **kwargs)
        except Outcome as outcome:
            response = self.refuse(request, outcome)
        add_never_cache_headers(response)
        return response

    def handle(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Run the method's own handler."""
        return super().dispatch(request, *args, **kwargs)

    def back(self) -> str:
        """Say where to go on after a refusal."""
        return reverse("admin:index")

    def refuse(self, request: HttpRequest, outcome: Outcome) -> HttpResponse:
        """Show an outcome: nothing there, not now, or a message where the reader came from."""
        if isinstance(outcome, NotFound):
            raise Http404
        if isinstance(outcome, Unavailable) and request.method != "POST":
            page = self.page("unavailable", title="Temporarily unavailable", status=HTTPStatus.SERVICE_UNAVAILABLE)
            page["Retry-After"] = str(outcome.retry_after_seconds)
            return page
        messages.error(request, message_for(outcome))
        return redirect(self.back())

    def page(self, template: str, *, title: str, status: int = HTTPStatus.OK, **context: Any) -> TemplateResponse:
        """Show a template within the site's frame."""
        full = {**site.each_context(self.request), "title": title, **context}
        return TemplateResponse(self.request, f"backoffice/{template}.html", full, status=status)


class StaffPage(Page):
    """A page of one shop, for its staff. For an operator there is nothing here."""

    context: StaffContext

    def handle(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Find the context first; without one there is only a word of explanation."""
        if is_operator(request):
            raise Http404
        context = find_staff_context(request)
        if context is None:
            return self.page("no_shop", title="No shop", status=HTTPStatus.FORBIDDEN)
        self.context = context
        return super().handle(request, *args, **kwargs)


class OperatorPage(Page):
    """A page of the platform, for operators. For anybody else there is nothing here."""

    def handle(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Let only operators pass."""
        if not is_operator(request):
            raise Http404
        return super().handle(request, *args, **kwargs)


def is_operator(request: HttpRequest) -> bool:
    """Whether an operator asks."""
    return isinstance(request.user, User) and request.user.is_operator


def message_for(outcome: Outcome) -> str:
    """Say an outcome to a member of staff."""
    return next((text for branch, text in MESSAGES if isinstance(outcome, branch)), outcome.detail)

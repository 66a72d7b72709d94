"""Listings: what waits for review, what is on sale, one of them whole, and what staff decide."""

from collections.abc import Sequence
from typing import ClassVar, Final, Protocol

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from apps.backoffice.forms import ApprovalForm, RemovalForm, ReturnForm, VersionForm
from apps.backoffice.pages import StaffPage
from apps.backoffice.photos import Picture, find_cover, list_pending_images, list_pictures, url_of
from apps.backoffice.staff_context import StaffContext
from apps.backoffice.timelines import read_timeline
from apps.core.container import get_container
from resale.application.operations.listings import (
    Decision,
    Moderation,
    moderate_listing,
    pause_listing,
    resume_listing,
    withdraw_listing,
)
from resale.application.ports import UnitOfWork
from resale.application.queries.listings import (
    BrandListing,
    ListingPage,
    PublicListing,
    get_listing,
    list_active_listings,
    list_off_sale,
    list_review_queue,
    list_seller_listings,
)
from resale.application.queries.media import get_original
from resale.application.queries.purchases import get_purchase
from resale.domain.access import Action
from resale.domain.entities import IMAGE, LISTING
from resale.domain.ids import CUSTOMER_ID, CustomerId, ListingId
from resale.domain.listings import LISTINGS, OFF_SALE, Listing, ListingCommand, ListingStatus

_LIMIT: Final = 24
_ORIGINAL_SECONDS: Final = 60  # short: originals still hold the place and time that a camera wrote into them
_DONE: Final = {
    Decision.APPROVE: "“{title}” is approved and on sale.",
    Decision.REJECT: "“{title}” is rejected. The seller receives your reasons.",
    Decision.REQUEST_CHANGES: "“{title}” is sent back to the seller for changes.",
    Decision.REMOVE: "“{title}” is removed. The seller receives your reasons.",
}

#: What can be looked through, and what it is called.
_TABS: Final = {
    "waiting": "Waiting for review",
    "on_sale": "On sale",
    ListingStatus.PAUSED.value: "Paused",
    ListingStatus.EXPIRED.value: "Expired",
    ListingStatus.REMOVED.value: "Removed",
}

Covered = tuple[tuple[PublicListing, Picture | None], ...]


class Listings(StaffPage):
    """``/admin/listings/``: waiting for review, oldest first; ``?show=`` another state; ``?seller=cus_…``."""

    def back(self) -> str:
        """Start the list again: a cursor may have outlived its secret."""
        return reverse("admin:listings")

    def get(self, request: HttpRequest) -> HttpResponse:
        """Show a page of listings."""
        seller = request.GET.get("seller", "")
        requested = request.GET.get("show", "")
        show = "seller" if CUSTOMER_ID.matches(seller) else requested if requested in _TABS else "waiting"
        page = self._read(show, CustomerId(seller), request.GET.get("cursor") or None)
        return self.page(
            "listings",
            title="Listings",
            show=show,
            tabs=_TABS,
            seller=seller,
            listings=with_covers(page.data, self.context),
            next_cursor=page.next_cursor,
        )

    def _read(self, show: str, seller_id: CustomerId, cursor: str | None) -> ListingPage:
        reader, principal = self.context.open_reader(), self.context.principal
        if show == "on_sale":
            market = self.context.tenant.market
            return list_active_listings(reader=reader, market=market, product=None, limit=_LIMIT, cursor=cursor)
        if show in OFF_SALE:
            return list_off_sale(
                reader=reader, principal=principal, status=ListingStatus(show), limit=_LIMIT, cursor=cursor
            )
        if show == "seller":
            return list_seller_listings(
                reader=reader, principal=principal, seller_id=seller_id, limit=_LIMIT, cursor=cursor
            )
        return list_review_queue(reader=reader, principal=principal, limit=_LIMIT, cursor=cursor)


class ListingPages(StaffPage):
    """What the pages of one listing share: how it is shown, and that a refusal leads back to it."""

    def back(self) -> str:
        """Look at the listing as it is now."""
        return reverse("admin:listing", kwargs={"listing_id": self.kwargs["listing_id"]})

    def show(
        self,
        listing_id: ListingId,
        *,
        returning: ReturnForm | None = None,
        removing: RemovalForm | None = None,
        status: int = 200,
    ) -> HttpResponse:
        """Show the listing; ``returning`` or ``removing`` is a form that was filled in wrong."""
        context, reader = self.context, self.context.open_reader()
        listing = get_listing(reader=reader, principal=context.principal, listing_id=listing_id)
        assert isinstance(listing, BrandListing)  # noqa: S101 - what staff are shown, by the queries' own table
        timeline = read_timeline(
            context=context,
            reader=reader,
            of=LISTING,
            entity_id=listing_id,
            cursor=self.request.GET.get("history"),
        )
        purchase_id = listing.purchase_id
        purchase = purchase_id and get_purchase(reader=reader, principal=context.principal, purchase_id=purchase_id)
        version = {"version": listing.version}
        return self.page(
            "listing",
            title=listing.title,
            status=status,
            listing=listing,
            purchase=purchase,
            pictures=list_pictures(listing, url_of=url_of(context, listing)),
            pending_images=list_pending_images(listing),
            timeline=timeline,
            approving=ApprovalForm(initial=version),
            returning=returning or ReturnForm(initial=version, auto_id="return_%s"),
            removing=removing or RemovalForm(initial=version, auto_id="remove_%s"),
            withdrawing=VersionForm(initial=version, auto_id="withdraw_%s"),
            pausing=VersionForm(initial=version, auto_id="pause_%s"),
            may_moderate=listing.status == ListingStatus.PENDING_REVIEW
            and context.is_permitted(Action.MODERATE_LISTING, listing.status),
            may_remove=listing.status != ListingStatus.PENDING_REVIEW
            and self._is_offered(listing, ListingCommand.REMOVE, Action.MODERATE_LISTING),
            may_pause=self._is_offered(listing, ListingCommand.PAUSE, Action.PAUSE_LISTING),
            may_resume=self._is_offered(listing, ListingCommand.RESUME, Action.PAUSE_LISTING),
            may_withdraw=self._is_offered(listing, ListingCommand.WITHDRAW, Action.WITHDRAW_LISTING),
            may_see_originals=context.is_permitted(Action.VIEW_LISTING_ORIGINALS, listing.status),
        )

    def _is_offered(self, listing: BrandListing, command: ListingCommand, action: Action) -> bool:
        """Whether to offer what the listing's table and the reader's role both allow."""
        return LISTINGS.permits(listing.status, command) and self.context.is_permitted(action, listing.status)


class ListingDetail(ListingPages):
    """``/admin/listings/{listing_id}/``."""

    def get(self, request: HttpRequest, listing_id: str) -> HttpResponse:  # noqa: ARG002 - Django's signature
        """Show one listing with its photos, its history and what can be decided."""
        return self.show(LISTING.read_id(listing_id))


class Approval(ListingPages):
    """``/admin/listings/{listing_id}/approve/``."""

    def post(self, request: HttpRequest, listing_id: str) -> HttpResponse:
        """Put a listing on sale."""
        form = ApprovalForm(request.POST)
        if not form.is_valid():
            return _reject_incomplete(request, self.back())
        return _moderate(self, LISTING.read_id(listing_id), form.moderation())


class Return(ListingPages):
    """``/admin/listings/{listing_id}/return/``: rejected, or sent back for changes."""

    def post(self, request: HttpRequest, listing_id: str) -> HttpResponse:
        """Say no, and why."""
        form = ReturnForm(request.POST, auto_id="return_%s")
        if not form.is_valid():
            return self.show(LISTING.read_id(listing_id), returning=form, status=422)
        return _moderate(self, LISTING.read_id(listing_id), form.moderation())


class Removal(ListingPages):
    """``/admin/listings/{listing_id}/remove/``: taken down, for good; what waits for review is rejected instead."""

    def post(self, request: HttpRequest, listing_id: str) -> HttpResponse:
        """Take it down, and say why."""
        form = RemovalForm(request.POST, auto_id="remove_%s")
        if not form.is_valid():
            return self.show(LISTING.read_id(listing_id), removing=form, status=422)
        return _moderate(self, LISTING.read_id(listing_id), form.moderation())


class ListingOperation(Protocol):
    """An operation on a listing that takes nothing else."""

    def __call__(self, uow: UnitOfWork, /, *, listing_id: ListingId) -> Listing:
        """Run it, and return the listing as it stands."""


class ListingCommandPage(ListingPages):
    """A button on a listing's page that says no more than which version was looked at."""

    command: ClassVar[ListingOperation]
    done: ClassVar[str]

    def post(self, request: HttpRequest, listing_id: str) -> HttpResponse:
        """Do it and look at the listing again."""
        form = VersionForm(request.POST)
        if not form.is_valid():
            return _reject_incomplete(request, self.back())
        context, found_id, command = self.context, LISTING.read_id(listing_id), type(self).command
        listing = context.with_version(form.cleaned_data["version"]).run(command, listing_id=found_id)
        messages.success(request, self.done.format(title=listing.title))
        return redirect(self.back())


class Withdrawal(ListingCommandPage):
    """``/admin/listings/{listing_id}/withdraw/``: off, for good."""

    command = staticmethod(withdraw_listing)
    done = "“{title}” is withdrawn."


class Pause(ListingCommandPage):
    """``/admin/listings/{listing_id}/pause/``: off, for a while."""

    command = staticmethod(pause_listing)
    done = "“{title}” is paused."


class Resumption(ListingCommandPage):
    """``/admin/listings/{listing_id}/resume/``: on sale again."""

    command = staticmethod(resume_listing)
    done = "“{title}” is on sale again."


class Original(ListingPages):
    """``/admin/listings/{listing_id}/originals/{media_id}/``."""

    def get(self, request: HttpRequest, listing_id: str, media_id: str) -> HttpResponse:  # noqa: ARG002 - as above
        """Lead to the private original by a link that is good for a minute."""
        original = get_original(
            reader=self.context.open_reader(),
            principal=self.context.principal,
            listing_id=LISTING.read_id(listing_id),
            media_id=IMAGE.read_id(media_id),
        )
        links = get_container().private_links(self.context.tenant)
        return redirect(links.sign(original.key, version_id=original.version_id, seconds=_ORIGINAL_SECONDS))


def with_covers(listings: Sequence[PublicListing], context: StaffContext) -> Covered:
    """Put each listing beside its first photo."""
    return tuple((listing, find_cover(listing, url_of=url_of(context, listing))) for listing in listings)


def _moderate(page: ListingPages, listing_id: ListingId, moderation: Moderation) -> HttpResponse:
    context = page.context
    listing = context.run(moderate_listing, listing_id=listing_id, moderation=moderation)
    messages.success(page.request, _DONE[moderation.decision].format(title=listing.title))
    return redirect("admin:listings")


def _reject_incomplete(request: HttpRequest, url: str) -> HttpResponse:
    messages.error(request, "The form was not complete and nothing was changed. Check the listing again.")
    return redirect(url)

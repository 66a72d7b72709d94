"""Listings over HTTP: looked at by anybody, made and changed by their seller, decided on by the brand."""

import zlib
from datetime import datetime
from http import HTTPStatus
from typing import ClassVar, Final, Protocol, TypeGuard

import msgspec
from django.http import HttpResponse
from rest_framework.request import Request

from apps.core.requests import decode_body, decode_command, read_json
from apps.core.views import LeanAPIView, json_response
from apps.storefront.context import (
    Call,
    call_of,
    find_principal,
    principal_of,
    require_brand,
    require_party,
    shopper_of,
)
from apps.storefront.idempotency import do_once
from apps.storefront.parameters import (
    ListingsQuery,
    NoQuery,
    PageQuery,
    expected_version,
    find_command_key,
    given,
    read_query,
    refuse_input,
)
from apps.storefront.responses import PUBLIC_CACHING, is_current, not_modified, one_object, version_tag
from apps.storefront.upload_forms import is_waiting, with_uploads
from resale.application.operations.listings import (
    Moderation,
    create_listing,
    edit_listing,
    moderate_listing,
    pause_listing,
    relist_listing,
    resume_listing,
    submit_listing,
    withdraw_listing,
)
from resale.application.ports import Reader, UnitOfWork
from resale.application.queries.listings import (
    BrandListing,
    OwnerListing,
    PublicListing,
    get_listing,
    list_active_listings,
    list_seller_listings,
    listing_document,
    listing_json,
    view_image,
    view_listing,
)
from resale.domain.access import Principal
from resale.domain.customers import CustomerNotFound
from resale.domain.ids import CustomerId, ListingId, is_id
from resale.domain.listings import Listing, ListingEdit, ListingNotFound, NewListing
from resale.domain.media import Media, MediaStatus
from resale.errors import FieldError, Invalid

READ: Final = "listings:read"
MODERATE: Final = "listings:moderate"


class ListingsView(LeanAPIView):
    """``/v1/listings``."""

    def get(self, request: Request) -> HttpResponse:
        """List what is on sale, newest first."""
        call = call_of(request)
        query = read_query(request, ListingsQuery)
        product, market = given(query.product), given(query.market)
        if product is not None and market is not None:
            raise _two_filters()
        page = list_active_listings(
            reader=call.open_reader(),
            market=market or call.tenant.market,
            product=product,
            limit=query.limit,
            cursor=given(query.cursor),
        )
        return json_response(listing_json(page, media_base_url=call.media_base_url))

    def post(self, request: Request) -> HttpResponse:
        """List an item: a draft, with an upload form for each of its images."""
        call = call_of(request)
        read_query(request, NoQuery)
        shopper = shopper_of(call)
        new, body = decode_command(read_json(request), NewListing)
        key = find_command_key(request, shopper=shopper, command="create_listing", body=body)
        reader = call.open_reader()

        def create() -> HttpResponse:
            listing, slots = call.run(
                lambda uow: create_listing(uow=uow, shopper=shopper, new=new, key=key, now=call.now)
            )
            return _created(call, _view_of_new(reader, listing, slots))

        def answer_again(listing_id: str) -> HttpResponse:
            view = get_listing(reader=reader, principal=principal_of(shopper, reader), listing_id=ListingId(listing_id))
            return _created(call, view, replayed=True)

        return do_once(key=key, reader=reader, first=create, again=answer_again)


class ListingView(LeanAPIView):
    """``/v1/listings/{listing_id}``."""

    def get(self, request: Request, listing_id: str) -> HttpResponse:
        """Show one listing as the caller may see it."""
        call = call_of(request)
        read_query(request, NoQuery)
        found_id = _listing_id(listing_id)
        reader = call.open_reader()
        principal = find_principal(call, reader, scope=READ)
        view = get_listing(reader=reader, principal=principal, listing_id=found_id)
        caching = None if isinstance(view, OwnerListing) else PUBLIC_CACHING
        tag = listing_tag(view)
        if is_current(request, tag) and not _offers_uploads(view, call):
            return not_modified(tag, caching=caching)
        return one_object(_body(call, view), tag=tag, caching=caching)

    def patch(self, request: Request, listing_id: str) -> HttpResponse:
        """Change a listing; what is absent stays."""
        call = call_of(request)
        read_query(request, NoQuery)
        found_id = _listing_id(listing_id)
        shopper = shopper_of(call)
        version = expected_version(request)
        edit = decode_body(request, ListingEdit)
        reader = call.open_reader()
        principal = principal_of(shopper, reader)
        listing, _ = call.run(
            lambda uow: edit_listing(
                uow=uow,
                principal=principal,
                listing_id=found_id,
                edit=edit,
                expected_version=version,
                now=call.now,
            ),
            principal=principal,
            expected_version=version,
        )
        return _answer(call, reader, principal, listing)


class ListingSubmissionView(LeanAPIView):
    """``/v1/listings/{listing_id}/submit``."""

    def post(self, request: Request, listing_id: str) -> HttpResponse:
        """Ask for review."""
        call = call_of(request)
        refuse_input(request)
        found_id = _listing_id(listing_id)
        shopper = shopper_of(call)
        version = expected_version(request)
        reader = call.open_reader()
        principal = principal_of(shopper, reader)
        listing = call.run(
            lambda uow: submit_listing(
                uow=uow, principal=principal, listing_id=found_id, expected_version=version, now=call.now
            ),
            principal=principal,
            expected_version=version,
        )
        return _answer(call, reader, principal, listing)


class _PartyCommand(Protocol):
    """What the seller or the brand does to a listing without saying more."""

    def __call__(
        self,
        *,
        uow: UnitOfWork,
        principal: Principal,
        listing_id: ListingId,
        expected_version: int | None,
        now: datetime,
    ) -> Listing: ...


class _PartyCommandView(LeanAPIView):
    """A command of the seller or the brand; subclasses say which."""

    command: ClassVar[_PartyCommand]

    def post(self, request: Request, listing_id: str) -> HttpResponse:
        """Do it."""
        call = call_of(request)
        refuse_input(request)
        found_id = _listing_id(listing_id)
        version = expected_version(request)
        reader = call.open_reader()
        principal = require_party(call, reader, scope=MODERATE)
        command = type(self).command
        listing = call.run(
            lambda uow: command(
                uow=uow, principal=principal, listing_id=found_id, expected_version=version, now=call.now
            ),
            principal=principal,
            expected_version=version,
        )
        return _answer(call, reader, principal, listing)


class ListingWithdrawalView(_PartyCommandView):
    """``/v1/listings/{listing_id}/withdraw``: taken off, for good."""

    command = staticmethod(withdraw_listing)


class ListingPauseView(_PartyCommandView):
    """``/v1/listings/{listing_id}/pause``: taken off, for a while."""

    command = staticmethod(pause_listing)


class ListingResumptionView(_PartyCommandView):
    """``/v1/listings/{listing_id}/resume``: on sale again."""

    command = staticmethod(resume_listing)


class ListingRelistView(LeanAPIView):
    """``/v1/listings/{listing_id}/relist``."""

    def post(self, request: Request, listing_id: str) -> HttpResponse:
        """Sell a returned item again."""
        call = call_of(request)
        refuse_input(request)
        found_id = _listing_id(listing_id)
        reader = call.open_reader()
        principal = principal_of(shopper_of(call), reader)
        listing = call.run(
            lambda uow: relist_listing(uow=uow, principal=principal, listing_id=found_id, now=call.now),
            principal=principal,
        )
        return _created(call, view_listing(reader=reader, principal=principal, document=listing_document(listing)))


class ListingModerationView(LeanAPIView):
    """``/v1/listings/{listing_id}/moderation``."""

    def post(self, request: Request, listing_id: str) -> HttpResponse:
        """Approve, reject, ask for changes, or take down."""
        call = call_of(request)
        read_query(request, NoQuery)
        found_id = _listing_id(listing_id)
        principal = require_brand(call, scope=MODERATE)
        version = expected_version(request)
        moderation = decode_body(request, Moderation)
        if version is not None:
            moderation = msgspec.structs.replace(moderation, version=version)
        listing = call.run(
            lambda uow: moderate_listing(
                uow=uow, principal=principal, listing_id=found_id, moderation=moderation, now=call.now
            ),
            principal=principal,
            expected_version=version,
        )
        return _answer(call, call.open_reader(), principal, listing)


class SellerListingsView(LeanAPIView):
    """``/v1/sellers/{seller_id}/listings``."""

    def get(self, request: Request, seller_id: str) -> HttpResponse:
        """List a seller's listings, newest first."""
        call = call_of(request)
        query = read_query(request, PageQuery)
        if not is_id("cus", seller_id):
            raise CustomerNotFound("No such seller.")
        reader = call.open_reader()
        page = list_seller_listings(
            reader=reader,
            principal=find_principal(call, reader, scope=READ),
            seller_id=CustomerId(seller_id),
            limit=query.limit,
            cursor=given(query.cursor),
        )
        return json_response(listing_json(page, media_base_url=call.media_base_url))


def listing_tag(view: PublicListing) -> str:
    """Write a listing's ETag. Images change beside the listing, so whoever sees them is told by a second part."""
    if not isinstance(view, OwnerListing):
        return version_tag(view.version)
    states = "".join(image.id + image.status for image in view.images)
    return f'"{view.version}-{zlib.crc32(states.encode()):08x}"'


def _listing_id(text: str) -> ListingId:
    if not is_id("lst", text):
        raise ListingNotFound("No such listing.")
    return ListingId(text)


def _view_of_new(reader: Reader, listing: Listing, slots: tuple[Media, ...]) -> PublicListing:
    """Render a listing and slots just committed, without reading them back."""
    seller = Principal(customer_id=listing.seller_id)
    view = view_listing(reader=reader, principal=seller, document=listing_document(listing), with_images=False)
    if not isinstance(view, OwnerListing):
        raise TypeError("a seller sees the images of their listing")
    return msgspec.structs.replace(view, images=tuple(view_image(slot) for slot in slots))


def _answer(call: Call, reader: Reader, principal: Principal, listing: Listing) -> HttpResponse:
    view = view_listing(reader=reader, principal=principal, document=listing_document(listing))
    return one_object(_body(call, view), tag=listing_tag(view))


def _created(call: Call, view: PublicListing, *, replayed: bool = False) -> HttpResponse:
    return one_object(
        _body(call, view),
        tag=listing_tag(view),
        status=HTTPStatus.CREATED,
        location=f"/v1/listings/{view.id}",
        replayed=replayed,
    )


def _body(call: Call, view: PublicListing) -> bytes:
    if _offers_uploads(view, call):
        view = with_uploads(view, forms=call.open_uploads(), now=call.now)
    return listing_json(view, media_base_url=call.media_base_url)


def _offers_uploads(view: PublicListing, call: Call) -> TypeGuard[OwnerListing]:
    """Only the seller uploads; the brand looks on."""
    if not isinstance(view, OwnerListing) or isinstance(view, BrandListing):
        return False
    awaited = (image for image in view.images if image.status == MediaStatus.AWAITING_UPLOAD)
    return any(is_waiting(image, now=call.now) for image in awaited)


def _two_filters() -> Invalid:
    detail = "Ask for a product or for a market, not for both."
    return Invalid(detail, errors=(FieldError(pointer="/market", code="mutually_exclusive", detail=detail),))

"""Listings: read by anybody, created, edited and submitted by their seller."""

from typing import Any, Final

import msgspec
from django.http import HttpResponse

from apps.core.hot_listings.process import get_hot_listings
from apps.storefront.context import Context
from apps.storefront.endpoint import Endpoint, Idempotency
from apps.storefront.hot_views import find_shared_view
from apps.storefront.listing_views import is_signed, listing_tag, page_response, represent, represent_written
from apps.storefront.parameters import ListingsQuery, NoBody, none_if_unset
from apps.storefront.permissions import Access
from apps.storefront.responses import PUBLIC_CACHING, Representation, is_current, not_modified
from apps.tenancy.scopes import Scope
from resale.application.operations.listings import create_listing, edit_listing, submit_listing
from resale.application.queries.listings import (
    BrandListing,
    OwnerListing,
    PublicListing,
    get_listing,
    list_active_listings,
    listing_document,
    view_image,
    view_listing,
)
from resale.domain.access import Principal
from resale.domain.customers import CustomerChanged
from resale.domain.ids import ListingId
from resale.domain.listings import (
    EditedTooOften,
    ImagesFrozen,
    ImagesPending,
    ListingChanged,
    ListingEdit,
    ListingNotFound,
    ListingTransitionRefused,
    NewListing,
    PriceRefused,
)
from resale.domain.media import TooManyImages
from resale.domain.parcel_sizes import ParcelRefused
from resale.domain.purchases import (
    PurchaseChanged,
    PurchaseChangedTooOften,
    PurchaseExhausted,
    PurchaseNotFound,
    PurchaseRequired,
)
from resale.errors import FieldError, Forbidden, Invalid

_TAG: Final = "Listings"
_COLLECTION: Final = "/v1/listings"


@Endpoint(
    method="get",
    path=_COLLECTION,
    id="listListings",
    tag=_TAG,
    summary="List active listings, newest first",
    details="Of one product, or of one market; by default of the shop's own market.",
    access=Access.KEY,
    query=ListingsQuery,
    responses=(PublicListing,),
    listed=True,
    is_hot=True,
)
def list_on_sale(context: Context[ListingsQuery, None]) -> HttpResponse:
    """List the active listings, newest first."""
    query = context.query
    product, market = none_if_unset(query.product), none_if_unset(query.market)
    if product is not None and market is not None:
        raise _two_filters()
    page = list_active_listings(
        reader=context.reader,
        market=market or context.tenant.market,
        product=product,
        limit=query.limit,
        cursor=none_if_unset(query.cursor),
    )
    return page_response(context, page)


def _replay(context: Context[Any, Any], listing_id: str) -> Representation:
    view = get_listing(reader=context.reader, principal=context.principal, listing_id=ListingId(listing_id))
    return represent(context, view)


@Endpoint(
    method="post",
    path=_COLLECTION,
    id="createListing",
    tag=_TAG,
    summary="Create a listing",
    details=(
        "Creates a draft with a slot for each image. Each `images[].upload` is an upload form: POST its `fields` "
        "and then `file` as multipart/form-data to its `url`, before `expires_at`. An expired form is signed again "
        "when the seller reads the listing. Submit the listing when every image is `ready`. `purchase_id` is the "
        "shopper's past purchase of the item; the listing uses one unit of it until it ends unsold. `parcel` is the "
        "weight and size of the item ready to ship; `ships_from`, `hs_code` and `origin_country` are needed where a "
        "buyer's address is beyond a customs border. Where they are left out, the shop's data of the product count."
    ),
    access=Access.SHOPPER,
    body=NewListing,
    idempotency=Idempotency("create_listing", _replay),
    status=201,
    location=_COLLECTION,
    responses=(OwnerListing,),
    tagged=True,
    problems=(
        PriceRefused,
        CustomerChanged,
        PurchaseNotFound,
        PurchaseExhausted,
        PurchaseRequired,
        PurchaseChangedTooOften,
        PurchaseChanged,
    ),
)
def create(context: Context[None, NewListing]) -> Representation:
    """Create a draft with an upload form for each image; the response is built without reading it back."""
    listing, slots = context.run(create_listing, shopper=context.shopper, new=context.body)
    seller = Principal(customer_id=listing.seller_id)
    document = listing_document(listing)
    view = view_listing(reader=context.reader, principal=seller, document=document, with_images=False)
    if not isinstance(view, OwnerListing):
        raise TypeError("a seller sees the images of their listing")
    return represent(context, msgspec.structs.replace(view, images=tuple(view_image(slot) for slot in slots)))


@Endpoint(
    method="get",
    path="/v1/listings/{listing_id}",
    id="getListing",
    tag=_TAG,
    summary="Retrieve a listing",
    details=(
        "The seller and the brand see all fields in every status; others see public fields while the listing is "
        "shown. The listing expires at `expires_at`, unless an order has reserved it. The public fields of a listing "
        "that is read very often can be up to one second old."
    ),
    access=Access.KEY,
    scope=Scope.LISTINGS_READ,
    responses=(PublicListing, OwnerListing, BrandListing),
    tagged=True,
    problems=(ListingNotFound,),
    is_hot=True,
)
def get(context: Context[None, None], listing_id: ListingId) -> Representation | HttpResponse:
    """Return a listing as the caller sees it."""
    is_hot = get_hot_listings().count_view(context.tenant, listing_id)
    if is_hot and not context.is_brand and (shared := find_shared_view(context, listing_id)) is not None:
        return shared
    view = get_listing(reader=context.reader, principal=context.principal, listing_id=listing_id)
    tag = listing_tag(view)
    if is_current(context.request, tag) and not is_signed(view, context):
        return not_modified(tag, caching=None if isinstance(view, OwnerListing) else PUBLIC_CACHING)
    return represent(context, view, tag=tag)


@Endpoint(
    method="patch",
    path="/v1/listings/{listing_id}",
    id="editListing",
    tag=_TAG,
    summary="Update a listing",
    details=(
        "Fields that are absent do not change; `images` adds slots. An active or paused listing returns to review."
    ),
    access=Access.SHOPPER,
    body=ListingEdit,
    example={"price": {"amount": 10_500, "currency": "GBP"}},
    if_match=True,
    responses=(OwnerListing,),
    tagged=True,
    problems=(
        ListingNotFound,
        Forbidden,
        ListingTransitionRefused,
        ListingChanged,
        EditedTooOften,
        ImagesFrozen,
        TooManyImages,
        PriceRefused,
        ParcelRefused,
    ),
)
def edit(context: Context[None, ListingEdit], listing_id: ListingId) -> Representation:
    """Edit a listing; absent fields do not change."""
    listing, _ = context.run(edit_listing, listing_id=listing_id, edit=context.body)
    return represent_written(context, listing)


@Endpoint(
    method="post",
    path="/v1/listings/{listing_id}/submit",
    id="submitListing",
    tag=_TAG,
    summary="Submit a listing for review",
    details=(
        "The ready images can no longer be changed. Also resubmits an expired listing. Idempotent: repeating it has "
        "no effect."
    ),
    access=Access.SHOPPER,
    body=NoBody,
    is_body_required=False,
    if_match=True,
    responses=(OwnerListing,),
    tagged=True,
    problems=(
        ListingNotFound,
        Forbidden,
        PriceRefused,
        ParcelRefused,
        ImagesPending,
        TooManyImages,
        ListingTransitionRefused,
        ListingChanged,
        PurchaseNotFound,
        PurchaseExhausted,
        PurchaseChangedTooOften,
        PurchaseChanged,
    ),
)
def submit(context: Context[None, NoBody], listing_id: ListingId) -> Representation:
    """Submit a listing for review."""
    return represent_written(context, context.run(submit_listing, listing_id=listing_id))


def _two_filters() -> Invalid:
    detail = "Filter by product or by market, not by both."
    return Invalid(detail, errors=(FieldError(pointer="/market", code="mutually_exclusive", detail=detail),))

"""Decisions on listings: paused, resumed and withdrawn by seller or brand, moderated by the brand, listed again."""

from typing import Final

import msgspec
from django.http import HttpResponse

from apps.storefront.context import Context
from apps.storefront.endpoint import Endpoint
from apps.storefront.endpoints.histories import history_endpoint
from apps.storefront.listing_views import linked_page_response, represent_written
from apps.storefront.parameters import NoBody, PageQuery, none_if_unset
from apps.storefront.permissions import Access
from apps.storefront.responses import Representation
from apps.tenancy.scopes import Scope
from resale.application.operations.listings import (
    Moderation,
    moderate_listing,
    pause_listing,
    relist_listing,
    resume_listing,
    withdraw_listing,
)
from resale.application.queries.listings import BrandListing, OwnerListing, PublicListing, list_seller_listings
from resale.domain.customers import CustomerNotFound
from resale.domain.entities import LISTING
from resale.domain.ids import CustomerId, ListingId
from resale.domain.listings import (
    EditedTooOften,
    ListingChanged,
    ListingNotFound,
    ListingTransitionRefused,
    NotRelistable,
    PriceRefused,
)
from resale.domain.parcel_sizes import ParcelRefused
from resale.domain.purchases import PurchaseChanged, PurchaseNotFound
from resale.errors import Forbidden

_TAG: Final = "Listings"
_PARTY_VIEWS: Final = (OwnerListing, BrandListing)
_CHANGED: Final = (ListingNotFound, Forbidden, ListingTransitionRefused, ListingChanged)
_ENDED: Final = (*_CHANGED, PurchaseNotFound, PurchaseChanged)


@Endpoint(
    method="post",
    path="/v1/listings/{listing_id}/pause",
    id="pauseListing",
    tag=_TAG,
    summary="Pause a listing",
    details=(
        "For the seller and the brand. A paused listing is not shown and cannot be bought. A reserved listing "
        "cannot be paused. Idempotent: repeating it has no effect."
    ),
    access=Access.PARTY,
    scope=Scope.LISTINGS_MODERATE,
    body=NoBody,
    is_body_required=False,
    if_match=True,
    responses=_PARTY_VIEWS,
    tagged=True,
    problems=(*_CHANGED, EditedTooOften),
)
def pause(context: Context[None, NoBody], listing_id: ListingId) -> Representation:
    """Pause a listing."""
    return represent_written(context, context.run(pause_listing, listing_id=listing_id))


@Endpoint(
    method="post",
    path="/v1/listings/{listing_id}/resume",
    id="resumeListing",
    tag=_TAG,
    summary="Resume a paused listing",
    details=(
        "For the seller and the brand. The listing keeps its position in lists. Idempotent: repeating it has no effect."
    ),
    access=Access.PARTY,
    scope=Scope.LISTINGS_MODERATE,
    body=NoBody,
    is_body_required=False,
    if_match=True,
    responses=_PARTY_VIEWS,
    tagged=True,
    problems=_CHANGED,
)
def resume(context: Context[None, NoBody], listing_id: ListingId) -> Representation:
    """Resume a listing."""
    return represent_written(context, context.run(resume_listing, listing_id=listing_id))


@Endpoint(
    method="post",
    path="/v1/listings/{listing_id}/withdraw",
    id="withdrawListing",
    tag=_TAG,
    summary="Withdraw a listing permanently",
    details="For the seller and the brand. Idempotent: repeating it has no effect.",
    access=Access.PARTY,
    scope=Scope.LISTINGS_MODERATE,
    body=NoBody,
    is_body_required=False,
    if_match=True,
    responses=_PARTY_VIEWS,
    tagged=True,
    problems=_ENDED,
)
def withdraw(context: Context[None, NoBody], listing_id: ListingId) -> Representation:
    """Withdraw a listing permanently."""
    return represent_written(context, context.run(withdraw_listing, listing_id=listing_id))


@Endpoint(
    method="post",
    path="/v1/listings/{listing_id}/relist",
    id="relistListing",
    tag=_TAG,
    summary="List a returned item again",
    details=(
        "For a sold listing whose order was refunded or cancelled. Creates a new listing with the same data and "
        "photos, and with `relisted_from`; it goes to review. Idempotent: repeating it returns the same new "
        "listing."
    ),
    access=Access.SHOPPER,
    body=NoBody,
    is_body_required=False,
    status=201,
    location="/v1/listings",
    responses=(OwnerListing,),
    tagged=True,
    problems=(ListingNotFound, Forbidden, NotRelistable, ListingChanged),
)
def relist(context: Context[None, NoBody], listing_id: ListingId) -> Representation:
    """List a returned item again."""
    return represent_written(context, context.run(relist_listing, listing_id=listing_id))


@Endpoint(
    method="post",
    path="/v1/listings/{listing_id}/moderation",
    id="moderateListing",
    tag="Moderation",
    summary="Approve, reject or remove a listing, or request changes",
    details=(
        "`version` (or If-Match) is the version that was reviewed; a later edit is refused. `remove` requires a "
        "reason and is permanent: it removes a listing that is active, paused or pending review. A reserved listing "
        "cannot be removed: cancel its order first."
    ),
    access=Access.BRAND,
    scope=Scope.LISTINGS_MODERATE,
    body=Moderation,
    if_match=True,
    responses=(BrandListing,),
    tagged=True,
    problems=(*_ENDED, PriceRefused, ParcelRefused),
)
def moderate(context: Context[None, Moderation], listing_id: ListingId) -> Representation:
    """Approve, reject or remove a listing, or request changes."""
    moderation, version = context.body, context.expected_version
    if version is not None:
        moderation = msgspec.structs.replace(moderation, version=version)
    return represent_written(context, context.run(moderate_listing, listing_id=listing_id, moderation=moderation))


get_listing_history = history_endpoint(LISTING)


@Endpoint(
    method="get",
    path="/v1/sellers/{seller_id}/listings",
    id="listSellerListings",
    tag=_TAG,
    summary="List a seller's listings, newest first",
    details=(
        "Sellers see all of their own listings. Others see public ones only, so a page can hold fewer than `limit`. "
        "Of photos that are not public, a page has the smallest renditions only."
    ),
    access=Access.KEY,
    scope=Scope.LISTINGS_READ,
    query=PageQuery,
    responses=(PublicListing, OwnerListing, BrandListing),
    listed=True,
    problems=(CustomerNotFound,),
)
def list_of_seller(context: Context[PageQuery, None], seller_id: CustomerId) -> HttpResponse:
    """List a seller's listings, newest first."""
    query = context.query
    page = list_seller_listings(
        reader=context.reader,
        principal=context.principal,
        seller_id=seller_id,
        limit=query.limit,
        cursor=none_if_unset(query.cursor),
    )
    return linked_page_response(context, page)

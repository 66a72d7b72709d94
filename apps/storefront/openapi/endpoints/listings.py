"""Endpoints of listings: browsed, drafted, submitted, decided on."""

from typing import Final

from apps.storefront.openapi import codes
from apps.storefront.openapi.codes import codes_of
from apps.storefront.openapi.endpoints.shapes import Access, Endpoint
from apps.storefront.parameters import ListingsQuery, NoBody, PageQuery
from resale.application.operations.listings import Moderation
from resale.application.queries.history import HistoryList
from resale.application.queries.listings import BrandListing, OwnerListing, PublicListing
from resale.domain import listings, media, purchases
from resale.domain.customers import CustomerChanged, CustomerNotFound
from resale.domain.listings import ListingEdit, NewListing
from resale.errors import Forbidden

_LISTING_VIEWS: Final = (PublicListing, OwnerListing, BrandListing)
_SUBMIT: Final = codes_of(
    listings.ListingNotFound,
    Forbidden,
    listings.PriceRefused,
    listings.ImagesPending,
    media.TooManyImages,
    listings.ListingTransitionRefused,
    listings.ListingChanged,
    purchases.PurchaseNotFound,
    purchases.PurchaseExhausted,
    purchases.PurchaseChangedTooOften,
    purchases.PurchaseChanged,
)
_CHANGE: Final = codes_of(
    listings.ListingNotFound,
    Forbidden,
    listings.ListingTransitionRefused,
    listings.ListingChanged,
)
_END: Final = (*_CHANGE, *codes_of(purchases.PurchaseNotFound, purchases.PurchaseChanged))

LISTING_ENDPOINTS: Final = (
    Endpoint(
        method="get",
        path="/v1/listings",
        id="listListings",
        tag="Listings",
        summary="What is on sale, newest first",
        details="Of one product, or of one market; without either, of the shop's own market.",
        access=Access.KEY,
        query=ListingsQuery,
        answers=(PublicListing,),
        listed=True,
    ),
    Endpoint(
        method="post",
        path="/v1/listings",
        id="createListing",
        tag="Listings",
        summary="List an item",
        details=(
            "Makes a draft with a slot for each image. Each `images[].upload` is a form: POST its `fields` and then "
            "`file` as multipart/form-data to its `url`, before `expires_at`. A form that has expired is signed anew "
            "when the seller reads the listing. When every image is `ready`, submit the listing. `purchase_id` names "
            "the shopper's past purchase that the item is a unit of; the listing claims it until it ends unsold."
        ),
        access=Access.SHOPPER,
        body=NewListing,
        key_required=False,
        status=201,
        answers=(OwnerListing,),
        tagged=True,
        problems=codes_of(
            listings.PriceRefused,
            CustomerChanged,
            purchases.PurchaseNotFound,
            purchases.PurchaseExhausted,
            purchases.PurchaseRequired,
            purchases.PurchaseChangedTooOften,
            purchases.PurchaseChanged,
        ),
    ),
    Endpoint(
        method="get",
        path="/v1/listings/{listing_id}",
        id="getListing",
        tag="Listings",
        summary="One listing",
        details=(
            "Its seller and the brand see more of it, and in every state; others see it while it is on show. It goes "
            "off sale by itself at `expires_at`, unless an order holds it then."
        ),
        access=Access.KEY,
        scope="listings:read",
        answers=_LISTING_VIEWS,
        tagged=True,
        problems=codes_of(listings.ListingNotFound),
    ),
    Endpoint(
        method="patch",
        path="/v1/listings/{listing_id}",
        id="editListing",
        tag="Listings",
        summary="Change a listing",
        details="What is absent stays; `images` adds slots. An active or paused listing goes back to review.",
        access=Access.SHOPPER,
        body=ListingEdit,
        if_match=True,
        answers=(OwnerListing,),
        tagged=True,
        problems=(
            *_CHANGE,
            *codes_of(listings.EditedTooOften, listings.ImagesFrozen, media.TooManyImages, listings.PriceRefused),
        ),
    ),
    Endpoint(
        method="post",
        path="/v1/listings/{listing_id}/submit",
        id="submitListing",
        tag="Listings",
        summary="Ask for review",
        details=(
            "Freezes the images that are ready. An expired listing is put forward again by it. Said again it changes "
            "nothing."
        ),
        access=Access.SHOPPER,
        body=NoBody,
        body_required=False,
        if_match=True,
        answers=(OwnerListing,),
        tagged=True,
        problems=_SUBMIT,
    ),
    Endpoint(
        method="post",
        path="/v1/listings/{listing_id}/pause",
        id="pauseListing",
        tag="Listings",
        summary="Take a listing off, for a while",
        details=(
            "By its seller or by the brand: nobody else sees or buys it meanwhile. A reserved one is refused: its "
            "order goes on. Said again it changes nothing."
        ),
        access=Access.PARTY,
        scope="listings:moderate",
        body=NoBody,
        body_required=False,
        if_match=True,
        answers=(OwnerListing, BrandListing),
        tagged=True,
        problems=(*_CHANGE, *codes_of(listings.EditedTooOften)),
    ),
    Endpoint(
        method="post",
        path="/v1/listings/{listing_id}/resume",
        id="resumeListing",
        tag="Listings",
        summary="Put a paused listing on sale again",
        details="By its seller or by the brand; it keeps its place in every list. Of one on sale it changes nothing.",
        access=Access.PARTY,
        scope="listings:moderate",
        body=NoBody,
        body_required=False,
        if_match=True,
        answers=(OwnerListing, BrandListing),
        tagged=True,
        problems=_CHANGE,
    ),
    Endpoint(
        method="post",
        path="/v1/listings/{listing_id}/withdraw",
        id="withdrawListing",
        tag="Listings",
        summary="Take a listing off, for good",
        details="By its seller or by the brand. Said again it changes nothing.",
        access=Access.PARTY,
        scope="listings:moderate",
        body=NoBody,
        body_required=False,
        if_match=True,
        answers=(OwnerListing, BrandListing),
        tagged=True,
        problems=_END,
    ),
    Endpoint(
        method="post",
        path="/v1/listings/{listing_id}/relist",
        id="relistListing",
        tag="Listings",
        summary="Sell a returned item again",
        details=(
            "Of a sold listing whose order was refunded or cancelled: makes a new listing like it, with its photos, "
            "`relisted_from` it, which goes to review. Said again it answers with the same new listing."
        ),
        access=Access.SHOPPER,
        body=NoBody,
        body_required=False,
        status=201,
        answers=(OwnerListing,),
        tagged=True,
        problems=codes_of(listings.ListingNotFound, Forbidden, listings.NotRelistable, listings.ListingChanged),
    ),
    Endpoint(
        method="post",
        path="/v1/listings/{listing_id}/moderation",
        id="moderateListing",
        tag="Moderation",
        summary="Approve, reject, ask for changes, or take down",
        details=(
            "`version` (or If-Match) is what was looked at: an edit since then is not decided on unseen. `remove` "
            "takes down, for good and with a reason, what is on sale, paused or waiting; one that an order holds is "
            "refused: cancel the order first."
        ),
        access=Access.BRAND,
        scope="listings:moderate",
        body=Moderation,
        if_match=True,
        answers=(BrandListing,),
        tagged=True,
        problems=(*_END, *codes_of(listings.PriceRefused)),
    ),
    Endpoint(
        method="get",
        path="/v1/listings/{listing_id}/history",
        id="getListingHistory",
        tag="Histories",
        summary="Everything that happened to a listing, oldest first",
        details="With the verification of its whole chain of hashes.",
        access=Access.BRAND,
        scope="history:read",
        query=PageQuery,
        answers=(HistoryList,),
        problems=(*codes.LIST, *codes_of(listings.ListingNotFound)),
    ),
    Endpoint(
        method="get",
        path="/v1/sellers/{seller_id}/listings",
        id="listSellerListings",
        tag="Listings",
        summary="A seller's listings, newest first",
        details="Sellers see all of their own; others only what is on show, so a page may hold fewer than `limit`.",
        access=Access.KEY,
        scope="listings:read",
        query=PageQuery,
        answers=_LISTING_VIEWS,
        listed=True,
        problems=codes_of(CustomerNotFound),
    ),
)

"""Every endpoint of ``/v1`` as data: what it takes, gives, and how it fails. A test holds it to ``urls.py``."""

from enum import Enum, auto
from typing import Any, Final

import msgspec

from apps.storefront.inputs import ListingsQuery, NoBody, OrdersQuery, PageQuery
from apps.storefront.openapi import codes
from apps.storefront.openapi.codes import ProblemCode, codes_of
from resale.application.operations.listings import Moderation
from resale.application.queries.history import HistoryList
from resale.application.queries.listings import BrandListing, OwnerListing, PublicListing
from resale.application.queries.orders import BrandOrder, BuyerOrder, SellerOrder
from resale.domain import listings, media, orders
from resale.domain.customers import CustomerChanged, CustomerNotFound
from resale.domain.listings import ListingEdit, NewListing
from resale.domain.orders import NewOrder
from resale.errors import Forbidden


class Access(Enum):
    """Whose call it is."""

    ANYBODY = auto()  # no key at all
    KEY = auto()  # any key; a shopper's token or a secret key sees more
    SHOPPER = auto()
    PARTY = auto()  # a shopper, or the brand by its secret key
    BRAND = auto()


class Endpoint(msgspec.Struct, frozen=True, kw_only=True):
    """One method of one path. ``answers`` are the views, by audience; ``listed``: a page of them."""

    method: str
    path: str
    id: str
    tag: str
    summary: str
    details: str = ""
    access: Access
    scope: str | None = None
    query: type[msgspec.Struct] | None = None
    body: type[msgspec.Struct] | None = None
    body_required: bool = True
    key_required: bool | None = None  # None: takes no Idempotency-Key
    if_match: bool = False
    status: int = 200
    answers: tuple[type[Any], ...] = ()
    listed: bool = False
    tagged: bool = False
    problems: tuple[ProblemCode, ...] = ()


_LISTING_VIEWS: Final = (PublicListing, OwnerListing, BrandListing)
_ORDER_VIEWS: Final = (BuyerOrder, SellerOrder, BrandOrder)
_SUBMIT: Final = codes_of(
    listings.ListingNotFound,
    Forbidden,
    listings.ImagesPending,
    media.TooManyImages,
    listings.ListingTransitionRefused,
    listings.ListingChanged,
)
_CHANGE: Final = codes_of(
    listings.ListingNotFound,
    Forbidden,
    listings.ListingTransitionRefused,
    listings.ListingChanged,
)

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
            "when the seller reads the listing. When every image is `ready`, submit the listing."
        ),
        access=Access.SHOPPER,
        body=NewListing,
        key_required=False,
        status=201,
        answers=(OwnerListing,),
        tagged=True,
        problems=codes_of(listings.PriceRefused, CustomerChanged),
    ),
    Endpoint(
        method="get",
        path="/v1/listings/{listing_id}",
        id="getListing",
        tag="Listings",
        summary="One listing",
        details="Its seller and the brand see more of it, and in every state; others see it while it is on show.",
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
        details="What is absent stays; `images` adds slots. An active listing goes back to review.",
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
        details="Freezes the images that are ready. Said again it changes nothing.",
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
        problems=_CHANGE,
    ),
    Endpoint(
        method="post",
        path="/v1/listings/{listing_id}/moderation",
        id="moderateListing",
        tag="Moderation",
        summary="Approve, reject, or ask for changes",
        details="`version` (or If-Match) is what was looked at: an edit since then is not decided on unseen.",
        access=Access.BRAND,
        scope="listings:moderate",
        body=Moderation,
        if_match=True,
        answers=(BrandListing,),
        tagged=True,
        problems=_CHANGE,
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

ORDER_ENDPOINTS: Final = (
    Endpoint(
        method="get",
        path="/v1/orders",
        id="listOrders",
        tag="Orders",
        summary="Orders, newest first",
        details="A shopper's purchases, or with `role=seller` their sales; for the brand, all. Without addresses.",
        access=Access.PARTY,
        scope="orders:read",
        query=OrdersQuery,
        answers=_ORDER_VIEWS,
        listed=True,
    ),
    Endpoint(
        method="post",
        path="/v1/orders",
        id="submitOrder",
        tag="Orders",
        summary="Buy a listing",
        details=(
            "Reserves the listing and makes the order in one step: of any number of buyers exactly one gets 202. "
            "Payment follows; read the order at `Location` until it is `confirmed` or `cancelled`. "
            "`payment_token` is a payment provider's token: a card number is refused."
        ),
        access=Access.SHOPPER,
        body=NewOrder,
        key_required=True,
        status=202,
        answers=(BuyerOrder,),
        tagged=True,
        problems=codes_of(
            listings.ListingNotFound,
            listings.ListingNotForSale,
            listings.ListingChanged,
            orders.OwnListing,
            CustomerChanged,
        ),
    ),
    Endpoint(
        method="get",
        path="/v1/orders/{order_id}",
        id="getOrder",
        tag="Orders",
        summary="One order",
        details="The seller sees where it goes once it is confirmed, and never who bought it.",
        access=Access.PARTY,
        scope="orders:read",
        answers=_ORDER_VIEWS,
        tagged=True,
        problems=codes_of(orders.OrderNotFound),
    ),
    Endpoint(
        method="post",
        path="/v1/orders/{order_id}/cancel",
        id="cancelOrder",
        tag="Orders",
        summary="Cancel an order",
        details="While a payment runs this is a request that is honoured when it ends. Said again it changes nothing.",
        access=Access.PARTY,
        scope="orders:write",
        body=NoBody,
        body_required=False,
        if_match=True,
        answers=_ORDER_VIEWS,
        tagged=True,
        problems=codes_of(
            orders.OrderNotFound,
            Forbidden,
            orders.OrderTransitionRefused,
            orders.OrderChanged,
            listings.ListingChanged,
        ),
    ),
    Endpoint(
        method="get",
        path="/v1/orders/{order_id}/history",
        id="getOrderHistory",
        tag="Histories",
        summary="Everything that happened to an order, oldest first",
        details="With the verification of its whole chain of hashes.",
        access=Access.BRAND,
        scope="history:read",
        query=PageQuery,
        answers=(HistoryList,),
        problems=(*codes.LIST, *codes_of(orders.OrderNotFound)),
    ),
)

DOCUMENT_ENDPOINTS: Final = (
    Endpoint(
        method="get",
        path="/v1/openapi.json",
        id="getOpenAPI",
        tag="This document",
        summary="This document",
        access=Access.ANYBODY,
        tagged=True,
    ),
    Endpoint(
        method="get",
        path="/v1/docs",
        id="getDocs",
        tag="This document",
        summary="This document as a page",
        access=Access.ANYBODY,
    ),
)

ENDPOINTS: Final = (*LISTING_ENDPOINTS, *ORDER_ENDPOINTS, *DOCUMENT_ENDPOINTS)

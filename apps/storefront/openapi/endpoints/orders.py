"""Endpoints of orders: submitted, looked at, cancelled."""

from typing import Final

from apps.storefront.inputs import NoBody, OrdersQuery, PageQuery
from apps.storefront.openapi import codes
from apps.storefront.openapi.codes import codes_of
from apps.storefront.openapi.endpoints.shapes import Access, Endpoint
from resale.application.queries.history import HistoryList
from resale.application.queries.orders import BrandOrder, BuyerOrder, SellerOrder
from resale.domain import listings, orders
from resale.domain.customers import CustomerChanged
from resale.domain.orders import NewOrder
from resale.errors import Forbidden

_ORDER_VIEWS: Final = (BuyerOrder, SellerOrder, BrandOrder)

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

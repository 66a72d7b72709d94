"""Endpoints of orders: submitted, looked at, cancelled."""

from typing import Final

from apps.storefront.openapi import codes
from apps.storefront.openapi.codes import codes_of
from apps.storefront.openapi.endpoints.shapes import Access, Endpoint
from apps.storefront.parameters import NoBody, OrdersQuery, PageQuery
from apps.storefront.sales import LabelRequestBody
from resale.application.operations.orders import Acknowledgement, LabelUnderWay
from resale.application.operations.sellers import ShipFromMissing
from resale.application.queries.history import HistoryList
from resale.application.queries.orders import BrandOrder, BuyerOrder, SellerOrder
from resale.domain import listings, orders
from resale.domain.addresses import Address
from resale.domain.customers import CustomerChanged
from resale.domain.orders import NewOrder
from resale.domain.sellers import SellerChanged
from resale.errors import Forbidden

_ORDER_VIEWS: Final = (BuyerOrder, SellerOrder, BrandOrder)

_ACTED_ON: Final = codes_of(orders.OrderNotFound, Forbidden, orders.OrderTransitionRefused, orders.OrderChanged)

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
            "`payment_token` is a payment provider's token: a card number is refused. "
            "When the buyer's bank asks for 3-D Secure, `next_action` is `redirect_to_url`: open its `url` in the "
            "buyer's browser. The bank leads them back to `return_url`, with `order_id` and the provider's parameters "
            "added. Those are no proof: read the order. `return_url` is an `https://` page of one of the shop's "
            "allowed origins, without fragment; a sandbox shop may also use `http://localhost` on any port."
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
        method="put",
        path="/v1/orders/{order_id}/shipping_address",
        id="correctShippingAddress",
        tag="Orders",
        summary="Correct where an order goes",
        details=(
            "By its buyer or the brand, until a label is bought for it. When the carrier refused the address, the "
            "buyer's view has `next_action.type` `correct_shipping_address`; the label is then bought for the new "
            "address, and the seller gets the whole time to ship again. Idempotent: repeating it has no effect."
        ),
        access=Access.PARTY,
        scope="orders:write",
        body=Address,
        if_match=True,
        answers=(BuyerOrder, BrandOrder),
        tagged=True,
        problems=codes_of(
            orders.OrderNotFound, Forbidden, orders.OrderTransitionRefused, LabelUnderWay, orders.OrderChanged
        ),
    ),
    Endpoint(
        method="post",
        path="/v1/orders/{order_id}/cancel",
        id="cancelOrder",
        tag="Orders",
        summary="Cancel an order",
        details=(
            "While a payment runs this is a request that is honoured when it ends. A paid order that is not shipped is "
            "`cancelling` until label and money went back. Said again it changes nothing."
        ),
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
        method="post",
        path="/v1/orders/{order_id}/acknowledge",
        id="acknowledgeOrder",
        tag="Orders",
        summary="Take note of what needed a person",
        details=(
            "Clears `attention` where nothing is left to do: `charged_back`, and `label_refused` of an order that is "
            "over. The reason, a code of your own, goes on record. Every other `attention` goes with what it asks for. "
            "Said again it changes nothing."
        ),
        access=Access.BRAND,
        scope="orders:write",
        body=Acknowledgement,
        if_match=True,
        answers=(BrandOrder,),
        tagged=True,
        problems=codes_of(orders.OrderNotFound, Forbidden, orders.AttentionOpen, orders.OrderChanged),
    ),
    Endpoint(
        method="post",
        path="/v1/orders/{order_id}/confirm_receipt",
        id="confirmReceipt",
        tag="Orders",
        summary="Say that all is well",
        details="The order completes now and not at the end of the claim window; there is no claim after it.",
        access=Access.SHOPPER,
        body=NoBody,
        body_required=False,
        answers=(BuyerOrder,),
        tagged=True,
        problems=_ACTED_ON,
    ),
    Endpoint(
        method="get",
        path="/v1/sales",
        id="listSales",
        tag="Orders",
        summary="What the shopper sold, newest first",
        details="As `GET /v1/orders?role=seller`. Without addresses.",
        access=Access.SHOPPER,
        query=PageQuery,
        answers=(SellerOrder,),
        listed=True,
    ),
    Endpoint(
        method="post",
        path="/v1/sales/{order_id}/label",
        id="requestLabel",
        tag="Orders",
        summary="Ask for the label of a sale",
        details=(
            "By the seller. The workflow buys it within moments; read the order for `label_url`. Without `ship_from` "
            "the seller account's own is used; with it, it is kept there. Said again it changes nothing."
        ),
        access=Access.SHOPPER,
        body=LabelRequestBody,
        body_required=False,
        answers=(SellerOrder,),
        tagged=True,
        problems=(*_ACTED_ON, *codes_of(ShipFromMissing, SellerChanged)),
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

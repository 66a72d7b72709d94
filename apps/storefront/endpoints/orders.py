"""Orders and sales: submitted and cancelled by buyers, shipped by sellers, read by both and the brand."""

from typing import Any, Final

import msgspec
from msgspec import UNSET

from apps.core.fair_shares.priorities import Priority
from apps.storefront.context import Context
from apps.storefront.endpoint import Endpoint, Idempotency
from apps.storefront.endpoints.histories import history_endpoint
from apps.storefront.hot_orders import take_turn
from apps.storefront.parameters import NoBody, OrderRole, OrdersQuery, PageQuery, none_if_unset
from apps.storefront.permissions import Access
from apps.tenancy.scopes import Scope
from resale.application.operations.orders import (
    Acknowledgement,
    LabelUnderWay,
    acknowledge_order,
    cancel_order,
    confirm_receipt,
    correct_address,
    request_label,
    submit_order,
)
from resale.application.operations.sellers import ShipFromMissing
from resale.application.queries.orders import (
    BrandOrder,
    BuyerOrder,
    OrderPage,
    OrderView,
    SellerOrder,
    get_order,
    list_orders,
    order_document,
    view_order,
)
from resale.domain.access import Principal
from resale.domain.addresses import Address, normalise_address
from resale.domain.customers import CustomerChanged
from resale.domain.customs import CustomsDataMissing, ExportFilingRequired
from resale.domain.entities import ORDER
from resale.domain.holds import TooManyOpenOrders
from resale.domain.ids import OrderId
from resale.domain.listings import ListingChanged, ListingNotForSale, ListingNotFound, PriceRefused
from resale.domain.orders import (
    IssueNeedsAction,
    NewOrder,
    Order,
    OrderChanged,
    OrderNotFound,
    OrderPrivate,
    OrderTransitionRefused,
    OwnListing,
)
from resale.domain.quotes import ListingVersionChanged, PriceChanged
from resale.domain.sellers import SellerChanged
from resale.domain.shipping_profiles import DestinationNotServed
from resale.errors import FieldError, Forbidden, Invalid

_TAG: Final = "Orders"
_VIEWS: Final = (BuyerOrder, SellerOrder, BrandOrder)
_BORDER: Final = (CustomsDataMissing, ExportFilingRequired)
_ACTED_ON: Final = (OrderNotFound, Forbidden, OrderTransitionRefused, OrderChanged)


class LabelRequestBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The address to ship from; by default the address of the seller account."""

    ship_from: Address | None = None


@Endpoint(
    method="get",
    path="/v1/orders",
    id="listOrders",
    tag=_TAG,
    summary="List orders, newest first",
    details=(
        "A shopper receives their purchases, or with `role=seller` their sales; a brand receives all orders. "
        "Without addresses."
    ),
    access=Access.PARTY,
    scope=Scope.ORDERS_READ,
    query=OrdersQuery,
    responses=_VIEWS,
    listed=True,
    is_hot=True,
)
def list_own_orders(context: Context[OrdersQuery, None]) -> OrderPage:
    """List the caller's orders, newest first."""
    query = context.query
    if context.is_brand and query.role is not UNSET:
        raise _no_role()
    return _list_orders(context, as_seller=query.role == OrderRole.SELLER)


def _replay(context: Context[Any, Any], order_id: str) -> OrderView:
    return get_order(reader=context.reader, principal=context.principal, order_id=OrderId(order_id))


@Endpoint(
    method="post",
    path="/v1/orders",
    id="submitOrder",
    tag=_TAG,
    summary="Create an order for a listing",
    details=(
        "Reserves the listing and creates the order in one step: if several buyers try, exactly one receives 202. "
        "The payment follows: read the order at `Location` until it is `confirmed` or `cancelled`. `payment_token` "
        "is a payment provider's token; card numbers are refused. When the buyer's bank requires 3-D Secure, "
        "`next_action` is `redirect_to_url`: open its `url` in the buyer's browser. The bank redirects the buyer to "
        "`return_url`, with `order_id` and the provider's parameters added. These parameters prove nothing: read "
        "the order. `return_url` is an `https://` URL of one of the shop's allowed origins, without a fragment; a "
        "sandbox shop can also use `http://localhost` on any port.\n\n"
        "Send the total that the buyer saw as `expected_total`, and the version of the listing as `listing_version`: "
        "if another total or version applies now, the order is refused with 409 `price_changed` or "
        "`listing_version_changed`, and the problem has the price of now as `quote`. A shop can require "
        "`expected_total`. A buyer can have a limited number of unpaid orders, by default five: one more is refused "
        "with 409 `too_many_open_orders`.\n\n"
        "When very many buyers order one listing at the same time, a few are let in at once and the others wait in "
        "line: 429 `waiting_line` has a `ticket`, the `position` (1 is next) and `Retry-After`. It has no effect: send "
        "the order again, with the same `Idempotency-Key` and the ticket as `Waiting-Line-Ticket`. Who came first is "
        "let in first; a position is counted where the request arrived, so it is an estimate. A ticket is valid for "
        "ten minutes and one attempt; each 429 has a new one with the same place. As soon as the listing is reserved, "
        "all receive 409 `listing_not_for_sale`."
    ),
    access=Access.SHOPPER,
    priority=Priority.ORDER,
    body=NewOrder,
    idempotency=Idempotency("submit_order", _replay, is_required=True),
    has_waiting_line=True,
    status=202,
    location="/v1/orders",
    responses=(BuyerOrder,),
    tagged=True,
    problems=(
        ListingNotFound,
        ListingNotForSale,
        ListingChanged,
        OwnListing,
        CustomerChanged,
        PriceChanged,
        ListingVersionChanged,
        TooManyOpenOrders,
        DestinationNotServed,
        PriceRefused,
        *_BORDER,
    ),
)
def submit(context: Context[None, NewOrder]) -> OrderView:
    """Create an order for a listing."""
    new = context.body
    with take_turn(context, new.listing_id):
        order = context.run(submit_order, shopper=context.shopper, new=new)
    address = normalise_address(new.shipping_address, at="/shipping_address")  # as the operation kept it
    return view_order(
        reader=context.reader,
        principal=Principal(customer_id=order.buyer_id),
        document=order_document(order),
        opened=OrderPrivate(shipping_address=address, payment_token=new.payment_token),
    )


@Endpoint(
    method="get",
    path="/v1/orders/{order_id}",
    id="getOrder",
    tag=_TAG,
    summary="Retrieve an order",
    details="The seller sees the shipping address after the order is confirmed, and never who the buyer is.",
    access=Access.PARTY,
    scope=Scope.ORDERS_READ,
    responses=_VIEWS,
    tagged=True,
    problems=(OrderNotFound,),
)
def get(context: Context[None, None], order_id: OrderId) -> OrderView:
    """Return an order as the caller sees it."""
    return get_order(reader=context.reader, principal=context.principal, order_id=order_id)


@Endpoint(
    method="put",
    path="/v1/orders/{order_id}/shipping_address",
    id="correctShippingAddress",
    tag=_TAG,
    summary="Correct the shipping address of an order",
    details=(
        "For the buyer and the brand, until a label for the address is bought. When the carrier refused the "
        "address, the buyer's order has `next_action.type` `correct_shipping_address`. A label is then bought for "
        "the new address, and the deadline to ship starts again. Idempotent: repeating it has no effect."
    ),
    access=Access.PARTY,
    scope=Scope.ORDERS_WRITE,
    body=Address,
    if_match=True,
    responses=(BuyerOrder, BrandOrder),
    tagged=True,
    problems=(OrderNotFound, Forbidden, OrderTransitionRefused, LabelUnderWay, OrderChanged, *_BORDER),
)
def correct(context: Context[None, Address], order_id: OrderId) -> OrderView:
    """Correct the shipping address."""
    return _view(context, context.run(correct_address, order_id=order_id, address=context.body))


@Endpoint(
    method="post",
    path="/v1/orders/{order_id}/cancel",
    id="cancelOrder",
    tag=_TAG,
    summary="Cancel an order",
    details=(
        "While a payment is processed, the cancellation is recorded and applied afterwards. A paid order that is "
        "not shipped is `cancelling` until its label is voided and its payment refunded. Idempotent: repeating it "
        "has no effect."
    ),
    access=Access.PARTY,
    scope=Scope.ORDERS_WRITE,
    body=NoBody,
    is_body_required=False,
    if_match=True,
    responses=_VIEWS,
    tagged=True,
    problems=(*_ACTED_ON, ListingChanged),
)
def cancel(context: Context[None, NoBody], order_id: OrderId) -> OrderView:
    """Cancel an order, or request it while a payment is processed."""
    return _view(context, context.run(cancel_order, order_id=order_id))


@Endpoint(
    method="post",
    path="/v1/orders/{order_id}/acknowledge",
    id="acknowledgeOrder",
    tag=_TAG,
    summary="Acknowledge an issue of an order",
    details=(
        "Clears the issues that have nothing left to do: `charged_back`, `label_refused` of an order that has ended, "
        "and those of a parcel or a return that staff have decided: `parcel_returned`, `parcel_lost` (a delivered "
        "order then completes and the seller is paid), `parcel_after_refund`, `return_after_close` and "
        "`return_not_delivered`. `reason_code` is a code of your own and is recorded in the history. Every other issue "
        "clears when its action is done. Idempotent: repeating it has no effect."
    ),
    access=Access.BRAND,
    scope=Scope.ORDERS_WRITE,
    body=Acknowledgement,
    example={"reason": "loss_taken"},
    if_match=True,
    responses=(BrandOrder,),
    tagged=True,
    problems=(OrderNotFound, Forbidden, IssueNeedsAction, OrderChanged),
)
def acknowledge(context: Context[None, Acknowledgement], order_id: OrderId) -> OrderView:
    """Acknowledge an issue that has nothing left to do."""
    return _view(context, context.run(acknowledge_order, order_id=order_id, acknowledgement=context.body))


@Endpoint(
    method="post",
    path="/v1/orders/{order_id}/confirm_receipt",
    id="confirmReceipt",
    tag=_TAG,
    summary="Confirm receipt of an order",
    details=(
        "The order is completed immediately instead of at the end of the claim window. No claim is possible afterwards."
    ),
    access=Access.SHOPPER,
    body=NoBody,
    is_body_required=False,
    responses=(BuyerOrder,),
    tagged=True,
    problems=_ACTED_ON,
)
def confirm(context: Context[None, NoBody], order_id: OrderId) -> OrderView:
    """Confirm receipt."""
    return _view(context, context.run(confirm_receipt, order_id=order_id))


@Endpoint(
    method="get",
    path="/v1/sales",
    id="listSales",
    tag=_TAG,
    summary="List the shopper's sales, newest first",
    details="Same as `GET /v1/orders?role=seller`. Without addresses.",
    access=Access.SHOPPER,
    query=PageQuery,
    responses=(SellerOrder,),
    listed=True,
)
def list_sales(context: Context[PageQuery, None]) -> OrderPage:
    """List the caller's sales, newest first."""
    return _list_orders(context, as_seller=True)


@Endpoint(
    method="post",
    path="/v1/sales/{order_id}/label",
    id="requestLabel",
    tag=_TAG,
    summary="Request the shipping label of a sale",
    details=(
        "For the seller. The label is bought moments later: read `label_url` of the order. `ship_from` is stored in "
        "the seller account; without it, the stored address is used. Idempotent: repeating it has no effect."
    ),
    access=Access.SHOPPER,
    body=LabelRequestBody,
    is_body_required=False,
    responses=(SellerOrder,),
    tagged=True,
    problems=(*_ACTED_ON, ShipFromMissing, SellerChanged),
)
def ask_for_label(context: Context[None, LabelRequestBody], order_id: OrderId) -> OrderView:
    """Request the label of a sale."""
    return _view(context, context.run(request_label, order_id=order_id, ship_from=context.body.ship_from))


get_order_history = history_endpoint(ORDER)


def _list_orders(context: Context[PageQuery, None], *, as_seller: bool) -> OrderPage:
    query = context.query
    return list_orders(
        reader=context.reader,
        principal=context.principal,
        as_seller=as_seller,
        limit=query.limit,
        cursor=none_if_unset(query.cursor),
    )


def _view(context: Context[Any, Any], order: Order) -> OrderView:
    return view_order(reader=context.reader, principal=context.principal, document=order_document(order))


def _no_role() -> Invalid:
    detail = "The brand lists all orders; a role is a shopper's."
    return Invalid(detail, errors=(FieldError(pointer="/role", code="not_applicable", detail=detail),))

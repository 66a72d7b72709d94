"""Orders as each party sees them: each view is an allow-list."""

from datetime import datetime
from enum import StrEnum
from typing import Final

import msgspec
from msgspec import UNSET

from resale.application.ports import Document, Page, Reader
from resale.domain.access import Action, Principal, Role, permits
from resale.domain.addresses import Address
from resale.domain.compensations import Compensation
from resale.domain.entities import ORDER
from resale.domain.ids import ClaimId, CustomerId, ListingId, OrderId, RefundId, ShipmentId
from resale.domain.issues import Issue, issues_of
from resale.domain.listing_snapshots import ListingSnapshot
from resale.domain.orders import (
    Amounts,
    Commission,
    Order,
    OrderNotFound,
    OrderPrivate,
    OrderStatus,
)
from resale.domain.payments import Dispute, PaymentStatus, Refund, RefundState
from resale.domain.reasons import ReasonCode
from resale.domain.shipments import ShipmentStatus, TrackingEvent
from resale.domain.shipping_profiles import ShippingLine
from resale.domain.taxes import TaxLine


class PaymentView(msgspec.Struct, frozen=True, kw_only=True):
    """A payment as the brand sees it, without its token."""

    id: str
    status: PaymentStatus
    started_at: datetime
    provider_reference: str | None = None
    reason_code: str | None = None
    partner_message: str | None = None
    captured_minor: int = 0
    refunded_minor: int = 0


class BuyerPayment(msgspec.Struct, frozen=True, kw_only=True):
    """A payment as its buyer sees it. ``action_url`` is the bank's page while authentication is required."""

    status: PaymentStatus
    action_url: str | None = None
    captured_minor: int = 0
    refunded_minor: int = 0


class NextActionType(StrEnum):
    """The kind of an action that an order requires from its buyer."""

    REDIRECT_TO_URL = "redirect_to_url"
    CORRECT_SHIPPING_ADDRESS = "correct_shipping_address"


class NextAction(msgspec.Struct, frozen=True, kw_only=True):
    """The action that an order requires from its buyer.

    ``redirect_to_url``: open ``url``, the bank's page (3-D Secure); it redirects to the order's ``return_url``.
    ``correct_shipping_address``: the carrier refused the address, so there is no label yet.
    """

    type: NextActionType
    url: str | None = None


class ParcelView(msgspec.Struct, frozen=True, kw_only=True):
    """A parcel as buyer and seller see it."""

    id: ShipmentId
    status: ShipmentStatus
    carrier: str | None = None
    service: str | None = None
    tracking_number: str | None = None
    shipped_at: datetime | None = None
    delivered_at: datetime | None = None
    events: tuple[TrackingEvent, ...] = ()


class SellerParcel(ParcelView, frozen=True, kw_only=True):
    """A parcel as its seller and the brand see it, with the state of its label."""

    label_wanted: bool = False
    reason_code: str | None = None


class RefundView(msgspec.Struct, frozen=True, kw_only=True):
    """A refund as its buyer sees it."""

    id: RefundId
    status: RefundState
    amount: int
    reason_code: str
    started_at: datetime
    finished_at: datetime | None = None


class OrderView(msgspec.Struct, frozen=True, kw_only=True):
    """The fields that both parties see. ``shipping_address`` is null unless the caller has permission."""

    id: OrderId
    object: str
    livemode: bool
    version: int
    status: OrderStatus
    listing_id: ListingId
    seller_id: CustomerId
    market: str
    locale: str
    listing: ListingSnapshot
    amounts: Amounts
    shipping: ShippingLine | None = None
    tax: TaxLine | None = None
    cancel_requested: bool
    cancel_reason: str | None
    confirmed_at: datetime | None
    ship_by: datetime | None = None
    claim_until: datetime | None = None
    claim_id: ClaimId | None = None
    completed_at: datetime | None = None
    created_at: datetime
    updated_at: datetime
    shipping_address: Address | None = None


class BuyerOrder(OrderView, frozen=True, kw_only=True):
    """An order as its buyer sees it."""

    buyer_id: CustomerId
    payment: BuyerPayment | None = None
    next_action: NextAction | None = None
    shipment: ParcelView | None = None
    refunds: tuple[RefundView, ...] = ()


class SellerOrder(OrderView, frozen=True, kw_only=True):
    """An order as the seller sees it, with the commission and the label, without the buyer."""

    commission: Commission
    shipment: SellerParcel | None = None
    label_url: str | None = None


class BrandOrder(OrderView, frozen=True, kw_only=True):
    """An order as the brand and its staff see it.

    ``issues`` are codes of what needs action, the most urgent first; ``attention`` is the first. ``dispute`` is the one
    of ``disputes`` that matters most: open before lost, the newest of equal ones.
    ``label_message`` is why the carrier refused the label, in its own words; like the address, it is null in lists.
    """

    buyer_id: CustomerId
    commission: Commission
    payment: PaymentView | None
    hold_expires_at: datetime
    shipment: SellerParcel | None = None
    refunds: tuple[Refund, ...] = ()
    dispute: Dispute | None = None
    disputes: tuple[Dispute, ...] = ()
    compensation: Compensation | None = None
    attention: str | None = None
    issues: tuple[str, ...] = ()
    due_at: datetime | None = None
    step_tries: int = 0
    label_message: str | None = None


class OrderPage(msgspec.Struct, frozen=True, kw_only=True):
    """A page of orders as JSON-ready views."""

    object: str = "list"
    data: tuple[OrderView, ...]
    has_more: bool
    next_cursor: str | None


class _Parcel(msgspec.Struct):
    reason_code: str | None = None


class _Parties(msgspec.Struct):
    buyer_id: CustomerId
    seller_id: CustomerId
    status: OrderStatus
    attention: str | None = None
    issues: tuple[str, ...] = ()
    shipment: _Parcel | None = None


_VIEWS: Final[dict[Role, type[OrderView]]] = {Role.OWNER: BuyerOrder, Role.COUNTERPARTY: SellerOrder}
_PARTIES: Final = msgspec.json.Decoder(_Parties)
_DECODERS: Final[dict[type[OrderView], msgspec.json.Decoder[OrderView]]] = {
    kind: msgspec.json.Decoder(kind) for kind in (BuyerOrder, SellerOrder, BrandOrder)
}
_ENCODER: Final = msgspec.json.Encoder()


def get_order(*, reader: Reader, principal: Principal, order_id: OrderId) -> OrderView:
    """Return an order as the caller sees it.

    Shape: reads 1 item, and a data key when the address is opened.

    Raises:
        OrderNotFound: None that the caller may see.
    """
    document = reader.find(ORDER, order_id)
    if document is None:
        raise OrderNotFound
    return view_order(reader=reader, principal=principal, document=document)


def view_order(
    *,
    reader: Reader,
    principal: Principal,
    document: Document,
    with_address: bool = True,
    opened: OrderPrivate | None = None,
) -> OrderView:
    """Return the caller's view of an order document.

    Args:
        reader: Opens what is sealed.
        principal: Who looks.
        document: The order's.
        with_address: False: the address is left out, also where the caller may have it.
        opened: What lies sealed in the document, where the caller has just written it; else it is opened.

    Raises:
        OrderNotFound: Not for this caller's eyes.
    """
    parties = _PARTIES.decode(document.doc)
    role = ORDER.authorize_view(principal, parties)
    view = _DECODERS[_VIEWS.get(role, BrandOrder)].decode(document.doc)
    if isinstance(view, BrandOrder) and view.dispute is not None and not view.disputes:
        view = msgspec.structs.replace(view, disputes=(view.dispute,))  # stored before there could be several
    if isinstance(view, BuyerOrder):
        view = _with_next_action(view, parties)
    if not with_address or not permits(Action.VIEW_ORDER_ADDRESS, role, parties.status):
        return view
    opened = opened or _private(reader, document, parties.buyer_id)
    if opened is None:
        return view
    if isinstance(view, SellerOrder):
        return msgspec.structs.replace(view, shipping_address=opened.shipping_address, label_url=opened.label_url)
    if isinstance(view, BrandOrder):
        view = msgspec.structs.replace(view, label_message=opened.label_message)
    return msgspec.structs.replace(view, shipping_address=opened.shipping_address)


def list_orders(*, reader: Reader, principal: Principal, as_seller: bool, limit: int, cursor: str | None) -> OrderPage:
    """List the caller's own orders, newest first: purchases or sales; all orders for the brand.

    Addresses are left out of lists. Shape: one query a shard; at most ``limit`` (1-100) orders.

    Raises:
        InvalidCursor: The cursor was changed or belongs to another list.
    """
    if principal.standing != Role.PUBLIC:
        page = reader.list_recent_orders(limit=limit, cursor=cursor)
    elif principal.customer_id is None:
        return OrderPage(data=(), has_more=False, next_cursor=None)
    elif as_seller:
        page = reader.list_seller_orders(seller_id=principal.customer_id, limit=limit, cursor=cursor)
    else:
        page = reader.list_buyer_orders(buyer_id=principal.customer_id, limit=limit, cursor=cursor)
    return _page(reader, principal, page)


def order_document(order: Order) -> Document:
    """Return the document of an order that an operation returned, so that all views are built from documents."""
    private = None if order.private is UNSET else order.private
    doc = _ENCODER.encode(msgspec.structs.replace(order, private=UNSET))
    return Document(id=order.id, version=order.version, doc=doc, private=private)


def _with_next_action(view: BuyerOrder, parties: _Parties) -> BuyerOrder:
    if view.status == OrderStatus.PAYMENT_PENDING and view.payment is not None and view.payment.action_url is not None:
        action = NextAction(type=NextActionType.REDIRECT_TO_URL, url=view.payment.action_url)
        return msgspec.structs.replace(view, next_action=action)
    reason = None if parties.shipment is None else parties.shipment.reason_code
    is_refused = Issue.LABEL_REFUSED in issues_of(parties)
    if view.status == OrderStatus.CONFIRMED and is_refused and reason == ReasonCode.ADDRESS_INVALID:
        action = NextAction(type=NextActionType.CORRECT_SHIPPING_ADDRESS)
        return msgspec.structs.replace(view, next_action=action)
    return view


def _page(reader: Reader, principal: Principal, page: Page) -> OrderPage:
    views = tuple(
        view_order(reader=reader, principal=principal, document=document, with_address=False)
        for document in page.documents
    )
    return OrderPage(data=views, has_more=page.next_cursor is not None, next_cursor=page.next_cursor)


def _private(reader: Reader, document: Document, buyer_id: CustomerId) -> OrderPrivate | None:
    if document.private is None:
        return None
    return reader.vault.open(document.private, OrderPrivate, owner_id=buyer_id, entity_id=document.id)

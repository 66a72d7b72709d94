"""Orders: the newest first, those that need a person, one of them whole, and what managers can do about it."""

from typing import Final

import msgspec
from django.contrib import messages
from django.forms import Form
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from apps.backoffice.addresses import AddressForm
from apps.backoffice.amounts import write_amount
from apps.backoffice.forms import (
    AcknowledgeForm,
    CarrierClaimForm,
    CompensationForm,
    RefundForm,
    ReportForm,
    VersionForm,
)
from apps.backoffice.ledger_tables import make_transaction_table
from apps.backoffice.pages import StaffPage
from apps.backoffice.photos import Picture, find_cover, url_of
from apps.backoffice.staff_context import StaffContext
from apps.backoffice.timelines import read_timeline
from resale.application.operations.orders import (
    COMPENSABLE,
    CORRECTABLE,
    REFUNDABLE,
    RefundTooLarge,
    acknowledge_order,
    cancel_order,
    correct_address,
    refund_order,
    report_tracking,
)
from resale.application.ports import Reader
from resale.application.queries.ledger import list_source_transactions
from resale.application.queries.listings import get_listing
from resale.application.queries.orders import BrandOrder, get_order, list_orders
from resale.application.queries.transfers import list_order_transfers
from resale.domain.access import Action, Principal
from resale.domain.acknowledgements import can_acknowledge
from resale.domain.addresses import address_lines
from resale.domain.amount_rules import AmountNotSupported
from resale.domain.compensation_ledger import sum_seller_loss
from resale.domain.entities import ORDER
from resale.domain.ids import ListingId, OrderId
from resale.domain.issues import Issue, issues_of
from resale.domain.listings import ListingNotFound
from resale.domain.orders import OrderStatus
from resale.domain.payments import DisputeStatus, RefundState
from resale.domain.shipments import REPORTED, SHIPMENTS, ShipmentStatus
from resale.errors import Invalid

_LIMIT: Final = 25
_PAGE_LIMIT: Final = 100  # orders of one read
_SCAN_LIMIT: Final = 300  # orders of one scanned for those that need a person: three reads
#: Where asking for a cancellation still does something (``resale.application.operations.orders.cancel_order``).
_CANCELLABLE: Final = frozenset(
    {OrderStatus.SUBMITTED, OrderStatus.PAYMENT_PENDING, OrderStatus.CONFIRMED, OrderStatus.AWAITING_SHIPMENT}
)
_UNDER_WAY: Final = frozenset({RefundState.PENDING, RefundState.FAILED})  # what failed is tried again
_MESSAGES: Final = {
    OrderStatus.CANCELLED: "The order is cancelled.",
    OrderStatus.CANCELLING: "The order is being cancelled and refunded.",
}


class ScannedOrders(msgspec.Struct, frozen=True, kw_only=True):
    """The orders a scan went through, newest first, and where the next one goes on."""

    orders: tuple[BrandOrder, ...]
    next_cursor: str | None

    @property
    def needing_action(self) -> tuple[BrandOrder, ...]:
        """Those that need a person."""
        return tuple(order for order in self.orders if order.attention is not None)

    @property
    def last(self) -> BrandOrder | None:
        """The oldest it went through."""
        return self.orders[-1] if self.orders else None


class Orders(StaffPage):
    """``/admin/orders/``; ``?show=attention``: those that need a person."""

    def back(self) -> str:
        """Start the list again: a cursor may have outlived its secret."""
        return reverse("admin:orders")

    def get(self, request: HttpRequest) -> HttpResponse:
        """Show a page of orders."""
        reader, principal = self.context.open_reader(), self.context.principal
        cursor = request.GET.get("cursor") or None
        if request.GET.get("show") == "attention":
            scanned = find_needing_action(reader, principal, cursor, limit=_SCAN_LIMIT)
            return self.page(
                "orders",
                title="Orders",
                orders=scanned.needing_action,
                scanned=scanned,
                next_cursor=scanned.next_cursor,
            )
        page = list_orders(reader=reader, principal=principal, as_seller=False, limit=_LIMIT, cursor=cursor)
        return self.page("orders", title="Orders", orders=page.data, next_cursor=page.next_cursor)


class OrderPages(StaffPage):
    """What the pages of one order share: how it is shown, and that a refusal leads back to it."""

    def back(self) -> str:
        """Look at the order as it is now."""
        return reverse("admin:order", kwargs={"order_id": self.kwargs["order_id"]})

    def show(
        self,
        order_id: OrderId,
        *,
        status: int = 200,
        **bound: Form,
    ) -> HttpResponse:
        """Show one order with its money, its parcel, its parties and its history.

        Args:
            order_id: Which.
            status: Of the page.
            bound: A form that was filled in wrong, under its name on the page.
        """
        context, reader = self.context, self.context.open_reader()
        order = read_order(reader, context.principal, order_id)
        timeline = read_timeline(
            context=context,
            reader=reader,
            of=ORDER,
            entity_id=order_id,
            cursor=self.request.GET.get("history"),
        )
        offered = _reportable(order)
        return self.page(
            "order",
            title="Order",
            status=status,
            order=order,
            remaining=remaining_amount(order),
            cover=find_listing_cover(context, reader, order.listing_id),
            timeline=timeline,
            address_lines=() if order.shipping_address is None else address_lines(order.shipping_address),
            may_compensate=_compensable(order) and context.is_permitted(Action.COMPENSATE_SELLER, order.status),
            may_settle=_has_open_claim(order) and context.is_permitted(Action.COMPENSATE_SELLER, order.status),
            may_acknowledge=any(can_acknowledge(issue, order.status) for issue in issues_of(order))
            and context.is_permitted(Action.ACKNOWLEDGE_ORDER, order.status),
            may_correct=_correctable(order) and context.is_permitted(Action.CORRECT_ADDRESS, order.status),
            may_cancel=_cancellable(order) and context.is_permitted(Action.CANCEL_ORDER, order.status),
            may_refund=_refundable(order) and context.is_permitted(Action.REFUND_ORDER, order.status),
            may_report=bool(offered) and context.is_permitted(Action.REPORT_TRACKING, order.status),
            may_see_address=context.is_permitted(Action.VIEW_ORDER_ADDRESS, order.status),
            **_load_ledger(context, reader, order),
            **{**_make_forms(order, offered), **bound},
        )


class OrderDetail(OrderPages):
    """``/admin/orders/{order_id}/``."""

    def get(self, request: HttpRequest, order_id: str) -> HttpResponse:  # noqa: ARG002 - Django's signature
        """Show one order."""
        return self.show(ORDER.read_id(order_id))


class Cancellation(OrderPages):
    """``/admin/orders/{order_id}/cancel/``."""

    def post(self, request: HttpRequest, order_id: str) -> HttpResponse:
        """Cancel an order, or ask for it while a payment runs."""
        form = VersionForm(request.POST)
        if not form.is_valid():
            messages.error(request, "The form was not complete and nothing was changed. Check the order again.")
            return redirect(self.back())
        context, found_id = self.context, ORDER.read_id(order_id)
        order = context.with_version(form.cleaned_data["version"]).run(cancel_order, order_id=found_id)
        message = _MESSAGES.get(order.status, "The order will be cancelled as soon as its payment is settled.")
        messages.success(request, message)
        return redirect(self.back())


class AddressCorrection(OrderPages):
    """``/admin/orders/{order_id}/address/``."""

    def post(self, request: HttpRequest, order_id: str) -> HttpResponse:
        """Correct where an order goes."""
        context, found_id = self.context, ORDER.read_id(order_id)
        shown = read_order(context.open_reader(), context.principal, found_id)
        form = AddressForm(request.POST, address=shown.shipping_address)
        if not form.is_valid():
            return self.show(found_id, correcting=form, status=422)
        try:
            order = context.with_version(form.cleaned_data["version"]).run(
                correct_address, order_id=found_id, address=form.address()
            )
        except Invalid as refused:
            form.add_errors(refused)
            return self.show(found_id, correcting=form, status=422)
        is_label_wanted = order.shipment is not None and order.shipment.label_wanted
        messages.success(
            request, "The address is corrected." + (" The label is bought again." if is_label_wanted else "")
        )
        return redirect(self.back())


class Acknowledgement(OrderPages):
    """``/admin/orders/{order_id}/acknowledge/``."""

    def post(self, request: HttpRequest, order_id: str) -> HttpResponse:
        """Acknowledge an issue that has nothing left to do."""
        form = AcknowledgeForm(request.POST)
        if not form.is_valid():
            messages.error(request, "The form was not complete and nothing was changed. Check the order again.")
            return redirect(self.back())
        context, found_id = self.context, ORDER.read_id(order_id)
        context.with_version(form.cleaned_data["version"]).run(
            acknowledge_order, order_id=found_id, acknowledgement=form.acknowledgement()
        )
        messages.success(request, "The issue is acknowledged.")
        return redirect(self.back())


class Refund(OrderPages):
    """``/admin/orders/{order_id}/refund/``."""

    def post(self, request: HttpRequest, order_id: str) -> HttpResponse:
        """Begin to give some or all of the money back."""
        context, found_id = self.context, ORDER.read_id(order_id)
        shown = read_order(context.open_reader(), context.principal, found_id)
        form = RefundForm(request.POST, currency=shown.amounts.currency)
        if not form.is_valid():
            return self.show(found_id, refunding=form, status=422)
        try:
            order = context.with_version(form.cleaned_data["version"]).run(refund_order, new=form.refund(found_id))
        except RefundTooLarge:
            form.add_error("amount", "The amount is larger than the remaining amount of the payment.")
            return self.show(found_id, refunding=form, status=422)
        except AmountNotSupported as refused:
            form.add_error("amount", refused.detail)
            return self.show(found_id, refunding=form, status=422)
        amount = write_amount(order.refunds[-1].amount, order.currency)
        messages.success(request, f"{amount} is being refunded to the buyer.")
        return redirect(self.back())


class Report(OrderPages):
    """``/admin/orders/{order_id}/report/``."""

    def post(self, request: HttpRequest, order_id: str) -> HttpResponse:
        """Record where the parcel is, as if its carrier had message so."""
        context, found_id = self.context, ORDER.read_id(order_id)
        form = ReportForm(request.POST)
        if not form.is_valid():
            return self.show(found_id, reporting=form, status=422)
        context.with_version(form.cleaned_data["version"]).run(
            report_tracking, order_id=found_id, event=form.event(now=context.now)
        )
        messages.success(request, "The report is recorded.")
        return redirect(self.back())


def read_order(reader: Reader, principal: Principal, order_id: OrderId) -> BrandOrder:
    """Read an order as staff see it. Raises OrderNotFound."""
    order = get_order(reader=reader, principal=principal, order_id=order_id)
    assert isinstance(order, BrandOrder)  # noqa: S101 - what staff are shown, by the queries' own table
    return order


def find_needing_action(reader: Reader, principal: Principal, cursor: str | None, *, limit: int) -> ScannedOrders:
    """ScannedOrders through the newest orders, from a cursor on, for those that need a person: no index knows them."""
    orders: list[BrandOrder] = []
    while True:
        page = list_orders(reader=reader, principal=principal, as_seller=False, limit=_PAGE_LIMIT, cursor=cursor)
        orders += [order for order in page.data if isinstance(order, BrandOrder)]
        cursor = page.next_cursor
        if cursor is None or len(orders) >= limit:
            return ScannedOrders(orders=tuple(orders), next_cursor=cursor)


def remaining_amount(order: BrandOrder) -> int:
    """Say what of the captured money was not refunded."""
    return 0 if order.payment is None else order.payment.captured_minor - order.payment.refunded_minor


def find_listing_cover(context: StaffContext, reader: Reader, listing_id: ListingId) -> Picture | None:
    """Find the first photo of a listing that may not be there any more."""
    try:
        listing = get_listing(reader=reader, principal=context.principal, listing_id=listing_id)
    except ListingNotFound:
        return None
    return find_cover(listing, url_of=url_of(context, listing))


def _make_forms(order: BrandOrder, offered: tuple[ShipmentStatus, ...]) -> dict[str, Form]:
    """Make the empty forms of the page, by their names in its template."""
    version, currency = {"version": order.version}, order.amounts.currency
    return {
        "correcting": AddressForm(address=order.shipping_address, version=order.version),
        "acknowledging": AcknowledgeForm(initial=version, auto_id="acknowledge_%s"),
        "cancelling": VersionForm(initial=version, auto_id="cancel_%s"),
        "refunding": RefundForm(initial=version, currency=currency),
        "reporting": ReportForm(initial=version, offered=offered),
        "compensating": CompensationForm(initial=version, currency=currency),
        "settling": CarrierClaimForm(initial=version, currency=currency),
    }


def _load_ledger(context: StaffContext, reader: Reader, order: BrandOrder) -> dict[str, object]:
    """Read what was booked for an order and whose it is, for who may see the books."""
    if not context.is_permitted(Action.VIEW_LEDGER, ""):
        return {}
    transactions = list_source_transactions(reader=reader, principal=context.principal, source_id=order.id)
    transfers = list_order_transfers(reader=reader, principal=context.principal, order_id=order.id)
    return {"table": make_transaction_table(transactions, currency=order.amounts.currency), "transfers": transfers}


def _cancellable(order: BrandOrder) -> bool:
    return order.status in _CANCELLABLE and not order.cancel_requested


def _correctable(order: BrandOrder) -> bool:
    """Whether the address can be corrected: no label is bought, nor being bought."""
    parcel = order.shipment
    has_label = parcel is not None and (parcel.label_wanted or parcel.status != ShipmentStatus.REQUESTED)
    return order.status in CORRECTABLE and not order.cancel_requested and not has_label


def _refundable(order: BrandOrder) -> bool:
    """Whether a refund can be begun; that its time is not over yet is the operation's to say."""
    is_disputed = any(dispute.status == DisputeStatus.OPEN for dispute in order.disputes)
    is_under_way = any(refund.status in _UNDER_WAY for refund in order.refunds)
    return order.status in REFUNDABLE and remaining_amount(order) > 0 and not is_disputed and not is_under_way


def _compensable(order: BrandOrder) -> bool:
    """Whether refunds took something from the seller, and nothing was paid for it."""
    is_under_way = any(refund.status in _UNDER_WAY for refund in order.refunds)
    return (
        order.status in COMPENSABLE
        and sum_seller_loss(order.refunds) > 0
        and order.compensation is None
        and not is_under_way
    )


def _has_open_claim(order: BrandOrder) -> bool:
    return Issue.CARRIER_CLAIM_OPEN in issues_of(order)


def _reportable(order: BrandOrder) -> tuple[ShipmentStatus, ...]:
    """List what a report could say that still moves the parcel."""
    parcel = order.shipment
    if parcel is None:
        return ()
    return tuple(status for status, command in REPORTED.items() if SHIPMENTS.permits(parcel.status, command))

"""Orders: the newest first, one of them whole, and its cancellation by a manager."""

from typing import Final

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from apps.backoffice.desks import Desk
from apps.backoffice.forms import VersionForm
from apps.backoffice.pages import StaffPage
from apps.backoffice.pictures import Picture, find_cover
from apps.backoffice.timelines import PAGE, make_timeline
from resale.application.operations.orders import cancel_order
from resale.application.ports import Reader
from resale.application.queries.history import list_order_history
from resale.application.queries.listings import get_listing
from resale.application.queries.orders import BrandOrder, OrderView, get_order, list_orders
from resale.domain.access import Action
from resale.domain.ids import OrderId, is_id
from resale.domain.listings import ListingNotFound
from resale.domain.orders import OrderNotFound, OrderStatus

_LIMIT: Final = 25
#: Where asking for a cancellation still does something (``resale.application.operations.orders.cancel_order``).
_CANCELLABLE: Final = frozenset(
    {OrderStatus.SUBMITTED, OrderStatus.PAYMENT_PENDING, OrderStatus.CONFIRMED, OrderStatus.AWAITING_SHIPMENT}
)
_SAID: Final = {
    OrderStatus.CANCELLED: "The order is cancelled.",
    OrderStatus.CANCELLING: "The order is being cancelled: the money is given back.",
}


class Orders(StaffPage):
    """``/admin/orders/``."""

    def back(self) -> str:
        """Start the list again: a cursor may have outlived its secret."""
        return reverse("admin:orders")

    def get(self, request: HttpRequest) -> HttpResponse:
        """Show a page of orders."""
        page = list_orders(
            reader=self.desk.open_reader(),
            principal=self.desk.principal,
            as_seller=False,
            limit=_LIMIT,
            cursor=request.GET.get("cursor") or None,
        )
        return self.page("orders", title="Orders", orders=page.data, next_cursor=page.next_cursor)


class OrderDetail(StaffPage):
    """``/admin/orders/{order_id}/``."""

    def get(self, request: HttpRequest, order_id: str) -> HttpResponse:
        """Show one order with its money, its parties and its history."""
        desk, reader, found_id = self.desk, self.desk.open_reader(), _order_id(order_id)
        order = get_order(reader=reader, principal=desk.principal, order_id=found_id)
        assert isinstance(order, BrandOrder)  # noqa: S101 - what staff are shown, by the queries' own table
        history = list_order_history(
            reader=reader,
            principal=desk.principal,
            order_id=found_id,
            limit=PAGE,
            cursor=request.GET.get("history") or None,
        )
        cancellable = order.status in _CANCELLABLE and not order.cancel_requested
        return self.page(
            "order",
            title="Order",
            order=order,
            cover=_find_cover(desk, reader, order),
            timeline=make_timeline(history, tenant=desk.tenant),
            cancelling=VersionForm(initial={"version": order.version}),
            may_cancel=cancellable and desk.may(Action.CANCEL_ORDER, order.status),
            may_see_address=desk.may(Action.VIEW_ORDER_ADDRESS, order.status),
        )


class Cancellation(StaffPage):
    """``/admin/orders/{order_id}/cancel/``."""

    def back(self) -> str:
        """Look at the order as it is now."""
        return reverse("admin:order", kwargs=self.kwargs)

    def post(self, request: HttpRequest, order_id: str) -> HttpResponse:
        """Cancel an order, or ask for it while a payment runs."""
        form = VersionForm(request.POST)
        if not form.is_valid():
            messages.error(request, "The form was not complete. Nothing was done; look at the order again.")
            return redirect(self.back())
        desk, found_id = self.desk, _order_id(order_id)
        order = desk.run(
            lambda uow: cancel_order(
                uow=uow,
                principal=desk.principal,
                order_id=found_id,
                expected_version=form.cleaned_data["version"],
                now=desk.now,
            )
        )
        said = _SAID.get(order.status, "The order will be cancelled as soon as its payment is settled.")
        messages.success(request, said)
        return redirect(self.back())


def _find_cover(desk: Desk, reader: Reader, order: OrderView) -> Picture | None:
    try:
        listing = get_listing(reader=reader, principal=desk.principal, listing_id=order.listing_id)
    except ListingNotFound:
        return None
    return find_cover(listing, base_url=desk.media_base_url)


def _order_id(text: str) -> OrderId:
    if not is_id("ord", text):
        raise OrderNotFound
    return OrderId(text)

"""What parties do with a paid order over HTTP: its label, its receipt; and a seller's account."""

from collections.abc import Callable
from typing import Final

import msgspec
from django.http import HttpResponse
from rest_framework.request import Request

from apps.core.requests import decode_json, read_body, read_json
from apps.core.views import LeanAPIView, json_response
from apps.storefront.context import call_of, principal_of, shopper_of
from apps.storefront.parameters import NoQuery, PageQuery, given, read_query, refuse_input
from apps.storefront.responses import is_current, not_modified, one_object, version_tag
from resale.application.operations.orders import confirm_receipt, request_label
from resale.application.operations.sellers import edit_seller
from resale.application.ports import UnitOfWork
from resale.application.queries.orders import list_orders, order_document, view_order
from resale.application.queries.sellers import SellerView, get_own_seller, seller_document, view_seller
from resale.domain.access import Principal
from resale.domain.addresses import Address
from resale.domain.ids import OrderId, is_id
from resale.domain.orders import Order, OrderNotFound
from resale.domain.sellers import SellerEdit

_encode: Final = msgspec.json.Encoder().encode


class LabelRequestBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the parcel leaves from; absent: what the seller's account says."""

    ship_from: Address | None = None


class SalesView(LeanAPIView):
    """``/v1/sales``."""

    def get(self, request: Request) -> HttpResponse:
        """List what the caller sold, newest first."""
        call = call_of(request)
        query = read_query(request, PageQuery)
        reader = call.open_reader()
        page = list_orders(
            reader=reader,
            principal=principal_of(shopper_of(call), reader),
            as_seller=True,
            limit=query.limit,
            cursor=given(query.cursor),
        )
        return json_response(_encode(page))


class _OrderActionView(LeanAPIView):
    """A named action of a shopper on one order, which answers with the order."""

    def act(
        self, request: Request, order_id: str, operation: Callable[[UnitOfWork, Principal, OrderId], Order]
    ) -> HttpResponse:
        """Run one operation on an order and show the order as the caller may see it."""
        call = call_of(request)
        if not is_id("ord", order_id):
            raise OrderNotFound("No such order.")
        reader = call.open_reader()
        principal = principal_of(shopper_of(call), reader)
        order = call.run(lambda uow: operation(uow, principal, OrderId(order_id)), principal=principal)
        view = view_order(reader=reader, principal=principal, document=order_document(order))
        return one_object(_encode(view), tag=version_tag(view.version))


class ReceiptView(_OrderActionView):
    """``/v1/orders/{order_id}/confirm_receipt``."""

    def post(self, request: Request, order_id: str) -> HttpResponse:
        """Say that all is well."""
        refuse_input(request)
        now = call_of(request).now
        return self.act(
            request,
            order_id,
            lambda uow, principal, found: confirm_receipt(uow=uow, principal=principal, order_id=found, now=now),
        )


class LabelView(_OrderActionView):
    """``/v1/sales/{order_id}/label``."""

    def post(self, request: Request, order_id: str) -> HttpResponse:
        """Ask for the label of a sale."""
        read_query(request, NoQuery)
        body = read_body(request)
        ship_from = decode_json(body, LabelRequestBody).ship_from if body else None
        now = call_of(request).now
        return self.act(
            request,
            order_id,
            lambda uow, principal, found: request_label(
                uow=uow, principal=principal, order_id=found, ship_from=ship_from, now=now
            ),
        )


class SellerAccountView(LeanAPIView):
    """``/v1/seller_account``."""

    def get(self, request: Request) -> HttpResponse:
        """Show the caller's own seller account."""
        call = call_of(request)
        read_query(request, NoQuery)
        reader = call.open_reader()
        view = get_own_seller(reader=reader, principal=principal_of(shopper_of(call), reader))
        tag = version_tag(view.version)
        return not_modified(tag) if is_current(request, tag) else _shown(view)

    def patch(self, request: Request) -> HttpResponse:
        """Change how the caller is paid and where they ship from."""
        call = call_of(request)
        read_query(request, NoQuery)
        shopper = shopper_of(call)
        edit = decode_json(read_json(request), SellerEdit)
        seller = call.run(lambda uow: edit_seller(uow=uow, shopper=shopper, edit=edit, now=call.now))
        return _shown(view_seller(reader=call.open_reader(), document=seller_document(seller)))


def _shown(view: SellerView) -> HttpResponse:
    return one_object(_encode(view), tag=version_tag(view.version))

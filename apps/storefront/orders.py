"""Orders over HTTP: submitted and cancelled by buyers, looked at by both parties and the brand."""

from http import HTTPStatus
from typing import Final

import msgspec
from django.http import HttpResponse
from msgspec import UNSET
from rest_framework.request import Request

from apps.core.requests import decode_command, decode_json, read_json
from apps.core.views import LeanAPIView, json_response
from apps.storefront.context import call_of, principal_of, require_brand, require_party, shopper_of
from apps.storefront.idempotency import do_once
from apps.storefront.parameters import (
    NoQuery,
    OrderRole,
    OrdersQuery,
    expected_version,
    given,
    read_query,
    refuse_input,
    require_command_key,
)
from apps.storefront.responses import is_current, not_modified, one_object, version_tag
from resale.application.operations.orders import (
    Acknowledgement,
    acknowledge_order,
    cancel_order,
    correct_address,
    submit_order,
)
from resale.application.queries.orders import OrderView, get_order, list_orders, order_document, view_order
from resale.domain.access import Principal, Role
from resale.domain.addresses import Address, accepted_address
from resale.domain.ids import OrderId, is_id
from resale.domain.orders import NewOrder, OrderNotFound, OrderPrivate
from resale.errors import FieldError, Invalid

READ: Final = "orders:read"
WRITE: Final = "orders:write"
_encode: Final = msgspec.json.Encoder().encode


class OrdersView(LeanAPIView):
    """``/v1/orders``."""

    def get(self, request: Request) -> HttpResponse:
        """List the caller's orders, newest first."""
        call = call_of(request)
        query = read_query(request, OrdersQuery)
        reader = call.open_reader()
        principal = require_party(call, reader, scope=READ)
        if principal.standing == Role.BRAND and query.role is not UNSET:
            raise _no_role()
        page = list_orders(
            reader=reader,
            principal=principal,
            as_seller=query.role == OrderRole.SELLER,
            limit=query.limit,
            cursor=given(query.cursor),
        )
        return json_response(_encode(page))

    def post(self, request: Request) -> HttpResponse:
        """Buy a listing."""
        call = call_of(request)
        read_query(request, NoQuery)
        shopper = shopper_of(call)
        new, body = decode_command(read_json(request), NewOrder)
        key = require_command_key(request, shopper=shopper, command="submit_order", body=body)
        reader = call.open_reader()

        def submit() -> HttpResponse:
            order = call.run(lambda uow: submit_order(uow=uow, shopper=shopper, new=new, key=key, now=call.now))
            buyer = Principal(customer_id=order.buyer_id)
            address = accepted_address(new.shipping_address, at="/shipping_address")  # as the operation kept it
            written = OrderPrivate(shipping_address=address, payment_token=new.payment_token)
            view = view_order(reader=reader, principal=buyer, document=order_document(order), opened=written)
            return _accepted(view)

        def answer_again(order_id: str) -> HttpResponse:
            buyer = principal_of(shopper, reader)
            return _accepted(get_order(reader=reader, principal=buyer, order_id=OrderId(order_id)), replayed=True)

        return do_once(key=key, reader=reader, first=submit, again=answer_again)


class OrderDetailView(LeanAPIView):
    """``/v1/orders/{order_id}``."""

    def get(self, request: Request, order_id: str) -> HttpResponse:
        """Show one order as the caller may see it."""
        call = call_of(request)
        read_query(request, NoQuery)
        found_id = _order_id(order_id)
        reader = call.open_reader()
        view = get_order(reader=reader, principal=require_party(call, reader, scope=READ), order_id=found_id)
        tag = version_tag(view.version)
        return not_modified(tag) if is_current(request, tag) else one_object(_encode(view), tag=tag)


class OrderCancellationView(LeanAPIView):
    """``/v1/orders/{order_id}/cancel``."""

    def post(self, request: Request, order_id: str) -> HttpResponse:
        """Cancel an order, or ask for it while a payment runs."""
        call = call_of(request)
        refuse_input(request)
        found_id = _order_id(order_id)
        version = expected_version(request)
        reader = call.open_reader()
        principal = require_party(call, reader, scope=WRITE)
        order = call.run(
            lambda uow: cancel_order(
                uow=uow, principal=principal, order_id=found_id, expected_version=version, now=call.now
            ),
            principal=principal,
            expected_version=version,
        )
        view = view_order(reader=reader, principal=principal, document=order_document(order))
        return one_object(_encode(view), tag=version_tag(view.version))


class OrderAddressView(LeanAPIView):
    """``/v1/orders/{order_id}/shipping_address``."""

    def put(self, request: Request, order_id: str) -> HttpResponse:
        """Correct where an order goes."""
        call = call_of(request)
        read_query(request, NoQuery)
        address = decode_json(read_json(request), Address)
        found_id = _order_id(order_id)
        version = expected_version(request)
        reader = call.open_reader()
        principal = require_party(call, reader, scope=WRITE)
        order = call.run(
            lambda uow: correct_address(
                uow=uow,
                principal=principal,
                order_id=found_id,
                address=address,
                expected_version=version,
                now=call.now,
            ),
            principal=principal,
            expected_version=version,
        )
        view = view_order(reader=reader, principal=principal, document=order_document(order))
        return one_object(_encode(view), tag=version_tag(view.version))


class OrderAcknowledgementView(LeanAPIView):
    """``/v1/orders/{order_id}/acknowledge``."""

    def post(self, request: Request, order_id: str) -> HttpResponse:
        """Take note of what needed a person and has nothing left to do."""
        call = call_of(request)
        read_query(request, NoQuery)
        principal = require_brand(call, scope=WRITE)
        acknowledgement = decode_json(read_json(request), Acknowledgement)
        found_id = _order_id(order_id)
        version = expected_version(request)
        order = call.run(
            lambda uow: acknowledge_order(
                uow=uow,
                principal=principal,
                order_id=found_id,
                acknowledgement=acknowledgement,
                expected_version=version,
                now=call.now,
            ),
            principal=principal,
            expected_version=version,
        )
        view = view_order(reader=call.open_reader(), principal=principal, document=order_document(order))
        return one_object(_encode(view), tag=version_tag(view.version))


def _order_id(text: str) -> OrderId:
    if not is_id("ord", text):
        raise OrderNotFound("No such order.")
    return OrderId(text)


def _accepted(view: OrderView, *, replayed: bool = False) -> HttpResponse:
    return one_object(
        _encode(view),
        tag=version_tag(view.version),
        status=HTTPStatus.ACCEPTED,
        location=f"/v1/orders/{view.id}",
        replayed=replayed,
    )


def _no_role() -> Invalid:
    detail = "The brand lists all orders; a role is a shopper's."
    return Invalid(detail, errors=(FieldError(pointer="/role", code="not_applicable", detail=detail),))

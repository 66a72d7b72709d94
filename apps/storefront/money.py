"""Money over HTTP: payouts of sellers, refunds by the brand, and the brand's books."""

from datetime import date, timedelta
from http import HTTPStatus
from typing import Annotated, Final

import msgspec
from django.http import HttpResponse
from msgspec import UNSET, UnsetType
from rest_framework.request import Request

from apps.core import clock
from apps.core.container import get_container
from apps.core.requests import Body, decode_command, read_json
from apps.core.views import LeanAPIView, json_response
from apps.storefront.context import call_of, principal_of, require_brand, require_party, shopper_of
from apps.storefront.idempotency import do_once
from apps.storefront.parameters import (
    NoQuery,
    PageQuery,
    expected_version,
    given,
    read_query,
    refuse_input,
    require_brand_command_key,
    require_command_key,
)
from apps.storefront.responses import is_current, not_modified, one_object, version_tag
from resale.application.operations.orders import NewRefund, refund_order
from resale.application.operations.payouts import cancel_payout, start_payout
from resale.application.queries.ledger import (
    MAX_LISTED_DAYS,
    LedgerDays,
    get_balance_sheet,
    get_reconciliation,
    list_ledger_transactions,
)
from resale.application.queries.orders import OrderView, get_order, order_document, view_order
from resale.application.queries.payouts import PayoutView, get_payout, list_payouts, payout_document, view_payout
from resale.domain.ids import CustomerId, OrderId, PayoutId, is_id
from resale.domain.payouts import NewPayout, NothingToPayOut, PayoutNotFound
from resale.domain.sellers import seller_id_of
from resale.domain.text import reference
from resale.errors import FieldError, Invalid

READ_LEDGER: Final = "ledger:read"
READ_PAYOUTS: Final = "payouts:read"
WRITE_PAYOUTS: Final = "payouts:write"
WRITE_REFUNDS: Final = "refunds:write"
_encode: Final = msgspec.json.Encoder().encode

Source = Annotated[
    str,
    reference(r"^(ord|pyt)_[0-9a-f]{32}\Z", description="The order or payout whose bookings are asked for."),
]
Day = Annotated[date, msgspec.Meta(description="A day in UTC.")]
Days = Annotated[int, msgspec.Meta(ge=1, le=31, description="How many days back.")]


class LedgerQuery(PageQuery, frozen=True, kw_only=True):
    """Which bookings: of an order or a payout, of a day, or from one day to another."""

    source: Source | UnsetType = UNSET
    day: Day | UnsetType = UNSET
    first: Annotated[Day, msgspec.Meta(description="The first day.")] | UnsetType = msgspec.field(
        default=UNSET, name="from"
    )
    last: Annotated[Day, msgspec.Meta(description="The last day, at most 31 of them.")] | UnsetType = msgspec.field(
        default=UNSET, name="to"
    )


class ReconciliationQuery(Body, frozen=True, kw_only=True):
    """How far back."""

    days: Days = 7


class PayoutsView(LeanAPIView):
    """``/v1/payouts``."""

    def get(self, request: Request) -> HttpResponse:
        """List the caller's payouts, or all of them for the brand."""
        call = call_of(request)
        query = read_query(request, PageQuery)
        reader = call.open_reader()
        principal = require_party(call, reader, scope=READ_PAYOUTS)
        page = list_payouts(reader=reader, principal=principal, limit=query.limit, cursor=given(query.cursor))
        return json_response(_encode(page))

    def post(self, request: Request) -> HttpResponse:
        """Pay the caller all that is available."""
        call = call_of(request)
        read_query(request, NoQuery)
        shopper = shopper_of(call)
        new, body = decode_command(read_json(request), NewPayout)
        key = require_command_key(request, shopper=shopper, command="start_payout", body=body)
        reader = call.open_reader()
        principal = principal_of(shopper, reader)
        customer_id = principal.customer_id

        def start() -> HttpResponse:
            if customer_id is None:
                raise NothingToPayOut("Nothing is available to be paid out.")
            payout = call.run(
                lambda uow: start_payout(
                    uow=uow, seller_id=seller_id_of(CustomerId(customer_id)), method=new.method, key=key, now=call.now
                ),
                principal=principal,
            )
            return _accepted(view_payout(principal=principal, document=payout_document(payout)))

        def answer_again(payout_id: str) -> HttpResponse:
            found = get_payout(reader=reader, principal=principal, payout_id=PayoutId(payout_id))
            return _accepted(found, replayed=True)

        return do_once(key=key, reader=reader, first=start, again=answer_again)


class PayoutDetailView(LeanAPIView):
    """``/v1/payouts/{payout_id}``."""

    def get(self, request: Request, payout_id: str) -> HttpResponse:
        """Show one payout."""
        call = call_of(request)
        read_query(request, NoQuery)
        found_id = _payout_id(payout_id)
        reader = call.open_reader()
        principal = require_party(call, reader, scope=READ_PAYOUTS)
        view = get_payout(reader=reader, principal=principal, payout_id=found_id)
        tag = version_tag(view.version)
        return not_modified(tag) if is_current(request, tag) else one_object(_encode(view), tag=tag)


class PayoutCancellationView(LeanAPIView):
    """``/v1/payouts/{payout_id}/cancel``."""

    def post(self, request: Request, payout_id: str) -> HttpResponse:
        """Cancel a payout whose sending has not begun."""
        call = call_of(request)
        refuse_input(request)
        found_id = _payout_id(payout_id)
        version = expected_version(request)
        principal = require_party(call, call.open_reader(), scope=WRITE_PAYOUTS)
        payout = call.run(
            lambda uow: cancel_payout(
                uow=uow, principal=principal, payout_id=found_id, expected_version=version, now=call.now
            ),
            principal=principal,
            expected_version=version,
        )
        view = view_payout(principal=principal, document=payout_document(payout))
        return one_object(_encode(view), tag=version_tag(view.version))


class RefundsView(LeanAPIView):
    """``/v1/refunds``."""

    def post(self, request: Request) -> HttpResponse:
        """Give a buyer some or all of their money back."""
        call = call_of(request)
        read_query(request, NoQuery)
        principal = require_brand(call, scope=WRITE_REFUNDS)
        new, body = decode_command(read_json(request), NewRefund)
        key = require_brand_command_key(request, key_id=call.caller.key_id, command="refund_order", body=body)
        reader = call.open_reader()

        def refund() -> HttpResponse:
            order = call.run(
                lambda uow: refund_order(uow=uow, principal=principal, new=new, key=key, now=call.now),
                principal=principal,
            )
            return _begun(view_order(reader=reader, principal=principal, document=order_document(order)))

        def answer_again(order_id: str) -> HttpResponse:
            found = get_order(reader=reader, principal=principal, order_id=OrderId(order_id))
            return _begun(found, replayed=True)

        return do_once(key=key, reader=reader, first=refund, again=answer_again)


class LedgerTransactionsView(LeanAPIView):
    """``/v1/ledger/transactions``."""

    def get(self, request: Request) -> HttpResponse:
        """List what was booked: for an order or a payout, or on some days."""
        call = call_of(request)
        query = read_query(request, LedgerQuery)
        principal = require_brand(call, scope=READ_LEDGER)
        page = list_ledger_transactions(
            reader=call.open_reader(),
            principal=principal,
            of=_asked_for(query),
            limit=query.limit,
            cursor=given(query.cursor),
        )
        return json_response(_encode(page))


class BalanceSheetView(LeanAPIView):
    """``/v1/ledger/balances``."""

    def get(self, request: Request) -> HttpResponse:
        """Sum up the house's accounts."""
        call = call_of(request)
        read_query(request, NoQuery)
        principal = require_brand(call, scope=READ_LEDGER)
        return json_response(_encode(get_balance_sheet(reader=call.open_reader(), principal=principal)))


class ReconciliationView(LeanAPIView):
    """``/v1/reports/reconciliation``."""

    def get(self, request: Request) -> HttpResponse:
        """Hold provider, ledger and orders against each other."""
        call = call_of(request)
        query = read_query(request, ReconciliationQuery)
        principal = require_brand(call, scope=READ_LEDGER)
        report = get_reconciliation(
            reader=call.open_reader(),
            principal=principal,
            payments=get_container().payments(call.tenant),
            back=timedelta(days=query.days),
            now=call.now,
            wall_now=clock.for_platform(),
        )
        return json_response(_encode(report))


def _asked_for(query: LedgerQuery) -> str | LedgerDays:
    """Read which bookings are meant. Raises Invalid."""
    match query.source, query.day, query.first, query.last:
        case str(source), UnsetType(), UnsetType(), UnsetType():
            return source
        case UnsetType(), date() as day, UnsetType(), UnsetType():
            return LedgerDays(first=day, last=day)
        case UnsetType(), UnsetType(), date() as first, date() as last:
            if 0 <= (last - first).days < MAX_LISTED_DAYS:
                return LedgerDays(first=first, last=last)
            raise _wrong("/to", "out_of_range", f"1 to {MAX_LISTED_DAYS} days are listed at once.")
    raise _wrong("/source", "required", "Name a source, a day, or a first and a last day with from and to.")


def _wrong(pointer: str, code: str, detail: str) -> Invalid:
    return Invalid("The query is not valid.", errors=(FieldError(pointer=pointer, code=code, detail=detail),))


def _payout_id(text: str) -> PayoutId:
    if not is_id("pyt", text):
        raise PayoutNotFound("No such payout.")
    return PayoutId(text)


def _begun(view: OrderView, *, replayed: bool = False) -> HttpResponse:
    return one_object(
        _encode(view),
        tag=version_tag(view.version),
        status=HTTPStatus.ACCEPTED,
        location=f"/v1/orders/{view.id}",
        replayed=replayed,
    )


def _accepted(view: PayoutView, *, replayed: bool = False) -> HttpResponse:
    return one_object(
        _encode(view),
        tag=version_tag(view.version),
        status=HTTPStatus.ACCEPTED,
        location=f"/v1/payouts/{view.id}",
        replayed=replayed,
    )

"""A seller's balance over HTTP: what they have, and what moved it."""

from typing import Final

import msgspec
from django.http import HttpResponse
from rest_framework.request import Request

from apps.core.views import LeanAPIView, json_response
from apps.storefront.context import call_of, principal_of, shopper_of
from apps.storefront.parameters import NoQuery, PageQuery, given, read_query
from resale.application.queries.balances import get_own_balance, list_own_balance_transactions

_encode: Final = msgspec.json.Encoder().encode


class BalanceView(LeanAPIView):
    """``/v1/balance``."""

    def get(self, request: Request) -> HttpResponse:
        """Show what the caller has, may expect and owes."""
        call = call_of(request)
        read_query(request, NoQuery)
        reader = call.open_reader()
        principal = principal_of(shopper_of(call), reader)
        return json_response(_encode(get_own_balance(reader=reader, principal=principal)))


class BalanceTransactionsView(LeanAPIView):
    """``/v1/balance_transactions``."""

    def get(self, request: Request) -> HttpResponse:
        """List what came to the caller's balance and what left it, newest first."""
        call = call_of(request)
        query = read_query(request, PageQuery)
        reader = call.open_reader()
        page = list_own_balance_transactions(
            reader=reader,
            principal=principal_of(shopper_of(call), reader),
            limit=query.limit,
            cursor=given(query.cursor),
        )
        return json_response(_encode(page))

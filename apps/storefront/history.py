"""Histories over HTTP, for the brand's own back end."""

from typing import Final

import msgspec
from django.http import HttpResponse
from rest_framework.request import Request

from apps.core.views import LeanAPIView, json_response
from apps.storefront.calls import call_of, require_brand
from apps.storefront.inputs import PageQuery, given, read_query
from resale.application.queries.history import list_claim_history, list_listing_history, list_order_history
from resale.domain.claims import ClaimNotFound
from resale.domain.ids import ClaimId, ListingId, OrderId, is_id
from resale.domain.listings import ListingNotFound
from resale.domain.orders import OrderNotFound

READ: Final = "history:read"
_encode: Final = msgspec.json.Encoder().encode


class ListingHistoryView(LeanAPIView):
    """``/v1/listings/{listing_id}/history``."""

    def get(self, request: Request, listing_id: str) -> HttpResponse:
        """Show what happened to a listing, oldest first, and whether the record of it is whole."""
        call = call_of(request)
        query = read_query(request, PageQuery)
        principal = require_brand(call, scope=READ)
        if not is_id("lst", listing_id):
            raise ListingNotFound("No such listing.")
        history = list_listing_history(
            reader=call.open_reader(),
            principal=principal,
            listing_id=ListingId(listing_id),
            limit=query.limit,
            cursor=given(query.cursor),
        )
        return json_response(_encode(history))


class OrderHistoryView(LeanAPIView):
    """``/v1/orders/{order_id}/history``."""

    def get(self, request: Request, order_id: str) -> HttpResponse:
        """Show what happened to an order, oldest first, and whether the record of it is whole."""
        call = call_of(request)
        query = read_query(request, PageQuery)
        principal = require_brand(call, scope=READ)
        if not is_id("ord", order_id):
            raise OrderNotFound("No such order.")
        history = list_order_history(
            reader=call.open_reader(),
            principal=principal,
            order_id=OrderId(order_id),
            limit=query.limit,
            cursor=given(query.cursor),
        )
        return json_response(_encode(history))


class ClaimHistoryView(LeanAPIView):
    """``/v1/claims/{claim_id}/history``."""

    def get(self, request: Request, claim_id: str) -> HttpResponse:
        """Show what happened to a claim, oldest first, and whether the record of it is whole."""
        call = call_of(request)
        query = read_query(request, PageQuery)
        principal = require_brand(call, scope=READ)
        if not is_id("clm", claim_id):
            raise ClaimNotFound("No such claim.")
        history = list_claim_history(
            reader=call.open_reader(),
            principal=principal,
            claim_id=ClaimId(claim_id),
            limit=query.limit,
            cursor=given(query.cursor),
        )
        return json_response(_encode(history))

"""Past purchases over HTTP: recorded by the brand, looked at by their shopper."""

from typing import Final

import msgspec
from django.http import HttpResponse
from rest_framework.request import Request

from apps.core.requests import Body, convert_values, decode_body
from apps.core.views import LeanAPIView, json_response
from apps.storefront.context import call_of, principal_of, require_brand, require_party, shopper_of
from apps.storefront.parameters import NoQuery, PageQuery, given, read_query
from apps.storefront.responses import is_current, not_modified, one_object, version_tag
from resale.application.operations.purchases import record_purchase
from resale.application.queries.purchases import get_purchase, list_own_purchases, purchase_document, view_purchase
from resale.domain.ids import PurchaseId, is_id
from resale.domain.purchases import Line, NewPurchase, PurchaseNotFound, Source

READ: Final = "purchases:read"
WRITE: Final = "purchases:write"
_encode: Final = msgspec.json.Encoder().encode


class PurchaseName(Body, frozen=True, kw_only=True):
    """What a brand calls a purchase: in the path, and part of its id."""

    source: Source
    line: Line


class PurchasesView(LeanAPIView):
    """``/v1/purchases``."""

    def get(self, request: Request) -> HttpResponse:
        """List the shopper's own purchases, newest first."""
        call = call_of(request)
        query = read_query(request, PageQuery)
        reader = call.open_reader()
        principal = principal_of(shopper_of(call), reader)
        page = list_own_purchases(reader=reader, principal=principal, limit=query.limit, cursor=given(query.cursor))
        return json_response(_encode(page))


class PurchaseDetailView(LeanAPIView):
    """``/v1/purchases/{purchase_id}``."""

    def get(self, request: Request, purchase_id: str) -> HttpResponse:
        """Show one purchase."""
        call = call_of(request)
        read_query(request, NoQuery)
        if not is_id("pur", purchase_id):
            raise PurchaseNotFound("No such purchase.")
        reader = call.open_reader()
        principal = require_party(call, reader, scope=READ)
        view = get_purchase(reader=reader, principal=principal, purchase_id=PurchaseId(purchase_id))
        tag = version_tag(view.version)
        return not_modified(tag) if is_current(request, tag) else one_object(_encode(view), tag=tag)


class PurchaseRecordView(LeanAPIView):
    """``/v1/purchases/{source}/{line}``."""

    def put(self, request: Request, source: str, line: str) -> HttpResponse:
        """Record what a shopper bought, or what the brand says of it now."""
        call = call_of(request)
        read_query(request, NoQuery)
        principal = require_brand(call, scope=WRITE)
        name = _name(source, line)
        new = decode_body(request, NewPurchase)
        purchase = call.run(
            lambda uow: record_purchase(
                uow=uow, principal=principal, source=name.source, line=name.line, new=new, now=call.now
            ),
            principal=principal,
        )
        view = view_purchase(purchase_document(purchase))
        return one_object(_encode(view), tag=version_tag(view.version))


def _name(source: str, line: str) -> PurchaseName:
    """Read the path, which is stored as a body is. Raises Invalid."""
    return convert_values({"source": source, "line": line}, PurchaseName, place="The path")

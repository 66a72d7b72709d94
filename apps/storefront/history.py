"""Histories over HTTP, for the brand's own back end."""

from typing import Final

import msgspec
from django.http import HttpResponse
from rest_framework.request import Request

from apps.core.views import LeanAPIView, json_response
from apps.storefront.context import call_of, require_brand
from apps.storefront.parameters import PageQuery, given, read_query
from resale.application.queries.history import Recorded, list_history

READ: Final = "history:read"
_encode: Final = msgspec.json.Encoder().encode


class HistoryView(LeanAPIView):
    """``/v1/listings/{listing_id}/history``, and the same of what else has one."""

    of = Recorded.LISTING

    def get(self, request: Request, **path: str) -> HttpResponse:
        """Show what happened to it, oldest first, and whether the record of it is whole."""
        call = call_of(request)
        query = read_query(request, PageQuery)
        principal = require_brand(call, scope=READ)
        (entity_id,) = path.values()
        history = list_history(
            reader=call.open_reader(),
            principal=principal,
            of=self.of,
            entity_id=entity_id,
            limit=query.limit,
            cursor=given(query.cursor),
        )
        return json_response(_encode(history))

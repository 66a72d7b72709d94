"""Connections over HTTP, for the brand's own back end: how its partners fare."""

from typing import Final

import msgspec
from django.http import HttpResponse
from rest_framework.request import Request

from apps.core.views import LeanAPIView, json_response
from apps.storefront.context import call_of, require_brand
from apps.storefront.parameters import NoQuery, read_query
from resale.application.queries.connections import list_connections

READ: Final = "connections:read"
_encode: Final = msgspec.json.Encoder().encode


class ConnectionsView(LeanAPIView):
    """``/v1/connections``."""

    def get(self, request: Request) -> HttpResponse:
        """List the brand's connections and their states."""
        call = call_of(request)
        read_query(request, NoQuery)
        principal = require_brand(call, scope=READ)
        return json_response(_encode(list_connections(reader=call.open_reader(), principal=principal)))

"""Address forms over HTTP. They need no key and change with a release only, so caches keep them."""

import hashlib
from functools import lru_cache
from typing import Annotated, Final

import msgspec
from django.http import HttpResponse
from rest_framework.request import Request

from apps.core.views import LeanAPIView, json_response
from apps.storefront.parameters import NoQuery, read_query
from apps.storefront.responses import is_current, not_modified
from resale.application.queries.address_formats import get_address_format
from resale.domain.countries import COUNTRY_CODES
from resale.domain.text import code

_CACHING: Final = {"Cache-Control": "public, max-age=86400"}


class CountryName(msgspec.Struct, frozen=True, kw_only=True):
    """Which country a path is about."""

    country: Annotated[
        str,
        code(r"^[A-Z]{2}\Z", description="ISO 3166-1 alpha-2 code, in upper case."),
        msgspec.Meta(extra_json_schema={"enum": sorted(COUNTRY_CODES)}),
    ]


class AddressFormatView(LeanAPIView):
    """``/v1/address_formats/{country}``."""

    authentication_classes = ()

    def get(self, request: Request, country: str) -> HttpResponse:
        """Show the form of a country."""
        read_query(request, NoQuery)
        body, tag = _written(country)
        if is_current(request, tag):
            return not_modified(tag, caching=_CACHING)
        return json_response(body, headers={**_CACHING, "ETag": tag})


@lru_cache(maxsize=256)
def _written(country: str) -> tuple[bytes, str]:
    body = msgspec.json.encode(get_address_format(country=country))
    return body, f'"{hashlib.sha256(body).hexdigest()[:16]}"'

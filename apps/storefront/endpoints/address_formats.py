"""Address formats. They require no key and change only with a release, so caches store them."""

import hashlib
from functools import lru_cache
from typing import Annotated, Final

import msgspec
from django.http import HttpResponse

from apps.core.views import json_response
from apps.storefront.context import Context
from apps.storefront.endpoint import Endpoint
from apps.storefront.permissions import Access
from apps.storefront.responses import is_current, not_modified
from resale.application.queries.address_formats import CountryNotFound, get_address_format
from resale.domain.address_formats import AddressFormat
from resale.domain.countries import COUNTRY_CODES
from resale.domain.text import code

_CACHING: Final = {"Cache-Control": "public, max-age=86400"}


class CountryName(msgspec.Struct, frozen=True, kw_only=True):
    """The country of a path."""

    country: Annotated[
        str,
        code(r"^[A-Z]{2}\Z", description="ISO 3166-1 alpha-2 code, in upper case."),
        msgspec.Meta(extra_json_schema={"enum": sorted(COUNTRY_CODES)}),
    ]


@Endpoint(
    method="get",
    path="/v1/address_formats/{country}",
    id="getAddressFormat",
    tag="Orders",
    summary="Retrieve the address format of a country",
    details=(
        "Returns the fields in the order in which they are filled in, with their local labels, which of them are "
        "required, the pattern of the postal code, and the states or provinces to choose from. `lines` is the order "
        "on a parcel. `shipping_address` and `ship_from` are validated with the same rules. Requires no API key; "
        "caches can store it for a day."
    ),
    access=Access.ANYBODY,
    names=CountryName,
    are_names_looked_up=True,
    responses=(AddressFormat,),
    tagged=True,
    problems=(CountryNotFound,),
)
def get(context: Context[None, None], country: str) -> HttpResponse:
    """Return the address format of a country."""
    body, tag = _write(country)
    if is_current(context.request, tag):
        return not_modified(tag, caching=_CACHING)
    return json_response(body, headers={**_CACHING, "ETag": tag})


@lru_cache(maxsize=256)
def _write(country: str) -> tuple[bytes, str]:
    body = msgspec.json.encode(get_address_format(country=country))
    return body, f'"{hashlib.sha256(body).hexdigest()[:16]}"'

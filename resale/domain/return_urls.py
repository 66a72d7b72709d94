"""Return URLs: the brand's page to which a bank redirects shoppers (3-D Secure), validated, with the order id."""

import re
from typing import Annotated, Final
from urllib.parse import unquote_plus

from resale.domain.ids import OrderId
from resale.domain.tenants import Tenant
from resale.domain.text import reference
from resale.errors import FieldError, Invalid

ORDER_ID_PARAMETER: Final = "order_id"
_MAX_CHARS: Final = 2000  # browsers and proxies carry more; Stripe takes 5,000 (docs.stripe.com/api/payment_intents)

ReturnURL = Annotated[str, reference(r"^[!-~]*\Z", min_length=1, max_length=_MAX_CHARS, format_="uri")]

_CHAR: Final = r"(?:[A-Za-z0-9._~!$&'()*+,;=:@/-]|%[0-9A-Fa-f]{2})"
#: RFC 3986 without user information and without a fragment; a host is written as browsers send it in Origin.
_URL: Final = re.compile(
    rf"(?P<origin>https?://(?P<host>[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?)(?::[0-9]{{1,5}})?)"
    rf"(?P<path>/{_CHAR}*)?(?:\?(?P<query>(?:{_CHAR}|\?)*))?"
)
_LOCAL_HOSTS: Final = frozenset({"localhost", "127.0.0.1"})


def check_return_url(url: str, *, tenant: Tenant) -> None:
    """Refuse a return URL that is not a page of the tenant's own shop.

    Args:
        url: As the client sent it.
        tenant: Its allowed origins count; a sandbox tenant also has every port of the developer's own machine.

    Raises:
        Invalid: Not an absolute HTTPS URL, of another origin, or with an ``order_id`` of its own; at ``/return_url``.
    """
    match = _URL.fullmatch(url)
    if match is None:
        raise _build_error("wrong_format", "Send an absolute URL without user information and fragment (#).")
    is_local = tenant.sandbox and match["host"] in _LOCAL_HOSTS
    if not is_local and match["origin"] not in tenant.allowed_origins:
        raise _build_error("origin_not_allowed", "The origin must be exactly one of the shop's allowed origins.")
    if not is_local and not url.startswith("https://"):
        raise _build_error("wrong_format", "Send an https:// URL.")
    if ORDER_ID_PARAMETER in _names_in(match["query"] or ""):
        raise _build_error(
            "reserved", f"Remove the parameter {ORDER_ID_PARAMETER}: it is added when the shopper returns."
        )


def with_order_id(url: str, order_id: OrderId) -> str:
    """Add the order id to the query of a return URL."""
    address, has_query, query = url.partition("?")
    if address.count("/") == 2:  # noqa: PLR2004 - those of ://
        address += "/"
    separator = "&" if has_query and query and not query.endswith("&") else ""
    return f"{address}?{query}{separator}{ORDER_ID_PARAMETER}={order_id}"


def _names_in(query: str) -> set[str]:
    return {unquote_plus(parameter.partition("=")[0]) for parameter in query.split("&")}


def _build_error(code: str, detail: str) -> Invalid:
    return Invalid("The return URL is not valid.", errors=(FieldError("/return_url", code, detail),))

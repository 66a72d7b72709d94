"""One text, put into every place of every endpoint in turn: its response is never a 5xx."""

import copy
import re
from collections.abc import Iterator
from functools import cache
from typing import Any
from urllib.parse import quote

import msgspec
from msgspec import inspect

from apps.storefront.docs import DOCUMENT_ENDPOINTS, ENDPOINTS
from apps.storefront.endpoint import AnyEndpoint
from apps.storefront.openapi.examples import examples_of
from tests.architecture.test_text import texts_in
from tests.fixtures.storefront import Front
from tests.integration.texts import encoded

EXAMPLES = examples_of(ENDPOINTS)
_PART = re.compile(r"{(\w+)}")
_HEADERS = ("Idempotency-Key", "X-Request-Id", "If-Match", "If-None-Match", "API-Version", "Accept-Language")
#: What HTTP itself allows in a header's value (RFC 9110, 5.5): servers refuse the rest before us.
_NO_HEADER = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")


def send_everywhere(front: Front, text: str) -> int:
    """Send a text in every body field, parameter, part of a path and header; ``Front`` holds each response."""
    sent = 0
    for endpoint in (one for one in ENDPOINTS if one not in DOCUMENT_ENDPOINTS):
        for options in (*_bodies(endpoint, text), *_headers(endpoint, text), {}):
            for path in _paths(endpoint, text) if not options else [_path(endpoint)]:
                front.ask(endpoint.method.upper(), path, brand=True, **options)
                sent += 1
    return sent


def _bodies(endpoint: AnyEndpoint, text: str) -> Iterator[dict[str, Any]]:
    kind: type[msgspec.Struct] | None = endpoint.body
    if kind is None:
        return
    base = EXAMPLES.get(kind.__name__, {})
    for place in _places(kind):
        yield {"body": encoded(_with(base, place, text)), "headers": {"Idempotency-Key": "generated"}}
    yield {"body": encoded({text: text})}


def _headers(endpoint: AnyEndpoint, text: str) -> Iterator[dict[str, Any]]:
    value = _NO_HEADER.sub("", text.encode(errors="replace").decode("latin-1"))
    if endpoint.method != "get" or endpoint.tagged:
        yield {"headers": dict.fromkeys(_HEADERS, value), "body": encoded(EXAMPLES.get(_name(endpoint), {}))}


def _paths(endpoint: AnyEndpoint, text: str) -> Iterator[str]:
    """Put the text into each part of the path, each parameter, and the name of one."""
    said = quote(text.encode(errors="surrogatepass"), safe="")
    for part in _PART.findall(endpoint.path):
        yield _path(endpoint, **{part: said})
    for parameter in () if endpoint.query is None else endpoint.query.__struct_encode_fields__:
        yield f"{_path(endpoint)}?{parameter}={said}"
    yield f"{_path(endpoint)}?{said}={said}"


def _path(endpoint: AnyEndpoint, **parts: str) -> str:
    return _PART.sub(lambda found: parts.get(found[1], _NOTHING.get(found[1], "web")), endpoint.path)


_NOTHING = {
    name: f"{prefix}_{'0' * 32}"
    for name, prefix in (
        ("listing_id", "lst"),
        ("seller_id", "cus"),
        ("order_id", "ord"),
        ("claim_id", "clm"),
        ("payout_id", "pyt"),
        ("purchase_id", "pur"),
        ("shipment_id", "shp"),
        ("clock_id", "clk"),
        ("connection_id", "con"),
    )
}


def _name(endpoint: AnyEndpoint) -> str:
    return "" if endpoint.body is None else endpoint.body.__name__


@cache
def _places(kind: type[Any]) -> tuple[str, ...]:
    return tuple(place.partition(".")[2] for place, _ in texts_in(inspect.type_info(kind), kind.__name__))


def _with(base: Any, place: str, text: str) -> Any:
    """Copy a body with a text at a place such as ``shipping_address.name``, ``reasons[]`` or ``fields (key)``."""
    body = copy.deepcopy(base)
    *way, last = place.split(".")
    node = body
    for step in way:
        name = step.removesuffix("[]")
        if step.endswith("[]"):
            node[name] = [node[name][0] if node.get(name) else {}]
            node = node[name][0]
        else:
            node = node.setdefault(name, {})
    if last.endswith(" (key)"):
        node[last.removesuffix(" (key)")] = {text: "x"}
    elif last == "custom_fields[]":
        node["custom_fields"] = {"x": text}
    elif last.endswith("[]"):
        node[last.removesuffix("[]")] = [text]
    else:
        node[last] = text
    return body

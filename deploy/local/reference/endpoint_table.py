"""``docs/reference/endpoints.md``: every endpoint of the API, who can call it and what it takes."""

from collections.abc import Iterator, Mapping
from itertools import groupby
from typing import Final

from apps.storefront.docs import ENDPOINTS
from apps.storefront.endpoint import AnyEndpoint
from apps.storefront.openapi.introduction import TAGS
from apps.storefront.permissions import Access
from deploy.local.reference.markdown import code, opening, page, table

_CALLERS: Final[Mapping[Access, str]] = {
    Access.ANYBODY: "anybody",
    Access.KEY: "any key",
    Access.SHOPPER: "shopper",
    Access.PARTY: "shopper or secret key",
    Access.BRAND: "secret key",
    Access.OPERATOR: "operator's key",
}
_MEANINGS: Final[Mapping[Access, str]] = {
    Access.ANYBODY: "No key is needed.",
    Access.KEY: "A publishable or a secret key. A shopper's token or a secret key sees more.",
    Access.SHOPPER: "A publishable key and the shopper's token.",
    Access.PARTY: "A publishable key and the token of a shopper who takes part, or a secret key of the brand.",
    Access.BRAND: "A secret key of the brand.",
    Access.OPERATOR: "A key of the platform's operators, made by `issue_api_key --operator`.",
}


def endpoint_page() -> str:
    """Return the page."""
    return page(_lines())


def _lines() -> Iterator[str]:
    yield from opening(
        "Endpoints",
        "The OpenAPI document at `/v1/openapi.json` has parameters, bodies and responses; `/v1/docs` shows it. This "
        "page is the summary: who can call what. `make run` serves both. Every error code: [errors](errors.md).",
        source="the declarations of the endpoints in `apps/storefront`",
    )
    yield from table(("caller", "what the request carries"), ((_CALLERS[one], _MEANINGS[one]) for one in Access))
    yield "A secret key also needs the scope. `If-Match`: the request can send the `ETag` that was read, and gets 412"
    yield from (
        "when the object changed. `Idempotency-Key`: repeating the request with the same key has no effect.",
        "",
    )
    for tag, endpoints in groupby(sorted(ENDPOINTS, key=_group), key=lambda endpoint: endpoint.tag):
        yield from (f"## {tag}", "")
        yield from table(
            ("method", "path", "operation", "caller", "scope", "If-Match", "Idempotency-Key", "summary"),
            map(_row, endpoints),
        )


def _group(endpoint: AnyEndpoint) -> int:
    """Return the position of an endpoint's tag in the document."""
    return TAGS.index(endpoint.tag)


def _row(endpoint: AnyEndpoint) -> tuple[str, ...]:
    return (
        endpoint.method.upper(),
        code(endpoint.path),
        code(endpoint.id),
        _CALLERS[endpoint.access],
        code(endpoint.scope or ""),
        "optional" if endpoint.if_match else "",
        "" if endpoint.idempotency is None else "required" if endpoint.idempotency.is_required else "optional",
        endpoint.summary,
    )

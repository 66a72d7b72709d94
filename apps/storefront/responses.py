"""Responses: a view encoded as its endpoint declares, or 304."""

from http import HTTPStatus
from typing import Any, Final

import msgspec
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from apps.core.views import json_response
from apps.storefront.endpoint import AnyEndpoint

#: A public object may be kept by its reader, to ask whether it changed; everything else keeps the API's no-store.
PUBLIC_CACHING: Final = {"Cache-Control": "private, no-cache", "Vary": "Authorization, X-API-Key, Origin"}
_encode: Final = msgspec.json.Encoder().encode


class Representation(msgspec.Struct, frozen=True, kw_only=True):
    """A view that its handler has encoded, after checking If-None-Match."""

    body: bytes
    id: str = ""
    tag: str | None = None
    caching: dict[str, str] | None = None


def respond(endpoint: AnyEndpoint, request: HttpRequest, result: Any) -> HttpResponseBase:
    """Convert the result of a handler into a response with the declared status and headers."""
    if isinstance(result, HttpResponseBase):
        return result
    if isinstance(result, Representation):
        body, tag, headers = result.body, result.tag, {**(result.caching or {})}
    else:
        tag, headers = version_tag(result.version) if endpoint.tagged else None, {}
        if tag is not None and endpoint.is_revalidated and is_current(request, tag):
            return not_modified(tag)
        body = _encode(result)
    if tag is not None:
        headers["ETag"] = tag
    if endpoint.location:
        headers["Location"] = f"{endpoint.location}/{result.id}"
    return json_response(body, endpoint.status, headers)


def version_tag(version: int) -> str:
    """Return the ETag of a version, which If-Match accepts."""
    return f'"{version}"'


def is_current(request: HttpRequest, tag: str) -> bool:
    """Return whether If-None-Match contains this ETag; compared weakly (RFC 9110 13.1.2)."""
    text = request.META.get("HTTP_IF_NONE_MATCH")
    if text is None:
        return False
    return text.strip() == "*" or tag in (one.strip().removeprefix("W/") for one in text.split(","))


def not_modified(tag: str, *, caching: dict[str, str] | None = None) -> HttpResponse:
    """Return a 304 response."""
    response = HttpResponse(status=HTTPStatus.NOT_MODIFIED, headers={**(caching or {}), "ETag": tag})
    del response.headers["Content-Type"]
    return response

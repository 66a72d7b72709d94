"""Finished answers: an object with its ETag, or that it is as the client has it."""

from http import HTTPStatus
from typing import Final

from django.http import HttpResponse
from rest_framework.request import Request

from apps.core.views import json_response

#: A public object may be kept by its reader, to ask whether it changed; everything else keeps the API's no-store.
PUBLIC_CACHING: Final = {"Cache-Control": "private, no-cache", "Vary": "Authorization, X-API-Key, Origin"}


def version_tag(version: int) -> str:
    """Write an ETag: the version, which If-Match takes back."""
    return f'"{version}"'


def is_current(request: Request, tag: str) -> bool:
    """Say whether If-None-Match names this ETag; compared weakly (RFC 9110 13.1.2)."""
    text = request.META.get("HTTP_IF_NONE_MATCH")
    if text is None:
        return False
    return text.strip() == "*" or tag in (one.strip().removeprefix("W/") for one in text.split(","))


def not_modified(tag: str, *, caching: dict[str, str] | None = None) -> HttpResponse:
    """Say that the client has it already."""
    response = HttpResponse(status=HTTPStatus.NOT_MODIFIED, headers={**(caching or {}), "ETag": tag})
    del response.headers["Content-Type"]
    return response


def one_object(
    body: bytes,
    *,
    tag: str,
    status: HTTPStatus = HTTPStatus.OK,
    location: str | None = None,
    replayed: bool = False,
    caching: dict[str, str] | None = None,
) -> HttpResponse:
    """Answer with one object."""
    headers = {**(caching or {}), "ETag": tag}
    if location is not None:
        headers["Location"] = location
    if replayed:
        headers["Idempotent-Replayed"] = "true"
    return json_response(body, status, headers)

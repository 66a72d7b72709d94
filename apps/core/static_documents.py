"""Static documents, compressed once per process."""

import gzip
import hashlib
from typing import Final

import msgspec
from django.http import HttpRequest, HttpResponse
from rest_framework.request import Request

_LEVEL: Final = 9  # once a process
_CODINGS: Final = ("gzip", "x-gzip", "*")


class Document(msgspec.Struct, frozen=True):
    """A document, plain and compressed. Each form has its own ETag (RFC 9110 8.8.3)."""

    content_type: str
    plain: bytes
    compressed: bytes
    tag: str

    @classmethod
    def of(cls, body: bytes, *, content_type: str) -> "Document":
        """Compress a body. This takes milliseconds, so the caller caches the result."""
        compressed = gzip.compress(body, _LEVEL, mtime=0)
        return cls(content_type, body, compressed, hashlib.sha256(body).hexdigest()[:16])


def respond(request: HttpRequest | Request, document: Document, headers: dict[str, str]) -> HttpResponse:
    """Send a document in an encoding that the client accepts, or 304 if the client has it."""
    meta = request.META
    is_compressed = accepts_gzip(meta.get("HTTP_ACCEPT_ENCODING", ""))
    tag = f'"{document.tag}-gzip"' if is_compressed else f'"{document.tag}"'
    headers = {**headers, "ETag": tag, "Vary": "Accept-Encoding"}
    known = meta.get("HTTP_IF_NONE_MATCH")
    if known is not None and (
        known.strip() == "*" or tag in {one.strip().removeprefix("W/") for one in known.split(",")}
    ):
        response = HttpResponse(status=304, headers=headers)
        del response.headers["Content-Type"]
        return response
    if is_compressed:
        headers["Content-Encoding"] = "gzip"
    body = document.compressed if is_compressed else document.plain
    return HttpResponse(body, content_type=document.content_type, headers=headers)


def accepts_gzip(header: str) -> bool:
    """Return whether Accept-Encoding accepts gzip, by its own weight or by that of ``*`` (RFC 9110 12.5.3)."""
    weights: dict[str, float] = {}
    for part in header.lower().split(","):
        coding, _, parameters = part.partition(";")
        weights[coding.strip()] = _weight(parameters)
    return next((weights[coding] for coding in _CODINGS if coding in weights), 0.0) > 0


def _weight(parameters: str) -> float:
    name, _, value = parameters.strip().partition("=")
    if name.strip() != "q":
        return 1.0
    try:
        return float(value)
    except ValueError:
        return 0.0  # a malformed weight asks for nothing

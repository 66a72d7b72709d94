"""Refusals of the server itself, before or beside the application, as problem documents."""

import time
from collections.abc import Mapping
from email.utils import formatdate
from http import HTTPStatus
from typing import Final

from gunicorn.http import errors as gunicorn

from apps.core.fair_shares.refusals import Overloaded
from apps.core.middleware import API_HEADERS, RequestLog, write_request_log
from apps.core.problems import CONTENT_TYPE, BodyTimeout, BodyTooLarge, HTTPError, document, problem_type_of
from apps.core.requests import new_request_id

__all__ = ["BodyTimeout", "BodyTooLarge", "Overloaded"]


class MalformedRequest(HTTPError):  # noqa: N818 - named for what happened, as outcomes are
    """The request is not valid HTTP/1.1."""

    code = "malformed_request"
    title = "Malformed request"
    default_detail = (
        "The request is not valid HTTP/1.1. Check its request line, its headers and the framing of its body."
    )


class RequestTimeout(HTTPError):  # noqa: N818 - named for what happened, as outcomes are
    """The request headers did not arrive in time."""

    status = HTTPStatus.REQUEST_TIMEOUT
    code = "request_timeout"
    title = "Request timeout"
    default_detail = "The request headers did not arrive in time. Send the request again on a faster connection."


class URITooLong(HTTPError):  # noqa: N818 - named for what happened, as outcomes are
    """The request line exceeds 4094 bytes."""

    status = HTTPStatus.REQUEST_URI_TOO_LONG
    code = "uri_too_long"
    title = "URI too long"
    default_detail = "The request line is longer than 4094 bytes. Send a shorter path and query."


class ExpectationUnsupported(HTTPError):  # noqa: N818 - named for what happened, as outcomes are
    """The Expect header asks for something other than 100-continue."""

    status = HTTPStatus.EXPECTATION_FAILED
    code = "expectation_unsupported"
    title = "Unsupported expectation"
    default_detail = "The Expect header supports 100-continue only. Send that or leave the header out."


class HeadersTooLarge(HTTPError):  # noqa: N818 - named for what happened, as outcomes are
    """The request headers exceed a limit."""

    status = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
    code = "headers_too_large"
    title = "Request headers too large"
    default_detail = (
        "The request has more than 64 headers, one header above 8190 bytes, or more than 64 KiB of headers."
    )


class TooManyUnfinished(HTTPError):  # noqa: N818 - named for what happened, as outcomes are
    """The address has too many incomplete requests."""

    status = HTTPStatus.TOO_MANY_REQUESTS
    code = "too_many_unfinished_requests"
    title = "Too many incomplete requests"
    default_detail = "Too many requests from this address are incomplete. Finish sending those before starting others."


#: The first row that fits decides. Everything else the parser raises is a malformed request.
_OF_PARSER: Final[tuple[tuple[type[Exception], type[HTTPError], str], ...]] = (
    (gunicorn.LimitRequestLine, URITooLong, ""),
    (gunicorn.LimitRequestHeaders, HeadersTooLarge, ""),
    (gunicorn.ExpectationFailed, ExpectationUnsupported, ""),
    (gunicorn.InvalidRequestLine, MalformedRequest, "The request line is malformed."),
    (gunicorn.InvalidRequestMethod, MalformedRequest, "The request method is malformed. Methods are upper case."),
    (gunicorn.InvalidHTTPVersion, MalformedRequest, "The protocol version is not supported. Use HTTP/1.1 or HTTP/1.0."),
    (gunicorn.UnsupportedTransferCoding, MalformedRequest, "The only supported transfer coding is chunked."),
    (gunicorn.ObsoleteFolding, MalformedRequest, "A header is folded over several lines."),
    (gunicorn.InvalidHeaderName, MalformedRequest, "A header has a malformed name."),
    (gunicorn.InvalidHeader, MalformedRequest, "A header is malformed, contradictory or repeated."),
    (gunicorn.InvalidSchemeHeaders, MalformedRequest, "The headers contradict each other about the scheme."),
    (gunicorn.InvalidChunkSize, MalformedRequest, "A chunk of the body has a malformed size."),
    (gunicorn.InvalidChunkExtension, MalformedRequest, "A chunk of the body has a malformed extension."),
    (gunicorn.ChunkMissingTerminator, MalformedRequest, "A chunk or the body has a wrong length."),
    (gunicorn.NoMoreData, MalformedRequest, "The request ended before it was complete."),
)
_RETRY_HEADERS: Final = {"Retry-After": "1"}
_HEADERS: Final = "".join(f"{name}: {value}\r\n" for name, value in API_HEADERS)


def refusal_of(error: Exception) -> HTTPError:
    """Return the refusal for an error of gunicorn's parser, without quoting the request."""
    found = next(((kind, detail) for raised, kind, detail in _OF_PARSER if isinstance(error, raised)), None)
    kind, detail = found or (MalformedRequest, "")
    return kind(detail)


def render_refusal(  # noqa: PLR0913 - all that a response and its log line hold
    refusal: HTTPError,
    *,
    method: str = "",
    started: float,
    is_kept: bool = False,
    headers: Mapping[str, str] | None = None,
    tenant: str = "",
    key: str = "",
) -> bytes:
    """Encode a refusal as a response, and log it like every request.

    Args:
        refusal: The refusal.
        method: Of the request; empty if it is not known.
        started: Monotonic seconds at which the request began to arrive.
        is_kept: Whether the connection stays open.
        headers: Further headers; None: the refusal's own, or when to retry.
        tenant: Slug of the tenant, for the log.
        key: Id of the API key, for the log.
    """
    request_id = new_request_id()
    body = document(problem_type_of(type(refusal)), refusal.detail, request_id=request_id)
    seconds = time.monotonic() - started
    write_request_log(
        RequestLog.of_server(
            request_id=request_id, method=method, status=int(refusal.status), seconds=seconds, tenant=tenant, key=key
        )
    )
    if headers is None:
        headers = refusal.headers or (_RETRY_HEADERS if refusal.status in _RETRIED else {})
    further = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    connection = "keep-alive" if is_kept else "close"
    head = (
        f"HTTP/1.1 {int(refusal.status)} {refusal.status.phrase}\r\nDate: {formatdate(usegmt=True)}\r\n"
        f"Connection: {connection}\r\nContent-Type: {CONTENT_TYPE}\r\nContent-Length: {len(body)}\r\n"
        f"{_HEADERS}{further}X-Request-Id: {request_id}\r\n\r\n"
    )
    return head.encode("latin-1") + (b"" if method == "HEAD" else body)


_RETRIED: Final = (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE)

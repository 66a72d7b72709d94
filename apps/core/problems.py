"""Outcomes and framework errors as RFC 9457 problem documents. The one table from outcome to HTTP status."""

import logging
from http import HTTPStatus
from typing import Any, Final

import msgspec
from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse
from django.views import defaults
from rest_framework import exceptions as drf

from resale.errors import (
    Conflict,
    FieldError,
    Forbidden,
    Invalid,
    NotFound,
    Outcome,
    Rejected,
    Unauthenticated,
    Unavailable,
)

logger = logging.getLogger("resale.problems")

CONTENT_TYPE: Final = "application/problem+json"

#: The first branch an outcome belongs to decides. A test holds every outcome to a row.
STATUS: Final[tuple[tuple[type[Outcome], HTTPStatus], ...]] = (
    (NotFound, HTTPStatus.NOT_FOUND),
    (Invalid, HTTPStatus.UNPROCESSABLE_ENTITY),
    (Forbidden, HTTPStatus.FORBIDDEN),
    (Unauthenticated, HTTPStatus.UNAUTHORIZED),
    (Rejected, HTTPStatus.CONFLICT),
    (Conflict, HTTPStatus.CONFLICT),
    (Unavailable, HTTPStatus.SERVICE_UNAVAILABLE),
    (Outcome, HTTPStatus.CONFLICT),
)

_NO_REQUEST: Final = "Not a request this server understands."
_NOTHING_THERE: Final = "Nothing is at this path."
_NOT_ALLOWED: Final = "The caller may not do this."
_OUR_FAULT: Final = "Our fault; it is logged under the request_id."

#: Code and sentence; DRF's own sentences may quote the request.
_OF_DRF: Final[dict[type[Exception], tuple[str, str]]] = {
    drf.ParseError: ("malformed_body", "The body cannot be read."),
    drf.MethodNotAllowed: ("method_not_allowed", "The path has no such method; Allow lists what it has."),
    drf.NotAcceptable: ("not_acceptable", "Answers are JSON; Accept has to allow it."),
    drf.UnsupportedMediaType: ("unsupported_media_type", "The body must be application/json."),
    drf.Throttled: ("too_many_requests", "Slow down; Retry-After says for how long."),
    drf.NotFound: ("not_found", _NOTHING_THERE),
    drf.PermissionDenied: ("forbidden", _NOT_ALLOWED),
    drf.NotAuthenticated: ("unauthenticated", "The caller is not known."),
    drf.AuthenticationFailed: ("unauthenticated", "The caller is not known."),
    drf.ValidationError: ("validation_failed", "The input is wrong."),
}
_ENCODE: Final = msgspec.json.Encoder().encode
# RFC 9110 11.6.1: a 401 names what would help.
_CHALLENGE: Final = 'ApiKey realm="resale", Bearer realm="resale"'


class Problem(msgspec.Struct, frozen=True, omit_defaults=True):
    """A problem document (RFC 9457) with our members ``code``, ``errors`` and ``request_id``."""

    type: str
    title: str
    status: int
    code: str
    detail: str = ""
    errors: tuple[FieldError, ...] = ()
    request_id: str = ""


class HTTPError(Exception):
    """Something only HTTP can be wrong about. ``status`` and ``code`` are the class's; headers may be added."""

    status: HTTPStatus = HTTPStatus.BAD_REQUEST
    code = "bad_request"

    def __init__(
        self, detail: str = "", *, headers: dict[str, str] | None = None, errors: tuple[FieldError, ...] = ()
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.errors = errors
        self.headers = headers or {}


class MalformedBody(HTTPError):  # noqa: N818 - named for what happened, as outcomes are
    """The body is not JSON at all."""

    code = "malformed_body"


class BodyTooLarge(HTTPError):  # noqa: N818 - named for what happened, as outcomes are
    """The body is over the limit."""

    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    code = "body_too_large"


class BodyTimeout(HTTPError):  # noqa: N818 - named for what happened, as outcomes are
    """The body did not arrive in time."""

    status = HTTPStatus.REQUEST_TIMEOUT
    code = "body_timeout"


class UnsupportedBody(HTTPError):  # noqa: N818 - named for what happened, as outcomes are
    """The body is of a type or encoding not understood here."""

    status = HTTPStatus.UNSUPPORTED_MEDIA_TYPE
    code = "unsupported_media_type"


class PreconditionFailed(HTTPError):  # noqa: N818 - named for what happened, as outcomes are
    """If-Match named another version than there is."""

    status = HTTPStatus.PRECONDITION_FAILED
    code = "precondition_failed"


def render(error: Exception, *, request_id: str) -> HttpResponse:
    """Turn any exception into its problem document; what is not foreseen is a 500 and logged."""
    if isinstance(error, Outcome):
        return _of_outcome(error, request_id)
    if isinstance(error, HTTPError):
        detail = error.detail or meaning_of(type(error))
        return respond(
            error.status, error.code, detail, request_id=request_id, errors=error.errors, headers=error.headers
        )
    if isinstance(error, drf.APIException):
        return _of_drf(error, request_id)
    return _of_django(error, request_id)


def respond(
    status: int,
    code: str,
    detail: str = "",
    *,
    request_id: str,
    errors: tuple[FieldError, ...] = (),
    headers: dict[str, str] | None = None,
) -> HttpResponse:
    """Write a problem document."""
    body = document(status, code, detail, request_id=request_id, errors=errors)
    response = HttpResponse(body, status=status, content_type=CONTENT_TYPE, headers=headers)
    if status == HTTPStatus.UNAUTHORIZED:
        response["WWW-Authenticate"] = _CHALLENGE
    return response


def document(status: int, code: str, detail: str, *, request_id: str, errors: tuple[FieldError, ...] = ()) -> bytes:
    """Encode a problem document."""
    return _ENCODE(
        Problem(
            type=f"urn:resale:problem:{code}",
            title=code.replace("_", " ").capitalize(),
            status=int(status),
            code=code,
            detail=detail,
            errors=errors,
            request_id=request_id,
        )
    )


def handle_drf_exception(error: Exception, context: dict[str, Any]) -> HttpResponse:
    """Answer for DRF views that are not lean (its EXCEPTION_HANDLER)."""
    return render(error, request_id=_request_id(context["request"]._request))  # noqa: SLF001 - DRF names it nowhere else


def status_of(outcome: Outcome) -> HTTPStatus:
    """Look an outcome's status up."""
    return next(status for branch, status in STATUS if isinstance(outcome, branch))


def meaning_of(kind: type[Outcome] | type[HTTPError]) -> str:
    """Say what a kind of error means: the first line of its docstring. Said where an error says nothing of its own."""
    return (kind.__doc__ or "").strip().splitlines()[0]


def _of_outcome(outcome: Outcome, request_id: str) -> HttpResponse:
    headers = {"Retry-After": str(outcome.retry_after_seconds)} if isinstance(outcome, Unavailable) else None
    return respond(
        status_of(outcome),
        outcome.code,
        outcome.detail or meaning_of(type(outcome)),
        request_id=request_id,
        errors=outcome.errors,
        headers=headers,
    )


def _of_drf(error: drf.APIException, request_id: str) -> HttpResponse:
    unknown = ("bad_request", _NO_REQUEST)
    code, detail = next((said for kind, said in _OF_DRF.items() if isinstance(error, kind)), unknown)
    headers: dict[str, str] = {}
    if isinstance(error, drf.Throttled):
        headers["Retry-After"] = str(int(getattr(error, "wait", None) or 1) + 1)
    return respond(error.status_code, code, detail, request_id=request_id, headers=headers)


def _of_django(error: Exception, request_id: str) -> HttpResponse:
    if isinstance(error, Http404):
        return respond(HTTPStatus.NOT_FOUND, "not_found", _NOTHING_THERE, request_id=request_id)
    if isinstance(error, PermissionDenied):
        return respond(HTTPStatus.FORBIDDEN, "forbidden", _NOT_ALLOWED, request_id=request_id)
    if isinstance(error, SuspiciousOperation):
        return respond(HTTPStatus.BAD_REQUEST, "bad_request", _NO_REQUEST, request_id=request_id)
    if isinstance(error, OperationalError | InterfaceError):
        logger.error("the registry's database does not answer", exc_info=error)
        return _of_outcome(Unavailable(retry_after_seconds=5), request_id)
    logger.error("unforeseen", exc_info=error)
    return respond(HTTPStatus.INTERNAL_SERVER_ERROR, "internal_error", _OUR_FAULT, request_id=request_id)


# ---------------------------------------------------------------- Django's own handlers (config.urls)
def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer a request Django refuses before a view."""
    if _is_staff_page(request):
        return defaults.bad_request(request, exception)
    return respond(HTTPStatus.BAD_REQUEST, "bad_request", _NO_REQUEST, request_id=_request_id(request))


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer a PermissionDenied outside a lean view."""
    if _is_staff_page(request):
        return defaults.permission_denied(request, exception)
    return respond(HTTPStatus.FORBIDDEN, "forbidden", _NOT_ALLOWED, request_id=_request_id(request))


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer for a path nothing hangs at."""
    if _is_staff_page(request):
        return defaults.page_not_found(request, exception)
    return respond(HTTPStatus.NOT_FOUND, "not_found", _NOTHING_THERE, request_id=_request_id(request))


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer for an exception no view caught; Django has logged it."""
    if _is_staff_page(request):
        return defaults.server_error(request)
    return respond(HTTPStatus.INTERNAL_SERVER_ERROR, "internal_error", _OUR_FAULT, request_id=_request_id(request))


def _is_staff_page(request: HttpRequest) -> bool:
    return request.path_info.startswith("/admin/")


def _request_id(request: HttpRequest) -> str:
    info = request.__dict__.get("resale")
    return "" if info is None else str(info.id)

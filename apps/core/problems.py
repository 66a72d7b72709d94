"""Problem documents (RFC 9457) of outcomes and framework errors, and the table from outcome to HTTP status."""

import logging
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, ClassVar, Final

import msgspec
from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse
from django.views import defaults
from msgspec.structs import replace
from rest_framework import exceptions as drf

from resale.domain.quotes import OrderQuote
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


class ProblemType(msgspec.Struct, frozen=True, order=True):
    """The fields that all problems of one ``code`` share (RFC 9457 4); ``detail`` is the default one."""

    status: int
    code: str
    title: str
    detail: str


_ENCODE: Final = msgspec.json.Encoder().encode
# RFC 9110 11.6.1: a 401 names the authentication schemes.
_CHALLENGE: Final = 'ApiKey realm="resale", Bearer realm="resale"'


class Problem(msgspec.Struct, frozen=True, omit_defaults=True):
    """A problem document (RFC 9457) with the extension members ``code``, ``errors`` and ``request_id``.

    ``quote`` is there when the price is another one than the buyer agreed to: the price of now. ``ticket`` and
    ``position`` are there when many buyers order a listing: the buyer's place in the line, and what proves it.
    """

    type: str
    title: str
    status: int
    code: str
    detail: str = ""
    errors: tuple[FieldError, ...] = ()
    quote: OrderQuote | None = None
    ticket: str | None = None
    position: int | None = None
    request_id: str = ""


class HTTPError(Exception):
    """Base of errors that only HTTP knows. An instance may add headers."""

    status: ClassVar[HTTPStatus] = HTTPStatus.BAD_REQUEST
    code: ClassVar[str] = "bad_request"
    title: ClassVar[str] = "Bad request"
    default_detail: ClassVar[str] = "The server does not understand this request. Correct it before sending it again."

    def __init__(
        self,
        detail: str = "",
        *,
        headers: dict[str, str] | None = None,
        errors: tuple[FieldError, ...] = (),
        members: Mapping[str, Any] | None = None,
    ) -> None:
        self.detail = detail or self.default_detail
        super().__init__(self.detail)
        self.errors = errors
        self.headers = headers or {}
        self.members = members or {}


class MalformedBody(HTTPError):  # noqa: N818 - named for what happened, as outcomes are
    """The body is not JSON."""

    code = "malformed_body"
    title = "Malformed body"
    default_detail = "The body is not valid JSON. Send one JSON object encoded as UTF-8."


class BodyTooLarge(HTTPError):  # noqa: N818 - named for what happened, as outcomes are
    """The body exceeds the size limit."""

    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    code = "body_too_large"
    title = "Body too large"
    default_detail = "The body is larger than this endpoint accepts. Send a smaller one."


class BodyTimeout(HTTPError):  # noqa: N818 - named for what happened, as outcomes are
    """The body did not arrive in time."""

    status = HTTPStatus.REQUEST_TIMEOUT
    code = "body_timeout"
    title = "Body timeout"
    default_detail = "The body did not arrive in time. Send the request again on a faster connection."


class UnsupportedBody(HTTPError):  # noqa: N818 - named for what happened, as outcomes are
    """The body has a content type or an encoding that is not supported."""

    status = HTTPStatus.UNSUPPORTED_MEDIA_TYPE
    code = "unsupported_media_type"
    title = "Unsupported media type"
    default_detail = "The body must be uncompressed JSON. Send it with Content-Type: application/json."


class PreconditionFailed(HTTPError):  # noqa: N818 - named for what happened, as outcomes are
    """The If-Match header names another version than the current one."""

    status = HTTPStatus.PRECONDITION_FAILED
    code = "precondition_failed"
    title = "Precondition failed"
    default_detail = "The object has another version than the one in If-Match. Read it again and send its current ETag."


class InternalError(HTTPError):
    """An unexpected error, logged under its request id."""

    status = HTTPStatus.INTERNAL_SERVER_ERROR
    code = "internal_error"
    title = "Internal server error"
    default_detail = "The server failed unexpectedly. If it happens again, report the `request_id`."


def problem_type_of(error_class: type[Outcome | HTTPError]) -> ProblemType:
    """Return the fields that all problems of one error class share."""
    if issubclass(error_class, HTTPError):
        status = error_class.status
    else:
        status = next(status for branch, status in STATUS if issubclass(error_class, branch))
    return ProblemType(int(status), error_class.code, error_class.title, error_class.default_detail)


BAD_REQUEST: Final = problem_type_of(HTTPError)
PERMISSION_DENIED: Final = problem_type_of(Forbidden)
INTERNAL_ERROR: Final = problem_type_of(InternalError)
PATH_NOT_FOUND: Final = ProblemType(404, "not_found", "Not found", "This path does not exist. Check the URL.")
METHOD_NOT_ALLOWED: Final = ProblemType(
    405, "method_not_allowed", "Method not allowed", "This path does not support the method. See the `Allow` header."
)
NOT_ACCEPTABLE: Final = ProblemType(
    406, "not_acceptable", "Not acceptable", "Responses are JSON. Send an Accept header that allows application/json."
)
TOO_MANY_REQUESTS: Final = ProblemType(
    429, "too_many_requests", "Too many requests", "Too many requests. Retry after the seconds in `Retry-After`."
)

#: DRF's own sentences may quote the request.
DRF_PROBLEMS: Final[dict[type[Exception], ProblemType]] = {
    drf.ParseError: problem_type_of(MalformedBody),
    drf.MethodNotAllowed: METHOD_NOT_ALLOWED,
    drf.NotAcceptable: NOT_ACCEPTABLE,
    drf.UnsupportedMediaType: problem_type_of(UnsupportedBody),
    drf.Throttled: TOO_MANY_REQUESTS,
    drf.NotFound: PATH_NOT_FOUND,
    drf.PermissionDenied: PERMISSION_DENIED,
    drf.NotAuthenticated: problem_type_of(Unauthenticated),
    drf.AuthenticationFailed: problem_type_of(Unauthenticated),
    drf.ValidationError: problem_type_of(Invalid),
}


def render(error: Exception, *, request_id: str) -> HttpResponse:
    """Return the problem document of any exception; an unexpected one is a 500 and is logged."""
    if isinstance(error, Outcome):
        return _of_outcome(error, request_id)
    if isinstance(error, HTTPError):
        kind = problem_type_of(type(error))
        return respond(
            kind,
            error.detail,
            request_id=request_id,
            errors=error.errors,
            members=error.members,
            headers=error.headers,
        )
    if isinstance(error, drf.APIException):
        return _of_drf(error, request_id)
    return _of_django(error, request_id)


def respond(
    kind: ProblemType,
    detail: str = "",
    *,
    request_id: str,
    errors: tuple[FieldError, ...] = (),
    members: Mapping[str, Any] | None = None,
    headers: dict[str, str] | None = None,
) -> HttpResponse:
    """Return a problem document as a response."""
    body = document(kind, detail, request_id=request_id, errors=errors, members=members)
    response = HttpResponse(body, status=kind.status, content_type=CONTENT_TYPE, headers=headers)
    if kind.status == HTTPStatus.UNAUTHORIZED:
        response["WWW-Authenticate"] = _CHALLENGE
    return response


def document(
    kind: ProblemType,
    detail: str = "",
    *,
    request_id: str,
    errors: tuple[FieldError, ...] = (),
    members: Mapping[str, Any] | None = None,
) -> bytes:
    """Encode a problem document. ``members`` are further fields of ``Problem``, by name."""
    return _ENCODE(
        Problem(
            type=f"urn:resale:problem:{kind.code}",
            title=kind.title,
            status=kind.status,
            code=kind.code,
            detail=detail or kind.detail,
            errors=errors,
            request_id=request_id,
            **(members or {}),
        )
    )


def handle_drf_exception(error: Exception, context: dict[str, Any]) -> HttpResponse:
    """Render the exception of a plain DRF view (the EXCEPTION_HANDLER setting)."""
    return render(error, request_id=_request_id(context["request"]._request))  # noqa: SLF001 - DRF names it nowhere else


def _of_outcome(outcome: Outcome, request_id: str) -> HttpResponse:
    headers = {"Retry-After": str(outcome.retry_after_seconds)} if isinstance(outcome, Unavailable) else None
    kind = problem_type_of(type(outcome))
    return respond(
        kind, outcome.detail, request_id=request_id, errors=outcome.errors, members=outcome.members, headers=headers
    )


def _of_drf(error: drf.APIException, request_id: str) -> HttpResponse:
    kind = next((kind for raised, kind in DRF_PROBLEMS.items() if isinstance(error, raised)), BAD_REQUEST)
    headers: dict[str, str] = {}
    if isinstance(error, drf.Throttled):
        headers["Retry-After"] = str(int(getattr(error, "wait", None) or 1) + 1)
    return respond(replace(kind, status=error.status_code), request_id=request_id, headers=headers)


def _of_django(error: Exception, request_id: str) -> HttpResponse:
    if isinstance(error, Http404):
        return respond(PATH_NOT_FOUND, request_id=request_id)
    if isinstance(error, PermissionDenied):
        return respond(PERMISSION_DENIED, request_id=request_id)
    if isinstance(error, SuspiciousOperation):
        return respond(BAD_REQUEST, request_id=request_id)
    if isinstance(error, OperationalError | InterfaceError):
        logger.error("the registry database does not respond", exc_info=error)
        return _of_outcome(Unavailable(retry_after_seconds=5), request_id)
    logger.error("unexpected exception", exc_info=error)
    return respond(INTERNAL_ERROR, request_id=request_id)


# ---------------------------------------------------------------- Django's own handlers (config.urls)
def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Respond to a request that Django refuses before a view."""
    if _is_staff_page(request):
        return defaults.bad_request(request, exception)
    return respond(BAD_REQUEST, request_id=_request_id(request))


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Respond to a PermissionDenied that no lean view caught."""
    if _is_staff_page(request):
        return defaults.permission_denied(request, exception)
    return respond(PERMISSION_DENIED, request_id=_request_id(request))


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Respond to a path that no route matches."""
    if _is_staff_page(request):
        return defaults.page_not_found(request, exception)
    return respond(PATH_NOT_FOUND, request_id=_request_id(request))


def server_error(request: HttpRequest) -> HttpResponse:
    """Respond to an exception that no view caught; Django has logged it."""
    if _is_staff_page(request):
        return defaults.server_error(request)
    return respond(INTERNAL_ERROR, request_id=_request_id(request))


def _is_staff_page(request: HttpRequest) -> bool:
    return request.path_info.startswith("/admin/")


def _request_id(request: HttpRequest) -> str:
    info = request.__dict__.get("resale")
    return "" if info is None else str(info.id)

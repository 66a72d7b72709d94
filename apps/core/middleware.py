"""Middleware of every request: its id, security headers and log line."""

import logging
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Final

import msgspec
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from msgspec import UNSET, UnsetType

from apps.core.api_version import API_VERSION
from apps.core.logs import enter_context, leave_context
from apps.core.requests import RequestInfo, new_info

logger = logging.getLogger("resale.request")

Handler = Callable[[HttpRequest], HttpResponseBase]

_NOSNIFF: Final = ("X-Content-Type-Options", "nosniff")
# JSON is never a page: nothing may frame, sniff, cache or load it unless its view says so.
API_HEADERS: Final = (
    _NOSNIFF,
    ("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"),
    ("Cache-Control", "private, no-store"),
    ("API-Version", API_VERSION),
)
_BODILESS: Final = (204, 304)
_RECORD: Final = logging.makeLogRecord({"name": logger.name, "levelno": logging.INFO, "levelname": "INFO"}).__dict__
_PAGES: Final = ("/admin/", "/static/")


class RequestLog(msgspec.Struct, gc=False):
    """The log line of a request. It has no path, query, address or user agent."""

    at: str
    request_id: str
    method: str
    route: str
    status: int
    duration_ms: float
    tenant: str
    key: str
    client_request_id: str | UnsetType = UNSET
    level: str = "INFO"
    logger: str = "resale.request"
    message: str = "request"

    @classmethod
    def of_server(
        cls, *, request_id: str, method: str, status: int, seconds: float, tenant: str = "", key: str = ""
    ) -> "RequestLog":
        """Build the log line of a request that the server refused before the application: it has no route."""
        return cls(
            at=datetime.now(UTC).isoformat(),
            request_id=request_id,
            method=method,
            route="",
            status=status,
            duration_ms=round(seconds * 1000, 2),
            tenant=tenant,
            key=key,
        )


class RequestMiddleware:
    """Assigns each request an id, and adds the id, the security headers and one log line to its response."""

    def __init__(self, get_response: Handler) -> None:
        self._get_response = get_response
        seconds = settings.STRICT_TRANSPORT_SECONDS
        transport = [("Strict-Transport-Security", f"max-age={seconds}; includeSubDomains")] if seconds else []
        self._api = _to_header_items((*API_HEADERS, *transport))
        self._pages = _to_header_items((_NOSNIFF, *transport))

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Pass the request on, then log its response."""
        started = time.perf_counter()
        info = new_info(request)
        named = {"client_request_id": info.client_id} if info.client_id else {}
        token = enter_context({"request_id": info.id, **named})
        try:
            response = self._get_response(request)
        finally:
            leave_context(token)
        self._add_headers(request, response, info)
        if logger.isEnabledFor(logging.INFO):
            write_request_log(_line(request, response, info, started))
        return response

    def _add_headers(self, request: HttpRequest, response: HttpResponseBase, info: RequestInfo) -> None:
        # Straight into the mapping behind response.headers: names and values are ours, known to be clean, and its
        # checks of each would cost 15 us a request (Django 5.2, ResponseHeaders).
        store = response.headers._store  # noqa: SLF001 - see above
        for key, header in self._pages if request.path_info.startswith(_PAGES) else self._api:
            store.setdefault(key, header)
        store["x-request-id"] = ("X-Request-Id", info.id)
        if info.client_id:
            store["x-client-request-id"] = ("X-Client-Request-Id", info.client_id)
        if isinstance(response, HttpResponse):  # else the server would send it in chunks
            _frame(request, response)


def _frame(request: HttpRequest, response: HttpResponse) -> None:
    """Set Content-Length if the response has a body (RFC 9110 8.6), also for HEAD."""
    store = response.headers._store  # noqa: SLF001 - as above
    if response.status_code in _BODILESS:
        store.pop("content-length", None)
        return
    store.setdefault("content-length", ("Content-Length", str(len(response.content))))
    if request.method == "HEAD":
        response.content = b""


def _to_header_items(headers: Iterable[tuple[str, str]]) -> tuple[tuple[str, tuple[str, str]], ...]:
    return tuple((name.lower(), (name, value)) for name, value in headers)


def write_request_log(line: RequestLog) -> None:
    """Write the log line like ``logger.info``, without looking up caller, thread and process, which the line omits."""
    record = logging.LogRecord.__new__(logging.LogRecord)
    record.__dict__ = {**_RECORD, "msg": line, "created": time.time()}
    logger.handle(record)


def _line(request: HttpRequest, response: HttpResponseBase, info: RequestInfo, started: float) -> RequestLog:
    match = request.resolver_match
    return RequestLog(
        at=datetime.now(UTC).isoformat(),
        request_id=info.id,
        method=request.method or "",
        route=match.route if match else "",
        status=response.status_code,
        duration_ms=round((time.perf_counter() - started) * 1000, 2),
        tenant=info.tenant.slug if info.tenant else "",
        key=info.key_id,
        client_request_id=info.client_id or UNSET,
    )

"""Middleware every request passes: its id, its log line and its security headers; and the rest, by path."""

import logging
import time
from collections.abc import Callable, Iterable
from typing import Any, Final, cast

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.handlers.exception import convert_exception_to_response
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.module_loading import import_string

from apps.core.logs import log_context
from apps.core.requests import RequestInfo, new_info

logger = logging.getLogger("resale.request")

Handler = Callable[[HttpRequest], HttpResponseBase]
ViewHook = Callable[[HttpRequest, Any, Any, Any], HttpResponseBase | None]

# JSON is never a page: nothing may frame, sniff, cache or load it unless its view says so.
_API_HEADERS: Final = (
    ("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"),
    ("Cache-Control", "private, no-store"),
)


class RequestMiddleware:
    """Gives a request its id, and every answer that id, the security headers and one log line."""

    def __init__(self, get_response: Handler) -> None:
        self._get_response = get_response
        self._common = [("X-Content-Type-Options", "nosniff"), ("Referrer-Policy", "same-origin")]
        if seconds := settings.STRICT_TRANSPORT_SECONDS:
            self._common.append(("Strict-Transport-Security", f"max-age={seconds}; includeSubDomains"))

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Pass the request on and write down what became of it: no path, query, address or agent."""
        started = time.perf_counter()
        info = new_info(request)
        with log_context(request_id=info.id):
            response = self._get_response(request)
            self._add_headers(request, response, info)
            logger.info("request", extra=_line(request, response, info, started))
        return response

    def _add_headers(self, request: HttpRequest, response: HttpResponseBase, info: RequestInfo) -> None:
        headers = response.headers
        headers["X-Request-Id"] = info.id
        for name, value in self._common:
            headers.setdefault(name, value)
        if not request.path_info.startswith(("/admin/", "/static/")):
            for name, value in _API_HEADERS:
                headers.setdefault(name, value)


class ScopedMiddleware:
    """Runs each list of SCOPED_MIDDLEWARE for the paths under its prefix only; other paths pay nothing for it.

    Knows middleware that wraps the call and ``process_view``; other hooks are refused at start.
    """

    def __init__(self, get_response: Handler) -> None:
        self._get_response = get_response
        scopes = settings.SCOPED_MIDDLEWARE.items()
        self._chains = [(prefix, *_chain(get_response, paths)) for prefix, paths in scopes]

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Hand the request to its scope's chain."""
        path = request.path_info
        for prefix, chain, _ in self._chains:
            if path.startswith(prefix):
                return chain(request)
        return self._get_response(request)

    def process_view(self, request: HttpRequest, view: Any, args: Any, kwargs: Any) -> HttpResponseBase | None:
        """Ask the scope's middleware before its view runs, outermost first, as Django does."""
        path = request.path_info
        for prefix, _, hooks in self._chains:
            if path.startswith(prefix):
                answers = (hook(request, view, args, kwargs) for hook in hooks)
                return next((answer for answer in answers if answer is not None), None)
        return None


def _chain(get_response: Handler, paths: Iterable[str]) -> tuple[Handler, list[ViewHook]]:
    handler = get_response
    hooks: list[ViewHook] = []
    for path in reversed(list(paths)):
        middleware = import_string(path)(handler)
        for unknown in ("process_exception", "process_template_response"):
            if hasattr(middleware, unknown):
                raise ImproperlyConfigured(f"{path} needs {unknown}, which a scope does not run")
        if hasattr(middleware, "process_view"):
            hooks.insert(0, middleware.process_view)
        handler = cast("Handler", convert_exception_to_response(middleware))
    return handler, hooks


def _line(
    request: HttpRequest, response: HttpResponseBase, info: RequestInfo, started: float
) -> dict[str, str | int | float]:
    match = request.resolver_match
    return {
        "method": request.method or "",
        "route": match.route if match else "",
        "status": response.status_code,
        "duration_ms": round((time.perf_counter() - started) * 1000, 2),
        "tenant": info.tenant.slug if info.tenant else "",
        "key": info.key_id,
    }

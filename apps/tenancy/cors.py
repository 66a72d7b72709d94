"""CORS: the origins of the tenant whose API key is sent."""

from collections.abc import Awaitable
from functools import lru_cache
from typing import cast
from urllib.parse import SplitResult

from corsheaders.middleware import CorsMiddleware
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.cache import patch_vary_headers

from apps.core.requests import info_of
from apps.tenancy import registry
from resale.errors import Unavailable


class TenantCorsMiddleware(CorsMiddleware):
    """django-cors-headers with the allowed origins of the registry.

    A preflight carries no key, so every tenant's origins pass it; it discloses nothing. The response itself may be read
    by its own tenant's pages only; one without a tenant (a wrong key) says nothing of any, and by every tenant's.
    """

    def __call__(self, request: HttpRequest) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        """Pass requests without an Origin header through, and add Vary so that caches separate responses by origin."""
        if "HTTP_ORIGIN" in request.META:
            return super().__call__(request)
        response = cast("HttpResponseBase", self.get_response(request))
        if not self.is_enabled(request):
            return response
        response.headers["Vary"] = _vary(response.headers.get("Vary", ""))
        return response

    def check_signal(self, request: HttpRequest) -> bool:
        """Return whether the tenant allows the origin of a request."""
        origin = request.headers.get("origin", "")
        tenant = info_of(request).tenant
        return tenant.allows_origin(origin) if tenant is not None else _is_known(origin)

    def is_enabled(self, request: HttpRequest) -> bool:
        """Return whether a path has CORS, without the regular expression and the signal of the library."""
        return request.path_info.startswith("/v1/")

    def origin_found_in_white_lists(self, origin: str, url: SplitResult) -> bool:  # noqa: ARG002 - as above
        """Return False: allowed origins are never taken from the settings."""
        return False


@lru_cache(maxsize=64)
def _vary(present: str) -> str:
    """Return a Vary header with ``origin`` added. Cached: views set few values, and parsing one costs 5 us."""
    response = HttpResponse(headers={"Vary": present} if present else {})
    patch_vary_headers(response, ("origin",))
    return response.headers["Vary"]


def _is_known(origin: str) -> bool:
    try:
        return any(tenant.allows_origin(origin) for tenant in registry.active_tenants())
    except Unavailable:
        return False

"""The API's description, for programs and for people. Both are made once a process and need no key."""

import hashlib
from functools import lru_cache
from typing import Final
from urllib.parse import urlsplit

import msgspec
from django.http import HttpResponse
from django.template.loader import render_to_string
from django.templatetags.static import static
from rest_framework.request import Request

from apps.core.views import LeanAPIView, json_response
from apps.storefront.answers import is_current, not_modified
from apps.storefront.openapi.document import build_document

_ASSETS: Final = "drf_spectacular_sidecar/swagger-ui-dist"
_CACHING: Final = {"Cache-Control": "public, max-age=300"}


class OpenAPIView(LeanAPIView):
    """``/v1/openapi.json``."""

    authentication_classes = ()

    def get(self, request: Request) -> HttpResponse:
        """Hand out the OpenAPI document."""
        body, tag = _document()
        if is_current(request, tag):
            return not_modified(tag, caching=_CACHING)
        return json_response(body, headers={**_CACHING, "ETag": tag})


class DocsView(LeanAPIView):
    """``/v1/docs``."""

    authentication_classes = ()

    def get(self, request: Request) -> HttpResponse:  # noqa: ARG002 - DRF's signature
        """Show the document as a page; every asset of it is ours."""
        page, policy = _page()
        return HttpResponse(page, headers={**_CACHING, "Content-Security-Policy": policy})


@lru_cache(maxsize=1)
def _document() -> tuple[bytes, str]:
    body = msgspec.json.encode(build_document())
    return body, f'"{hashlib.sha256(body).hexdigest()[:16]}"'


@lru_cache(maxsize=1)
def _page() -> tuple[bytes, str]:
    assets = {
        "swagger_css": static(f"{_ASSETS}/swagger-ui.css"),
        "swagger_js": static(f"{_ASSETS}/swagger-ui-bundle.js"),
        "icon": static(f"{_ASSETS}/favicon-32x32.png"),
        "page_css": static("storefront/docs.css"),
        "page_js": static("storefront/docs.js"),
    }
    return render_to_string("storefront/docs.html", assets).encode(), _policy(assets["swagger_js"])


def _policy(asset_url: str) -> str:
    """Allow our own scripts, styles and pictures (where static files lie), and calls to this API; nothing inline."""
    parts = urlsplit(asset_url)
    ours = f"{parts.scheme}://{parts.netloc}" if parts.netloc else "'self'"
    rules = {
        "default-src": "'none'",
        "script-src": ours,
        "style-src": f"{ours}",
        "img-src": f"{ours} data:",
        "connect-src": "'self'",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
    }
    return "; ".join(f"{name} {value}" for name, value in rules.items())

"""The API's description as a document and as a page. Both are built once a process and require no key."""

from functools import lru_cache
from typing import Final
from urllib.parse import urlsplit

import msgspec
from django.http import HttpResponse
from django.template.loader import render_to_string
from django.templatetags.static import static

from apps.core import static_documents
from apps.core.static_documents import Document
from apps.core.views import JSON
from apps.storefront.context import Context
from apps.storefront.endpoint import AnyEndpoint, Endpoint
from apps.storefront.endpoints import NOUN_ENDPOINTS
from apps.storefront.openapi.document import build_document
from apps.storefront.openapi.page import describe
from apps.storefront.permissions import Access

_CACHING: Final = {"Cache-Control": "public, max-age=300"}
_TAG: Final = "This document"
_HTML: Final = "text/html; charset=utf-8"


@Endpoint(
    method="get",
    path="/v1/openapi.json",
    id="getOpenAPI",
    tag=_TAG,
    summary="Retrieve this OpenAPI document",
    access=Access.ANYBODY,
    tagged=True,
)
def get_openapi(context: Context[None, None]) -> HttpResponse:
    """Respond with the OpenAPI document."""
    return static_documents.respond(context.request, _document(), _CACHING)


@Endpoint(
    method="get",
    path="/v1/docs",
    id="getDocs",
    tag=_TAG,
    summary="Retrieve this document as a web page",
    access=Access.ANYBODY,
    content_type="text/html",
)
def get_docs(context: Context[None, None]) -> HttpResponse:
    """Respond with the page of the document; all its assets are our own."""
    page, policy = _page()
    return static_documents.respond(context.request, page, {**_CACHING, "Content-Security-Policy": policy})


DOCUMENT_ENDPOINTS: Final[tuple[AnyEndpoint, ...]] = (get_openapi, get_docs)
#: Every endpoint of ``/v1``, in the document's order.
ENDPOINTS: Final = (*NOUN_ENDPOINTS, *DOCUMENT_ENDPOINTS)


@lru_cache(maxsize=1)
def _document() -> Document:
    return Document.of(msgspec.json.encode(build_document(ENDPOINTS)), content_type=JSON)


@lru_cache(maxsize=1)
def _page() -> tuple[Document, str]:
    assets = {"page_css": static("storefront/docs.css"), "page_js": static("storefront/docs.js")}
    page = render_to_string("storefront/docs.html", {**assets, **describe(build_document(ENDPOINTS))})
    return Document.of(page.encode(), content_type=_HTML), _policy(assets["page_js"])


def _policy(asset_url: str) -> str:
    """Return a content security policy for our own script and style only; the page calls nothing else."""
    parts = urlsplit(asset_url)
    ours = f"{parts.scheme}://{parts.netloc}" if parts.netloc else "'self'"
    rules = {
        "default-src": "'none'",
        "script-src": ours,
        "style-src": ours,
        "img-src": "data:",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
    }
    return "; ".join(f"{name} {value}" for name, value in rules.items())

"""Endpoints that describe the API itself."""

from typing import Final

from apps.storefront.openapi.endpoints.shapes import Access, Endpoint

DOCUMENT_ENDPOINTS: Final = (
    Endpoint(
        method="get",
        path="/v1/openapi.json",
        id="getOpenAPI",
        tag="This document",
        summary="This document",
        access=Access.ANYBODY,
        tagged=True,
    ),
    Endpoint(
        method="get",
        path="/v1/docs",
        id="getDocs",
        tag="This document",
        summary="This document as a page",
        access=Access.ANYBODY,
    ),
)

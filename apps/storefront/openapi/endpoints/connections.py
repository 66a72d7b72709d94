"""Endpoints of connections: how the brand's partners fare."""

from typing import Final

from apps.storefront.openapi.endpoints.shapes import Access, Endpoint
from resale.application.queries.connections import ConnectionList

CONNECTION_ENDPOINTS: Final = (
    Endpoint(
        method="get",
        path="/v1/connections",
        id="listConnections",
        tag="Connections",
        summary="The brand's connections to partners, and whether they are called",
        details=(
            "A partner that gives no answer several times in a row is `open`: not called for a while, and then by "
            "one call at a time, until it answers. What waits for it is done then. All of them, in one page."
        ),
        access=Access.BRAND,
        scope="connections:read",
        answers=(ConnectionList,),
    ),
)

"""Connections, for the brand's own back end: how its partners fare."""

from apps.storefront.context import Context
from apps.storefront.endpoint import Endpoint
from apps.storefront.permissions import Access
from apps.tenancy.scopes import Scope
from resale.application.queries.connections import ConnectionList, list_connections


@Endpoint(
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
    scope=Scope.CONNECTIONS_READ,
    responses=(ConnectionList,),
)
def list_all(context: Context[None, None]) -> ConnectionList:
    """List the brand's connections and their states."""
    return list_connections(reader=context.reader, principal=context.principal)

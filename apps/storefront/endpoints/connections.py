"""Connections to partners and their health, for the brand's own back end."""

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
    summary="List the connections to partners, with their health",
    details=(
        "A connection to a partner that does not respond several times in a row is `open`: no calls are sent for a "
        "while, then single calls until it responds. Waiting steps run then. The list has one page."
    ),
    access=Access.BRAND,
    scope=Scope.CONNECTIONS_READ,
    responses=(ConnectionList,),
)
def list_all(context: Context[None, None]) -> ConnectionList:
    """List the brand's connections with their states."""
    return list_connections(reader=context.reader, principal=context.principal)

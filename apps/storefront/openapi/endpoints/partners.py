"""Endpoints of those a shop works with: what its own carrier reports."""

from typing import Final

from apps.storefront.openapi.codes import codes_of
from apps.storefront.openapi.endpoints.shapes import Access, Endpoint
from apps.storefront.shipments import NewTrackingEvent
from resale.application.queries.orders import BrandOrder
from resale.domain import claims, orders, shipments

PARTNER_ENDPOINTS: Final = (
    Endpoint(
        method="post",
        path="/v1/shipments/{shipment_id}/tracking_events",
        id="reportTracking",
        tag="Partners",
        summary="Report where a parcel is",
        details=(
            "For brands that ship by a carrier of their own. Reports may come in any order and any number of times: a "
            "parcel only moves forward. `shp_…` is an order's parcel, `rtn_…` the return of its claim."
        ),
        access=Access.BRAND,
        scope="orders:write",
        body=NewTrackingEvent,
        answers=(BrandOrder,),
        tagged=True,
        problems=codes_of(
            shipments.ShipmentNotFound,
            orders.OrderNotFound,
            orders.OrderTransitionRefused,
            orders.OrderChanged,
            claims.ClaimNotFound,
            claims.ClaimTransitionRefused,
            claims.ClaimChanged,
        ),
    ),
)

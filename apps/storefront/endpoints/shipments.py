"""Parcels: tracking events reported by the brand."""

import hashlib
from datetime import datetime, timedelta
from typing import Annotated, Final, Literal

import msgspec

from apps.core.requests import Body
from apps.storefront.context import Context
from apps.storefront.endpoint import Endpoint
from apps.storefront.permissions import Access
from apps.tenancy.scopes import Scope
from resale.application.operations.claims import report_return
from resale.application.operations.orders import report_tracking
from resale.application.queries.orders import BrandOrder, OrderView, get_order
from resale.domain.claims import ClaimChanged, ClaimNotFound, ClaimTransitionRefused
from resale.domain.ids import CLAIM_ID, ORDER_ID, SHIPMENT_ID, ShipmentId
from resale.domain.orders import OrderChanged, OrderNotFound, OrderTransitionRefused
from resale.domain.shipments import ShipmentNotFound, ShipmentStatus, TrackingEvent
from resale.domain.text import reference
from resale.errors import FieldError, Invalid

CLOCKS_APART: Final = timedelta(minutes=5)  # between a carrier's clock and ours


class NewTrackingEvent(Body, frozen=True, kw_only=True):
    """A tracking event, by default of the current time. Idempotent by ``id``, or else by its content."""

    status: Literal[
        "in_transit",
        "out_for_delivery",
        "available_for_pickup",
        "delivered",
        "returning",
        "refused",
        "not_collected",
        "returned",
        "failure",
    ]
    occurred_at: Annotated[datetime, msgspec.Meta(tz=True)] | None = None
    id: Annotated[str, reference(r"^[!-~]{1,100}\Z")] | None = None


@Endpoint(
    method="post",
    path="/v1/shipments/{shipment_id}/tracking_events",
    id="reportTracking",
    tag="Partners",
    summary="Report a tracking event of a parcel",
    details=(
        "For brands that ship with their own carrier. Events can be sent in any order and repeatedly: `occurred_at` "
        "decides. `returning`, `refused` and `not_collected` mean that the parcel is on its way back to its sender, "
        "`returned` that it is back, `failure` that it is lost. `shp_…` is the parcel of an order, `rtn_…` the return "
        "of its claim."
    ),
    access=Access.BRAND,
    scope=Scope.ORDERS_WRITE,
    body=NewTrackingEvent,
    responses=(BrandOrder,),
    tagged=True,
    problems=(
        ShipmentNotFound,
        OrderNotFound,
        OrderTransitionRefused,
        OrderChanged,
        ClaimNotFound,
        ClaimTransitionRefused,
        ClaimChanged,
    ),
)
def report(context: Context[None, NewTrackingEvent], shipment_id: ShipmentId) -> OrderView:
    """Record a tracking event in any order, for an order or for the return of a claim."""
    event = _event_of(context, shipment_id)
    order_id = ORDER_ID.sibling_of(shipment_id)
    if SHIPMENT_ID.matches(shipment_id):
        context.run(report_tracking, order_id=order_id, event=event)
    else:
        context.run(report_return, claim_id=CLAIM_ID.sibling_of(shipment_id), event=event)
    return get_order(reader=context.reader, principal=context.principal, order_id=order_id)


def _event_of(context: Context[None, NewTrackingEvent], shipment_id: ShipmentId) -> TrackingEvent:
    new = context.body
    occurred_at = new.occurred_at or context.now
    if occurred_at > context.now + CLOCKS_APART:
        wrong = FieldError(pointer="/occurred_at", code="in_the_future", detail="A report is of what has happened.")
        raise Invalid("The body is not valid.", errors=(wrong,))
    content = f"{shipment_id} {new.status} {new.occurred_at and new.occurred_at.timestamp()}"
    known_by = new.id or f"sha256:{hashlib.sha256(content.encode()).hexdigest()}"
    return TrackingEvent(id=known_by, status=ShipmentStatus(new.status), occurred_at=occurred_at)

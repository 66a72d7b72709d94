"""Parcels over HTTP: what a brand's own carrier reports of them."""

import hashlib
from datetime import datetime, timedelta
from typing import Annotated, Final, Literal

import msgspec
from django.http import HttpResponse
from rest_framework.request import Request

from apps.core.requests import Body, decode_body
from apps.core.views import LeanAPIView
from apps.storefront.context import Call, call_of, require_brand
from apps.storefront.parameters import NoQuery, read_query
from apps.storefront.responses import one_object, version_tag
from resale.application.operations.claims import report_return
from resale.application.operations.orders import report_tracking
from resale.application.queries.orders import get_order
from resale.domain.access import Principal
from resale.domain.ids import ClaimId, OrderId, is_id, sibling
from resale.domain.shipments import ShipmentNotFound, ShipmentStatus, TrackingEvent
from resale.domain.text import reference
from resale.errors import FieldError, Invalid

WRITE: Final = "orders:write"
CLOCKS_APART: Final = timedelta(minutes=5)  # between a carrier's clock and ours
_encode: Final = msgspec.json.Encoder().encode


class NewTrackingEvent(Body, frozen=True, kw_only=True):
    """One report of a carrier, of now unless it says when. The same again, by ``id`` or by words, changes nothing."""

    status: Literal["in_transit", "out_for_delivery", "delivered", "returned", "failure"]
    occurred_at: Annotated[datetime, msgspec.Meta(tz=True)] | None = None
    id: Annotated[str, reference(r"^[!-~]{1,100}\Z")] | None = None


class TrackingEventsView(LeanAPIView):
    """``/v1/shipments/{shipment_id}/tracking_events``."""

    def post(self, request: Request, shipment_id: str) -> HttpResponse:
        """Report where a parcel is, in whatever order reports come."""
        call = call_of(request)
        read_query(request, NoQuery)
        principal = require_brand(call, scope=WRITE)
        report = _read(request, call, shipment_id)
        order_id = _record(call, principal, shipment_id, report)
        view = get_order(reader=call.open_reader(), principal=principal, order_id=order_id)
        return one_object(_encode(view), tag=version_tag(view.version))


def _read(request: Request, call: Call, shipment_id: str) -> TrackingEvent:
    new = decode_body(request, NewTrackingEvent)
    occurred_at = new.occurred_at or call.now
    if occurred_at > call.now + CLOCKS_APART:
        wrong = FieldError(pointer="/occurred_at", code="in_the_future", detail="A report is of what has happened.")
        raise Invalid("The body is not valid.", errors=(wrong,))
    said = f"{shipment_id} {new.status} {new.occurred_at and new.occurred_at.timestamp()}"
    known_by = new.id or f"sha256:{hashlib.sha256(said.encode()).hexdigest()}"
    return TrackingEvent(id=known_by, status=ShipmentStatus(new.status), occurred_at=occurred_at)


def _record(call: Call, principal: Principal, shipment_id: str, report: TrackingEvent) -> OrderId:
    """Record it where the parcel belongs: with its order, or with the claim that sends it back."""
    order_id = OrderId(sibling("ord", shipment_id))
    if is_id("shp", shipment_id):
        call.run(
            lambda uow: report_tracking(uow=uow, principal=principal, order_id=order_id, event=report, now=call.now),
            principal=principal,
        )
    elif is_id("rtn", shipment_id):
        claim_id = ClaimId(sibling("clm", shipment_id))
        call.run(
            lambda uow: report_return(uow=uow, principal=principal, claim_id=claim_id, event=report, now=call.now),
            principal=principal,
        )
    else:
        raise ShipmentNotFound("No such parcel.")
    return order_id

"""Where an item is, by the reports of its parcels and nothing else: not by any state that the platform keeps."""

from collections.abc import Iterable
from typing import Literal

from resale.domain.claims import Claim
from resale.domain.orders import Order
from resale.domain.shipments import ShipmentStatus, TrackingEvent

Holder = Literal["buyer", "seller", "carrier"]
_S = ShipmentStatus
_TURNED = frozenset({_S.RETURNING, _S.REFUSED, _S.NOT_COLLECTED})
_ORDER = (
    _S.IN_TRANSIT,
    _S.OUT_FOR_DELIVERY,
    _S.AVAILABLE_FOR_PICKUP,
    _S.DELIVERED,
    *_TURNED,
    _S.RETURNED,
    _S.FAILURE,
)


def find_holder(order: Order, claim: Claim | None) -> Holder:
    """Say who has the item of an order: its parcel brought it to the buyer, the return back to the seller."""
    outbound = order.shipment.events if order.shipment is not None else ()
    holder = _after(outbound, sender="seller", recipient="buyer")
    if holder != "buyer" or claim is None or claim.return_shipment is None:
        return holder
    return _after(claim.return_shipment.events, sender="buyer", recipient="seller")


def _after(events: Iterable[TrackingEvent], *, sender: Holder, recipient: Holder) -> Holder:
    holder, has_turned = sender, False
    for event in sorted(events, key=lambda one: (one.occurred_at, _rank(one.status))):
        has_turned = has_turned or event.status in _TURNED
        if event.status == _S.DELIVERED:
            holder = sender if has_turned else recipient
        elif event.status == _S.RETURNED:
            holder = sender
        elif holder != recipient or event.status in _TURNED:
            holder = "carrier"
    return holder


def _rank(status: ShipmentStatus) -> int:
    return _ORDER.index(status) if status in _ORDER else -1

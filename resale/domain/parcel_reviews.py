"""Reviews of a parcel after its order ended: a voided label can be scanned, and a lost parcel found, much later."""

from datetime import datetime, timedelta
from typing import Final

from resale.domain.orders import Order, OrderStatus
from resale.domain.shipments import GOING_BACK, ON_ITS_WAY, ShipmentStatus

#: A carrier has decided on the refund of a label by then (docs.easypost.com/docs/shipments/shipping-refund), and most
#: parcels that are found or go back have arrived.
REVIEWED_FOR: Final = timedelta(days=30)
REVIEWED_EVERY: Final = timedelta(days=3)  # each poll is a version
_ENDED: Final = frozenset({OrderStatus.COMPLETED, OrderStatus.REFUNDED, OrderStatus.CANCELLED})
#: Neither delivered nor back at its sender.
_UNSETTLED: Final = ON_ITS_WAY | GOING_BACK | {ShipmentStatus.VOIDED, ShipmentStatus.FAILURE}


def next_parcel_review_at(order: Order, *, now: datetime) -> datetime | None:
    """Return when the carrier is polled for the parcel of an ended order; None when nothing is awaited of it.

    Webhooks report these; a poll finds those whose webhook was lost.
    """
    parcel, ended_at = order.shipment, _find_end(order)
    is_tracked = parcel is not None and parcel.provider_reference is not None and parcel.status in _UNSETTLED
    if order.status not in _ENDED or not is_tracked or ended_at is None or now >= ended_at + REVIEWED_FOR:
        return None
    return order.parcel_review_at or now + REVIEWED_EVERY


def _find_end(order: Order) -> datetime | None:
    finished = [refund.finished_at for refund in order.refunds if refund.finished_at is not None]
    return order.completed_at or max(finished, default=None)

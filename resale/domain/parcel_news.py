"""What a parcel's news means for its order and its claim: two tables, in which every cell is decided.

Nobody may end with item and money while nobody is told: what is no transition and not harmless is an issue for staff.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

import msgspec

from resale.domain.claims import Claim, ClaimStatus
from resale.domain.issues import Issue
from resale.domain.orders import Order, OrderCommand, OrderStatus
from resale.domain.shipments import GOING_BACK, ON_ITS_WAY, Shipment, ShipmentStatus


class ParcelNews(StrEnum):
    """What is known of a parcel, as far as it matters to a sale."""

    ON_ITS_WAY = "on_its_way"
    DELIVERED = "delivered"
    GOING_BACK = "going_back"
    BACK = "back"
    LOST = "lost"


class SaleStage(StrEnum):
    """Who has the money of an order, and who should have the item."""

    TO_SHIP = "to_ship"
    ENDING = "ending"  # cancelled or expired, and being refunded
    SHIPPED = "shipped"
    LOST = "lost"  # lost or going back, and being refunded
    DELIVERED = "delivered"  # the money is on hold
    PAID = "paid"  # to the seller
    REFUNDED = "refunded"  # the buyer has the money
    COMPENSATED = "compensated"  # both have it: the loss is the platform's or its carrier's


class ReturnStage(StrEnum):
    """Who has the money of a claim, and who should have the item."""

    RETURNING = "returning"  # the buyer sends the item back, and is not refunded yet
    REFUNDED = "refunded"  # for a return that the carrier has, or its refund is under way
    KEPT = "kept"  # approved without a return: nobody expects the item
    CLOSED = "closed"  # without a refund: the seller has the money


class Effect(msgspec.Struct, frozen=True, kw_only=True):
    """What follows: a command on the order, an issue for staff (instead, where the command is refused), or nothing."""

    command: OrderCommand | None = None
    issue: Issue | None = None
    is_settled: bool = False  # item and money are on different sides again: what was wrong before is not any more


_STAGES: Final[Mapping[OrderStatus, SaleStage]] = {
    OrderStatus.CONFIRMED: SaleStage.TO_SHIP,
    OrderStatus.AWAITING_SHIPMENT: SaleStage.TO_SHIP,
    OrderStatus.SHIP_EXPIRED: SaleStage.ENDING,
    OrderStatus.CANCELLING: SaleStage.ENDING,
    OrderStatus.SHIPPED: SaleStage.SHIPPED,
    OrderStatus.LOST: SaleStage.LOST,
    OrderStatus.DELIVERED: SaleStage.DELIVERED,
    OrderStatus.CLAIM_OPEN: SaleStage.DELIVERED,
    OrderStatus.COMPLETED: SaleStage.PAID,
    OrderStatus.REFUNDED: SaleStage.REFUNDED,
    OrderStatus.CANCELLED: SaleStage.REFUNDED,
}
_N, _G = ParcelNews, SaleStage
_HARMLESS: Final = Effect()
_SHIP: Final = Effect(command=OrderCommand.SHIP)
_DELIVER: Final = Effect(command=OrderCommand.DELIVER)
_LOSE: Final = Effect(command=OrderCommand.LOSE)
_SETTLED: Final = Effect(is_settled=True)
_SHIP_OR_TELL: Final = Effect(command=OrderCommand.SHIP, issue=Issue.PARCEL_AFTER_REFUND)
_DELIVER_OR_TELL: Final = Effect(command=OrderCommand.DELIVER, issue=Issue.PARCEL_AFTER_REFUND)
_AFTER_REFUND: Final = Effect(issue=Issue.PARCEL_AFTER_REFUND)
_CAME_BACK: Final = Effect(issue=Issue.PARCEL_RETURNED)
_LOST: Final = Effect(issue=Issue.PARCEL_LOST)

#: Stage by news → what follows. A test holds every pair to a cell.
SALE_EFFECTS: Final[Mapping[SaleStage, Mapping[ParcelNews, Effect]]] = {
    _G.TO_SHIP: {
        _N.ON_ITS_WAY: _SHIP,
        _N.DELIVERED: _DELIVER,
        _N.GOING_BACK: _LOSE,
        _N.BACK: _LOSE,
        _N.LOST: _SHIP,  # it was handed over; a shipped order waits for the carrier's search
    },
    _G.ENDING: {
        _N.ON_ITS_WAY: _SHIP_OR_TELL,
        _N.DELIVERED: _DELIVER_OR_TELL,
        _N.GOING_BACK: _SETTLED,
        _N.BACK: _SETTLED,
        _N.LOST: _LOST,
    },
    _G.SHIPPED: {
        _N.ON_ITS_WAY: _HARMLESS,
        _N.DELIVERED: _DELIVER,
        _N.GOING_BACK: _LOSE,
        _N.BACK: _LOSE,
        _N.LOST: _LOSE,
    },
    _G.LOST: {
        _N.ON_ITS_WAY: _SHIP_OR_TELL,
        _N.DELIVERED: _DELIVER_OR_TELL,
        _N.GOING_BACK: _SETTLED,
        _N.BACK: _SETTLED,
        _N.LOST: _LOST,  # on its way back: the seller has neither
    },
    _G.DELIVERED: {
        _N.ON_ITS_WAY: _HARMLESS,
        _N.DELIVERED: _HARMLESS,
        _N.GOING_BACK: _CAME_BACK,
        _N.BACK: _CAME_BACK,
        _N.LOST: _LOST,  # it counted as delivered, for want of scans
    },
    _G.PAID: {
        _N.ON_ITS_WAY: _HARMLESS,
        _N.DELIVERED: _HARMLESS,
        _N.GOING_BACK: _CAME_BACK,
        _N.BACK: _CAME_BACK,
        _N.LOST: _LOST,
    },
    _G.REFUNDED: {
        _N.ON_ITS_WAY: _AFTER_REFUND,
        _N.DELIVERED: _AFTER_REFUND,
        _N.GOING_BACK: _SETTLED,
        _N.BACK: _SETTLED,
        _N.LOST: _LOST,
    },
    _G.COMPENSATED: {
        _N.ON_ITS_WAY: _AFTER_REFUND,
        _N.DELIVERED: _AFTER_REFUND,
        _N.GOING_BACK: _CAME_BACK,
        _N.BACK: _CAME_BACK,
        _N.LOST: _HARMLESS,
    },
}

_NOT_DELIVERED: Final = Effect(issue=Issue.RETURN_NOT_DELIVERED)
_AFTER_CLOSE: Final = Effect(issue=Issue.RETURN_AFTER_CLOSE)
_T = ReturnStage
#: Stage by news of the return → what follows for staff; the claim's own transitions are in ``claims``.
RETURN_EFFECTS: Final[Mapping[ReturnStage, Mapping[ParcelNews, Effect]]] = {
    _T.RETURNING: {
        _N.ON_ITS_WAY: _SETTLED,
        _N.DELIVERED: _SETTLED,
        _N.GOING_BACK: _NOT_DELIVERED,
        _N.BACK: _NOT_DELIVERED,
        _N.LOST: _NOT_DELIVERED,
    },
    _T.REFUNDED: {
        _N.ON_ITS_WAY: _SETTLED,
        _N.DELIVERED: _SETTLED,
        _N.GOING_BACK: _NOT_DELIVERED,
        _N.BACK: _NOT_DELIVERED,
        _N.LOST: _NOT_DELIVERED,
    },
    _T.KEPT: dict.fromkeys(ParcelNews, _HARMLESS),
    _T.CLOSED: {
        _N.ON_ITS_WAY: _AFTER_CLOSE,
        _N.DELIVERED: _AFTER_CLOSE,
        _N.GOING_BACK: _SETTLED,
        _N.BACK: _SETTLED,
        _N.LOST: _AFTER_CLOSE,
    },
}

#: What is over when the item is where the money is not.
PARCEL_ISSUES: Final = (Issue.PARCEL_RETURNED, Issue.PARCEL_LOST, Issue.PARCEL_AFTER_REFUND)
RETURN_ISSUES: Final = (Issue.RETURN_AFTER_CLOSE, Issue.RETURN_NOT_DELIVERED)


def news_of(shipment: Shipment | None) -> ParcelNews | None:
    """Return what is known of a parcel; None: no carrier has had it. A label's own failure is no news of a parcel."""
    if shipment is None:
        return None
    if shipment.status in ON_ITS_WAY:
        return ParcelNews.ON_ITS_WAY
    if shipment.status in GOING_BACK:
        return ParcelNews.GOING_BACK
    return {
        ShipmentStatus.DELIVERED: ParcelNews.DELIVERED,
        ShipmentStatus.RETURNED: ParcelNews.BACK,
        ShipmentStatus.FAILURE: ParcelNews.LOST,
    }.get(shipment.status)


def stage_of(order: Order) -> SaleStage | None:
    """Return the stage of an order; None before it is paid."""
    stage = _STAGES.get(order.status)
    if stage != SaleStage.REFUNDED:
        return stage
    if order.compensation is not None:
        return SaleStage.COMPENSATED
    under_way = order.pending_refund or order.failed_refund  # a failed one is retried: the buyer gets it
    left = order.remaining_minor - (0 if under_way is None else under_way.amount)
    return SaleStage.PAID if left > 0 else SaleStage.REFUNDED


def return_stage_of(claim: Claim) -> ReturnStage | None:
    """Return the stage of a claim with a return, before its latest news; None while it is not decided.

    One that is refunded though its return was not sent was approved without a return, or charged back.
    """
    if claim.status in {ClaimStatus.APPROVED, ClaimStatus.RETURN_LABEL_ISSUED}:
        return ReturnStage.RETURNING
    if claim.status == ClaimStatus.RETURN_IN_TRANSIT and claim.refund_amount is None:
        return ReturnStage.RETURNING
    if claim.status in {ClaimStatus.APPROVED_WITHOUT_RETURN, ClaimStatus.RETURN_IN_TRANSIT, ClaimStatus.REFUNDED}:
        was_sent = claim.return_shipment is not None and claim.return_shipment.shipped_at is not None
        return ReturnStage.REFUNDED if was_sent else ReturnStage.KEPT
    closed = {ClaimStatus.DENIED, ClaimStatus.WITHDRAWN, ClaimStatus.EXPIRED}
    return ReturnStage.CLOSED if claim.status in closed else None


def effect_on_sale(order: Order, news: ParcelNews | None) -> Effect:
    """Return what a parcel's news leads to for its order; before it is paid, nothing."""
    stage = stage_of(order)
    return _HARMLESS if news is None or stage is None else SALE_EFFECTS[stage][news]


def effect_on_return(claim: Claim, news: ParcelNews | None) -> Effect:
    """Return what a return's news leads to for staff; while the claim is not decided, nothing."""
    stage = return_stage_of(claim)
    return _HARMLESS if news is None or stage is None else RETURN_EFFECTS[stage][news]

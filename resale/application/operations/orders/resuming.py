"""What becomes of a sale that a lost dispute ended, when the dispute is won: it goes on, or the rest is refunded."""

from typing import Final

import msgspec

from resale.application.operations.orders.parcel_news import start_protection, start_transit
from resale.application.ports import UnitOfWork
from resale.domain import ledger
from resale.domain.ids import REFUND_ID
from resale.domain.issues import Issue, clear_issues, raise_issue
from resale.domain.order_states import ORDERS
from resale.domain.order_steps import transition_order, update_order
from resale.domain.orders import MAX_REFUNDS, Order, OrderCommand, OrderStatus
from resale.domain.parcel_news import PARCEL_ISSUES
from resale.domain.payments import Refund, RefundState
from resale.domain.reasons import Reason, ReasonCode
from resale.domain.shipments import SENT, ShipmentStatus

#: The sale did not come about, and the buyer has the money.
ENDED: Final = frozenset({OrderStatus.CANCELLED, OrderStatus.REFUNDED})


def add_refund(uow: UnitOfWork, *, order: Order, amount: int, reason: Reason) -> Order:
    """Return the order with a pending refund; the caller saves it."""
    refund = Refund(
        id=REFUND_ID.new(uow.ids),
        amount=amount,
        parts=ledger.split_refund(order, amount),
        reason_code=reason,
        started_at=uow.now,
    )
    return update_order(msgspec.structs.replace(order, refunds=(*order.refunds, refund)), now=uow.now)


def resume(uow: UnitOfWork, *, order: Order) -> Order:
    """Return an order that had ended and whose payment is back, as it goes on.

    The seller has earned it if the parcel was delivered and nobody complained, or if staff had settled a claim with
    a part. It is shipped again while its parcel is on its way. Else the buyer, who has nothing, is refunded.
    """
    parcel = None if order.shipment is None or order.claim_id is not None else order.shipment.status
    if parcel in SENT and order.compensation is not None:
        # The seller was paid for a lost parcel that was found: the money is the platform's, or the buyer's.
        return update_order(raise_issue(order, Issue.PARCEL_AFTER_REFUND), now=uow.now)
    if parcel == ShipmentStatus.DELIVERED or _is_settled_in_part(uow, order=order):
        return update_order(msgspec.structs.replace(order, completed_at=uow.now), now=uow.now)
    if ORDERS.allows(order.status, OrderCommand.RESUME, entity=order, now=uow.now):
        return _ship_again(uow, order=order)
    if order.is_refund_under_way or len(order.refunds) >= MAX_REFUNDS:
        return update_order(order, now=uow.now)  # the rest follows: see settle_rest
    return add_refund(uow, order=order, amount=order.remaining_minor, reason=ReasonCode.NOT_DELIVERED)


def settle_rest(uow: UnitOfWork, *, order: Order) -> Order:
    """Return an order after a refund: of one that ``resume`` left to that refund, the rest is settled as well."""
    if not _is_rest_open(order):
        return order
    if ORDERS.allows(order.status, OrderCommand.RESUME, entity=order, now=uow.now):
        return _ship_again(uow, order=order)
    return add_refund(uow, order=order, amount=order.remaining_minor, reason=ReasonCode.NOT_DELIVERED)


def _ship_again(uow: UnitOfWork, *, order: Order) -> Order:
    resumed = start_transit(uow, order=clear_issues(order, *PARCEL_ISSUES))
    shipped = transition_order(resumed, OrderCommand.RESUME, now=uow.now)
    if shipped.shipment is None or shipped.shipment.status != ShipmentStatus.DELIVERED:
        return shipped
    return transition_order(start_protection(uow, order=shipped), OrderCommand.DELIVER, now=uow.now)


def _is_rest_open(order: Order) -> bool:
    is_over = order.status in ENDED and order.completed_at is None and order.compensation is None
    was_reinstated = any(one.status == RefundState.REINSTATED for one in order.refunds)
    is_possible = order.remaining_minor > 0 and len(order.refunds) < MAX_REFUNDS
    return is_over and was_reinstated and is_possible and not order.is_refund_under_way


def _is_settled_in_part(uow: UnitOfWork, *, order: Order) -> bool:
    """Return whether staff settled a claim with a part that is being refunded; the buyer keeps the item."""
    if order.claim_id is None or order.compensation is not None:
        return False
    claim = uow.claims.get(order.claim_id)
    return claim.refund_amount is not None and 0 < order.sum_under_way() < order.remaining_minor

"""The workflow of an order: each message runs the next step of the order, whatever it reports."""

from collections.abc import Mapping
from typing import Final, Protocol

from resale.application.operations.orders.cancelling import (
    cancel_after_failed_payment,
    expire_shipping,
    honour_cancel_request,
    void_label,
)
from resale.application.operations.orders.compensating import compensate_lost_parcel
from resale.application.operations.orders.paying import (
    authorise_payment,
    capture_payment,
    post_missing_sale,
    start_payment,
    void_payment,
)
from resale.application.operations.orders.refunding import begin_refund
from resale.application.operations.orders.reviewing import complete_reviewed, review_when_due
from resale.application.operations.orders.settling import settle_refund
from resale.application.operations.orders.tracking import buy_label, give_up_parcel, receive, track
from resale.application.operations.orders.voids import settle_void
from resale.application.ports import Partners, UnitOfWork
from resale.domain.changes import ChangeType
from resale.domain.ids import OrderId
from resale.domain.order_steps import OrderStep, next_step, update_order
from resale.domain.orders import Order
from resale.domain.reasons import ReasonCode


class Step(Protocol):
    """Signature of a step of an order: at most one partner call with its look-up, and one commit."""

    def __call__(self, uow: UnitOfWork, /, *, partners: Partners, order: Order) -> Order:
        """Run the step; return the order afterwards."""


def advance_order(uow: UnitOfWork, *, partners: Partners, order_id: OrderId) -> Order:
    """Run an order's next step; every message about an order leads here.

    Shape: reads 1-4 items; at most one partner call with its look-up; commits at most once. Nothing to do: no-op.

    Args:
        uow: Fresh; committed here at most once.
        partners: The tenant's payment and shipping providers.
        order_id: Which.

    Returns:
        The order as it stands.

    Raises:
        OrderNotFound: No such order.
        PartnerUnavailable: The partner's response is not known; nothing was committed and the step is asked for again.
        Conflict: Another worker was faster; read again.
    """
    order = uow.orders.get(order_id)
    return STEPS[next_step(order, now=uow.now)](uow, partners=partners, order=order)


def _reschedule(uow: UnitOfWork, *, partners: Partners, order: Order) -> Order:  # noqa: ARG001 - as every step
    """Set a new wake-up if the last one has passed without a step, so that the sweep stops waking the order."""
    if order.due_at is None or uow.now < order.due_at:
        return order
    order = update_order(order, now=uow.now)
    uow.orders.save(order, change_type=ChangeType.ORDER_POSTPONED, reason_code=ReasonCode.NOTHING_TO_DO_YET)
    uow.commit()
    return order


_S = OrderStep
#: step → what takes it. A test holds every step to a row.
STEPS: Final[Mapping[OrderStep, Step]] = {
    _S.START_PAYMENT: start_payment,
    _S.AUTHORISE: authorise_payment,
    _S.CAPTURE: capture_payment,
    _S.POST_SALE: post_missing_sale,
    _S.VOID_PAYMENT: void_payment,
    _S.CANCEL: cancel_after_failed_payment,
    _S.BEGIN_CANCEL: honour_cancel_request,
    _S.BUY_LABEL: buy_label,
    _S.VOID_LABEL: void_label,
    _S.SETTLE_VOID: settle_void,
    _S.EXPIRE_SHIPPING: expire_shipping,
    _S.TRACK: track,
    _S.RECEIVE: receive,
    _S.GIVE_UP: give_up_parcel,
    _S.BEGIN_REFUND: begin_refund,
    _S.REFUND: settle_refund,
    _S.REVIEW_PAYMENT: review_when_due,
    _S.COMPLETE: complete_reviewed,
    _S.COMPENSATE: compensate_lost_parcel,
    _S.NOTHING: _reschedule,
}

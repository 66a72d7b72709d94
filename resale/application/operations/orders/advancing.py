"""The workflow of an order: whatever a message says, what the order needs next is done, once."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final

import msgspec

from resale.application.operations.orders.cancelling import begin_cancel, cancel_unpaid, expire_shipping, void_label
from resale.application.operations.orders.completing import complete_order
from resale.application.operations.orders.paying import (
    authorise_payment,
    book_sale,
    capture_payment,
    start_payment,
    void_payment,
)
from resale.application.operations.orders.refunding import begin_refund, settle_refund
from resale.application.operations.orders.tracking import buy_label, receive, track
from resale.application.ports import Partners, UnitOfWork
from resale.domain.ids import OrderId
from resale.domain.order_steps import OrderStep, kept, next_step
from resale.domain.orders import Order


class _At(msgspec.Struct, frozen=True):
    """What a step is given."""

    uow: UnitOfWork
    partners: Partners
    order: Order
    now: datetime


_S = OrderStep
#: step → what takes it. A test holds every step to a row.
STEPS: Final[Mapping[OrderStep, Callable[[_At], Order]]] = {
    _S.START_PAYMENT: lambda at: start_payment(at.uow, order=at.order, now=at.now),
    _S.AUTHORISE: lambda at: authorise_payment(at.uow, payments=at.partners.payments, order=at.order, now=at.now),
    _S.CAPTURE: lambda at: capture_payment(at.uow, payments=at.partners.payments, order=at.order, now=at.now),
    _S.BOOK_SALE: lambda at: book_sale(at.uow, order=at.order, now=at.now),
    _S.VOID_PAYMENT: lambda at: void_payment(at.uow, payments=at.partners.payments, order=at.order, now=at.now),
    _S.CANCEL: lambda at: cancel_unpaid(
        at.uow, order=at.order, reason=at.order.cancel_reason or "payment_declined", now=at.now
    ),
    _S.BEGIN_CANCEL: lambda at: begin_cancel(
        at.uow, order=at.order, reason=at.order.cancel_reason or "cancelled", now=at.now
    ),
    _S.BUY_LABEL: lambda at: buy_label(at.uow, shipping=at.partners.shipping, order=at.order, now=at.now),
    _S.VOID_LABEL: lambda at: void_label(at.uow, partners=at.partners, order=at.order, now=at.now),
    _S.EXPIRE_SHIPPING: lambda at: expire_shipping(at.uow, order=at.order, now=at.now),
    _S.TRACK: lambda at: track(at.uow, shipping=at.partners.shipping, order=at.order, now=at.now),
    _S.RECEIVE: lambda at: receive(at.uow, order=at.order, now=at.now),
    _S.BEGIN_REFUND: lambda at: begin_refund(at.uow, order=at.order, now=at.now),
    _S.REFUND: lambda at: settle_refund(at.uow, payments=at.partners.payments, order=at.order, now=at.now),
    _S.COMPLETE: lambda at: complete_order(at.uow, order=at.order, now=at.now),
    _S.NOTHING: lambda at: _wait_on(at.uow, order=at.order, now=at.now),
}


def advance_order(uow: UnitOfWork, *, partners: Partners, order_id: OrderId, now: datetime) -> Order:
    """Take an order's next step, whatever it is: every message about it ends here.

    Shape: reads 1-4 items; at most one partner call with its look-up; commits at most once. Nothing to do: no-op.

    Args:
        uow: Fresh; committed here at most once.
        partners: The tenant's payment and shipping providers.
        order_id: Which.
        now: Moment of the task, aware UTC.

    Returns:
        The order as it stands.

    Raises:
        OrderNotFound: No such order.
        PartnerUnavailable: The partner's answer is not known; nothing was committed and the step is asked for again.
        Conflict: Another worker was faster; read again.
    """
    order = uow.orders.get(order_id)
    return STEPS[next_step(order, now=now)](_At(uow, partners, order, now))


def _wait_on(uow: UnitOfWork, *, order: Order, now: datetime) -> Order:
    """Set a wake-up anew that has passed while there is nothing to do, or the sweep would ask for ever."""
    if order.due_at is None or now < order.due_at:
        return order
    order = kept(order, now=now)
    uow.orders.save(order, change_type="order.postponed", reason_code="nothing_to_do_yet")
    uow.commit()
    return order

"""The workflow of an order: its next step and its wake-up, functions of the order and the time."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

import msgspec

from resale.domain.holds import Hold
from resale.domain.ids import TRANSFER_ID, TransferId
from resale.domain.issues import WAITING, clear_issues
from resale.domain.order_states import (
    BEING_REFUNDED,
    ORDERS,
    PAID_AND_OPEN,
    SELLABLE,
    is_held,
    is_late,
    protection_is_over,
)
from resale.domain.orders import Order, OrderCommand, OrderStatus
from resale.domain.parcel_reviews import next_parcel_review_at
from resale.domain.partners import pause_after
from resale.domain.payment_reviews import next_review_at
from resale.domain.payments import Payment, PaymentStatus
from resale.domain.policies import LossBearer
from resale.domain.shipments import GOING_BACK, Shipment, ShipmentStatus, abandon_label
from resale.domain.versions import next_version

STEP_DUE: Final = timedelta(seconds=30)  # a step not taken by then is asked for again by the sweep
BUYER_CHECKED_AFTER: Final = timedelta(minutes=1)  # webhooks report a 3-D Secure result; this is for a lost one
REFUND_TRIED_EVERY: Final = timedelta(days=1)  # at the longest, one that fails again and again
POLL_EVERY: Final = timedelta(hours=12)  # webhooks tell of parcels; asking is for those that were lost


class OrderStep(StrEnum):
    """The next step of an order's workflow."""

    START_PAYMENT = "start_payment"
    AUTHORISE = "authorise"
    CAPTURE = "capture"
    POST_SALE = "book_sale"
    VOID_PAYMENT = "void_payment"
    CANCEL = "cancel"
    BEGIN_CANCEL = "begin_cancel"
    BUY_LABEL = "buy_label"
    VOID_LABEL = "void_label"
    SETTLE_VOID = "settle_void"
    EXPIRE_SHIPPING = "expire_shipping"
    TRACK = "track"
    RECEIVE = "receive"
    GIVE_UP = "give_up"
    BEGIN_REFUND = "begin_refund"
    REFUND = "refund"
    REVIEW_PAYMENT = "review_payment"
    COMPLETE = "complete"
    COMPENSATE = "compensate"
    NOTHING = "nothing"


_S = OrderStatus
#: States that lead on by themselves: looked at again at once.
_AT_ONCE: Final = frozenset({_S.SUBMITTED, _S.PAYMENT_PENDING, _S.PAYMENT_FAILED, *BEING_REFUNDED, _S.LOST})

#: Over, but for a label that was not used.
_ENDED: Final = frozenset({_S.COMPLETED, _S.REFUNDED, _S.CANCELLED})


def next_step(order: Order, *, now: datetime) -> OrderStep:
    """Return the next step of the workflow, a function of the order and the time."""
    if order.status == _S.PAYMENT_PENDING or is_unposted(order):
        return _payment_step(order, now)
    if order.pending_refund is not None:
        return OrderStep.REFUND
    if order.payment_review_at is not None and now >= order.payment_review_at:
        return OrderStep.REVIEW_PAYMENT
    if order.failed_refund is not None and _is_due(order, now) and not order.is_disputed:
        return OrderStep.BEGIN_REFUND
    if order.status in {*BEING_REFUNDED, _S.LOST}:
        return _reversal_step(order)
    return _selling_step(order, now) if order.status in SELLABLE else _other_step(order, now)


def wakes_at(order: Order, *, now: datetime) -> datetime | None:
    """Return the wake-up of an order in its present status."""
    if _waits_for_buyer(order):
        return _checks_buyer_at(order, now)
    is_reversing = order.failed_refund is not None or order.status in {*BEING_REFUNDED, _S.LOST}
    if is_reversing and order.is_disputed and order.pending_refund is None:
        return order.payment_review_at or now + POLL_EVERY  # the end of the dispute wakes it
    if order.failed_refund is not None:
        return now + pause_after(order.failed_refund.tries, longest=REFUND_TRIED_EVERY)
    if order.pending_refund is not None or order.status in _AT_ONCE or _needs_posting_or_label(order):
        return now + STEP_DUE
    if order.status in _ENDED:
        is_due_now = _may_hold_label(order) or needs_compensation(order)
        return now + STEP_DUE if is_due_now else void_due_at(order)
    return _waits_until(order, now)


def _waits_for_buyer(order: Order) -> bool:
    """Return whether the payment waits for the buyer at the bank's page (3-D Secure)."""
    waits = order.payment is not None and order.payment.status == PaymentStatus.REQUIRES_ACTION
    return waits and order.status == _S.PAYMENT_PENDING and not order.cancel_requested


def _checks_buyer_at(order: Order, now: datetime) -> datetime:
    """Return when to poll the provider again: at twice the payment's age, at most at the end of the reservation.

    Each check is a version.
    """
    if now >= order.hold_expires_at:
        return now + STEP_DUE
    age = now - payment_of(order).started_at
    return min(now + max(BUYER_CHECKED_AFTER, age), order.hold_expires_at)


def _waits_until(order: Order, now: datetime) -> datetime | None:
    if order.status in SELLABLE:
        next_check = now + STEP_DUE if order.cancel_requested else None
        return _earliest(
            next_check, order.ship_late_at or order.ship_by, now + POLL_EVERY if _is_tracked(order) else None
        )
    if order.status == _S.SHIPPED:
        counts_at = order.auto_receive_at if _is_on_its_way(order) else None
        return _earliest(counts_at, order.undelivered_at, now + POLL_EVERY)
    if order.status == _S.DELIVERED and not is_held(order):
        return now + STEP_DUE if order.receipt_confirmed_at is not None else order.claim_until
    if order.status == _S.DELIVERED and order.payment_review_at is not None:
        return order.payment_review_at
    return now + POLL_EVERY


def transition_order(order: Order, command: OrderCommand, *, now: datetime) -> Order:
    """Return the next version of an order with changed fields, in the status that the command leads to.

    Raises:
        OrderTransitionRefused: The table has no such row, or none whose guard holds for the order as it is given.
    """
    changed = _next_version(order, now)
    status = ORDERS.next_status(order.status, command, entity=changed, now=now)
    return _schedule(msgspec.structs.replace(changed, status=status), now)


def transition_order_if_allowed(order: Order, command: OrderCommand, *, now: datetime) -> Order:
    """Return the next version of an order, in the status that the command leads to if it is allowed."""
    changed = _next_version(order, now)
    if ORDERS.allows(order.status, command, entity=changed, now=now):
        status = ORDERS.next_status(order.status, command, entity=changed, now=now)
        changed = msgspec.structs.replace(changed, status=status)
    return _schedule(changed, now)


def update_order(order: Order, *, now: datetime) -> Order:
    """Return the next version of an order with changed fields, in the same status."""
    return _schedule(_next_version(order, now), now)


def close_order_claim(order: Order, *, now: datetime) -> Order:
    """Return an order whose claim has ended: completed, or delivered while a dispute or its parcel holds it."""
    closed = transition_order(order, OrderCommand.CLOSE_CLAIM, now=now)
    if closed.status != _S.COMPLETED:
        return closed
    return schedule_review(msgspec.structs.replace(closed, completed_at=closed.updated_at), at=now)


def schedule_review(order: Order, *, at: datetime) -> Order:
    """Return an order whose payment is reviewed at a time, and which is woken then."""
    due_at = at if order.due_at is None else min(order.due_at, at)
    return msgspec.structs.replace(order, payment_review_at=at, due_at=due_at)


def payment_of(order: Order) -> Payment:
    """Return the payment of an order that has one."""
    if order.payment is None:
        raise TypeError("a submitted order has a payment")
    return order.payment


def shipment_of(order: Order) -> Shipment:
    """Return the parcel of an order that has one."""
    if order.shipment is None:
        raise TypeError("a paid order has a shipment")
    return order.shipment


def hold_of(order: Order) -> Hold:
    """Return the hold of an unpaid order."""
    return Hold(order.id, order.hold_expires_at)


def transfer_id_of(order: Order) -> TransferId:
    """Return the id of the transfer of an order."""
    return TRANSFER_ID.sibling_of(order.id)


def is_unposted(order: Order) -> bool:
    """Return whether an order was paid before sales were posted: no transfer, no transaction, no deadline to ship."""
    return order.status in PAID_AND_OPEN and order.ship_by is None


def _payment_step(order: Order, now: datetime) -> OrderStep:
    if order.status != _S.PAYMENT_PENDING:
        return OrderStep.POST_SALE
    if order.cancel_requested or now >= order.hold_expires_at:
        return OrderStep.VOID_PAYMENT
    authorized = order.payment is not None and order.payment.status == PaymentStatus.AUTHORIZED
    return OrderStep.CAPTURE if authorized else OrderStep.AUTHORISE


def _reversal_step(order: Order) -> OrderStep:
    if order.is_disputed or order.failed_refund is not None:
        return OrderStep.NOTHING
    if order.status in BEING_REFUNDED and not order.has_refund_begun and _may_hold_label(order):
        return OrderStep.VOID_LABEL
    return OrderStep.BEGIN_REFUND


def _selling_step(order: Order, now: datetime) -> OrderStep:
    if order.cancel_requested:
        return OrderStep.BEGIN_CANCEL
    if is_late(order, now):
        return OrderStep.EXPIRE_SHIPPING
    if _needs_label(order):
        return OrderStep.BUY_LABEL
    return OrderStep.TRACK if _is_tracked(order) and _is_due(order, now) else OrderStep.NOTHING


def _other_step(order: Order, now: datetime) -> OrderStep:
    if order.status == _S.SUBMITTED:
        return OrderStep.START_PAYMENT
    if order.status == _S.PAYMENT_FAILED:
        return OrderStep.CANCEL
    if order.status == _S.SHIPPED:
        return _shipped_step(order, now)
    if order.status == _S.DELIVERED and protection_is_over(order, now):
        return OrderStep.COMPLETE
    return _last_step(order, now) if order.status in _ENDED else OrderStep.NOTHING


def _last_step(order: Order, now: datetime) -> OrderStep:
    if needs_compensation(order):
        return OrderStep.COMPENSATE
    if _may_hold_label(order):
        return OrderStep.VOID_LABEL
    void_at = void_due_at(order)
    if void_at is not None and now >= void_at:
        return OrderStep.SETTLE_VOID
    is_due = order.parcel_review_at is not None and now >= order.parcel_review_at
    return OrderStep.TRACK if is_due else OrderStep.NOTHING


def _shipped_step(order: Order, now: datetime) -> OrderStep:
    if order.undelivered_at is not None and now >= order.undelivered_at:
        return OrderStep.GIVE_UP
    if order.auto_receive_at is not None and now >= order.auto_receive_at and _is_on_its_way(order):
        return OrderStep.RECEIVE
    return OrderStep.TRACK if _is_due(order, now) else OrderStep.NOTHING


def needs_compensation(order: Order) -> bool:
    """Return whether the seller of a lost parcel is to be paid, because its loss is not theirs to bear."""
    loss = order.loss
    is_due = loss is not None and loss.borne_by != LossBearer.SELLER and loss.amount > 0
    is_lost = order.shipment is not None and order.shipment.status == ShipmentStatus.FAILURE
    is_refunded = order.status == _S.REFUNDED and not order.remaining_minor
    return is_due and is_lost and is_refunded and order.compensation is None


def is_over(order: Order) -> bool:
    """Return whether an order has ended and none of its money is on its way or can be taken by an open dispute."""
    is_contested = order.is_disputed or order.has_foreign_refund_pending
    is_owed = order.is_refund_under_way or needs_compensation(order)
    return order.status in _ENDED and not is_contested and not is_owed


def _is_on_its_way(order: Order) -> bool:
    """Return whether nothing says that a shipped parcel is lost or goes back."""
    return order.shipment is None or order.shipment.status not in {*GOING_BACK, ShipmentStatus.FAILURE}


def _needs_posting_or_label(order: Order) -> bool:
    return is_unposted(order) or _needs_label(order)


def _needs_label(order: Order) -> bool:
    shipment = order.shipment
    wanted = shipment is not None and shipment.label_wanted and shipment.status == ShipmentStatus.REQUESTED
    return wanted and order.status == _S.CONFIRMED


def _may_hold_label(order: Order) -> bool:
    return order.shipment is not None and order.shipment.may_hold_label


def void_due_at(order: Order) -> datetime | None:
    """Return when the carrier is asked whether it refunds the voided label; None if that is decided, or given up."""
    return None if order.shipment is None else order.shipment.void_due_at


def _is_tracked(order: Order) -> bool:
    return order.shipment is not None and order.shipment.provider_reference is not None


def _is_due(order: Order, now: datetime) -> bool:
    return order.due_at is not None and now >= order.due_at


def _earliest(*moments: datetime | None) -> datetime | None:
    return min((moment for moment in moments if moment is not None), default=None)


def _next_version(order: Order, now: datetime) -> Order:
    order = clear_issues(msgspec.structs.replace(order, step_tries=0), *WAITING)
    return next_version(order, now=now)


def _schedule(order: Order, now: datetime) -> Order:
    if order.shipment is not None and order.status in {*BEING_REFUNDED, *_ENDED}:
        order = msgspec.structs.replace(order, shipment=abandon_label(order.shipment, now=now))
    order = msgspec.structs.replace(
        order,
        payment_review_at=next_review_at(order, now=now),
        parcel_review_at=next_parcel_review_at(order, now=now),
    )
    due_at = _earliest(wakes_at(order, now=now), order.payment_review_at, order.parcel_review_at)
    return msgspec.structs.replace(order, due_at=due_at)

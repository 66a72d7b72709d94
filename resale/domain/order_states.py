"""The states of an order: the table of its transitions, and their guards."""

from datetime import datetime
from typing import Final

from resale.domain.issues import Issue, issues_of
from resale.domain.orders import Order, OrderCommand, OrderStatus, OrderTransitionRefused
from resale.domain.payments import PaymentStatus
from resale.domain.shipments import SENT
from resale.domain.states import Machine, Row, guard


@guard("the payment is captured in full")
def _is_captured(order: Order, _now: datetime) -> bool:
    payment = order.payment
    return payment is not None and payment.captured_minor == order.amounts.grand_total


@guard("only a part of the payment is captured")
def _is_captured_in_part(order: Order, _now: datetime) -> bool:
    return order.payment is not None and 0 < order.payment.captured_minor < order.amounts.grand_total


@guard("no money is authorised or captured")
def _holds_no_money(order: Order, _now: datetime) -> bool:
    return order.payment is not None and order.payment.status in {PaymentStatus.FAILED, PaymentStatus.VOIDED}


@guard("the whole amount is refunded")
def _is_refunded(order: Order, _now: datetime) -> bool:
    return order.payment is not None and order.payment.captured_minor > 0 and order.remaining_minor == 0


@guard("the deadline to ship and the time for a late scan have passed")
def is_late(order: Order, now: datetime) -> bool:
    """Return whether the deadline to ship has passed, with the grace for scans that carriers report later."""
    late_at = order.ship_late_at or order.ship_by
    return late_at is not None and now >= late_at


@guard("its payment is back, its parcel is on its way or there, and nothing else was decided about it")
def _can_resume(order: Order, _now: datetime) -> bool:
    is_ours_again = order.completed_at is None and order.sum_under_way() < order.remaining_minor
    is_open = order.claim_id is None and order.compensation is None
    return is_ours_again and is_open and order.shipment is not None and order.shipment.status in SENT


@guard("no refund has started")
def _no_refund_begun(order: Order, _now: datetime) -> bool:
    return not order.has_refund_begun


_HOLDS: Final = frozenset({Issue.PARCEL_RETURNED, Issue.PARCEL_LOST})


@guard("no dispute is open and the parcel is neither returned nor lost")
def _is_not_held(order: Order, _now: datetime) -> bool:
    return not is_held(order)


def is_held(order: Order) -> bool:
    """Return whether staff have to decide first who gets the money: it is held, or the parcel is back or lost."""
    return order.is_money_held or is_parcel_held(order)


def is_parcel_held(order: Order) -> bool:
    """Return whether the parcel of a sale came back or was lost, so that the buyer may have neither item nor money."""
    return not _HOLDS.isdisjoint(issues_of(order))


@guard("the claim window is open and receipt is not confirmed")
def _in_claim_window(order: Order, now: datetime) -> bool:
    return order.claim_until is not None and now < order.claim_until and order.receipt_confirmed_at is None


@guard("receipt is confirmed or the claim window has passed, and no dispute or returned parcel holds the money")
def protection_is_over(order: Order, now: datetime) -> bool:
    """Return whether buyer protection has ended, so that the order can be completed."""
    passed = order.claim_until is not None and now >= order.claim_until
    return (passed or order.receipt_confirmed_at is not None) and not is_held(order)


_S = OrderStatus
_C = OrderCommand
#: Paid, and not on its way.
SELLABLE: Final = (_S.CONFIRMED, _S.AWAITING_SHIPMENT)
#: Paid, and ending without a sale.
BEING_REFUNDED: Final = (_S.SHIP_EXPIRED, _S.CANCELLING)

ORDERS: Final = Machine(
    "order",
    (
        Row(_S.SUBMITTED, _C.START_PAYMENT, _S.PAYMENT_PENDING),
        Row(_S.SUBMITTED, _C.CANCEL, _S.CANCELLED),
        Row(_S.PAYMENT_PENDING, _C.CONFIRM, _S.CONFIRMED, _is_captured),
        Row(_S.PAYMENT_PENDING, _C.BEGIN_CANCEL, _S.CANCELLING, _is_captured_in_part),
        Row(_S.PAYMENT_PENDING, _C.FAIL_PAYMENT, _S.PAYMENT_FAILED, _holds_no_money),
        Row(_S.PAYMENT_FAILED, _C.CANCEL, _S.CANCELLED),
        Row(_S.CONFIRMED, _C.ISSUE_LABEL, _S.AWAITING_SHIPMENT),
        *(Row(source, _C.BEGIN_CANCEL, _S.CANCELLING) for source in SELLABLE),
        *(Row(source, _C.EXPIRE_SHIPPING, _S.SHIP_EXPIRED, is_late) for source in SELLABLE),
        *(Row(source, _C.SHIP, _S.SHIPPED) for source in SELLABLE),
        *(Row(source, _C.DELIVER, _S.DELIVERED) for source in (*SELLABLE, _S.SHIPPED)),
        *(Row(source, _C.LOSE, _S.LOST) for source in (*SELLABLE, _S.SHIPPED)),
        *(Row(source, _C.SHIP, _S.SHIPPED, _no_refund_begun) for source in (*BEING_REFUNDED, _S.LOST)),
        *(Row(source, _C.DELIVER, _S.DELIVERED, _no_refund_begun) for source in (*BEING_REFUNDED, _S.LOST)),
        *(Row(source, _C.REFUND, _S.CANCELLED, _is_refunded) for source in BEING_REFUNDED),
        Row(_S.DELIVERED, _C.OPEN_CLAIM, _S.CLAIM_OPEN, _in_claim_window),
        Row(_S.CLAIM_OPEN, _C.CLOSE_CLAIM, _S.COMPLETED, _is_not_held),
        Row(_S.CLAIM_OPEN, _C.CLOSE_CLAIM, _S.DELIVERED),  # completes when nothing holds it any more
        Row(_S.DELIVERED, _C.COMPLETE, _S.COMPLETED, protection_is_over),
        *(
            Row(source, _C.REFUND, _S.REFUNDED, _is_refunded)
            for source in (*SELLABLE, _S.SHIPPED, _S.LOST, _S.DELIVERED, _S.CLAIM_OPEN, _S.COMPLETED)
        ),
        *(Row(source, _C.RESUME, _S.SHIPPED, _can_resume) for source in (_S.REFUNDED, _S.CANCELLED)),
    ),
    refused=OrderTransitionRefused,
    initial=_S.SUBMITTED,
    cannot={
        _C.START_PAYMENT: "be paid",
        _C.CONFIRM: "be confirmed",
        _C.FAIL_PAYMENT: "have its payment fail",
        _C.CANCEL: "be cancelled",
        _C.BEGIN_CANCEL: "be cancelled",
        _C.ISSUE_LABEL: "get a label",
        _C.EXPIRE_SHIPPING: "expire",
        _C.SHIP: "be shipped",
        _C.DELIVER: "be delivered",
        _C.LOSE: "be lost",
        _C.OPEN_CLAIM: "be claimed",
        _C.CLOSE_CLAIM: "have its claim closed",
        _C.COMPLETE: "be completed",
        _C.REFUND: "be refunded",
        _C.RESUME: "be resumed",
    },
)

#: Money was taken and the sale is not over.
PAID_AND_OPEN: Final = frozenset({*SELLABLE, *BEING_REFUNDED, _S.SHIPPED, _S.LOST, _S.DELIVERED, _S.CLAIM_OPEN})

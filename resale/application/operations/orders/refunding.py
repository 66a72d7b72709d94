"""Refunds: committed, requested from the provider, and posted."""

from datetime import timedelta
from typing import Annotated, Final

import msgspec

from resale.application.operations.access import authorize, require_version
from resale.application.operations.idempotency import record_command
from resale.application.operations.orders.completing import (
    credit_seller,
    reduce_transfer,
    release_transfer,
    reverse_transfer,
)
from resale.application.operations.orders.freezing import freeze_transfers
from resale.application.operations.orders.resuming import add_refund, settle_rest
from resale.application.ports import Partners, UnitOfWork
from resale.domain import ledger
from resale.domain.access import Action
from resale.domain.changes import ChangeType
from resale.domain.claims import AWAITING_REFUND, CLAIMS, ClaimCommand, schedule_claim
from resale.domain.ids import CLAIM_ID, TRANSFER_ID, OrderId
from resale.domain.issues import Issue, clear_issues
from resale.domain.money import MAX_AMOUNT_MINOR
from resale.domain.order_steps import (
    close_order_claim,
    payment_of,
    transfer_id_of,
    transition_order_if_allowed,
)
from resale.domain.orders import (
    MAX_REFUNDS,
    Order,
    OrderCommand,
    OrderStatus,
    OrderTransitionRefused,
)
from resale.domain.payments import (
    PaymentCommand,
    Refund,
    transition_payment,
)
from resale.domain.reasons import FreeCode, Reason, ReasonCode
from resale.domain.text import code, reference
from resale.domain.transfers import Transfer, TransferStatus
from resale.domain.versions import next_version
from resale.errors import FieldError, Invalid, Rejected

#: Where the brand may give money back by itself; before, it cancels, and during a claim it decides that.
#: An order that ended keeps an amount when a lost dispute is won later, or a refund was returned.
REFUNDABLE: Final = frozenset(
    {
        OrderStatus.SHIPPED,
        OrderStatus.DELIVERED,
        OrderStatus.COMPLETED,
        OrderStatus.REFUNDED,
        OrderStatus.CANCELLED,
    }
)


class RefundTooLarge(Invalid):
    """The refund exceeds the remaining amount of the payment."""

    code = "refund_too_large"
    title = "Refund too large"
    default_detail = "The refund is larger than the remaining amount of the payment. Send a smaller one."


class RefundUnderWay(Rejected):
    """Another refund of the order is pending."""

    code = "refund_under_way"
    title = "Refund in progress"
    default_detail = "Another refund of this order is pending. Retry when it has settled."


class TooManyRefunds(Rejected):
    """The order has as many refunds as one order can have."""

    code = "too_many_refunds"
    title = "Too many refunds"
    default_detail = "This order has as many refunds as one order can have. Settle the rest with the buyer directly."


class NewRefund(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The data of a new refund. ``amount`` is in minor units; by default the full remaining amount."""

    order_id: Annotated[OrderId, reference(r"^ord_[0-9a-f]{32}\Z")]
    amount: Annotated[int, msgspec.Meta(ge=1, le=MAX_AMOUNT_MINOR)] | None = None
    reason: Annotated[str, code(r"^[a-z][a-z_]{2,39}\Z")] = ReasonCode.GOODWILL


def refund_order(uow: UnitOfWork, *, new: NewRefund) -> Order:
    """Refund an order, fully or partially, also after its completion.

    Shape: reads 1 item; commits 1 order (``order.refund_started``) and the command's record; the workflow pays it.

    Args:
        uow: Fresh; committed here once.
        new: Which order, how much and why.

    Returns:
        The order with a pending refund.

    Raises:
        OrderNotFound: None that the caller may see.
        Forbidden: Not theirs to give.
        OrderTransitionRefused: Nothing was paid, it is being given back already, or the time for it is over.
        RefundTooLarge: More than is left.
        AmountNotSupported: A part that the payment provider cannot refund: no multiple of its unit.
        RefundUnderWay: One at a time.
        TooManyRefunds: The order has 50.
        IdempotencyConflict: The key was used before.
        Conflict: Another writer won, or the version is not the expected one.
    """
    order = uow.orders.get(new.order_id)
    authorize(uow, entity=order, action=Action.REFUND_ORDER)
    require_version(uow, entity=order)
    _check_refundable(uow, order)
    amount = order.remaining_minor if new.amount is None else new.amount
    if amount > order.remaining_minor:
        detail = f"Only {order.remaining_minor} remains of the payment."
        raise RefundTooLarge(detail, errors=(FieldError(pointer="/amount", code="refund_too_large", detail=detail),))
    if new.amount is not None:
        uow.tenant.amount_rules(order.currency).check_refund(amount, pointer="/amount")
    record_command(uow, entity_id=order.id)
    reason = FreeCode(new.reason)
    order = add_refund(uow, order=order, amount=amount, reason=reason)
    uow.orders.save(order, change_type=ChangeType.ORDER_REFUND_STARTED, reason_code=reason)
    uow.commit()
    return order


def begin_refund(uow: UnitOfWork, *, partners: Partners, order: Order) -> Order:  # noqa: ARG001 - as every step
    """Start the refund of the remaining amount, or retry a failed one."""
    failed = order.failed_refund
    if failed is None:
        reason: Reason = order.cancel_reason or order.status
        order = add_refund(uow, order=order, amount=order.remaining_minor, reason=reason)
    else:
        reason = FreeCode(failed.reason_code)
        others = msgspec.structs.replace(order, refunds=tuple(one for one in order.refunds if one is not failed))
        order = add_refund(uow, order=others, amount=min(failed.amount, order.remaining_minor), reason=reason)
        again = msgspec.structs.replace(order.refunds[-1], tries=failed.tries + 1)
        order = msgspec.structs.replace(order, refunds=(*others.refunds, again))
    uow.orders.save(order, change_type=ChangeType.ORDER_REFUND_STARTED, reason_code=reason)
    uow.commit()
    return order


def commit_refund(uow: UnitOfWork, *, order: Order, given: Refund, change_type: ChangeType) -> Order:
    """Commit a refund: order and payment, the seller's transfer, its claim, and the ledger transaction."""
    payment = payment_of(order)
    refunded = payment.refunded_minor + given.amount
    command = PaymentCommand.REFUND if refunded == payment.captured_minor else PaymentCommand.REFUND_PART
    order = msgspec.structs.replace(
        order, payment=transition_payment(msgspec.structs.replace(payment, refunded_minor=refunded), command)
    )
    before = order.status
    if order.failed_refund is None:
        order = clear_issues(order, Issue.REFUND_FAILED)
    if not order.remaining_minor:  # whoever may have been wronged has the money now
        order = clear_issues(order, Issue.PARCEL_RETURNED, Issue.PARCEL_LOST, Issue.RETURN_AFTER_CLOSE)
    if order.pending_refund is None:
        order = clear_issues(order, Issue.REFUND_PENDING)
    order = transition_order_if_allowed(order, OrderCommand.REFUND, now=uow.now)
    order = settle_rest(uow, order=order)
    if before == OrderStatus.CLAIM_OPEN:
        order = _close_claim(uow, order=order, is_ours=change_type == ChangeType.ORDER_REFUNDED)
    uow.orders.save(order, change_type=change_type, reason_code=FreeCode(given.reason_code))
    seller_pays = _take_from_seller(uow, order=order, given=given, before=before)
    uow.ledger.post(ledger.refund(order, given, seller=seller_pays, at=uow.now))
    uow.commit()
    return order


def _take_from_seller(uow: UnitOfWork, *, order: Order, given: Refund, before: OrderStatus) -> str:
    """Buffer the seller's share of a refund; return its account: pending, or the balance."""
    transfer = uow.transfers.get(order.id, transfer_id_of(order))
    taken = given.parts.seller
    if transfer.status != TransferStatus.HELD:
        frozen = freeze_transfers(uow, order=order)
        if taken:
            uow.transfers.add(_new_clawback(uow, order, transfer, given), change_type=ChangeType.TRANSFER_TAKEN_BACK)
        if taken or frozen:
            credit_seller(uow, order=order, amount=-taken, frozen=frozen)
        return ledger.seller_account(order.seller_id)
    if before == OrderStatus.CLAIM_OPEN and order.status == OrderStatus.COMPLETED:
        release_transfer(uow, order=order, taken_back=taken)
    elif order.remaining_minor == 0:
        reverse_transfer(uow, transfer=transfer)
    else:
        reduce_transfer(uow, transfer=transfer, taken_back=taken)
    return ledger.SELLERS_PENDING


def _new_clawback(uow: UnitOfWork, order: Order, transfer: Transfer, given: Refund) -> Transfer:
    """Return a negative transfer for a refund after completion: earned transfers are never changed."""
    return Transfer(
        id=TRANSFER_ID.sibling_of(given.id),
        version=1,
        livemode=order.livemode,
        status=TransferStatus.AVAILABLE,
        order_id=order.id,
        seller_id=order.seller_id,
        amount=-given.parts.seller,
        currency=order.currency,
        reversed_from=transfer.id,
        available_at=uow.now,
        created_at=uow.now,
        updated_at=uow.now,
    )


def _close_claim(uow: UnitOfWork, *, order: Order, is_ours: bool) -> Order:
    """Buffer the end of the claim that was refunded, or whose order has nothing left to refund."""
    claim = uow.claims.get(CLAIM_ID.sibling_of(order.id))
    was_for_it = claim.status in AWAITING_REFUND and claim.refund_amount is not None and is_ours
    if order.status == OrderStatus.CLAIM_OPEN and not was_for_it:
        return order
    status = CLAIMS.next_status(claim.status, ClaimCommand.REFUND)
    closed = next_version(msgspec.structs.replace(claim, status=status, closed_at=uow.now), now=uow.now)
    closed = schedule_claim(closed, now=uow.now)
    uow.claims.save(closed, change_type=ChangeType.CLAIM_REFUNDED)
    if order.status != OrderStatus.CLAIM_OPEN:
        return order
    completed = close_order_claim(order, now=uow.now)
    return msgspec.structs.replace(completed, version=order.version)


def _check_refundable(uow: UnitOfWork, order: Order) -> None:
    if order.is_refund_under_way:
        raise RefundUnderWay("Another refund of this order is pending. Retry when it has settled.")
    window = timedelta(days=uow.tenant.policies.refund_window_days)
    in_time = order.confirmed_at is not None and uow.now < order.confirmed_at + window
    if len(order.refunds) >= MAX_REFUNDS:
        raise TooManyRefunds(f"Order {order.id} has {MAX_REFUNDS} refunds already, and one order cannot have more.")
    if order.status not in REFUNDABLE or order.is_disputed or not in_time or not order.remaining_minor:
        raise OrderTransitionRefused(f"Order {order.id} has the status {order.status} and cannot be refunded.")

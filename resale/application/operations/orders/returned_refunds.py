"""Returned refunds: a refund that failed after its success, and a dispute that is won after a loss."""

from typing import Final

import msgspec

from resale.application.operations.orders.completing import credit_seller, restore_transfer
from resale.application.operations.orders.refunding import add_refund
from resale.application.operations.orders.transitions import payment_request
from resale.application.ports import PaymentProvider, UnitOfWork
from resale.domain import ledger
from resale.domain.changes import ChangeType
from resale.domain.ids import TRANSFER_ID, OrderId, RefundId
from resale.domain.issues import Issue, clear_issues, raise_issue
from resale.domain.order_steps import payment_of, transfer_id_of, update_order
from resale.domain.orders import MAX_REFUNDS, Order, OrderStatus, with_refund
from resale.domain.payments import Dispute, Refund, RefundState, restore_payment
from resale.domain.reasons import ReasonCode, free_code
from resale.domain.shipments import ON_ITS_WAY, ShipmentStatus
from resale.domain.transfers import Transfer, TransferStatus

_ENDED: Final = frozenset({OrderStatus.CANCELLED, OrderStatus.REFUNDED})
_WITH_THE_BUYER: Final = ON_ITS_WAY | {ShipmentStatus.DELIVERED}


def review_refund(uow: UnitOfWork, *, payments: PaymentProvider, order_id: OrderId, refund_id: RefundId) -> Order:
    """Check a succeeded refund again, because the provider reports its failure.

    One that did is booked back, and tried again by the workflow as any that failed; an order that ended stays ended.

    Shape: reads 1-3 items; at most one look-up at the partner; commits at most once (``order.refund_failed``,
    ``transfer.restored``, ``seller.balance_changed``). Not given, or given still: no-op.

    Args:
        uow: Fresh; committed here at most once.
        payments: The tenant's payment provider: what a webhook says is asked for.
        order_id: Whose payment.
        refund_id: Which refund.

    Returns:
        The order as it stands.

    Raises:
        OrderNotFound: No such order.
        PartnerUnavailable: The partner's response is not known; asked for again.
        Conflict: Another writer won; read again.
    """
    order = uow.orders.get(order_id)
    given = next((refund for refund in order.refunds if refund.id == refund_id), None)
    if given is None or given.status != RefundState.SUCCEEDED:
        return order
    outcome = payments.find_refund(payment_request(uow, order=order), refund_id=refund_id)
    if outcome is None or outcome.state != RefundState.FAILED:
        return order
    failed = msgspec.structs.replace(
        given, status=RefundState.FAILED, failure_code=outcome.reason_code, finished_at=max(uow.now, given.started_at)
    )
    order = raise_issue(with_refund(order, failed), Issue.REFUND_FAILED)
    order = update_order(
        msgspec.structs.replace(order, payment=restore_payment(payment_of(order), failed.amount)), now=uow.now
    )
    uow.orders.save(order, change_type=ChangeType.ORDER_REFUND_FAILED, reason_code=free_code(outcome.reason_code))
    return _commit_returned(uow, order=order, returned=failed)


def reinstate(uow: UnitOfWork, *, order: Order, taken: Refund, dispute: Dispute) -> Order:
    """Reverse the posting of a dispute that is won after a loss.

    The sale goes on where it had not ended. Where the chargeback ended it, the seller has earned it if the parcel is
    the buyer's and nobody complained; else the buyer, who has nothing, is given the money.
    """
    returned = msgspec.structs.replace(taken, status=RefundState.REINSTATED)
    payment = restore_payment(payment_of(order), taken.amount)
    known = order.dispute if order.is_disputed else None  # another one that is open meanwhile
    order = msgspec.structs.replace(with_refund(order, returned), payment=payment, dispute=known or dispute)
    order = clear_issues(order, Issue.CHARGED_BACK)
    if order.status in _ENDED and order.completed_at is None:
        order = _resume(uow, order=order)
    else:
        order = update_order(order, now=uow.now)
    uow.orders.save(order, change_type=ChangeType.ORDER_FUNDS_REINSTATED, reason_code=ReasonCode.DISPUTE_WON)
    return _commit_returned(uow, order=order, returned=returned)


def _resume(uow: UnitOfWork, *, order: Order) -> Order:
    is_theirs = order.shipment is not None and order.shipment.status in _WITH_THE_BUYER and order.claim_id is None
    if is_theirs:
        return update_order(msgspec.structs.replace(order, completed_at=uow.now), now=uow.now)
    if order.is_refund_under_way or len(order.refunds) >= MAX_REFUNDS:
        return update_order(order, now=uow.now)
    return add_refund(uow, order=order, amount=order.remaining_minor, reason=ReasonCode.NOT_DELIVERED)


def _commit_returned(uow: UnitOfWork, *, order: Order, returned: Refund) -> Order:
    """Commit a returned amount with an order that was saved: its recipient, and the ledger transaction."""
    account = _credit_seller(uow, order=order, returned=returned)
    uow.ledger.post(ledger.refund_reversal(order, returned, seller=account, at=uow.now))
    uow.commit()
    return order


def _credit_seller(uow: UnitOfWork, *, order: Order, returned: Refund) -> str:
    """Buffer the seller's share of a returned amount: held again, or on their balance; return the account."""
    is_theirs, part = order.completed_at is not None, returned.parts.seller
    if part and not is_theirs:
        restore_transfer(uow, order=order)
    if part and is_theirs:
        uow.transfers.add(_new_compensation(uow, order=order, amount=part), change_type=ChangeType.TRANSFER_RESTORED)
        credit_seller(uow, order=order, amount=part)
    return ledger.seller_account(order.seller_id) if is_theirs else ledger.SELLERS_PENDING


def _new_compensation(uow: UnitOfWork, *, order: Order, amount: int) -> Transfer:
    """Return a transfer that compensates a clawback after completion: transfers are never changed."""
    return Transfer(
        id=TRANSFER_ID.new(uow.ids),
        version=1,
        livemode=order.livemode,
        status=TransferStatus.AVAILABLE,
        order_id=order.id,
        seller_id=order.seller_id,
        amount=amount,
        currency=order.currency,
        reversed_from=transfer_id_of(order),
        available_at=uow.now,
        created_at=uow.now,
        updated_at=uow.now,
    )

"""Returned refunds: a refund that failed after its success, and a dispute that is won after a loss."""

import msgspec

from resale.application.operations.orders.completing import credit_seller, restore_transfer, sale_payable_on
from resale.application.operations.orders.freezing import freeze_transfers, is_frozen
from resale.application.operations.orders.resuming import ENDED, resume
from resale.application.ports import UnitOfWork
from resale.domain import ledger
from resale.domain.changes import ChangeType
from resale.domain.disputes import set_dispute
from resale.domain.ids import TRANSFER_ID
from resale.domain.issues import Issue, clear_issues, raise_issue
from resale.domain.order_steps import payment_of, schedule_review, transfer_id_of, update_order
from resale.domain.orders import Order, with_refund
from resale.domain.payments import Dispute, Refund, RefundState, restore_payment
from resale.domain.reasons import PartnerCode, ReasonCode, free_code
from resale.domain.transfers import Transfer, TransferStatus


def commit_returned_refund(uow: UnitOfWork, *, order: Order, given: Refund, reason_code: PartnerCode | None) -> Order:
    """Commit that a refund which succeeded was returned (``order.refund_failed``): its posting is reversed.

    It is retried by the workflow like any failed refund; an order that ended stays ended.
    """
    failed = msgspec.structs.replace(
        given, status=RefundState.FAILED, failure_code=reason_code, finished_at=max(uow.now, given.started_at)
    )
    order = raise_issue(with_refund(order, failed), Issue.REFUND_FAILED)
    order = update_order(
        msgspec.structs.replace(order, payment=restore_payment(payment_of(order), failed.amount)), now=uow.now
    )
    if order.unposted:  # what did not fit may fit now
        order = schedule_review(order, at=uow.now)
    uow.orders.save(order, change_type=ChangeType.ORDER_REFUND_FAILED, reason_code=free_code(reason_code))
    return _commit_returned(uow, order=order, returned=failed)


def reinstate(uow: UnitOfWork, *, order: Order, taken: Refund, dispute: Dispute) -> Order:
    """Reverse the posting of a dispute that is won after a loss.

    The sale goes on where it had not ended; where the chargeback ended it, ``resume`` decides.
    """
    returned = msgspec.structs.replace(taken, status=RefundState.REINSTATED)
    payment = restore_payment(payment_of(order), taken.amount)
    order = set_dispute(msgspec.structs.replace(with_refund(order, returned), payment=payment), dispute)
    order = clear_issues(order, Issue.CHARGED_BACK)
    if order.status in ENDED and order.completed_at is None:
        order = resume(uow, order=order)
    else:
        order = update_order(order, now=uow.now)
    uow.orders.save(order, change_type=ChangeType.ORDER_FUNDS_REINSTATED, reason_code=ReasonCode.DISPUTE_WON)
    return _commit_returned(uow, order=order, returned=returned)


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
    if is_theirs:
        _compensate(uow, order=order, amount=part)
    return ledger.seller_account(order.seller_id) if is_theirs else ledger.SELLERS_PENDING


def _compensate(uow: UnitOfWork, *, order: Order, amount: int) -> None:
    """Buffer what is the seller's again, frozen while another dispute is open."""
    frozen = freeze_transfers(uow, order=order)
    if amount:
        compensation = _new_compensation(uow, order=order, amount=amount)
        frozen += amount if compensation.is_frozen else 0
        uow.transfers.add(compensation, change_type=ChangeType.TRANSFER_RESTORED)
    if amount or frozen:
        credit_seller(uow, order=order, amount=amount, frozen=frozen)


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
        is_frozen=is_frozen(uow, order=order),
        reversed_from=transfer_id_of(order),
        available_at=uow.now,
        available_on=sale_payable_on(uow, order=order),
        created_at=uow.now,
        updated_at=uow.now,
    )

"""Completing a sale: the held transfer becomes available."""

import msgspec

from resale.application.operations.sellers import next_payout_at, seller_account_of
from resale.application.ports import Partners, UnitOfWork
from resale.domain import ledger
from resale.domain.changes import ChangeType
from resale.domain.issues import Issue, clear_issues
from resale.domain.order_steps import transfer_id_of, transition_order
from resale.domain.orders import Order, OrderCommand
from resale.domain.transfers import Transfer, TransferCommand, transition_transfer
from resale.domain.versions import next_version


def complete_order(uow: UnitOfWork, *, partners: Partners, order: Order) -> Order:  # noqa: ARG001 - as every step
    """Complete a delivered order after buyer protection, and release the seller's transfer, in one commit."""
    completed = clear_issues(msgspec.structs.replace(order, completed_at=uow.now), Issue.LABEL_REFUSED)
    order = transition_order(completed, OrderCommand.COMPLETE, now=uow.now)
    uow.orders.save(order, change_type=ChangeType.ORDER_COMPLETED)
    release_transfer(uow, order=order, taken_back=0)
    uow.commit()
    return order


def release_transfer(uow: UnitOfWork, *, order: Order, taken_back: int) -> None:
    """Buffer the release of a held transfer, reduced by the amount that the same commit refunds."""
    transfer = uow.transfers.get(order.id, transfer_id_of(order))
    amount = transfer.amount - taken_back
    uow.ledger.post(ledger.release(order, amount=amount, at=uow.now))
    if amount == 0:
        reverse_transfer(uow, transfer=transfer)
        return
    released = transition_transfer(
        msgspec.structs.replace(transfer, amount=amount, available_at=uow.now), TransferCommand.RELEASE, now=uow.now
    )
    uow.transfers.save(released, change_type=ChangeType.TRANSFER_AVAILABLE)
    credit_seller(uow, order=order, amount=amount)


def reverse_transfer(uow: UnitOfWork, *, transfer: Transfer) -> None:
    """Buffer the reversal of a held transfer: the order is fully refunded."""
    uow.transfers.save(
        transition_transfer(transfer, TransferCommand.REVERSE, now=uow.now), change_type=ChangeType.TRANSFER_REVERSED
    )


def reduce_transfer(uow: UnitOfWork, *, transfer: Transfer, taken_back: int) -> None:
    """Buffer the reduction of a held transfer by a partial refund."""
    reduced = transition_transfer(
        msgspec.structs.replace(transfer, amount=transfer.amount - taken_back), TransferCommand.REDUCE, now=uow.now
    )
    uow.transfers.save(reduced, change_type=ChangeType.TRANSFER_REDUCED)


def restore_transfer(uow: UnitOfWork, *, order: Order) -> None:
    """Buffer the restoration of a held transfer: a refund was returned."""
    transfer = uow.transfers.get(order.id, transfer_id_of(order))
    held = transition_transfer(
        msgspec.structs.replace(transfer, amount=ledger.seller_left(order)), TransferCommand.RESTORE, now=uow.now
    )
    uow.transfers.save(held, change_type=ChangeType.TRANSFER_RESTORED)


def credit_seller(uow: UnitOfWork, *, order: Order, amount: int, frozen: int = 0) -> None:
    """Buffer a change of the seller's balance, which can become negative, and the wake-up of the next payout."""
    seller, is_new = seller_account_of(uow, customer_id=order.seller_id)
    seller = msgspec.structs.replace(seller, available=seller.available + amount, frozen=seller.frozen + frozen)
    seller = next_version(msgspec.structs.replace(seller, due_at=next_payout_at(uow, seller=seller)), now=uow.now)
    if is_new:
        uow.sellers.add(seller, change_type=ChangeType.SELLER_BALANCE_CHANGED)
    else:
        uow.sellers.save(seller, change_type=ChangeType.SELLER_BALANCE_CHANGED)

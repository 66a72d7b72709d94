"""The end of a sale: what was held becomes the seller's."""

import msgspec

from resale.application.operations.sellers import pays_at, seller_account_of
from resale.application.ports import Partners, UnitOfWork
from resale.domain import ledger
from resale.domain.order_steps import moved, transfer_id_of
from resale.domain.orders import Order, OrderCommand
from resale.domain.timestamps import stamped
from resale.domain.transfers import TRANSFERS, Transfer, TransferCommand


def complete_order(uow: UnitOfWork, *, partners: Partners, order: Order) -> Order:  # noqa: ARG001 - as every step
    """Complete a delivered order whose protection is over, and release the seller's transfer, together."""
    order = moved(order, OrderCommand.COMPLETE, now=uow.now, completed_at=uow.now, attention=None)
    uow.orders.save(order, change_type="order.completed")
    release_transfer(uow, order=order, taken_back=0)
    uow.commit()
    return order


def release_transfer(uow: UnitOfWork, *, order: Order, taken_back: int) -> None:
    """Buffer that a held transfer is the seller's, less what is taken back in the same commit."""
    transfer = uow.transfers.get(order.id, transfer_id_of(order))
    amount = transfer.amount - taken_back
    if amount == 0:
        reverse_transfer(uow, transfer=transfer)
        return
    released = _moved(uow, transfer, TransferCommand.RELEASE, amount=amount, available_at=uow.now)
    uow.transfers.save(released, change_type="transfer.available")
    credit_seller(uow, order=order, amount=amount)
    uow.ledger.post(ledger.release(order, amount=amount, at=uow.now))


def reverse_transfer(uow: UnitOfWork, *, transfer: Transfer) -> None:
    """Buffer that a held transfer earns nothing: all of it went back."""
    uow.transfers.save(_moved(uow, transfer, TransferCommand.REVERSE), change_type="transfer.reversed")


def reduce_transfer(uow: UnitOfWork, *, transfer: Transfer, taken_back: int) -> None:
    """Buffer that a held transfer earns less: a part went back."""
    reduced = _moved(uow, transfer, TransferCommand.REDUCE, amount=transfer.amount - taken_back)
    uow.transfers.save(reduced, change_type="transfer.reduced")


def restore_transfer(uow: UnitOfWork, *, order: Order) -> None:
    """Buffer that what a seller may earn is held again: what had gone back to the buyer came back."""
    transfer = uow.transfers.get(order.id, transfer_id_of(order))
    held = _moved(uow, transfer, TransferCommand.RESTORE, amount=ledger.seller_left(order))
    uow.transfers.save(held, change_type="transfer.restored")


def credit_seller(uow: UnitOfWork, *, order: Order, amount: int) -> None:
    """Buffer a change of the seller's balance; below zero it is netted with what comes. Wakes the next payout."""
    seller, is_new = seller_account_of(uow, customer_id=order.seller_id)
    seller = msgspec.structs.replace(
        seller, version=seller.version + 1, available=seller.available + amount, updated_at=uow.now
    )
    seller = msgspec.structs.replace(seller, due_at=pays_at(uow, seller=seller))
    if is_new:
        uow.sellers.add(seller, change_type="seller.balance_changed")
    else:
        uow.sellers.save(seller, change_type="seller.balance_changed")


def _moved(uow: UnitOfWork, transfer: Transfer, command: TransferCommand, **fields: object) -> Transfer:
    status = TRANSFERS.next_status(transfer.status, command)
    dated = stamped(fields, now=uow.now, after=transfer.updated_at)
    return msgspec.structs.replace(transfer, status=status, version=transfer.version + 1, **dated)

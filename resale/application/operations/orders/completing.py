"""Completing a sale: the held transfer becomes available."""

from datetime import datetime, timedelta

import msgspec

from resale.application.operations.sellers import next_payout_at, seller_account_of
from resale.application.ports import Partners, UnitOfWork
from resale.domain import ledger, payout_ledger
from resale.domain.changes import ChangeType
from resale.domain.issues import Issue, clear_issues
from resale.domain.order_steps import transfer_id_of, transition_order
from resale.domain.orders import Order, OrderCommand
from resale.domain.sellers import net_debt, with_balance
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
        msgspec.structs.replace(
            transfer, amount=amount, available_at=uow.now, available_on=sale_payable_on(uow, order=order)
        ),
        TransferCommand.RELEASE,
        now=uow.now,
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


def sale_payable_on(uow: UnitOfWork, *, order: Order) -> datetime:
    """Return when the earnings of a completed sale can be paid out: its own delay counts from its completion."""
    completed_at = order.completed_at or uow.now
    return max(uow.now, completed_at + timedelta(hours=uow.tenant.policies.payout_delay_hours))


def credit_seller(uow: UnitOfWork, *, order: Order, amount: int, frozen: int = 0) -> None:
    """Buffer a change of the seller's balance in the order's currency, and the wake-up of the next payout.

    A balance below zero is netted against store credit first; what is left of the debt is deducted from earnings.
    """
    seller, is_new = seller_account_of(uow, customer_id=order.seller_id)
    balance = seller.balance_in(order.currency)
    changed = msgspec.structs.replace(balance, available=balance.available + amount, frozen=balance.frozen + frozen)
    changed, debt, bonus = net_debt(changed)
    seller = with_balance(seller, changed)
    due_at = next_payout_at(uow, seller=seller, not_before=sale_payable_on(uow, order=order))
    seller = next_version(msgspec.structs.replace(seller, due_at=due_at), now=uow.now)
    if debt:
        netted = payout_ledger.net_debt(order, version=seller.version, debt=debt, bonus=bonus, at=uow.now)
        uow.ledger.post(netted)
    if is_new:
        uow.sellers.add(seller, change_type=ChangeType.SELLER_BALANCE_CHANGED)
    else:
        uow.sellers.save(seller, change_type=ChangeType.SELLER_BALANCE_CHANGED)

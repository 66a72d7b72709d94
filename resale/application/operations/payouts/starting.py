"""Starting a payout: the available balance leaves for the seller's bank, or becomes store credit."""

from datetime import datetime, timedelta
from typing import Final

import msgspec

from resale.application.operations.idempotency import record_command
from resale.application.operations.payouts.selecting import Selection, select_payable
from resale.application.operations.sellers import seller_account_of
from resale.application.ports import UnitOfWork
from resale.domain import payout_ledger
from resale.domain.changes import ChangeType
from resale.domain.ids import CUSTOMER_ID, PAYOUT_ID, SellerId
from resale.domain.money import format_amount, share
from resale.domain.payouts import (
    STEP_DUE,
    NothingToPayOut,
    Payout,
    PayoutDestinationMissing,
    PayoutMethod,
    PayoutStatus,
)
from resale.domain.sellers import PayoutAccountStopped, Seller, with_balance
from resale.domain.transfers import Transfer, TransferCommand, transition_transfer
from resale.domain.versions import next_version

_LOOKED_AT_AGAIN: Final = timedelta(hours=1)


def start_payout(
    uow: UnitOfWork, *, seller_id: SellerId, method: PayoutMethod | None, currency: str | None = None
) -> Payout:
    """Pay out what a seller has available in one currency, net of debts, at most 40 transfers at a time.

    A sale is paid out after its own delay, whoever starts the payout. What the provider cannot pay in its unit stays
    on the balance.

    Shape: reads 1 account and up to 40 transfers (400, where the oldest do not sum to what can be paid); commits 1
    payout, the account, its transfers and the ledger (``payout.created`` or, as store credit, ``payout.paid``;
    ``transfer.settled``; ``seller.balance_changed``).

    Args:
        uow: Fresh; committed here once.
        seller_id: Whose balance.
        method: Cash or store credit; None: the method of the account.
        currency: Of which balance; None: the first one that has something to pay.

    Returns:
        The payout: pending as cash (the workflow sends it), paid as store credit.

    Raises:
        NothingToPayOut: Nothing is available, it is owed, waits for its delay, or is less than can be paid.
        PayoutDestinationMissing: Cash, and the account has no destination.
        PayoutAccountStopped: Cash, and the provider pays nothing to the seller's account.
        IdempotencyConflict: The key was used before.
        Conflict: Another writer won; read again.
    """
    seller, is_new = seller_account_of(uow, customer_id=CUSTOMER_ID.sibling_of(seller_id))
    method = method or seller.payout_method
    selections = () if is_new else _select(uow, seller, method=method, currency=currency)
    selection = next((one for one in selections if one.amount > 0), None)
    if selection is None:
        raise NothingToPayOut(_explain_nothing(selections))
    if method == PayoutMethod.CASH:
        _check_destination(seller)
    payout = _new_payout(uow, seller=seller, selection=selection, method=method)
    record_command(uow, entity_id=payout.id)
    for transfer in selection.transfers:
        _settle(uow, transfer=transfer, payout=payout)
    _charge(uow, seller=seller, payout=payout, selections=selections)
    uow.payouts.add(
        payout, change_type=ChangeType.PAYOUT_PAID if payout.status == PayoutStatus.PAID else ChangeType.PAYOUT_CREATED
    )
    uow.ledger.post(payout_ledger.start(payout, at=uow.now))
    uow.commit()
    return payout


def start_due_payout(uow: UnitOfWork, *, seller_id: SellerId) -> Payout | None:
    """Pay out a seller whose wake-up has come, by their account; with nothing to pay, only the wake-up moves.

    Shape: as ``start_payout``, or commits at most 1 (``seller.payout_passed``). Before its time: no-op.

    Args:
        uow: Fresh; committed here at most once.
        seller_id: Whose balance.

    Returns:
        The payout, if there is one.

    Raises:
        Conflict: Another worker was faster; read again.
    """
    seller = uow.sellers.find(seller_id)
    if seller is None or seller.due_at is None or uow.now < seller.due_at:
        return None
    try:
        return start_payout(uow, seller_id=seller_id, method=None)
    except (NothingToPayOut, PayoutDestinationMissing, PayoutAccountStopped):
        selections = _select(uow, seller, method=seller.payout_method, currency=None)
        again = _next_wake_up(uow, selections) if seller.can_be_paid else None
        asleep = next_version(msgspec.structs.replace(seller, due_at=again), now=uow.now)
        uow.sellers.save(asleep, change_type=ChangeType.SELLER_PAYOUT_PASSED)
        uow.commit()
        return None


def _select(uow: UnitOfWork, seller: Seller, *, method: PayoutMethod, currency: str | None) -> tuple[Selection, ...]:
    """Return what can be paid of each balance that is not empty, the shop's own currency first."""
    asked = [one for one in seller.balances if one.payable > 0 and currency in {None, one.currency}]
    asked.sort(key=lambda one: one.currency != uow.tenant.currency)
    return tuple(select_payable(uow, seller=seller, balance=balance, method=method) for balance in asked)


def _explain_nothing(selections: tuple[Selection, ...]) -> str:
    """Return why nothing can be paid, and when the rest is due."""
    for one in selections:
        if one.waiting_until is not None:
            waiting = format_amount(one.waiting, one.currency)
            return (
                f"{waiting} can be paid out from {one.waiting_until:%Y-%m-%dT%H:%M:%SZ} on, when their delay is over."
            )
        if one.remainder:
            left = format_amount(one.remainder, one.currency)
            return f"{left} stays on the balance, because it is less than the payment provider can pay out."
    return "The balance has nothing available to pay out."


def _check_destination(seller: Seller) -> None:
    if seller.payout_destination is None:
        raise PayoutDestinationMissing("The seller account has no payout destination. Add one first.")
    if not seller.can_be_paid_in_cash:
        raise PayoutAccountStopped


def _new_payout(uow: UnitOfWork, *, seller: Seller, selection: Selection, method: PayoutMethod) -> Payout:
    in_cash, amount = method == PayoutMethod.CASH, selection.amount
    return Payout(
        id=PAYOUT_ID.new(uow.ids),
        version=1,
        livemode=not uow.tenant.sandbox,
        status=PayoutStatus.PENDING if in_cash else PayoutStatus.PAID,
        seller_id=seller.customer_id,
        method=method,
        destination=seller.payout_destination if in_cash else None,
        amount=amount,
        carried=amount - sum(transfer.amount for transfer in selection.transfers),
        remainder=selection.remainder,
        waiting=selection.waiting,
        waiting_until=selection.waiting_until,
        bonus=0 if in_cash else share(amount, uow.tenant.policies.store_credit_bonus_basis_points),
        currency=selection.currency,
        transfers=tuple((transfer.order_id, transfer.id) for transfer in selection.transfers),
        created_at=uow.now,
        updated_at=uow.now,
        may_be_cancelled=in_cash,
        paid_at=None if in_cash else uow.now,
        due_at=uow.now + STEP_DUE if in_cash else None,
    )


def _settle(uow: UnitOfWork, *, transfer: Transfer, payout: Payout) -> None:
    paid_out = msgspec.structs.replace(transfer, payout_id=payout.id)
    settled = transition_transfer(paid_out, TransferCommand.SETTLE, now=uow.now)
    uow.transfers.save(settled, change_type=ChangeType.TRANSFER_SETTLED)


def _charge(uow: UnitOfWork, *, seller: Seller, payout: Payout, selections: tuple[Selection, ...]) -> None:
    """Buffer the balance without the payout; the account wakes for what is left of it, and of other balances."""
    in_cash = payout.method == PayoutMethod.CASH
    balance = seller.balance_in(payout.currency)
    balance = msgspec.structs.replace(
        balance,
        available=balance.available - payout.amount,
        carried=balance.carried - payout.carried,
        store_credit=balance.store_credit + (0 if in_cash else payout.amount + payout.bonus),
        store_credit_bonus=balance.store_credit_bonus + payout.bonus,
    )
    seller = with_balance(seller, balance)
    others = [one for one in selections if one.currency != payout.currency and one.amount > 0]
    paid = next(one for one in selections if one.currency == payout.currency)
    is_more = bool(others) or balance.payable - paid.waiting > paid.remainder
    again = uow.now + STEP_DUE if is_more else _next_wake_up(uow, selections)
    seller = msgspec.structs.replace(seller, due_at=again if seller.can_be_paid else None)
    uow.sellers.save(next_version(seller, now=uow.now), change_type=ChangeType.SELLER_BALANCE_CHANGED)


def _next_wake_up(uow: UnitOfWork, selections: tuple[Selection, ...]) -> datetime | None:
    """Return when something can be paid next; None if nothing waits for a time.

    What is on a balance and not yet in the index of transfers is there when it is looked at again.
    """
    moments = [one.waiting_until for one in selections if one.waiting_until is not None]
    if any(one.is_unseen for one in selections):
        moments.append(uow.now + _LOOKED_AT_AGAIN)
    return min(moments, default=None)

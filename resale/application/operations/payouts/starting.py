"""Starting a payout: the available balance leaves for the seller's bank, or becomes store credit."""

from datetime import timedelta
from typing import Final

import msgspec

from resale.application.operations.idempotency import record_command
from resale.application.operations.sellers import seller_account_of
from resale.application.ports import UnitOfWork
from resale.domain import payout_ledger
from resale.domain.changes import ChangeType
from resale.domain.ids import CUSTOMER_ID, PAYOUT_ID, SellerId
from resale.domain.money import share
from resale.domain.payouts import (
    MAX_TRANSFERS,
    STEP_DUE,
    NothingToPayOut,
    Payout,
    PayoutDestinationMissing,
    PayoutMethod,
    PayoutStatus,
)
from resale.domain.sellers import Seller
from resale.domain.transfers import Transfer, TransferCommand, payable, transition_transfer
from resale.domain.versions import next_version

_LOOKED_AT_AGAIN: Final = timedelta(hours=1)
_LOOKED_THROUGH: Final = 10 * MAX_TRANSFERS


def start_payout(uow: UnitOfWork, *, seller_id: SellerId, method: PayoutMethod | None) -> Payout:
    """Pay out a seller's available balance, net of debts, at most 40 transfers at a time.

    Shape: reads 1 account and up to 40 transfers (400, where the oldest do not sum to what can be paid); commits 1
    payout, the account, its transfers and the ledger (``payout.created`` or, as store credit, ``payout.paid``;
    ``transfer.settled``; ``seller.balance_changed``).

    Args:
        uow: Fresh; committed here once.
        seller_id: Whose balance.
        method: Cash or store credit; None: what the account says.

    Returns:
        The payout: pending as cash (the workflow sends it), paid as store credit.

    Raises:
        NothingToPayOut: Nothing is available, or it is owed.
        PayoutDestinationMissing: Cash, and nobody said where to.
        IdempotencyConflict: The key was used before.
        Conflict: Another writer won; read again.
    """
    seller, is_new = seller_account_of(uow, customer_id=CUSTOMER_ID.sibling_of(seller_id))
    transfers = () if is_new else _payable(uow, seller)
    if not transfers:
        raise NothingToPayOut("The balance has nothing available to pay out.")
    payout = _new_payout(uow, seller=seller, transfers=transfers, method=method)
    record_command(uow, entity_id=payout.id)
    _settle(uow, payout=payout, transfers=transfers)
    _charge(uow, seller=seller, payout=payout)
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
    except (NothingToPayOut, PayoutDestinationMissing):
        # What is on the balance and not yet in the index of transfers is there when it is looked at again.
        again = uow.now + _LOOKED_AT_AGAIN if seller.can_be_paid else None
        asleep = next_version(msgspec.structs.replace(seller, due_at=again), now=uow.now)
        uow.sellers.save(asleep, change_type=ChangeType.SELLER_PAYOUT_PASSED)
        uow.commit()
        return None


def _payable(uow: UnitOfWork, seller: Seller) -> tuple[Transfer, ...]:
    """Return the transfers to pay: the oldest ones, or more if debts are among later ones."""
    for limit in (MAX_TRANSFERS, _LOOKED_THROUGH):
        found = uow.transfers.list_available(seller.customer_id, limit=limit)
        chosen = payable(found, balance=seller.payable, limit=MAX_TRANSFERS)
        if chosen or len(found) < limit:
            return chosen
    return ()


def _new_payout(
    uow: UnitOfWork, *, seller: Seller, transfers: tuple[Transfer, ...], method: PayoutMethod | None
) -> Payout:
    method = method or seller.payout_method
    amount = sum(transfer.amount for transfer in transfers)
    in_cash = method == PayoutMethod.CASH
    if in_cash and seller.payout_destination is None:
        raise PayoutDestinationMissing("The seller account has no payout destination. Add one first.")
    return Payout(
        id=PAYOUT_ID.new(uow.ids),
        version=1,
        livemode=not uow.tenant.sandbox,
        status=PayoutStatus.PENDING if in_cash else PayoutStatus.PAID,
        seller_id=seller.customer_id,
        method=method,
        destination=seller.payout_destination if in_cash else None,
        amount=amount,
        bonus=0 if in_cash else share(amount, uow.tenant.policies.store_credit_bonus_basis_points),
        currency=seller.currency,
        transfers=tuple((transfer.order_id, transfer.id) for transfer in transfers),
        created_at=uow.now,
        updated_at=uow.now,
        may_be_cancelled=in_cash,
        paid_at=None if in_cash else uow.now,
        due_at=uow.now + STEP_DUE if in_cash else None,
    )


def _settle(uow: UnitOfWork, *, payout: Payout, transfers: tuple[Transfer, ...]) -> None:
    for transfer in transfers:
        paid_out = msgspec.structs.replace(transfer, payout_id=payout.id)
        settled = transition_transfer(paid_out, TransferCommand.SETTLE, now=uow.now)
        uow.transfers.save(settled, change_type=ChangeType.TRANSFER_SETTLED)


def _charge(uow: UnitOfWork, *, seller: Seller, payout: Payout) -> None:
    credit = 0 if payout.method == PayoutMethod.CASH else payout.amount + payout.bonus
    left = seller.available - payout.amount
    seller = msgspec.structs.replace(seller, available=left, store_credit=seller.store_credit + credit)
    again = uow.now + STEP_DUE if seller.can_be_paid else None  # more transfers than one payout takes
    seller = next_version(msgspec.structs.replace(seller, due_at=again), now=uow.now)
    uow.sellers.save(seller, change_type=ChangeType.SELLER_BALANCE_CHANGED)

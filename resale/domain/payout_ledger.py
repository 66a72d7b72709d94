"""Ledger transactions of payouts: from the seller's balance, in transit, and paid or returned."""

from datetime import datetime
from typing import Final

from resale.domain.ledger import (
    BONUSES,
    PAYOUTS_IN_TRANSIT,
    PROVIDER,
    LedgerTransaction,
    Posting,
    seller_account,
    store_credit_account,
)
from resale.domain.orders import Order
from resale.domain.payouts import Payout, PayoutMethod, PayoutStatus

STORE_CREDIT_NETTED: Final = "store_credit_netted"


def start(payout: Payout, *, at: datetime) -> LedgerTransaction:
    """Return the transaction of a started payout: in transit, or store credit with the tenant's bonus."""
    if payout.method == PayoutMethod.CASH:
        received: tuple[Posting, ...] = (Posting(PAYOUTS_IN_TRANSIT, -payout.amount),)
    else:
        credit = Posting(store_credit_account(payout.seller_id), -payout.amount - payout.bonus)
        received = (Posting(BONUSES, payout.bonus), credit)
    return _transaction(payout, "started", at, (Posting(seller_account(payout.seller_id), payout.amount), *received))


def net_debt(order: Order, *, version: int, debt: int, bonus: int, at: datetime) -> LedgerTransaction:
    """Return the transaction of a debt that is netted against store credit, with the bonus that it reverses.

    Args:
        order: The order whose clawback made the debt.
        version: The version of the seller account that has netted it, which makes the step unique.
        debt: The amount that the store credit pays.
        bonus: The shop's addition that is reversed with it.
        at: The moment.
    """
    postings = (
        Posting(store_credit_account(order.seller_id), debt + bonus),
        Posting(seller_account(order.seller_id), -debt),
        Posting(BONUSES, -bonus),
    )
    step = f"{STORE_CREDIT_NETTED}_{version}"
    return LedgerTransaction(source_id=order.id, step=step, currency=order.currency, at=at, postings=postings)


def settle(before: Payout, after: Payout, *, at: datetime) -> LedgerTransaction | None:
    """Return the transaction of a paid, failed, returned or cancelled cash payout; None while it is in transit."""
    if after.status == PayoutStatus.PAID:
        return _transaction(
            after, "paid", at, (Posting(PAYOUTS_IN_TRANSIT, after.amount), Posting(PROVIDER, -after.amount))
        )
    if after.status not in {PayoutStatus.FAILED, PayoutStatus.RETURNED, PayoutStatus.CANCELLED}:
        return None
    source = PROVIDER if before.status == PayoutStatus.PAID else PAYOUTS_IN_TRANSIT
    back = (Posting(source, after.amount), Posting(seller_account(after.seller_id), -after.amount))
    return _transaction(after, str(after.status), at, back)


def _transaction(payout: Payout, step: str, at: datetime, postings: tuple[Posting, ...]) -> LedgerTransaction:
    return LedgerTransaction(source_id=payout.id, step=step, currency=payout.currency, at=at, postings=postings)

"""Writing off what sellers owe: a debt that no sale has covered for a long time is an expense."""

from datetime import timedelta

from resale.application.ports import UnitOfWork
from resale.domain.changes import ChangeType
from resale.domain.ids import SellerId
from resale.domain.sellers import Seller, with_balance
from resale.domain.versions import next_version
from resale.domain.write_offs import write_off, write_off_transaction


def write_off_debts(uow: UnitOfWork, *, seller_id: SellerId) -> int:
    """Write off the negative balances of a seller whose account has not changed for the days of the policy.

    The debts stay as transfers; an equal amount is carried on the balance, so nothing is deducted from future earnings.

    Shape: reads 1 item; commits at most 1 (``seller.debt_written_off``) with a ledger transaction for each currency.
    Idempotent: repeating it is a no-op.

    Args:
        uow: Fresh; committed here at most once.
        seller_id: Whose balances.

    Returns:
        The number of balances that were written off.

    Raises:
        Conflict: Another writer won; read again.
    """
    seller = uow.sellers.find(seller_id)
    if seller is None or not _is_due(uow, seller):
        return 0
    owed = [balance for balance in seller.balances if balance.available < 0]
    for balance in owed:
        seller = with_balance(seller, write_off(balance))
    seller = next_version(seller, now=uow.now)
    for balance in owed:
        uow.ledger.post(write_off_transaction(seller, balance, at=uow.now))
    uow.sellers.save(seller, change_type=ChangeType.SELLER_DEBT_WRITTEN_OFF)
    uow.commit()
    return len(owed)


def _is_due(uow: UnitOfWork, seller: Seller) -> bool:
    days = uow.tenant.policies.bad_debt_days
    is_old = days > 0 and uow.now - seller.updated_at >= timedelta(days=days)
    return is_old and any(balance.available < 0 for balance in seller.balances)

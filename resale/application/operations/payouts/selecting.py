"""What of a balance can be paid now: transfers past their delay, net of debts, in the unit of the provider."""

from datetime import datetime
from typing import Final

import msgspec

from resale.application.ports import UnitOfWork
from resale.domain.payouts import MAX_TRANSFERS, PayoutMethod
from resale.domain.sellers import Seller, SellerBalance
from resale.domain.transfers import Transfer, payable

_LOOKED_THROUGH: Final = 10 * MAX_TRANSFERS


class Selection(msgspec.Struct, frozen=True, kw_only=True):
    """What can be paid of one balance now, and what cannot.

    ``remainder`` could be paid, were it not less than the provider's unit. ``waiting`` is of sales whose delay is not
    over; the first of them is due at ``waiting_until``. ``is_unseen``: the balance has more than the transfers found.
    """

    currency: str
    transfers: tuple[Transfer, ...] = ()
    amount: int = 0
    remainder: int = 0
    waiting: int = 0
    waiting_until: datetime | None = None
    is_unseen: bool = False


def select_payable(uow: UnitOfWork, *, seller: Seller, balance: SellerBalance, method: PayoutMethod) -> Selection:
    """Return what can be paid of a balance: the oldest transfers, or more if debts are among later ones."""
    selection = Selection(currency=balance.currency)
    for limit in (MAX_TRANSFERS, _LOOKED_THROUGH):
        found = uow.transfers.list_available(seller.customer_id, limit=limit)
        selection = _select(uow, found, balance=balance, method=method)
        if selection.amount or len(found) < limit:
            return selection
    return selection


def _select(uow: UnitOfWork, found: tuple[Transfer, ...], *, balance: SellerBalance, method: PayoutMethod) -> Selection:
    of_balance = [transfer for transfer in found if transfer.currency == balance.currency]
    at_once = _is_at_once(uow, method)
    waiting = [one for one in of_balance if not (at_once or one.is_frozen) and _waits(uow, one)]
    due = [one for one in of_balance if one not in waiting]
    waiting_sum = sum(one.amount for one in waiting)
    free = balance.payable - waiting_sum
    chosen = payable(due, balance=free, carried=balance.carried, limit=MAX_TRANSFERS)
    whole = 0 if chosen is None else sum(one.amount for one in chosen) + balance.carried
    amount = whole
    if method == PayoutMethod.CASH:
        amount = uow.tenant.amount_rules(balance.currency).payable(whole)
    return Selection(
        currency=balance.currency,
        transfers=chosen if chosen and amount else (),
        amount=amount,
        remainder=whole - amount,
        waiting=waiting_sum,
        waiting_until=min((one.available_on for one in waiting if one.available_on is not None), default=None),
        is_unseen=sum(one.amount for one in of_balance) < balance.available - balance.carried,
    )


def _waits(uow: UnitOfWork, transfer: Transfer) -> bool:
    return transfer.amount > 0 and transfer.available_on is not None and uow.now < transfer.available_on


def _is_at_once(uow: UnitOfWork, method: PayoutMethod) -> bool:
    """Return whether sales are paid without their delay: as store credit, in a shop whose policy says so."""
    return method == PayoutMethod.STORE_CREDIT and not uow.tenant.policies.store_credit_waits

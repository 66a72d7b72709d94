"""A seller's balance and balance transactions, as the owner sees them."""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from enum import StrEnum
from itertools import islice
from typing import Final

import msgspec

from resale.application.ports import Document, Reader
from resale.domain.access import Principal
from resale.domain.entities import PAYOUT, SELLER
from resale.domain.ids import TRANSFER_ID, CustomerId, OrderId, PayoutId
from resale.domain.payouts import ON_ITS_WAY, PayoutStatus
from resale.domain.sellers import SellerBalance, seller_id_of
from resale.domain.transfers import TransferStatus

MAX_HELD: Final = 2_000  # transfers summed for one look; each is a sale that is not completed yet
_PAYOUTS: Final = 100


class BalanceKind(StrEnum):
    """The kind of a balance transaction. A restoration cancels a reversal, because the refund was returned."""

    SALE = "sale"
    REVERSAL = "reversal"
    RESTORATION = "restoration"
    PAYOUT = "payout"


class CurrencyBalanceView(msgspec.Struct, frozen=True, kw_only=True):
    """The balance of a seller in one currency. No amount is negative."""

    currency: str
    available: int = 0
    frozen: int = 0
    pending: int = 0
    owed: int = 0
    in_transit: int = 0
    store_credit: int = 0


class BalanceView(msgspec.Struct, frozen=True, kw_only=True):
    """The balance of a seller. No amount is negative.

    ``pending`` is earned by sales that are not completed yet; ``pending_is_partial`` is true if there are more of them
    than were summed. ``frozen`` is of disputed payments, and available when the disputes are won. ``owed`` is deducted
    from future earnings. ``in_transit`` is on its way to the bank.

    ``balances`` has the balance of each currency, the first of which the fields beside it repeat: amounts of two
    currencies are never summed.
    """

    object: str = "balance"
    currency: str
    available: int = 0
    frozen: int = 0
    pending: int = 0
    pending_is_partial: bool = False
    owed: int = 0
    in_transit: int = 0
    store_credit: int = 0
    next_payout_at: datetime | None = None
    balances: tuple[CurrencyBalanceView, ...] = ()


class BalanceTransactionView(msgspec.Struct, frozen=True, kw_only=True):
    """A transfer (positive amount) or a payout (negative amount) of a seller.

    ``status`` is that of the transfer or payout. The amount of a failed or returned payout is available again. A
    transfer can be paid out from ``available_on`` on, when the delay of its sale is over.
    """

    id: str
    object: str = "balance_transaction"
    type: BalanceKind
    status: str
    amount: int
    currency: str
    order_id: OrderId | None = None
    payout_id: PayoutId | None = None
    available_at: datetime | None = None
    available_on: datetime | None = None
    created_at: datetime


class BalanceTransactionPage(msgspec.Struct, frozen=True, kw_only=True):
    """A page of balance transactions as JSON-ready views."""

    object: str = "list"
    data: tuple[BalanceTransactionView, ...]
    has_more: bool
    next_cursor: str | None


class _Account(msgspec.Struct):
    currency: str
    available: int = 0
    frozen: int = 0
    store_credit: int = 0
    other_balances: tuple[SellerBalance, ...] = ()
    due_at: datetime | None = None


class _TransferMoney(msgspec.Struct):
    status: TransferStatus
    order_id: OrderId
    amount: int
    currency: str
    created_at: datetime
    payout_id: PayoutId | None = None
    available_at: datetime | None = None
    available_on: datetime | None = None


class _PayoutMoney(msgspec.Struct):
    status: PayoutStatus
    amount: int
    currency: str
    created_at: datetime


_ACCOUNT: Final = msgspec.json.Decoder(_Account).decode
_TRANSFER: Final = msgspec.json.Decoder(_TransferMoney).decode
_PAYOUT: Final = msgspec.json.Decoder(_PayoutMoney).decode


def get_own_balance(*, reader: Reader, principal: Principal) -> BalanceView:
    """Return the caller's balance: available, pending and owed amounts; zero for a caller without sales.

    Shape: reads 1 account; one query of the held transfers, of which at most 2,000 are summed; one of the payouts, a
    page of 100 for as long as one of them is still on its way.
    """
    if principal.customer_id is None:
        return _empty(reader)
    document = reader.find(SELLER, seller_id_of(principal.customer_id))
    account = _Account(currency=reader.tenant.currency) if document is None else _ACCOUNT(document.doc)
    held = list(islice(reader.iter_held_transfers(principal.customer_id), MAX_HELD + 1))
    pending = Counter[str]()
    for transfer in held[:MAX_HELD]:
        pending[transfer.currency] += transfer.amount
    balances = tuple(_iter_balances(account, pending, _in_transit(reader, principal.customer_id)))
    first = balances[0]
    return BalanceView(
        currency=first.currency,
        available=first.available,
        frozen=first.frozen,
        pending=first.pending,
        pending_is_partial=len(held) > MAX_HELD,
        owed=first.owed,
        in_transit=first.in_transit,
        store_credit=first.store_credit,
        next_payout_at=account.due_at,
        balances=balances,
    )


def list_own_balance_transactions(
    *, reader: Reader, principal: Principal, limit: int, cursor: str | None
) -> BalanceTransactionPage:
    """List the caller's transfers and payouts, newest first.

    Shape: one query; at most ``limit`` (1-100).

    Raises:
        InvalidCursor: The cursor was changed or belongs to another list.
    """
    if principal.customer_id is None:
        return BalanceTransactionPage(data=(), has_more=False, next_cursor=None)
    page = reader.list_balance_transactions(seller_id=principal.customer_id, limit=limit, cursor=cursor)
    views = tuple(map(_view, page.documents))
    return BalanceTransactionPage(data=views, has_more=page.next_cursor is not None, next_cursor=page.next_cursor)


def _empty(reader: Reader) -> BalanceView:
    currency = reader.tenant.currency
    return BalanceView(currency=currency, balances=(CurrencyBalanceView(currency=currency),))


def _iter_balances(account: _Account, pending: Counter[str], in_transit: Counter[str]) -> Iterator[CurrencyBalanceView]:
    """Iterate over the balances: the account's first one, then the others, with what is not on the account yet."""
    first = SellerBalance(
        currency=account.currency,
        available=account.available,
        frozen=account.frozen,
        store_credit=account.store_credit,
    )
    known = {one.currency: one for one in (first, *account.other_balances)}
    for currency in sorted(pending.keys() | in_transit.keys()):
        known.setdefault(currency, SellerBalance(currency=currency))
    for currency, balance in known.items():
        yield CurrencyBalanceView(
            currency=currency,
            available=max(balance.payable, 0),
            frozen=balance.frozen,
            pending=pending[currency],
            owed=max(-balance.available, 0),
            in_transit=in_transit[currency],
            store_credit=balance.store_credit,
        )


def _in_transit(reader: Reader, seller_id: CustomerId) -> Counter[str]:
    """Return the amounts in transit; payouts end in about the order of their start, so the newest pages suffice."""
    total, cursor = Counter[str](), None
    while True:
        page = reader.list_by(PAYOUT, "seller_id", seller_id, limit=_PAYOUTS, cursor=cursor)
        on_its_way = [one for one in (_PAYOUT(found.doc) for found in page.documents) if one.status in ON_ITS_WAY]
        for payout in on_its_way:
            total[payout.currency] += payout.amount
        cursor = page.next_cursor
        if not on_its_way or cursor is None:
            return total


def _kind_of(transfer_id: str, transfer: _TransferMoney) -> BalanceKind:
    if transfer.amount < 0:
        return BalanceKind.REVERSAL
    return BalanceKind.SALE if transfer_id == TRANSFER_ID.sibling_of(transfer.order_id) else BalanceKind.RESTORATION


def _view(document: Document) -> BalanceTransactionView:
    if PAYOUT.id.matches(document.id):
        payout = _PAYOUT(document.doc)
        return BalanceTransactionView(
            id=document.id,
            type=BalanceKind.PAYOUT,
            status=payout.status,
            amount=-payout.amount,
            currency=payout.currency,
            payout_id=PayoutId(document.id),
            created_at=payout.created_at,
        )
    transfer = _TRANSFER(document.doc)
    return BalanceTransactionView(
        id=document.id,
        type=_kind_of(document.id, transfer),
        status=transfer.status,
        amount=transfer.amount,
        currency=transfer.currency,
        order_id=transfer.order_id,
        payout_id=transfer.payout_id,
        available_at=transfer.available_at,
        available_on=transfer.available_on,
        created_at=transfer.created_at,
    )

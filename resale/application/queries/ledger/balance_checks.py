"""Comparison of sellers' balances, store credit and payouts in transit with their ledger accounts and transfers."""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Final

import msgspec

from resale.application.ports import Document, Reader
from resale.application.queries.ledger.differences import Difference, DifferenceKind
from resale.application.queries.ledger.permissions import check_ledger_permission
from resale.domain.access import Principal
from resale.domain.accounts import PAYOUTS_IN_TRANSIT, seller_account, store_credit_account
from resale.domain.entities import PAYOUT, SELLER
from resale.domain.ids import CustomerId, PayoutId, SellerId
from resale.domain.partners import BookingKind
from resale.domain.payouts import ON_ITS_WAY, Payout, PayoutMethod
from resale.domain.sellers import Seller, SellerBalance, seller_id_of

_PAGE: Final = 100
_READS: Final = 3  # of a seller who is written to while they are compared
#: Transfers are found by an index that follows its table within seconds.
_INDEXED_WITHIN: Final = timedelta(minutes=1)

_replace = msgspec.structs.replace
_SELLER: Final = msgspec.json.Decoder(Seller).decode
_PAYOUT: Final = msgspec.json.Decoder(Payout).decode


class BalanceChecks(msgspec.Struct, frozen=True, kw_only=True):
    """The differences of balances, the number of compared sellers, and whether these are all sellers."""

    differences: tuple[Difference, ...]
    sellers: int
    is_complete: bool


def check_sellers(*, reader: Reader, first: Iterable[CustomerId], limit: int | None, now: datetime) -> BalanceChecks:
    """Compare balances and store credit of sellers with their ledger accounts and open transfers.

    Shape: per seller 1-2 reads of the account and one query each of two ledger accounts and of the open transfers,
    page by page; a page of 100 sellers is one query a shard.

    Args:
        reader: On the tenant.
        first: Sellers to compare in any case: those with recent ledger entries.
        limit: Sellers at most, ``first`` first, then the most recently changed; None for all.
        now: In the tenant's time, aware UTC.
    """
    seen: set[CustomerId] = set()
    found: list[Difference] = []
    for customer_id in _sellers(reader, first):
        if customer_id in seen:
            continue
        if limit is not None and len(seen) >= limit:
            return BalanceChecks(differences=tuple(found), sellers=len(seen), is_complete=False)
        seen.add(customer_id)
        found += _check_seller(reader, customer_id, now)
    return BalanceChecks(differences=tuple(found), sellers=len(seen), is_complete=True)


def check_payouts(*, reader: Reader, payout_ids: Iterable[PayoutId]) -> Iterator[Difference]:
    """Compare payouts with their amounts in transit in the ledger: the whole amount until they end, then nothing."""
    for payout_id in payout_ids:
        document = reader.find(PAYOUT, payout_id)
        payout = None if document is None else _PAYOUT(document.doc)
        entries = reader.iter_ledger_source(payout_id)
        posted = -sum(entry.amount for entry in entries if entry.account == PAYOUTS_IN_TRANSIT)
        is_on_its_way = payout is not None and payout.method == PayoutMethod.CASH and payout.status in ON_ITS_WAY
        expected = payout.amount if payout is not None and is_on_its_way else 0
        if posted != expected:
            yield Difference(
                kind=DifferenceKind.BALANCE_DIFFERS,
                booking=BookingKind.PAYOUT,
                source_id=payout_id,
                our_id=payout_id,
                provider=None,
                ledger=posted,
                records=expected,
                settling=document != reader.find(PAYOUT, payout_id),
                currency=None if payout is None else payout.currency,
            )


def iter_debtors(*, reader: Reader, principal: Principal) -> Iterator[SellerId]:
    """Iterate over the sellers with a negative balance, the most recently changed first.

    Shape: one query a shard and page of 100 sellers.

    Raises:
        LedgerNotFound: Not for this caller's eyes.
    """
    check_ledger_permission(principal)
    cursor: str | None = None
    while True:
        page = reader.list_recent_sellers(limit=_PAGE, cursor=cursor)
        sellers = (_SELLER(document.doc) for document in page.documents)
        yield from (seller.id for seller in sellers if any(one.available < 0 for one in seller.balances))
        if (cursor := page.next_cursor) is None:
            return


def _sellers(reader: Reader, first: Iterable[CustomerId]) -> Iterator[CustomerId]:
    yield from first
    cursor: str | None = None
    while True:
        page = reader.list_recent_sellers(limit=_PAGE, cursor=cursor)
        yield from (_SELLER(document.doc).customer_id for document in page.documents)
        if (cursor := page.next_cursor) is None:
            return


def _check_seller(reader: Reader, customer_id: CustomerId, now: datetime) -> tuple[Difference, ...]:
    """Compare one seller; an account that was written to meanwhile is compared again."""
    found: tuple[Difference, ...] = ()
    for _ in range(_READS):
        document = reader.find(SELLER, seller_id_of(customer_id))
        found = tuple(_compare(reader, customer_id, document, now))
        if not found or document == reader.find(SELLER, seller_id_of(customer_id)):
            return found
    return tuple(msgspec.structs.replace(one, settling=True) for one in found)


def _compare(reader: Reader, customer_id: CustomerId, document: Document | None, now: datetime) -> Iterator[Difference]:
    seller = None if document is None else _SELLER(document.doc)
    is_indexing = seller is not None and now - seller.updated_at < _INDEXED_WITHIN
    balances = {} if seller is None else {one.currency: one for one in seller.balances}
    posted = _sum_account(reader, seller_account(customer_id))
    credit = _sum_account(reader, store_credit_account(customer_id))
    transfers = _sum_transfers(reader, customer_id)
    for currency in sorted(balances.keys() | posted.keys() | credit.keys() | transfers.keys()):
        balance = balances.get(currency, SellerBalance(currency=currency))
        differs = Difference(
            kind=DifferenceKind.BALANCE_DIFFERS,
            booking=BookingKind.BALANCE,
            source_id=customer_id,
            our_id=seller_id_of(customer_id),
            provider=None,
            ledger=-posted.get(currency, 0),
            records=balance.available,
            settling=False,
            transfers=transfers.get(currency, 0) + balance.carried,
            currency=currency,
        )
        if not differs.records == differs.ledger == differs.transfers:
            yield _replace(differs, settling=is_indexing and differs.records == differs.ledger)
        if balance.store_credit != (owed := -credit.get(currency, 0)):
            yield _replace(
                differs, booking=BookingKind.STORE_CREDIT, ledger=owed, records=balance.store_credit, transfers=None
            )


def _sum_account(reader: Reader, account: str) -> dict[str, int]:
    sums: dict[str, int] = {}
    for entry in reader.iter_ledger_account(account):
        sums[entry.currency] = sums.get(entry.currency, 0) + entry.amount
    return sums


def _sum_transfers(reader: Reader, customer_id: CustomerId) -> dict[str, int]:
    sums: dict[str, int] = {}
    for transfer in reader.iter_available_transfers(customer_id):
        sums[transfer.currency] = sums.get(transfer.currency, 0) + transfer.amount
    return sums

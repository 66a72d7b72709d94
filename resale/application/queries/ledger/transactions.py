"""Ledger transactions with their entries, of an order, a payout, or a range of days."""

from collections.abc import Iterable
from datetime import date, datetime
from itertools import groupby
from typing import Final

import msgspec

from resale.application.ports import Reader
from resale.application.queries.ledger.permissions import check_ledger_permission
from resale.domain.access import Principal
from resale.domain.ledger import LedgerEntry
from resale.errors import Unavailable

MAX_LISTED_DAYS: Final = 31  # of one list


class LedgerBehind(Unavailable):
    """The index does not contain all entries of a recent ledger transaction yet."""

    code = "ledger_behind"
    title = "Ledger index behind"
    default_detail = "A recent ledger transaction is not completely indexed yet. Retry in a moment."


class LedgerLeg(msgspec.Struct, frozen=True, kw_only=True):
    """An entry: an account and its amount. Debits are positive, credits negative."""

    account: str
    amount: int


class LedgerTransactionView(msgspec.Struct, frozen=True, kw_only=True):
    """A ledger transaction in one currency. Its entries sum to zero."""

    id: str
    object: str = "ledger_transaction"
    source_id: str
    step: str
    currency: str
    at: datetime
    entries: tuple[LedgerLeg, ...]


class LedgerTransactionPage(msgspec.Struct, frozen=True, kw_only=True):
    """A page of ledger transactions as JSON-ready views."""

    object: str = "list"
    data: tuple[LedgerTransactionView, ...]
    has_more: bool
    next_cursor: str | None


class LedgerDays(msgspec.Struct, frozen=True, kw_only=True):
    """A range of UTC days, both included, at most 31."""

    first: date
    last: date


def list_ledger_transactions(
    *, reader: Reader, principal: Principal, of: str | LedgerDays, limit: int, cursor: str | None
) -> LedgerTransactionPage:
    """List the ledger transactions of an order, a payout or some days, oldest first; none is split over pages.

    Shape: of a source one query of an index; of days one a shard and day, until ``limit`` bookings are found.

    Args:
        reader: On the tenant.
        principal: The brand or staff.
        of: The id of an order or payout, or days.
        limit: Bookings at most, 1-100.
        cursor: Of the page before, if any.

    Returns:
        Whole bookings. A day that is not over may still gain some that belong before the cursor.

    Raises:
        LedgerNotFound: Not for this caller's eyes.
        InvalidCursor: The cursor was changed or belongs to another list.
        LedgerBehind: The index has some legs of a booking and not yet the others.
    """
    check_ledger_permission(principal)
    if isinstance(of, LedgerDays):
        page = reader.list_ledger_days(first=of.first, last=of.last, limit=limit, cursor=cursor)
    else:
        page = reader.list_ledger_source(of, limit=limit, cursor=cursor)
    if any(sum(leg.amount for leg in legs) for legs in page.bookings):
        raise LedgerBehind("A recent ledger transaction is not completely indexed yet. Retry in a moment.")
    views = tuple(map(_view, page.bookings))
    return LedgerTransactionPage(data=views, has_more=page.next_cursor is not None, next_cursor=page.next_cursor)


def list_source_transactions(
    *, reader: Reader, principal: Principal, source_id: str
) -> tuple[LedgerTransactionView, ...]:
    """List all ledger transactions of an order or a payout, oldest first, as far as they are indexed.

    Shape: one query of an index, page by page; a source has some dozen entries.

    Raises:
        LedgerNotFound: Not for this caller's eyes.
    """
    check_ledger_permission(principal)
    entries = reader.iter_ledger_source(source_id)
    return tuple(_view(legs) for _, legs in groupby(entries, key=lambda entry: entry.transaction_id))


def _view(legs: Iterable[LedgerEntry]) -> LedgerTransactionView:
    first, *others = legs
    return LedgerTransactionView(
        id=first.transaction_id,
        source_id=first.source_id,
        step=first.step,
        currency=first.currency,
        at=first.at,
        entries=tuple(LedgerLeg(account=leg.account, amount=leg.amount) for leg in (first, *others)),
    )

"""The trial balance of a month, and the balances of all accounts: each account from its own entries."""

from calendar import monthrange
from datetime import date, datetime, timedelta
from typing import Annotated, Final

import msgspec

from resale.application.ports import Reader
from resale.application.queries.ledger.permissions import check_ledger_permission
from resale.domain.access import Principal
from resale.domain.accounts import Account, AccountType, Side
from resale.domain.text import code
from resale.domain.trial_balances import LedgerSums, Sides

_DAY: Final = timedelta(days=1)

Month = Annotated[str, code(r"^[0-9]{4}-(0[1-9]|1[0-2])\Z", description="A month in UTC: YYYY-MM.")]


class TrialBalanceLine(msgspec.Struct, frozen=True, kw_only=True):
    """One account: what was debited and credited in the month. All sellers are one line, and so is store credit.

    ``opening`` and ``closing`` are balances, debits positive; null unless the opening balances were requested.
    """

    account: str
    title: str
    type: AccountType
    normal_side: Side
    debit: int
    credit: int
    opening: int | None = None
    closing: int | None = None


class CurrencyTrialBalance(msgspec.Struct, frozen=True, kw_only=True):
    """The trial balance of one currency. ``difference`` is debits minus credits: zero unless the ledger is wrong.

    ``sellers_receivable`` is the part of the sellers' closing balance that sellers owe; null without opening balances.
    """

    currency: str
    lines: tuple[TrialBalanceLine, ...]
    debit: int
    credit: int
    difference: int
    sellers_receivable: int | None = None


class TrialBalance(msgspec.Struct, frozen=True, kw_only=True):
    """The trial balance of a month, per currency. ``unbalanced`` has ids of transactions that do not sum to zero.

    The index of entries is updated within seconds: a transaction of the last moment can be among them.
    """

    object: str = "trial_balance"
    month: str
    first: date
    last: date
    balanced: bool
    currencies: tuple[CurrencyTrialBalance, ...]
    unbalanced: tuple[str, ...]


def get_trial_balance(
    *, reader: Reader, principal: Principal, month: str, with_opening: bool, now: datetime
) -> TrialBalance:
    """Return the debits and credits of each account in a month.

    Shape: one query a day and shard of the month; with opening balances, of each day since the first order.

    Args:
        reader: On the tenant.
        principal: The brand or staff.
        month: ``YYYY-MM``, UTC.
        with_opening: Whether opening and closing balances are computed, from all earlier entries.
        now: In the tenant's time, aware UTC: later days are not read.

    Raises:
        LedgerNotFound: Not for this caller's eyes.
    """
    check_ledger_permission(principal)
    first, end = days_of(month=month)
    last = min(end, now.date())
    sums = LedgerSums()
    if with_opening:
        _add_days(sums, reader, first_day(reader=reader, now=now), first - _DAY)
    opening = sums.copy()
    _add_days(sums, reader, first, last)
    own = reader.tenant.currency
    currencies = (own, *(currency for currency in sums.currencies if currency != own))
    sheets = tuple(_sheet(currency, opening, sums, is_whole=with_opening) for currency in currencies)
    unbalanced = tuple(sums.unbalanced)
    return TrialBalance(
        month=month,
        first=first,
        last=last,
        balanced=not unbalanced and not any(sheet.difference for sheet in sheets),
        currencies=sheets,
        unbalanced=unbalanced,
    )


def days_of(*, month: str) -> tuple[date, date]:
    """Return the first and the last day of a month ``YYYY-MM``."""
    year, number = int(month[:4]), int(month[5:])
    return date(year, number, 1), date(year, number, monthrange(year, number)[1])


def first_day(*, reader: Reader, now: datetime) -> date:
    """Return the day of the first order, before which nothing can have been posted."""
    ordered_at = reader.find_first_order_time()
    return now.date() if ordered_at is None else ordered_at.date()


def sum_ledger(*, reader: Reader, now: datetime) -> LedgerSums:
    """Return the sums of all entries until now."""
    sums = LedgerSums()
    _add_days(sums, reader, first_day(reader=reader, now=now), now.date())
    return sums


def _add_days(sums: LedgerSums, reader: Reader, first: date, last: date) -> None:
    for ordinal in range(first.toordinal(), last.toordinal() + 1):
        sums.add(reader.iter_ledger_day(date.fromordinal(ordinal).isoformat()))


def _sheet(currency: str, opening: LedgerSums, closing: LedgerSums, *, is_whole: bool) -> CurrencyTrialBalance:
    lines = tuple(
        _line(account, opening.sides(currency, account.name), sides, is_whole=is_whole)
        for account, sides in closing.accounts(currency)
    )
    total = closing.total(currency)
    before = opening.total(currency)
    return CurrencyTrialBalance(
        currency=currency,
        lines=lines,
        debit=total.debit - before.debit,
        credit=total.credit - before.credit,
        difference=total.balance,
        sellers_receivable=closing.receivable(currency) if is_whole else None,
    )


def _line(account: Account, opening: Sides, closing: Sides, *, is_whole: bool) -> TrialBalanceLine:
    return TrialBalanceLine(
        account=account.name,
        title=account.title,
        type=account.type,
        normal_side=account.normal_side,
        debit=closing.debit - opening.debit,
        credit=closing.credit - opening.credit,
        opening=opening.balance if is_whole else None,
        closing=closing.balance if is_whole else None,
    )

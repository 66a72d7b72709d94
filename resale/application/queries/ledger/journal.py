"""The journal of a month for another accounting system: CSV, or the plain-text format of hledger."""

import csv
import io
from collections.abc import Iterator
from datetime import UTC, date
from decimal import Decimal
from enum import StrEnum
from typing import Final

from resale.application.ports import Reader
from resale.application.queries.ledger.permissions import check_ledger_permission
from resale.application.queries.ledger.trial_balance import days_of
from resale.domain.access import Principal
from resale.domain.accounts import AccountType, find_account
from resale.domain.ledger import LedgerEntry
from resale.domain.money import minor_digits

_PAGE: Final = 100  # transactions of one read
_COLUMNS: Final = (
    "date",
    "at",
    "transaction_id",
    "source_id",
    "step",
    "account",
    "title",
    "type",
    "debit",
    "credit",
    "currency",
)
#: Top-level accounts whose types hledger knows by name (hledger.org/hledger.html, "Account types").
_TOP: Final = {
    AccountType.ASSET: "assets",
    AccountType.LIABILITY: "liabilities",
    AccountType.EQUITY: "equity",
    AccountType.INCOME: "income",
    AccountType.EXPENSE: "expenses",
}


class JournalFormat(StrEnum):
    """The format of a journal."""

    CSV = "csv"
    HLEDGER = "hledger"


def iter_journal(*, reader: Reader, principal: Principal, month: str, as_: JournalFormat) -> Iterator[str]:
    """Iterate over the text of a month's journal, oldest transaction first, some lines at a time.

    Shape: one query a day and shard, a page of 100 transactions at a time, which is all that is in memory.

    Raises:
        LedgerNotFound: Not for this caller's eyes; before the first text.
    """
    check_ledger_permission(principal)
    first, last = days_of(month=month)
    return _iter_csv(reader, first, last) if as_ == JournalFormat.CSV else _iter_hledger(reader, first, last)


def _iter_transactions(reader: Reader, first: date, last: date) -> Iterator[tuple[LedgerEntry, ...]]:
    cursor: str | None = None
    while True:
        page = reader.list_ledger_days(first=first, last=last, limit=_PAGE, cursor=cursor)
        yield from page.bookings
        if (cursor := page.next_cursor) is None:
            return


def _iter_csv(reader: Reader, first: date, last: date) -> Iterator[str]:
    """Iterate over CSV lines (RFC 4180): an entry each, amounts in the currency's main unit."""
    yield _to_line(_COLUMNS)
    for entries in _iter_transactions(reader, first, last):
        yield "".join(_to_line(_to_row(entry)) for entry in entries)


def _to_row(entry: LedgerEntry) -> tuple[str, ...]:
    account, amount = find_account(entry.account), _to_text(abs(entry.amount), entry.currency)
    at = entry.at.astimezone(UTC)
    return (
        at.date().isoformat(),
        at.isoformat(),
        entry.transaction_id,
        entry.source_id,
        entry.step,
        entry.account,
        entry.account if account is None else account.title,
        "" if account is None else account.type,
        amount if entry.amount > 0 else "",
        amount if entry.amount < 0 else "",
        entry.currency,
    )


def _to_line(cells: tuple[str, ...]) -> str:
    line = io.StringIO()
    csv.writer(line).writerow(cells)
    return line.getvalue()


def _iter_hledger(reader: Reader, first: date, last: date) -> Iterator[str]:
    """Iterate over transactions in hledger's journal format.

    Source: hledger.org/hledger.html, "Journal": a date, a code in parentheses, a description, and indented postings,
    two spaces before each amount; amounts sum to zero.
    """
    yield "decimal-mark .\n"
    for entries in _iter_transactions(reader, first, last):
        day, step = entries[0].at.astimezone(UTC).date().isoformat(), entries[0].step
        lines = [f"\n{day} ({entries[0].source_id}) {step}\n"]
        lines += [
            f"    {_to_hledger(entry.account)}  {_to_text(entry.amount, entry.currency)} {entry.currency}\n"
            for entry in entries
        ]
        yield "".join(lines)


def _to_hledger(name: str) -> str:
    account = find_account(name)
    return f"{_TOP[AccountType.EQUITY if account is None else account.type]}:{name}"


def _to_text(amount_minor: int, currency: str) -> str:
    return f"{Decimal(amount_minor).scaleb(-minor_digits(currency)):f}"

"""Ledger transactions, as a table of debits and credits."""

from collections.abc import Iterable
from datetime import datetime

import msgspec

from apps.backoffice.display_text import name_account, name_step
from resale.application.queries.ledger import BalanceSheet, LedgerTransactionView


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One entry or balance: an amount on one of two sides."""

    account: str
    debit: int | None
    credit: int | None


class TransactionRows(msgspec.Struct, frozen=True, kw_only=True):
    """Ledger transactions together, in one currency."""

    step: str
    at: datetime
    currency: str
    lines: tuple[Line, ...]


class Sums(msgspec.Struct, frozen=True, kw_only=True):
    """Both sides of some lines."""

    debit: int
    credit: int
    currency: str

    @property
    def is_equal(self) -> bool:
        """Whether they are, as every transaction's are."""
        return self.debit == self.credit


class TransactionTable(msgspec.Struct, frozen=True, kw_only=True):
    """The transactions of one order or payout, oldest first."""

    transactions: tuple[TransactionRows, ...]
    sums: tuple[Sums, ...]  # one a currency


class BalanceTable(msgspec.Struct, frozen=True, kw_only=True):
    """The balances of all accounts in a currency, customers' last; ``sums`` differ only if the ledger is wrong."""

    lines: tuple[Line, ...]
    sums: Sums


def make_transaction_table(views: Iterable[LedgerTransactionView], *, currency: str) -> TransactionTable:
    """Lay out the transactions of one order or payout."""
    transactions = []
    for one in views:
        lines = tuple(_line(name_account(entry.account), entry.amount) for entry in one.entries)
        transactions.append(TransactionRows(step=name_step(one.step), at=one.at, currency=one.currency, lines=lines))
    currencies = dict.fromkeys((currency, *(transaction.currency for transaction in transactions)))
    return TransactionTable(
        transactions=tuple(transactions), sums=tuple(_sums(_lines_in(transactions, one), one) for one in currencies)
    )


def make_balance_tables(sheet: BalanceSheet) -> tuple[BalanceTable, ...]:
    """Lay out the house's accounts, a sheet a currency."""
    return tuple(_balance_table(sheet, number) for number in range(len(sheet.owed_to_customers)))


def _balance_table(sheet: BalanceSheet, number: int) -> BalanceTable:
    owed = sheet.owed_to_customers[number]
    own = [
        _line(name_account(one.account), one.amounts[number].amount)
        for one in sheet.accounts
        if one.amounts[number].amount
    ]
    lines = (*own, _line("Sellers' balances and store credit", -owed.amount))
    return BalanceTable(lines=lines, sums=_sums(lines, owed.currency))


def _lines_in(transactions: Iterable[TransactionRows], currency: str) -> list[Line]:
    return [line for transaction in transactions if transaction.currency == currency for line in transaction.lines]


def _line(account: str, amount: int) -> Line:
    debit, credit = (amount, None) if amount >= 0 else (None, -amount)
    return Line(account=account, debit=debit, credit=credit)


def _sums(lines: Iterable[Line], currency: str) -> Sums:
    sides = [(line.debit or 0, line.credit or 0) for line in lines]
    return Sums(debit=sum(debit for debit, _ in sides), credit=sum(credit for _, credit in sides), currency=currency)

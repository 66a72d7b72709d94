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


class Booking(msgspec.Struct, frozen=True, kw_only=True):
    """Ledger transactions together, in one currency."""

    what: str
    at: datetime
    currency: str
    lines: tuple[Line, ...]


class Sums(msgspec.Struct, frozen=True, kw_only=True):
    """Both sides of some lines."""

    debit: int
    credit: int
    currency: str

    @property
    def equal(self) -> bool:
        """Whether they are, as every booking's are."""
        return self.debit == self.credit


class Book(msgspec.Struct, frozen=True, kw_only=True):
    """The bookings of one order or payout, oldest first."""

    bookings: tuple[Booking, ...]
    sums: tuple[Sums, ...]  # one a currency


class Sheet(msgspec.Struct, frozen=True, kw_only=True):
    """What the house's accounts hold of a currency, and last what all customers' must hold against it: the rest."""

    lines: tuple[Line, ...]
    sums: Sums


def make_book(booked: Iterable[LedgerTransactionView], *, currency: str) -> Book:
    """Lay out the bookings of one order or payout."""
    bookings = []
    for one in booked:
        lines = tuple(_line(name_account(leg.account), leg.amount) for leg in one.entries)
        bookings.append(Booking(what=name_step(one.step), at=one.at, currency=one.currency, lines=lines))
    currencies = dict.fromkeys((currency, *(booking.currency for booking in bookings)))
    return Book(bookings=tuple(bookings), sums=tuple(_sums(_lines_in(bookings, one), one) for one in currencies))


def make_sheets(sheet: BalanceSheet) -> tuple[Sheet, ...]:
    """Lay out the house's accounts, a sheet a currency."""
    return tuple(_sheet(sheet, number) for number in range(len(sheet.owed_to_customers)))


def _sheet(sheet: BalanceSheet, number: int) -> Sheet:
    owed = sheet.owed_to_customers[number]
    own = [_line(name_account(one.account), one.amounts[number].amount) for one in sheet.accounts]
    lines = (*own, _line("Sellers' balances and store credit", -owed.amount))
    return Sheet(lines=lines, sums=_sums(lines, owed.currency))


def _lines_in(bookings: Iterable[Booking], currency: str) -> list[Line]:
    return [line for booking in bookings if booking.currency == currency for line in booking.lines]


def _line(account: str, amount: int) -> Line:
    debit, credit = (amount, None) if amount >= 0 else (None, -amount)
    return Line(account=account, debit=debit, credit=credit)


def _sums(lines: Iterable[Line], currency: str) -> Sums:
    sides = [(line.debit or 0, line.credit or 0) for line in lines]
    return Sums(debit=sum(debit for debit, _ in sides), credit=sum(credit for _, credit in sides), currency=currency)

"""What was booked, as a table of debits and credits."""

from collections.abc import Iterable
from datetime import datetime

import msgspec

from apps.backoffice.words import name_account, name_step
from resale.application.queries.ledger import BalanceSheet, LedgerTransactionView


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One entry or balance: an amount on one of two sides."""

    account: str
    debit: int | None
    credit: int | None


class Booking(msgspec.Struct, frozen=True, kw_only=True):
    """What was booked together."""

    what: str
    at: datetime
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
    sums: Sums


class Sheet(msgspec.Struct, frozen=True, kw_only=True):
    """What the house's accounts hold, and last what all customers' must hold against it: the rest, so it adds up."""

    lines: tuple[Line, ...]
    sums: Sums


def make_book(booked: Iterable[LedgerTransactionView], *, currency: str) -> Book:
    """Lay out the bookings of one order or payout."""
    bookings = []
    for one in booked:
        lines = tuple(_line(name_account(leg.account), leg.amount) for leg in one.entries)
        bookings.append(Booking(what=name_step(one.step), at=one.at, lines=lines))
    all_lines = [line for booking in bookings for line in booking.lines]
    return Book(bookings=tuple(bookings), sums=_sums(all_lines, currency))


def make_sheet(sheet: BalanceSheet) -> Sheet:
    """Lay out the house's accounts."""
    own = [_line(name_account(one.account), one.amount) for one in sheet.accounts]
    lines = (*own, _line("Sellers' balances and store credit", -sheet.owed_to_customers))
    return Sheet(lines=lines, sums=_sums(lines, sheet.currency))


def _line(account: str, amount: int) -> Line:
    debit, credit = (amount, None) if amount >= 0 else (None, -amount)
    return Line(account=account, debit=debit, credit=credit)


def _sums(lines: Iterable[Line], currency: str) -> Sums:
    sides = [(line.debit or 0, line.credit or 0) for line in lines]
    return Sums(debit=sum(debit for debit, _ in sides), credit=sum(credit for _, credit in sides), currency=currency)

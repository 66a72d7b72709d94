"""Sums of ledger entries by account: a trial balance, in which nothing is derived from the rest."""

import copy
from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Final

import msgspec

from resale.domain.accounts import CHART, SELLERS, Account, AccountType, find_account
from resale.domain.ledger import LedgerEntry

_MOST_NAMED: Final = 20  # transactions that do not balance: the first ones are enough to look into


class Sides(msgspec.Struct):
    """What was debited and credited, both positive."""

    debit: int = 0
    credit: int = 0

    @property
    def balance(self) -> int:
        """Debits minus credits."""
        return self.debit - self.credit

    def add(self, amount: int) -> None:
        """Add an entry to its side."""
        if amount > 0:
            self.debit += amount
        else:
            self.credit -= amount


class LedgerSums:
    """Sums of entries by currency and account; the accounts of a family, as sellers', are one.

    Memory: an amount for each account of the chart, and one for each seller whose sum is not zero.
    """

    def __init__(self) -> None:
        self.unbalanced: list[str] = []
        self._sides: dict[str, dict[str, Sides]] = {}
        self._sellers: dict[tuple[str, str], int] = {}

    @property
    def currencies(self) -> tuple[str, ...]:
        """The currencies of the entries, sorted."""
        return tuple(sorted(self._sides))

    def add(self, entries: Iterable[LedgerEntry]) -> None:
        """Add entries, of which those of one transaction are side by side."""
        for transaction_id, group in groupby(entries, key=lambda entry: entry.transaction_id):
            total = 0
            for entry in group:
                total += entry.amount
                self._add(entry)
            if total and len(self.unbalanced) < _MOST_NAMED:
                self.unbalanced.append(transaction_id)

    def sides(self, currency: str, account: str) -> Sides:
        """Return both sides of an account of the chart; zeros if nothing was posted to it."""
        return self._sides.get(currency, {}).get(account, Sides())

    def total(self, currency: str) -> Sides:
        """Return the sums of both sides of all accounts."""
        sides = self._sides.get(currency, {}).values()
        return Sides(debit=sum(one.debit for one in sides), credit=sum(one.credit for one in sides))

    def receivable(self, currency: str) -> int:
        """Return what sellers with a negative balance owe."""
        return sum(amount for (_, of), amount in self._sellers.items() if of == currency and amount > 0)

    def copy(self) -> "LedgerSums":
        """Return sums that go on from these."""
        return copy.deepcopy(self)

    def accounts(self, currency: str) -> Iterator[tuple[Account, Sides]]:
        """Iterate over the accounts that were posted to, in the order of the chart."""
        sides = self._sides.get(currency, {})
        yield from ((account, sides[account.name]) for account in CHART if account.name in sides)
        for name in sorted(sides.keys() - {account.name for account in CHART}):
            yield Account(name=name, title=name, type=AccountType.EQUITY, about="Not in the chart."), sides[name]

    def _add(self, entry: LedgerEntry) -> None:
        account = find_account(entry.account)
        name = entry.account if account is None else account.name
        self._sides.setdefault(entry.currency, {}).setdefault(name, Sides()).add(entry.amount)
        if name == SELLERS:
            key = (entry.account, entry.currency)
            if left := self._sellers.pop(key, 0) + entry.amount:
                self._sellers[key] = left

"""Balances of the shop's own accounts for each currency; currencies are never added up."""

from collections.abc import Iterable, Mapping

import msgspec

from resale.application.ports import Reader
from resale.application.queries.ledger.permissions import check_ledger_permission
from resale.domain.access import Principal
from resale.domain.ledger import HOUSE_ACCOUNTS


class CurrencyAmount(msgspec.Struct, frozen=True, kw_only=True):
    """An amount in minor units of one currency. Debits are positive, credits negative."""

    currency: str
    amount: int


class Balance(msgspec.Struct, frozen=True, kw_only=True):
    """The balance of one of the shop's own accounts: an amount for each currency, the shop's own currency first."""

    account: str
    amounts: tuple[CurrencyAmount, ...]


class BalanceSheet(msgspec.Struct, frozen=True, kw_only=True):
    """The balances of the shop's own accounts, and the sum of all customers' accounts."""

    object: str = "balance_sheet"
    currency: str
    accounts: tuple[Balance, ...]
    owed_to_customers: tuple[CurrencyAmount, ...]


def get_balance_sheet(*, reader: Reader, principal: Principal) -> BalanceSheet:
    """Return the balances of the shop's own accounts.

    Shape: one query a shard and account, page by page: for people and nightly jobs, not for every request.

    Raises:
        LedgerNotFound: Not for this caller's eyes.
    """
    check_ledger_permission(principal)
    sums = {name: _sums(reader, name) for name in HOUSE_ACCOUNTS}
    own = reader.tenant.currency
    others = sorted({currency for account in sums.values() for currency in account} - {own})
    currencies = (own, *others)
    return BalanceSheet(
        currency=own,
        accounts=tuple(Balance(account=name, amounts=_amounts(currencies, [held])) for name, held in sums.items()),
        owed_to_customers=_amounts(currencies, sums.values()),
    )


def _sums(reader: Reader, account: str) -> Mapping[str, int]:
    sums: dict[str, int] = {}
    for entry in reader.iter_ledger_account(account):
        sums[entry.currency] = sums.get(entry.currency, 0) + entry.amount
    return sums


def _amounts(currencies: Iterable[str], held: Iterable[Mapping[str, int]]) -> tuple[CurrencyAmount, ...]:
    """Sum up accounts for each currency."""
    accounts = list(held)
    return tuple(
        CurrencyAmount(currency=currency, amount=sum(account.get(currency, 0) for account in accounts))
        for currency in currencies
    )

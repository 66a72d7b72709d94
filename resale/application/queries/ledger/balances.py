"""Balances of all accounts for each currency, each from its own entries; currencies are never added up."""

from collections.abc import Callable, Sequence
from datetime import datetime

import msgspec

from resale.application.ports import Reader
from resale.application.queries.ledger.permissions import check_ledger_permission
from resale.application.queries.ledger.trial_balance import sum_ledger
from resale.domain.access import Principal
from resale.domain.accounts import CHART, SELLERS, SELLERS_RECEIVABLE, STORE_CREDIT
from resale.domain.trial_balances import LedgerSums


class CurrencyAmount(msgspec.Struct, frozen=True, kw_only=True):
    """An amount in minor units of one currency. Debits are positive, credits negative."""

    currency: str
    amount: int


class Balance(msgspec.Struct, frozen=True, kw_only=True):
    """The balance of one of the shop's own accounts: an amount for each currency, the shop's own currency first."""

    account: str
    amounts: tuple[CurrencyAmount, ...]


class BalanceSheet(msgspec.Struct, frozen=True, kw_only=True):
    """The balances of the shop's own accounts, and of all customers' accounts, each from its own entries.

    ``owed_to_customers`` are sellers' positive balances and store credit; negative balances are the account
    ``sellers_receivable``. ``difference`` is what all of them sum to: zero unless the ledger is wrong.
    """

    object: str = "balance_sheet"
    currency: str
    accounts: tuple[Balance, ...]
    owed_to_customers: tuple[CurrencyAmount, ...]
    difference: tuple[CurrencyAmount, ...] = ()


def get_balance_sheet(*, reader: Reader, principal: Principal, now: datetime) -> BalanceSheet:
    """Return the balances of the shop's own accounts and of its customers'.

    Shape: one query a day and shard since the first order, page by page: for people and nightly jobs, not for every
    request.

    Raises:
        LedgerNotFound: Not for this caller's eyes.
    """
    check_ledger_permission(principal)
    sums = sum_ledger(reader=reader, now=now)
    own = reader.tenant.currency
    currencies = (own, *(currency for currency in sums.currencies if currency != own))
    return BalanceSheet(
        currency=own,
        accounts=tuple(_balance(sums, account.name, currencies) for account in CHART if not account.is_family),
        owed_to_customers=_amounts(currencies, lambda currency: _sum_owed(sums, currency)),
        difference=_amounts(currencies, lambda currency: sums.total(currency).balance),
    )


def _balance(sums: LedgerSums, account: str, currencies: Sequence[str]) -> Balance:
    if account == SELLERS_RECEIVABLE:
        return Balance(account=account, amounts=_amounts(currencies, sums.receivable))
    return Balance(
        account=account, amounts=_amounts(currencies, lambda currency: sums.sides(currency, account).balance)
    )


def _sum_owed(sums: LedgerSums, currency: str) -> int:
    """Return credits minus debits of customers' accounts, without sellers who owe."""
    debits = sum(sums.sides(currency, account).balance for account in (SELLERS, STORE_CREDIT))
    return sums.receivable(currency) - debits


def _amounts(currencies: Sequence[str], amount: Callable[[str], int]) -> tuple[CurrencyAmount, ...]:
    return tuple(CurrencyAmount(currency=currency, amount=amount(currency)) for currency in currencies)

"""What the house's accounts hold."""

import msgspec

from resale.application.ports import Reader
from resale.application.queries.ledger.books import check_books
from resale.domain.access import Principal
from resale.domain.ledger import HOUSE_ACCOUNTS


class Balance(msgspec.Struct, frozen=True, kw_only=True):
    """What one of the house's accounts holds: debits positive."""

    account: str
    amount: int


class BalanceSheet(msgspec.Struct, frozen=True, kw_only=True):
    """The house's accounts, and what all sellers' and store credit accounts together must hold against them."""

    object: str = "balance_sheet"
    currency: str
    accounts: tuple[Balance, ...]
    owed_to_customers: int


def get_balance_sheet(*, reader: Reader, principal: Principal) -> BalanceSheet:
    """Sum up the house's accounts.

    Shape: one query a shard and account, page by page: for people and nightly jobs, not for every request.

    Raises:
        LedgerNotFound: Not for this caller's eyes.
    """
    check_books(principal)
    accounts = tuple(
        Balance(account=name, amount=sum(entry.amount for entry in reader.iter_ledger_account(name)))
        for name in HOUSE_ACCOUNTS
    )
    owed = sum(balance.amount for balance in accounts)
    return BalanceSheet(currency=reader.tenant.currency, accounts=accounts, owed_to_customers=owed)

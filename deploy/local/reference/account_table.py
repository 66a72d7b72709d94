"""``docs/reference/accounts.md``: the chart of accounts of a tenant's ledger."""

from collections.abc import Iterator

from deploy.local.reference.markdown import code, opening, page, table
from resale.domain.accounts import CHART, Account


def account_page() -> str:
    """Return the page."""
    return page(_lines())


def _lines() -> Iterator[str]:
    yield from opening(
        "Chart of accounts",
        "The accounts of a shop's ledger. Each transaction debits and credits some of them, in one currency, and sums "
        "to zero. A debit increases assets and expenses, a credit increases liabilities, equity and income: an account "
        "is normally on that side. [Money and parcels](../money-and-parcels.md#chart-of-accounts) has what is posted "
        "when.",
        source="`resale/domain/accounts.py`",
    )
    yield from table(("account", "title", "type", "normal side", "what it is"), map(_row, CHART))


def _row(account: Account) -> tuple[str, ...]:
    name = f"{account.name}:cus_…" if account.is_family else account.name
    return (code(name), account.title, account.type, account.normal_side, account.about)

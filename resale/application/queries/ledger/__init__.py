"""The ledger as the brand reads it: transactions, balances, reconciliation."""

from resale.application.queries.ledger.balances import Balance, BalanceSheet, CurrencyAmount, get_balance_sheet
from resale.application.queries.ledger.permissions import LedgerNotFound
from resale.application.queries.ledger.reconciliation import (
    MAX_DAYS,
    Difference,
    DifferenceKind,
    Reconciliation,
    get_reconciliation,
)
from resale.application.queries.ledger.transactions import (
    MAX_LISTED_DAYS,
    LedgerBehind,
    LedgerDays,
    LedgerLeg,
    LedgerTransactionPage,
    LedgerTransactionView,
    list_ledger_transactions,
    list_source_transactions,
)

__all__ = [
    "MAX_DAYS",
    "MAX_LISTED_DAYS",
    "Balance",
    "BalanceSheet",
    "CurrencyAmount",
    "Difference",
    "DifferenceKind",
    "LedgerBehind",
    "LedgerDays",
    "LedgerLeg",
    "LedgerNotFound",
    "LedgerTransactionPage",
    "LedgerTransactionView",
    "Reconciliation",
    "get_balance_sheet",
    "get_reconciliation",
    "list_ledger_transactions",
    "list_source_transactions",
]

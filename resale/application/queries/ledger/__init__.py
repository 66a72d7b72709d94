"""The ledger as the brand reads it: transactions, balances, reconciliation."""

from resale.application.queries.ledger.balance_checks import iter_debtors
from resale.application.queries.ledger.balances import Balance, BalanceSheet, CurrencyAmount, get_balance_sheet
from resale.application.queries.ledger.differences import Difference, DifferenceKind
from resale.application.queries.ledger.journal import JournalFormat, iter_journal
from resale.application.queries.ledger.movement_imports import find_import_start, list_imported
from resale.application.queries.ledger.permissions import LedgerNotFound
from resale.application.queries.ledger.reconciliation import (
    MAX_DAYS,
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
from resale.application.queries.ledger.trial_balance import (
    CurrencyTrialBalance,
    Month,
    TrialBalance,
    TrialBalanceLine,
    get_trial_balance,
)

__all__ = [
    "MAX_DAYS",
    "MAX_LISTED_DAYS",
    "Balance",
    "BalanceSheet",
    "CurrencyAmount",
    "CurrencyTrialBalance",
    "Difference",
    "DifferenceKind",
    "JournalFormat",
    "LedgerBehind",
    "LedgerDays",
    "LedgerLeg",
    "LedgerNotFound",
    "LedgerTransactionPage",
    "LedgerTransactionView",
    "Month",
    "Reconciliation",
    "TrialBalance",
    "TrialBalanceLine",
    "find_import_start",
    "get_balance_sheet",
    "get_reconciliation",
    "get_trial_balance",
    "iter_debtors",
    "iter_journal",
    "list_imported",
    "list_ledger_transactions",
    "list_source_transactions",
]

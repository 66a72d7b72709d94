"""Ledger transactions, laid out: sums of one currency only."""

from apps.backoffice.ledger_tables import make_balance_tables, make_transaction_table
from resale.application.queries.ledger import (
    Balance,
    BalanceSheet,
    CurrencyAmount,
    LedgerLeg,
    LedgerTransactionView,
)
from tests.unit.builders import NOW


def posted(currency: str, amount: int, *, left: int = 0) -> LedgerTransactionView:
    entries = (LedgerLeg(account="labels", amount=amount), LedgerLeg(account="carriers", amount=left - amount))
    return LedgerTransactionView(
        id="ord_1:label_issued", source_id="ord_1", step="label_issued", currency=currency, at=NOW, entries=entries
    )


class TestTransactionTable:
    def test_has_both_sides_for_each_currency(self) -> None:
        table = make_transaction_table([posted("GBP", 450), posted("EUR", 300), posted("GBP", 50)], currency="GBP")
        assert [(one.currency, one.debit, one.credit) for one in table.sums] == [("GBP", 500, 500), ("EUR", 300, 300)]
        assert [transaction.currency for transaction in table.transactions] == ["GBP", "EUR", "GBP"]
        assert all(one.is_equal for one in table.sums)

    def test_says_when_a_currency_does_not_add_up(self) -> None:
        table = make_transaction_table([posted("GBP", 450), posted("EUR", 300, left=1)], currency="GBP")
        assert [one.is_equal for one in table.sums] == [True, False]


class TestBalanceTables:
    def test_are_one_a_currency(self) -> None:
        gbp, eur = CurrencyAmount(currency="GBP", amount=500), CurrencyAmount(currency="EUR", amount=-300)
        sheet = BalanceSheet(
            currency="GBP", accounts=(Balance(account="labels", amounts=(gbp, eur)),), owed_to_customers=(gbp, eur)
        )
        first, second = make_balance_tables(sheet)
        assert [(one.debit, one.credit) for one in first.lines] == [(500, None), (None, 500)]
        assert [(one.debit, one.credit) for one in second.lines] == [(None, 300), (300, None)]
        assert (first.sums.currency, second.sums.currency) == ("GBP", "EUR")

"""The journal of a month: each entry once, both sides equal, in CSV and in hledger's format."""

import csv
import io
import re
import uuid
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from resale.application.queries.ledger import JournalFormat, LedgerNotFound, iter_journal
from resale.domain.access import Principal
from resale.domain.ledger import COMMISSION, PROVIDER, LedgerTransaction, Posting, seller_account
from tests.operations.world import BRAND, World
from tests.unit.builders import SELLER


@pytest.fixture
def day() -> date:
    """The first day of a month in which nobody else posts."""
    return (date(1000, 1, 1) + timedelta(days=uuid.uuid4().int % 300_000)).replace(day=1)


def post(world: World, day: date, *, count: int = 1, currency: str = "GBP") -> None:
    for number in range(count):
        uow = world.uow()
        uow.ledger.post(
            LedgerTransaction(
                source_id=f"ord_{uuid.uuid4().hex}",
                step="captured",
                currency=currency,
                at=datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(hours=number),
                postings=(Posting(PROVIDER, 1_050), Posting(seller_account(SELLER), -950), Posting(COMMISSION, -100)),
            )
        )
        uow.commit()


def journal(world: World, day: date, as_: JournalFormat) -> str:
    return "".join(iter_journal(reader=world.reader, principal=BRAND, month=f"{day.year:04}-{day.month:02}", as_=as_))


class TestCSV:
    def test_has_each_entry_of_the_month_on_its_side(self, world: World, day: date) -> None:
        post(world, day)
        post(world, day - timedelta(days=1))  # of the month before
        rows = list(csv.DictReader(io.StringIO(journal(world, day, JournalFormat.CSV))))
        assert [(row["account"], row["type"], row["debit"], row["credit"], row["currency"]) for row in rows] == [
            ("commission", "income", "", "1.00", "GBP"),
            ("provider", "asset", "10.50", "", "GBP"),
            (f"seller:{SELLER}", "liability", "", "9.50", "GBP"),
        ]
        assert {row["date"] for row in rows} == {day.isoformat()}

    def test_goes_over_pages(self, world: World, day: date) -> None:
        post(world, day, count=120)
        rows = list(csv.DictReader(io.StringIO(journal(world, day, JournalFormat.CSV))))
        assert len({row["transaction_id"] for row in rows}) == 120
        assert (
            sum(Decimal(row["debit"] or 0) for row in rows) == sum(Decimal(row["credit"] or 0) for row in rows) == 1260
        )

    def test_writes_amounts_in_the_digits_of_the_currency(self, world: World, day: date) -> None:
        post(world, day, currency="JPY")
        assert ",1050,,JPY" in journal(world, day, JournalFormat.CSV)

    def test_of_an_empty_month_is_a_heading(self, world: World, day: date) -> None:
        assert len(journal(world, day, JournalFormat.CSV).splitlines()) == 1


class TestHledger:
    def test_has_balanced_transactions_by_type_of_account(self, world: World, day: date) -> None:
        post(world, day, count=2)
        text = journal(world, day, JournalFormat.HLEDGER)
        heads = re.findall(r"^(\d{4}-\d\d-\d\d) \(ord_[0-9a-f]{32}\) captured$", text, re.MULTILINE)
        assert heads == [day.isoformat()] * 2
        sums: Counter[str] = Counter()
        for account, amount in re.findall(r"^    (\S+)  (-?\d+\.\d\d) GBP$", text, re.MULTILINE):
            sums[account] += int(Decimal(amount) * 100)
        assert sums == {"assets:provider": 2_100, f"liabilities:seller:{SELLER}": -1_900, "income:commission": -200}


def test_is_not_for_shoppers(world: World) -> None:
    with pytest.raises(LedgerNotFound):
        iter_journal(reader=world.reader, principal=Principal(), month="2026-11", as_=JournalFormat.CSV)

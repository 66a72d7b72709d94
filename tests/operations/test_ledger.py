"""What was booked, as the brand lists it: in order over days and shards, and no booking split over pages."""

import uuid
from datetime import UTC, date, datetime, timedelta

import msgspec
import pytest

from resale.application.queries.ledger import (
    BalanceSheet,
    LedgerBehind,
    LedgerDays,
    LedgerNotFound,
    TrialBalance,
    get_balance_sheet,
    get_trial_balance,
    list_ledger_transactions,
)
from resale.domain.access import Principal
from resale.domain.ids import CustomerId
from resale.domain.ledger import (
    CARRIERS,
    COMMISSION,
    LABELS,
    PROVIDER,
    SELLERS_PENDING,
    LedgerTransaction,
    Posting,
    seller_account,
    store_credit_account,
)
from tests.operations.partners import Partners
from tests.operations.world import BRAND, World
from tests.unit.builders import NOW


@pytest.fixture
def day() -> date:
    """A day nobody else books on."""
    return date(1000, 1, 1) + timedelta(days=uuid.uuid4().int % 300_000)


def booking(at: datetime, *, source_id: str | None = None, step: str = "captured", legs: int = 3) -> LedgerTransaction:
    """A booking of two or three legs."""
    postings = (Posting(PROVIDER, 1_000), Posting(SELLERS_PENDING, -900), Posting(COMMISSION, -100))
    return LedgerTransaction(
        source_id=source_id or f"ord_{uuid.uuid4().hex}",
        step=step,
        currency="GBP",
        at=at,
        postings=postings if legs == len(postings) else (Posting(PROVIDER, 900), Posting(SELLERS_PENDING, -900)),
    )


def post(world: World, *bookings: LedgerTransaction) -> None:
    for one in bookings:
        uow = world.uow()
        uow.ledger.post(one)
        uow.commit()


def listed(world: World, of: str | LedgerDays, *, limit: int) -> list[list[str]]:
    """The ids of all pages of a list."""
    pages: list[list[str]] = []
    cursor: str | None = None
    while not pages or cursor is not None:
        page = list_ledger_transactions(reader=world.reader, principal=BRAND, of=of, limit=limit, cursor=cursor)
        assert page.has_more == (page.next_cursor is not None)
        for one in page.data:
            assert (sum(leg.amount for leg in one.entries), len(one.entries) > 1) == (0, True)
        pages.append([one.id for one in page.data])
        cursor = page.next_cursor
    return pages


def moment(day: date, seconds: int) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(seconds=seconds)


class TestListLedgerTransactions:
    @pytest.mark.parametrize("limit", [1, 2, 3, 7, 100])
    def test_gives_each_booking_of_some_days_once_and_whole_in_order(self, world: World, day: date, limit: int) -> None:
        made = [booking(moment(day, 7_000 * number), legs=2 + number % 2) for number in range(20)]  # a day and a half
        post(world, *made)
        pages = listed(world, LedgerDays(first=day, last=day + timedelta(days=1)), limit=limit)
        assert [one for page in pages for one in page] == [one.id for one in made]
        assert {len(page) for page in pages[:-1]} <= {limit}

    def test_of_one_moment_are_told_apart(self, world: World, day: date) -> None:
        source_id = f"ord_{uuid.uuid4().hex}"
        made = [booking(moment(day, 1), source_id=source_id, step=step) for step in ("a", "a_b", "ab")]
        made += [booking(moment(day, 1)) for _ in range(5)]
        post(world, *made)
        pages = listed(world, LedgerDays(first=day, last=day), limit=1)
        assert sorted(pages) == sorted([one.id] for one in made)

    def test_leaves_out_the_days_around(self, world: World, day: date) -> None:
        made = [booking(moment(day, seconds)) for seconds in (-1, 0, 86_399, 86_400)]
        post(world, *made)
        assert listed(world, LedgerDays(first=day, last=day), limit=10) == [[made[1].id, made[2].id]]

    @pytest.mark.parametrize("limit", [1, 2, 10])
    def test_of_a_source_gives_its_own_and_no_others(self, world: World, day: date, limit: int) -> None:
        source_id = f"pyt_{uuid.uuid4().hex}"
        made = [booking(moment(day, 5 - number), source_id=source_id, step=f"s{number}") for number in range(5)]
        post(world, booking(moment(day, 1)), *made)
        pages = listed(world, source_id, limit=limit)
        assert [one for page in pages for one in page] == [one.id for one in reversed(made)]

    def test_says_that_the_index_is_behind_rather_than_show_a_part(self, world: World, day: date) -> None:
        torn = booking(moment(day, 1))
        msgspec.structs.force_setattr(torn, "postings", torn.postings[:-1])
        post(world, torn)
        with pytest.raises(LedgerBehind):
            listed(world, LedgerDays(first=day, last=day), limit=10)
        with pytest.raises(LedgerBehind):
            listed(world, torn.source_id, limit=10)

    def test_is_not_for_shoppers(self, world: World, day: date) -> None:
        for of in (f"ord_{uuid.uuid4().hex}", LedgerDays(first=day, last=day)):
            with pytest.raises(LedgerNotFound):
                list_ledger_transactions(reader=world.reader, principal=Principal(), of=of, limit=1, cursor=None)


class TestGetBalanceSheet:
    def test_adds_nothing_up_over_currencies(self, world: World) -> None:
        world.sold(Partners())  # the sums begin with the day of the first order
        before = {one.account: one.amounts for one in sheet_of(world).accounts}
        cost = LedgerTransaction(
            source_id=f"ord_{uuid.uuid4().hex}",
            step="label_issued",
            currency="SEK",
            at=NOW,
            postings=(Posting(LABELS, 300), Posting(CARRIERS, -300)),
        )
        post(world, cost)
        sheet = sheet_of(world)
        assert sheet.currency == world.tenant.currency
        after = {one.account: one.amounts for one in sheet.accounts}
        for account, amount in ((LABELS, 300), (CARRIERS, -300), (PROVIDER, 0)):
            own, *others = after[account]
            assert own == before[account][0]
            found = {one.currency: one.amount for one in others}["SEK"]
            assert found - {one.currency: one.amount for one in before[account]}.get("SEK", 0) == amount
        assert {one.currency: one.amount for one in sheet.owed_to_customers}["SEK"] == 0

    def test_shows_a_difference_as_a_difference(self, world: World) -> None:
        world.sold(Partners())
        before = sheet_of(world)
        torn = LedgerTransaction(
            source_id=f"ord_{uuid.uuid4().hex}",
            step="captured",
            currency="GBP",
            at=NOW,
            postings=(Posting(PROVIDER, 700), Posting(SELLERS_PENDING, -700)),
        )
        msgspec.structs.force_setattr(torn, "postings", (Posting(PROVIDER, 700), Posting(SELLERS_PENDING, -600)))
        post(world, torn)
        after = sheet_of(world)
        assert after.difference[0].amount - before.difference[0].amount == 100
        assert after.owed_to_customers == before.owed_to_customers

    def test_sums_what_customers_have_and_owe_from_their_own_entries(self, world: World) -> None:
        world.sold(Partners())
        before, customer_id = sheet_of(world), CustomerId(f"cus_{uuid.uuid4().hex}")
        other_id = CustomerId(f"cus_{uuid.uuid4().hex}")
        owed = LedgerTransaction(
            source_id=f"ord_{uuid.uuid4().hex}",
            step="released",
            currency="GBP",
            at=NOW,
            postings=(
                Posting(SELLERS_PENDING, 500),
                Posting(seller_account(customer_id), 200),  # owes
                Posting(seller_account(other_id), -600),
                Posting(store_credit_account(customer_id), -100),
            ),
        )
        post(world, owed)
        after = sheet_of(world)
        assert after.owed_to_customers[0].amount - before.owed_to_customers[0].amount == 700
        receivable = [
            next(one.amounts[0].amount for one in sheet.accounts if one.account == "sellers_receivable")
            for sheet in (before, after)
        ]
        assert receivable[1] - receivable[0] == 200

    def test_is_not_for_shoppers(self, world: World) -> None:
        with pytest.raises(LedgerNotFound):
            get_balance_sheet(reader=world.reader, principal=Principal(), now=NOW)


class TestGetTrialBalance:
    def test_has_both_sides_of_each_account_in_the_order_of_the_chart(self, world: World, day: date) -> None:
        post(world, *[booking(moment(day, number)) for number in range(3)])
        found = trial_balance_of(world, day)
        (sheet,) = found.currencies
        assert [(one.account, one.debit, one.credit) for one in sheet.lines] == [
            ("provider", 3_000, 0),
            ("sellers_pending", 0, 2_700),
            ("commission", 0, 300),
        ]
        assert (sheet.debit, sheet.credit, sheet.difference, found.balanced) == (3_000, 3_000, 0, True)

    def test_of_another_month_is_empty(self, world: World, day: date) -> None:
        post(world, booking(moment(day, 1)))
        other = trial_balance_of(world, day.replace(day=1) - timedelta(days=1))
        assert [sheet.lines for sheet in other.currencies] == [()]

    def test_names_a_transaction_that_does_not_balance(self, world: World, day: date) -> None:
        torn = booking(moment(day, 1))
        msgspec.structs.force_setattr(torn, "postings", torn.postings[:2])
        post(world, torn, booking(moment(day, 2)))
        found = trial_balance_of(world, day)
        assert (found.balanced, found.unbalanced, found.currencies[0].difference) == (False, (torn.id,), 100)

    def test_carries_balances_forward_from_the_first_order(self, world: World) -> None:
        order = world.sold(Partners())
        later = (NOW + timedelta(days=62)).replace(day=1)
        found = get_trial_balance(
            reader=world.reader, principal=BRAND, month=f"{later:%Y-%m}", with_opening=True, now=later
        )
        lines = {one.account: one for one in found.currencies[0].lines}
        provider = lines["provider"]
        assert provider.opening is not None
        assert provider.opening >= order.amounts.grand_total
        assert provider.closing == provider.opening + provider.debit - provider.credit
        assert found.currencies[0].sellers_receivable is not None

    def test_is_not_for_shoppers(self, world: World, day: date) -> None:
        with pytest.raises(LedgerNotFound):
            get_trial_balance(
                reader=world.reader, principal=Principal(), month=f"{day:%Y-%m}", with_opening=False, now=NOW
            )


def sheet_of(world: World) -> BalanceSheet:
    return get_balance_sheet(reader=world.reader, principal=BRAND, now=NOW + timedelta(days=1))


def trial_balance_of(world: World, day: date) -> TrialBalance:
    return get_trial_balance(reader=world.reader, principal=BRAND, month=f"{day:%Y-%m}", with_opening=False, now=NOW)

"""Reconciliation at the edges of its days: the provider books first, and we hear of it later."""

from collections.abc import Iterator
from datetime import datetime, timedelta

import msgspec
import pytest

from resale.application.operations.orders import NewRefund, record_dispute, refund_order, review_payment
from resale.application.operations.payouts import advance_payout, start_payout
from resale.application.operations.sellers import edit_seller
from resale.application.queries.ledger import Difference, DifferenceKind, get_reconciliation
from resale.domain.changes import ChangeType
from resale.domain.orders import Order
from resale.domain.partners import BookingKind, ProviderTransaction
from resale.domain.payments import Dispute, DisputeStatus, RefundState
from resale.domain.payouts import PayoutMethod, PayoutState, PayoutStatus
from resale.domain.sellers import SellerEdit, seller_id_of
from resale.domain.transfers import TransferCommand, transition_transfer
from tests.operations.partners import Books, Partners
from tests.operations.world import BRAND, World
from tests.unit.builders import NOW

LATER = NOW + timedelta(days=4)
HOUR = timedelta(hours=1)


class DatedBooks(Books):
    """Books that tell only of what was booked since the moment asked for: all of it at one moment."""

    booked_at = NOW - timedelta(minutes=1)
    booked_in = "GBP"
    chargebacks: tuple[ProviderTransaction, ...] = ()

    def iter_transactions(self, *, since: datetime) -> Iterator[ProviderTransaction]:
        for booking in (*super().iter_transactions(since=since), *self.chargebacks):
            if self.booked_at >= since:
                yield msgspec.structs.replace(booking, currency=self.booked_in)


@pytest.fixture
def books() -> DatedBooks:
    return DatedBooks()


@pytest.fixture
def order(world: World, books: DatedBooks) -> Order:
    return world.delivered(Partners(payments=books))


def differences(
    world: World, books: Books, source_id: str, *, since: datetime = NOW, until: datetime = NOW + HOUR
) -> list[Difference]:
    report = get_reconciliation(
        reader=world.reader, principal=BRAND, payments=books, back=until - since, now=until, wall_now=until
    )
    return [difference for difference in report.differences if difference.source_id == source_id]


def test_a_charge_that_the_provider_booked_a_minute_before_the_first_day_agrees(
    world: World, order: Order, books: DatedBooks
) -> None:
    assert differences(world, books, order.id) == []


def test_one_that_it_never_booked_does_not(world: World, order: Order) -> None:
    (found,) = differences(world, DatedBooks(), order.id)
    assert (found.kind, found.settling) == (DifferenceKind.NOT_AT_PROVIDER, False)


def test_one_that_it_booked_in_another_currency_does_not(world: World, order: Order, books: DatedBooks) -> None:
    books.booked_in, books.booked_at = "EUR", NOW
    (found,) = differences(world, books, order.id)
    assert (found.kind, found.provider, found.ledger) == (DifferenceKind.AMOUNT_DIFFERS, 12_000, 12_000)


def test_a_chargeback_that_was_told_of_two_days_late_agrees(world: World, order: Order, books: DatedBooks) -> None:
    told_at = NOW + timedelta(days=2)
    lost = Dispute(provider_reference="dp_1", status=DisputeStatus.LOST, amount=12_000, reason_code="fraudulent")
    record_dispute(world.uow(now=told_at), order_id=order.id, dispute=lost)
    taken = ProviderTransaction(
        kind=BookingKind.CHARGEBACK,
        our_id="pay_1",
        order_id=order.id,
        provider_reference="dp_1",
        amount=12_000,
        currency="GBP",
    )
    books.chargebacks = (taken,)
    assert differences(world, books, order.id, since=told_at, until=told_at + HOUR) == []


def test_a_payout_that_came_back_long_after_it_went_out_agrees(world: World, books: DatedBooks) -> None:
    partners, seller = Partners(payments=books), world.shopper()
    order = world.run(world.delivered(partners, seller=seller), partners, now=LATER)
    edit_seller(world.uow(), shopper=seller, edit=SellerEdit(payout_destination="acct_ok"))
    seller_id = seller_id_of(order.seller_id)
    payout = start_payout(world.uow(now=LATER), seller_id=seller_id, method=PayoutMethod.CASH)
    came_back = LATER + timedelta(days=40)
    for state, at in (*[(PayoutState.PAID, LATER)] * 3, (PayoutState.RETURNED, came_back)):
        books.payout_state = state
        payout = advance_payout(world.uow(now=at), partners=partners, payout_id=payout.id)
    assert payout.status == PayoutStatus.RETURNED
    assert differences(world, books, payout.id, since=came_back, until=came_back + HOUR) == []


@pytest.mark.parametrize("days", [0, 20])
def test_a_refund_that_failed_after_it_was_given_agrees(
    world: World, order: Order, books: DatedBooks, days: int
) -> None:
    partners, failed_at = Partners(payments=books), NOW + timedelta(days=days)
    refund_order(world.uow(principal=BRAND), new=NewRefund(order_id=order.id, amount=5_000))
    (given,) = world.advance(order, partners).refunds
    attempt, amount, _ = books.refunds[given.id]
    books.refunds[given.id] = (attempt, amount, RefundState.FAILED)
    review_payment(world.uow(now=failed_at), partners=Partners(payments=books), order_id=order.id)
    assert differences(world, books, order.id, since=failed_at, until=failed_at + HOUR) == []


class TestBalances:
    @pytest.fixture
    def completed(self, world: World) -> Order:
        partners = Partners()
        return world.run(world.delivered(partners), partners, now=LATER)

    def edit(self, world: World, order: Order, **changes: int) -> None:
        """Change a balance without any step, as a bug or a person with access to the table does."""
        uow = world.uow(now=LATER)
        seller = uow.sellers.find(world.account_id_of(order))
        assert seller is not None
        edited = msgspec.structs.replace(seller, version=seller.version + 1, **changes)  # type: ignore[arg-type]  # amounts
        uow.sellers.save(edited, change_type=ChangeType.SELLER_BALANCE_CHANGED)
        uow.commit()

    def test_that_no_step_changed_agree(self, world: World, completed: Order) -> None:
        assert differences(world, Books(), completed.seller_id, since=NOW, until=LATER + HOUR) == []

    def test_that_was_edited_differs_from_ledger_and_transfers(self, world: World, completed: Order) -> None:
        self.edit(world, completed, available=1_010_800)
        (found,) = differences(world, Books(), completed.seller_id, since=NOW, until=LATER + HOUR)
        assert (found.kind, found.booking) == (DifferenceKind.BALANCE_DIFFERS, BookingKind.BALANCE)
        assert (found.our_id, found.settling) == (world.account_id_of(completed), False)
        assert (found.records, found.ledger, found.transfers) == (1_010_800, 10_800, 10_800)

    def test_of_store_credit_that_was_edited_differs(self, world: World, completed: Order) -> None:
        self.edit(world, completed, store_credit=500_000)
        (found,) = differences(world, Books(), completed.seller_id, since=NOW, until=LATER + HOUR)
        assert (found.booking, found.records, found.ledger) == (BookingKind.STORE_CREDIT, 500_000, 0)

    def test_is_found_long_after_the_sellers_last_sale(self, world: World, completed: Order) -> None:
        self.edit(world, completed, available=0)
        much_later = LATER + timedelta(days=60)
        (found,) = differences(world, Books(), completed.seller_id, since=much_later, until=much_later + HOUR)
        assert (found.records, found.ledger, found.transfers) == (0, 10_800, 10_800)

    def test_of_a_transfer_that_was_settled_without_a_payout_differs(self, world: World, completed: Order) -> None:
        uow = world.uow(now=LATER)
        transfer = world.transfer(completed)
        uow.transfers.get(completed.id, transfer.id)
        uow.transfers.save(
            transition_transfer(transfer, TransferCommand.SETTLE, now=LATER), change_type=ChangeType.TRANSFER_SETTLED
        )
        uow.commit()
        (found,) = differences(world, Books(), completed.seller_id, since=NOW, until=LATER + HOUR)
        assert (found.records, found.ledger, found.transfers) == (10_800, 10_800, 0)

    def test_of_more_sellers_than_a_report_compares_is_not_complete(self, world: World, completed: Order) -> None:
        other = world.run(world.delivered(Partners()), Partners(), now=LATER)
        assert completed.seller_id != other.seller_id
        report = get_reconciliation(
            reader=world.reader,
            principal=BRAND,
            payments=Books(),
            back=LATER - NOW,
            now=LATER,
            wall_now=LATER,
            max_sellers=1,
        )
        assert (report.sellers, report.sellers_complete) == (1, False)

    def test_of_a_payout_on_its_way_is_in_transit_in_the_ledger(self, world: World, completed: Order) -> None:
        uow = world.uow(now=LATER)
        seller = uow.sellers.find(world.account_id_of(completed))
        assert seller is not None
        named = msgspec.structs.replace(seller, version=seller.version + 1, payout_destination="acct_ok")
        uow.sellers.save(named, change_type=ChangeType.SELLER_BALANCE_CHANGED)
        uow.commit()
        payout = start_payout(world.uow(now=LATER), seller_id=seller.id, method=PayoutMethod.CASH)
        assert differences(world, Books(), payout.id, since=NOW, until=LATER + HOUR) == []
        uow = world.uow(now=LATER)
        stored = uow.payouts.get(payout.id)
        failed = msgspec.structs.replace(stored, version=stored.version + 1, status=PayoutStatus.FAILED)
        uow.payouts.save(failed, change_type=ChangeType.PAYOUT_FAILED)
        uow.commit()
        (found,) = differences(world, Books(), payout.id, since=NOW, until=LATER + HOUR)
        assert (found.kind, found.ledger, found.records) == (DifferenceKind.BALANCE_DIFFERS, 10_800, 0)

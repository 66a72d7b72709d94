"""Operations on orders, on the real engine, with a payment provider that keeps books of its own."""

from datetime import timedelta

import pytest

from resale.application.operations.idempotency import command_key
from resale.application.operations.listings import withdraw_listing
from resale.application.operations.orders import cancel_order, submit_order
from resale.application.ports import IdempotencyConflict
from resale.application.queries.orders import SellerOrder, get_order
from resale.domain.access import Principal
from resale.domain.listings import ListingNotForSale, ListingNotFound, ListingStatus, ListingTransitionRefused
from resale.domain.orders import (
    PAYMENT_HOLD,
    Order,
    OrderChanged,
    OrderNotFound,
    OrderStatus,
    OrderTransitionRefused,
    OwnListing,
)
from resale.domain.payments import PaymentState
from resale.errors import Forbidden, Unavailable
from tests.operations.world import BRAND, Books, World, a_new_order, later
from tests.unit.builders import NOW


@pytest.fixture
def submitted(world: World) -> Order:
    return world.order(world.shopper(), world.active(world.shopper()))


class TestSubmitOrder:
    def test_reserves_the_listing_and_waits_with_a_wake_up(self, world: World, submitted: Order) -> None:
        listing = world.listing(submitted.listing_id)
        assert listing.status == ListingStatus.RESERVED
        assert listing.order_id == submitted.id
        assert world.stored_order(submitted).due_at is not None

    def test_parts_sum_to_the_total_and_the_commission_is_frozen(self, submitted: Order) -> None:
        amounts = submitted.amounts
        assert amounts.item_total + amounts.shipping_total + amounts.tax_total == amounts.grand_total == 12_000
        assert submitted.commission.base == 12_000

    def test_a_second_buyer_is_told_it_is_not_for_sale(self, world: World, submitted: Order) -> None:
        with pytest.raises(ListingNotForSale):
            world.order(world.shopper(), world.listing(submitted.listing_id))

    def test_a_race_lost_at_the_commit_is_told_the_same(self, world: World) -> None:
        listing = world.active(world.shopper())
        slow = world.uow()
        slow.listings.get(listing.id)
        world.order(world.shopper(), listing)
        with pytest.raises(ListingNotForSale):
            submit_order(uow=slow, shopper=world.shopper(), new=a_new_order(listing.id), key=None, now=NOW)

    def test_nobody_buys_their_own(self, world: World) -> None:
        seller = world.shopper()
        with pytest.raises(OwnListing):
            world.order(seller, world.active(seller))

    def test_what_is_in_review_is_not_there_for_a_buyer(self, world: World) -> None:
        with pytest.raises(ListingNotFound):
            world.order(world.shopper(), world.pending(world.shopper()))

    def test_the_address_is_nowhere_in_the_clear(self, world: World, submitted: Order) -> None:
        item = world.container.sessions.for_tenant(world.tenant).dynamodb.get_item(
            table=world.tenant.resources.tables.orders, key={"pk": submitted.id, "sk": "order"}
        )
        assert "Okafor" not in str(item)

    def test_the_same_key_makes_one_order(self, world: World) -> None:
        listing, buyer = world.active(world.shopper()), world.shopper()
        key = command_key(caller=buyer.subject, command="order", client_key="k", body=b"{}")
        new = a_new_order(listing.id)
        made = submit_order(uow=world.uow(), shopper=buyer, new=new, key=key, now=NOW)
        world.advance(made, Books(decline=True))
        other = world.active(world.shopper())
        with pytest.raises(IdempotencyConflict):
            submit_order(uow=world.uow(), shopper=buyer, new=a_new_order(other.id), key=key, now=NOW)
        assert world.listing(other.id).status == ListingStatus.ACTIVE


class TestAdvanceOrder:
    def test_pays_and_confirms_and_the_listing_is_sold(self, world: World, submitted: Order) -> None:
        books = Books()
        world.advance(submitted, books)
        confirmed = world.advance(submitted, books)
        assert confirmed.status == OrderStatus.CONFIRMED
        assert confirmed.due_at is None
        assert books.captured() == 1
        assert world.listing(submitted.listing_id).status == ListingStatus.SOLD

    def test_the_attempt_is_committed_before_the_partner_is_called(self, world: World, submitted: Order) -> None:
        books = Books()
        started = world.advance(submitted, books)
        assert started.status == OrderStatus.PAYMENT_PENDING
        assert started.payment is not None
        assert books.calls == []

    def test_a_lost_answer_ends_in_one_charge(self, world: World, submitted: Order) -> None:
        books = Books(lose_answers=1)
        world.advance(submitted, books)
        with pytest.raises(Unavailable):
            world.advance(submitted, books)
        assert world.stored_order(submitted).status == OrderStatus.PAYMENT_PENDING
        assert world.advance(submitted, books).status == OrderStatus.CONFIRMED
        assert books.captured() == 1
        assert books.calls.count("charge") == 1

    def test_a_declined_payment_puts_the_listing_back_on_sale(self, world: World, submitted: Order) -> None:
        books = Books(decline=True)
        for _ in range(3):
            world.advance(submitted, books)
        order = world.stored_order(submitted)
        assert (order.status, order.cancel_reason) == (OrderStatus.CANCELLED, "payment_declined")
        listing = world.listing(submitted.listing_id)
        assert (listing.status, listing.order_id) == (ListingStatus.ACTIVE, None)

    def test_the_second_delivery_of_a_message_changes_nothing(self, world: World, submitted: Order) -> None:
        books = Books()
        world.advance(submitted, books)
        confirmed = world.advance(submitted, books)
        again = world.advance(submitted, books)
        assert again == confirmed
        assert books.calls.count("charge") == 1

    def test_two_workers_at_once_charge_once(self, world: World, submitted: Order) -> None:
        books = Books()
        world.advance(submitted, books)
        slow = world.uow()
        read = slow.orders.get(submitted.id)
        world.advance(submitted, books)
        slow.orders.save(read, change_type="order.confirmed")
        with pytest.raises(OrderChanged):
            slow.commit()
        assert books.captured() == 1

    def test_a_hold_that_ran_out_unbooked_is_closed_and_cancelled(self, world: World, submitted: Order) -> None:
        books = Books()
        world.advance(submitted, books)
        late = NOW + PAYMENT_HOLD + timedelta(seconds=1)
        world.advance(submitted, books, now=late)
        world.advance(submitted, books, now=late)
        assert world.stored_order(submitted).status == OrderStatus.CANCELLED
        assert books.captured() == 0

    def test_a_hold_that_ran_out_after_the_charge_is_confirmed(self, world: World, submitted: Order) -> None:
        books = Books(lose_answers=1)
        world.advance(submitted, books)
        with pytest.raises(Unavailable):
            world.advance(submitted, books)
        late = NOW + PAYMENT_HOLD + timedelta(minutes=5)
        assert world.advance(submitted, books, now=late).status == OrderStatus.CONFIRMED

    def test_an_unknown_order_is_not_found(self, other_world: World, submitted: Order) -> None:
        with pytest.raises(OrderNotFound):
            other_world.advance(submitted, Books())


class TestCancelOrder:
    def test_before_payment_it_is_cancelled_at_once(self, world: World, submitted: Order) -> None:
        cancelled = cancel_order(
            uow=world.uow(), principal=Principal(customer_id=submitted.buyer_id), order_id=submitted.id, now=NOW
        )
        assert cancelled.status == OrderStatus.CANCELLED
        assert world.listing(submitted.listing_id).status == ListingStatus.ACTIVE

    def test_during_payment_it_is_a_request_that_the_step_honours(self, world: World, submitted: Order) -> None:
        books = Books(lose_answers=1)
        world.advance(submitted, books)
        with pytest.raises(Unavailable):
            world.advance(submitted, books)
        buyer = Principal(customer_id=submitted.buyer_id)
        asked = cancel_order(uow=world.uow(), principal=buyer, order_id=submitted.id, now=NOW)
        assert (asked.status, asked.cancel_requested) == (OrderStatus.PAYMENT_PENDING, True)
        world.advance(submitted, books)
        order = world.advance(submitted, books)
        assert (order.status, order.cancel_reason) == (OrderStatus.CANCELLED, "buyer_cancelled")
        assert [outcome.state for outcome in books.charges.values()] == [PaymentState.REFUNDED]

    def test_an_attempt_never_booked_is_closed_against_a_late_charge(self, world: World, submitted: Order) -> None:
        books = Books()
        world.advance(submitted, books)
        buyer = Principal(customer_id=submitted.buyer_id)
        cancel_order(uow=world.uow(), principal=buyer, order_id=submitted.id, now=NOW)
        world.advance(submitted, books)
        assert [outcome.state for outcome in books.charges.values()] == [PaymentState.VOIDED]

    def test_said_again_it_is_a_no_op(self, world: World, submitted: Order) -> None:
        first = cancel_order(uow=world.uow(), principal=BRAND, order_id=submitted.id, now=NOW)
        again = cancel_order(uow=world.uow(), principal=BRAND, order_id=submitted.id, now=later(3))
        assert again == first

    def test_refuses_a_confirmed_order(self, world: World, submitted: Order) -> None:
        books = Books()
        world.advance(submitted, books)
        world.advance(submitted, books)
        with pytest.raises(OrderTransitionRefused):
            cancel_order(uow=world.uow(), principal=BRAND, order_id=submitted.id, now=NOW)

    def test_the_seller_sees_it_but_may_not_cancel(self, world: World, submitted: Order) -> None:
        with pytest.raises(Forbidden):
            cancel_order(
                uow=world.uow(), principal=Principal(customer_id=submitted.seller_id), order_id=submitted.id, now=NOW
            )

    def test_a_stranger_does_not_see_it(self, world: World, submitted: Order) -> None:
        with pytest.raises(OrderNotFound):
            cancel_order(uow=world.uow(), principal=Principal(), order_id=submitted.id, now=NOW)


class TestGetOrder:
    def test_the_seller_gets_the_address_only_once_confirmed(self, world: World, submitted: Order) -> None:
        seller = Principal(customer_id=submitted.seller_id)
        before = get_order(reader=world.reader, principal=seller, order_id=submitted.id)
        assert isinstance(before, SellerOrder)
        assert before.shipping_address is None
        books = Books()
        world.advance(submitted, books)
        world.advance(submitted, books)
        after = get_order(reader=world.reader, principal=seller, order_id=submitted.id)
        assert after.shipping_address is not None
        assert after.shipping_address.city == "Leeds"

    def test_a_reserved_listing_cannot_be_withdrawn_from_under_the_buyer(self, world: World, submitted: Order) -> None:

        with pytest.raises(ListingTransitionRefused):
            withdraw_listing(uow=world.uow(), principal=BRAND, listing_id=submitted.listing_id, now=NOW)

"""Operations on orders, on the real engine, with partners that keep books of their own."""

from datetime import timedelta

import msgspec
import pytest

from resale.application.operations.listings import withdraw_listing
from resale.application.operations.orders import cancel_order, submit_order
from resale.application.operations.postponing import postpone_step
from resale.application.ports import IdempotencyConflict
from resale.application.queries.orders import SellerOrder, get_order
from resale.domain.access import Principal
from resale.domain.changes import ChangeType
from resale.domain.command_context import command_key
from resale.domain.listings import ListingNotForSale, ListingNotFound, ListingStatus, ListingTransitionRefused
from resale.domain.orders import (
    Order,
    OrderChanged,
    OrderNotFound,
    OrderStatus,
    OrderTransitionRefused,
    OwnListing,
)
from resale.domain.partners import PartnerUnavailable
from resale.domain.payments import REQUEST_VERSION, Payment, PaymentOutcome, PaymentState, PaymentStatus
from resale.domain.shipments import ShipmentStatus, TrackingEvent
from resale.domain.transfers import TransferStatus
from resale.errors import Forbidden
from tests.operations.partners import Books, Partners
from tests.operations.world import BRAND, World, a_new_order, later
from tests.unit.builders import NOW


class Refusing(Books):
    """A bank that explains why."""

    def _outcome(self, attempt_id: str) -> PaymentOutcome:
        return msgspec.structs.replace(
            super()._outcome(attempt_id), reason_code="do_not_honor", message="Call your bank."
        )


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

    def test_a_race_lost_at_the_commit_is_told_the_same(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        listing, slow = world.active(world.shopper()), world.uow()
        commit = slow.commit

        def overtaken() -> None:
            world.order(world.shopper(), listing)
            commit()

        monkeypatch.setattr(slow, "commit", overtaken)
        with pytest.raises(ListingNotForSale):
            submit_order(slow, shopper=world.shopper(), new=a_new_order(listing.id))

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
        made = submit_order(world.uow(key=key), shopper=buyer, new=new)
        world.advance(made, Partners(Books(decline=True)))
        other = world.active(world.shopper())
        with pytest.raises(IdempotencyConflict):
            submit_order(world.uow(key=key), shopper=buyer, new=a_new_order(other.id))
        assert world.listing(other.id).status == ListingStatus.ACTIVE


class TestPayment:
    def test_is_authorised_then_captured_and_the_listing_is_sold(self, world: World, submitted: Order) -> None:
        partners = Partners()
        confirmed = world.run(submitted, partners)
        assert confirmed.status == OrderStatus.CONFIRMED
        assert confirmed.ship_by is not None
        assert confirmed.due_at == confirmed.ship_late_at == confirmed.ship_by + timedelta(hours=48)
        assert confirmed.payment is not None
        assert confirmed.payment.captured_minor == confirmed.amounts.grand_total
        watched = timedelta(days=world.tenant.policies.payment_watch_days)
        assert confirmed.payment == Payment(
            id=confirmed.payment.id,
            status=PaymentStatus.CAPTURED,
            started_at=NOW,
            request_version=REQUEST_VERSION,
            provider_reference=f"bk_{confirmed.payment.id}",
            captured_minor=12_000,
            watched_until=NOW + watched,
        )
        assert (confirmed.confirmed_at, confirmed.commission_posting) == (
            NOW,
            world.tenant.policies.commission_posting,
        )
        assert list(partners.payments.captured.values()) == [12_000]
        assert world.listing(submitted.listing_id).status == ListingStatus.SOLD
        transfer = world.transfer(submitted)
        assert (transfer.status, transfer.version, transfer.amount) == (TransferStatus.HELD, 1, 10_800)

    def test_the_attempt_is_committed_before_the_partner_is_called(self, world: World, submitted: Order) -> None:
        partners = Partners()
        started = world.advance(submitted, partners)
        assert started.status == OrderStatus.PAYMENT_PENDING
        assert started.payment is not None
        assert not partners.payments.calls

    @pytest.mark.parametrize("call", ["authorise", "find_payment", "capture"])
    def test_a_lost_answer_ends_in_one_charge(self, world: World, submitted: Order, call: str) -> None:
        partners = Partners(Books(lose={call: 1}))
        with pytest.raises(PartnerUnavailable):
            world.run(submitted, partners)
        assert world.stored_order(submitted).status == OrderStatus.PAYMENT_PENDING
        assert world.run(submitted, partners).status == OrderStatus.CONFIRMED
        assert partners.payments.calls["authorise"] == 1
        assert partners.payments.calls["capture"] == 1

    def test_a_declined_payment_puts_the_listing_back_on_sale(self, world: World, submitted: Order) -> None:
        order = world.run(submitted, Partners(Books(decline=True)))
        assert (order.status, order.cancel_reason) == (OrderStatus.CANCELLED, "payment_declined")
        listing = world.listing(submitted.listing_id)
        assert (listing.status, listing.order_id) == (ListingStatus.ACTIVE, None)

    def test_a_declined_payment_has_the_banks_words(self, world: World, submitted: Order) -> None:
        partners = Partners(Refusing(decline=True))
        for _ in range(2):  # started, declined
            order = world.advance(submitted, partners)
        assert order.payment is not None
        assert order.payment == Payment(
            id=order.payment.id,
            status=PaymentStatus.FAILED,
            started_at=NOW,
            request_version=REQUEST_VERSION,
            provider_reference=f"bk_{order.payment.id}",
            reason_code="do_not_honor",
            partner_message="Call your bank.",
        )
        assert world.last_change(order.id) == ("order.payment_failed", "payment_declined")

    def test_a_buyer_who_has_to_prove_themselves_is_waited_for(self, world: World, submitted: Order) -> None:
        partners = Partners(Books(ask_action=True))
        for _ in range(3):
            world.advance(submitted, partners)
        waiting = world.stored_order(submitted)
        assert waiting.version == 3  # asked again before its time: no write
        assert waiting.payment is not None
        assert (waiting.payment.status, waiting.payment.action_url) == (
            PaymentStatus.REQUIRES_ACTION,
            "https://bank.example/prove",
        )
        assert world.last_change(submitted.id) == ("order.payment_requires_action", None)
        assert waiting.due_at is not None
        polled = world.advance(submitted, partners, now=waiting.due_at)
        assert (polled.version, polled.payment) == (4, waiting.payment)
        partners.payments.prove(waiting.payment.id)
        confirmed = world.run(submitted, partners)
        assert confirmed.status == OrderStatus.CONFIRMED
        assert confirmed.payment is not None
        assert confirmed.payment.action_url is None

    def test_a_buyer_whose_proof_fails_is_sent_to_their_bank_no_more(self, world: World, submitted: Order) -> None:
        partners = Partners(Books(ask_action=True))
        for _ in range(2):
            waiting = world.advance(submitted, partners)
        assert waiting.payment is not None
        assert waiting.due_at is not None
        partners.payments.payments[waiting.payment.id] = PaymentState.DECLINED
        failed = world.advance(submitted, partners, now=waiting.due_at)
        assert failed.payment is not None
        assert (failed.status, failed.payment.action_url) == (OrderStatus.PAYMENT_FAILED, None)

    def test_a_hold_that_ran_out_is_closed_and_cancelled(self, world: World, submitted: Order) -> None:
        partners = Partners()
        world.advance(submitted, partners)
        order = world.run(submitted, partners, now=NOW + timedelta(minutes=16))
        assert (order.status, order.cancel_reason) == (OrderStatus.CANCELLED, "hold_expired")
        assert list(partners.payments.payments.values()) == [PaymentState.VOIDED]

    def test_a_hold_that_ran_out_after_the_capture_is_confirmed(self, world: World, submitted: Order) -> None:
        partners = Partners(Books(lose={"capture": 1}))
        with pytest.raises(PartnerUnavailable):
            world.run(submitted, partners)
        assert world.run(submitted, partners, now=later(20 * 60)).status == OrderStatus.CONFIRMED

    def test_two_workers_at_once_confirm_once(self, world: World, submitted: Order) -> None:
        partners = Partners()
        for _ in range(2):
            world.advance(submitted, partners)
        slow = world.uow()
        read = slow.orders.get(submitted.id)
        world.advance(submitted, partners)
        slow.orders.save(read, change_type=ChangeType.ORDER_CONFIRMED)
        with pytest.raises(OrderChanged):
            slow.commit()

    def test_an_unknown_order_is_not_found(self, other_world: World, submitted: Order) -> None:
        with pytest.raises(OrderNotFound):
            other_world.advance(submitted, Partners())

    def test_a_step_is_put_off_longer_each_time(self, world: World, submitted: Order) -> None:
        waits = []
        for _ in range(3):
            postpone_step(world.uow(), entity_id=submitted.id, reason_code="partner_unavailable")
            order = world.stored_order(submitted)
            assert order.due_at is not None
            waits.append((order.due_at - NOW).total_seconds())
        assert waits == [30, 60, 120]


class TestCancelOrder:
    def test_before_payment_it_is_cancelled_at_once(self, world: World, submitted: Order) -> None:
        cancelled = cancel_order(world.uow(principal=Principal(customer_id=submitted.buyer_id)), order_id=submitted.id)
        assert cancelled.status == OrderStatus.CANCELLED
        assert world.listing(submitted.listing_id).status == ListingStatus.ACTIVE

    def test_during_payment_it_is_a_request_that_the_step_honours(self, world: World, submitted: Order) -> None:
        partners = Partners(Books(lose={"authorise": 1}))
        with pytest.raises(PartnerUnavailable):
            world.run(submitted, partners)
        buyer = Principal(customer_id=submitted.buyer_id)
        asked = cancel_order(world.uow(principal=buyer), order_id=submitted.id)
        assert (asked.status, asked.cancel_requested) == (OrderStatus.PAYMENT_PENDING, True)
        order = world.run(submitted, partners)
        assert (order.status, order.cancel_reason) == (OrderStatus.CANCELLED, "buyer_cancelled")
        assert list(partners.payments.payments.values()) == [PaymentState.VOIDED]

    def test_asked_for_after_the_money_was_taken_it_is_given_back(self, world: World, submitted: Order) -> None:
        partners = Partners(Books(lose={"capture": 1}))
        with pytest.raises(PartnerUnavailable):
            world.run(submitted, partners)
        cancel_order(world.uow(principal=BRAND), order_id=submitted.id)
        order = world.run(submitted, partners)
        assert order.status == OrderStatus.CANCELLED
        assert order.payment is not None
        assert partners.payments.refunded(order.payment.id) == 12_000
        assert world.balances(order) == {}

    def test_a_paid_order_gives_label_and_money_back(self, world: World) -> None:
        partners = Partners()
        sold = world.sold(partners)
        assert sold.status == OrderStatus.AWAITING_SHIPMENT
        cancel_order(world.uow(principal=BRAND), order_id=sold.id)
        order = world.run(sold, partners)
        assert order.status == OrderStatus.CANCELLED
        assert order.shipment is not None
        assert order.shipment.status == ShipmentStatus.VOIDED
        assert world.balances(order) == {}
        assert world.transfer(order).status == TransferStatus.REVERSED

    def test_a_parcel_that_left_before_is_a_shipped_order_again(self, world: World) -> None:
        partners = Partners()
        sold = world.sold(partners)
        assert sold.shipment is not None
        scan = TrackingEvent(id="seen", status=ShipmentStatus.IN_TRANSIT, occurred_at=NOW)
        partners.shipping.scan(sold.shipment.id, scan)
        cancel_order(world.uow(principal=BRAND), order_id=sold.id)
        order = world.run(sold, partners)
        assert (order.status, order.cancel_requested) == (OrderStatus.SHIPPED, False)
        assert world.last_change(order.id) == ("order.shipped", "parcel_was_on_its_way")

    def test_said_again_it_is_a_no_op(self, world: World, submitted: Order) -> None:
        first = cancel_order(world.uow(principal=BRAND), order_id=submitted.id)
        again = cancel_order(world.uow(now=later(3), principal=BRAND), order_id=submitted.id)
        assert again == first

    def test_refuses_a_shipped_order(self, world: World) -> None:
        shipped = world.scan(world.sold(Partners()), ShipmentStatus.IN_TRANSIT)
        with pytest.raises(OrderTransitionRefused):
            cancel_order(world.uow(principal=BRAND), order_id=shipped.id)

    def test_the_seller_sees_it_but_may_not_cancel_an_unpaid_one(self, world: World, submitted: Order) -> None:
        with pytest.raises(Forbidden):
            cancel_order(world.uow(principal=Principal(customer_id=submitted.seller_id)), order_id=submitted.id)

    def test_a_stranger_does_not_see_it(self, world: World, submitted: Order) -> None:
        with pytest.raises(OrderNotFound):
            cancel_order(world.uow(principal=Principal()), order_id=submitted.id)


class TestGetOrder:
    def test_the_seller_gets_the_address_only_once_confirmed(self, world: World, submitted: Order) -> None:
        seller = Principal(customer_id=submitted.seller_id)
        before = get_order(reader=world.reader, principal=seller, order_id=submitted.id)
        assert isinstance(before, SellerOrder)
        assert before.shipping_address is None
        world.run(submitted, Partners())
        after = get_order(reader=world.reader, principal=seller, order_id=submitted.id)
        assert after.shipping_address is not None
        assert after.shipping_address.city == "Leeds"

    def test_a_reserved_listing_cannot_be_withdrawn_from_under_the_buyer(self, world: World, submitted: Order) -> None:
        with pytest.raises(ListingTransitionRefused):
            withdraw_listing(world.uow(principal=BRAND), listing_id=submitted.listing_id)

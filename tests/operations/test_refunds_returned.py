"""Refunds that fail after they were given: booked back, told of, and given again; what ended stays ended."""

from datetime import datetime, timedelta

import pytest

from resale.application.operations.inbound import process_inbound, settle_inbound
from resale.application.operations.orders import (
    NewRefund,
    advance_order,
    cancel_order,
    record_dispute,
    refund_order,
    review_payment,
)
from resale.domain.inbound import InboundStatus
from resale.domain.orders import Order, OrderNotFound, OrderStatus
from resale.domain.payments import Dispute, DisputeStatus, PaymentStatus, RefundState
from resale.domain.transfers import TransferStatus
from resale.errors import Unavailable
from tests.operations.partners import Books, Partners
from tests.operations.test_inbound import an_event, stored, told
from tests.operations.world import BRAND, World
from tests.unit.builders import NOW

LATER = NOW + timedelta(days=4)


@pytest.fixture
def partners() -> Partners:
    return Partners()


def given(world: World, order: Order, partners: Partners, amount: int | None = None, now: datetime = NOW) -> Order:
    """The brand gives money back, and the provider says that it did."""
    new = NewRefund(order_id=order.id, amount=amount)
    refund_order(world.uow(now=now, principal=BRAND), new=new)
    return world.advance(order, partners, now=now)


def fails(partners: Partners, refund_id: str) -> None:
    attempt, amount, _ = partners.payments.refunds[refund_id]
    partners.payments.refunds[refund_id] = (attempt, amount, RefundState.FAILED)


def review(world: World, order: Order, partners: Partners, now: datetime = NOW) -> Order:
    return review_payment(world.uow(now=now), partners=partners, order_id=order.id) or world.stored_order(order)


def returned(world: World, order: Order, partners: Partners, number: int = 0, now: datetime = NOW) -> Order:
    fails(partners, order.refunds[number].id)
    return review(world, order, partners, now)


def tried_again(world: World, order: Order, partners: Partners) -> Order:
    assert order.due_at is not None
    return world.run(order, partners, now=order.due_at)


def seller_of(world: World, order: Order) -> int:
    account = world.seller_account(order)
    assert account is not None
    return account.available


class TestBeforeCompletion:
    def test_a_part_is_the_sellers_to_come_again(self, world: World, partners: Partners) -> None:
        order = given(world, world.delivered(partners), partners, 5_000)
        assert world.transfer(order).amount == 6_300
        order = returned(world, order, partners)
        assert (order.attention, order.remaining_minor) == ("refund_failed", 12_000)
        assert order.payment is not None
        assert order.payment.status == PaymentStatus.CAPTURED
        assert (order.refunds[0].status, order.is_refund_under_way) == (RefundState.FAILED, True)
        held = world.transfer(order)
        assert (held.status, held.amount) == (TransferStatus.HELD, 10_800)
        assert world.balances(order)["provider"] == 12_000
        assert world.balances(order)["sellers_pending"] == -10_800
        assert world.balances(order)["commission_deferred"] == -1_200

    def test_it_is_given_again_under_another_id(self, world: World, partners: Partners) -> None:
        order = returned(world, given(world, world.delivered(partners), partners, 5_000), partners)
        order = tried_again(world, order, partners)
        (again,) = order.refunds
        assert (again.status, again.tries, order.attention) == (RefundState.SUCCEEDED, 2, None)
        assert (order.remaining_minor, world.transfer(order).amount) == (7_000, 6_300)
        assert world.balances(order)["provider"] == 7_000

    def test_one_of_two_leaves_the_other(self, world: World, partners: Partners) -> None:
        order = given(world, world.delivered(partners), partners, 3_000)
        order = given(world, order, partners, 4_000)
        order = returned(world, order, partners)
        assert order.payment is not None
        assert (order.payment.status, order.remaining_minor) == (PaymentStatus.PARTIALLY_REFUNDED, 8_000)
        assert world.transfer(order).amount == 10_800 - 3_600

    def test_a_cancelled_order_stays_cancelled_and_the_buyer_gets_their_money(
        self, world: World, partners: Partners
    ) -> None:
        order = world.sold(partners)
        cancel_order(world.uow(principal=BRAND), order_id=order.id)
        order = world.run(order, partners)
        assert (order.status, world.transfer(order).status) == (OrderStatus.CANCELLED, TransferStatus.REVERSED)
        order = returned(world, order, partners)
        assert (order.status, order.remaining_minor) == (OrderStatus.CANCELLED, 12_000)
        assert (world.transfer(order).status, world.transfer(order).amount) == (TransferStatus.HELD, 10_800)
        order = tried_again(world, order, partners)
        assert (order.status, order.remaining_minor, order.due_at) == (
            OrderStatus.CANCELLED,
            0,
            order.payment_review_at,
        )
        assert world.transfer(order).status == TransferStatus.REVERSED
        assert {name for name, amount in world.balances(order).items() if amount} <= {"labels", "carriers"}


class TestAfterCompletion:
    @pytest.fixture
    def completed(self, world: World, partners: Partners) -> Order:
        return world.run(world.delivered(partners), partners, now=LATER)

    def test_what_was_taken_back_is_the_sellers_again(self, world: World, partners: Partners, completed: Order) -> None:
        order = given(world, completed, partners, now=LATER)
        assert (order.status, seller_of(world, order)) == (OrderStatus.REFUNDED, 0)
        order = returned(world, order, partners, now=LATER)
        assert (order.status, seller_of(world, order)) == (OrderStatus.REFUNDED, 10_800)
        assert world.balances(order)[f"seller:{order.seller_id}"] == -10_800
        order = tried_again(world, order, partners)
        assert (order.remaining_minor, seller_of(world, order)) == (0, 0)
        assert sum(world.balances(order).values()) == 0

    def test_a_dispute_lost_meanwhile_leaves_no_more_to_give_than_there_is(
        self, world: World, partners: Partners, completed: Order
    ) -> None:
        order = returned(world, given(world, completed, partners, 5_000, LATER), partners, now=LATER)
        lost = Dispute(provider_reference="dp_1", status=DisputeStatus.LOST, amount=9_000, reason_code="fraud")
        order = record_dispute(world.uow(now=LATER), order_id=order.id, dispute=lost)
        order = tried_again(world, order, partners)
        assert [refund.amount for refund in order.refunds] == [9_000, 3_000]
        assert (order.status, order.remaining_minor, seller_of(world, order)) == (OrderStatus.REFUNDED, 0, 0)


class TestReviewPayment:
    def test_what_is_given_still_changes_nothing(self, world: World, partners: Partners) -> None:
        order = given(world, world.delivered(partners), partners, 5_000)
        assert review(world, order, partners).version == order.version

    def test_said_again_changes_nothing(self, world: World, partners: Partners) -> None:
        order = returned(world, given(world, world.delivered(partners), partners, 5_000), partners)
        assert review(world, order, partners).version == order.version

    def test_an_answer_that_is_lost_is_asked_for_again(self, world: World, partners: Partners) -> None:
        order = given(world, world.delivered(partners), partners, 5_000)
        partners.payments.lose["list_refunds"] = 1
        with pytest.raises(Unavailable):
            returned(world, order, partners)
        assert review(world, order, partners).attention == "refund_failed"

    def test_another_tenant_has_none(self, world: World, other_world: World, partners: Partners) -> None:
        order = given(world, world.delivered(partners), partners, 5_000)
        with pytest.raises(OrderNotFound):
            review(other_world, order, partners)


class TestTold:
    def _handle(self, world: World, order: Order, partners: Partners, refund_id: str) -> InboundStatus:
        event = told(world, an_event(kind="refund.failed", order_id=order.id, failed_refund_id=refund_id))
        done = process_inbound(world.uow(), partners=partners, inbound_id=event.id)
        settle_inbound(world.uow(), inbound_id=event.id, settlement=done)
        return stored(world, event.id).status

    def test_by_a_webhook_it_is_looked_at(self, world: World, partners: Partners) -> None:
        order = given(world, world.delivered(partners), partners, 5_000)
        fails(partners, order.refunds[0].id)
        assert self._handle(world, order, partners, order.refunds[0].id) == InboundStatus.PROCESSED
        assert world.stored_order(order).attention == "refund_failed"

    def test_before_we_knew_that_it_was_given_it_has_failed(self, world: World) -> None:
        partners = Partners(Books(refund_state=RefundState.FAILED))
        order = world.delivered(partners)
        new = NewRefund(order_id=order.id, amount=5_000)
        begun = refund_order(world.uow(principal=BRAND), new=new)
        self._handle(world, order, partners, begun.refunds[0].id)
        known = world.stored_order(order)
        assert (known.refunds[0].status, known.attention) == (RefundState.FAILED, None)

    def test_of_one_that_is_not_ours_it_is_a_reason_to_look(self, world: World, partners: Partners) -> None:
        order = world.delivered(partners)
        assert self._handle(world, order, partners, "ref_" + "9" * 32) == InboundStatus.PROCESSED
        assert advance_order(world.uow(), partners=partners, order_id=order.id).version == order.version


class TestTwoThatFail:
    def test_are_given_again_one_after_the_other_and_told_of_until_both_are(
        self, world: World, partners: Partners
    ) -> None:
        order = given(world, given(world, world.delivered(partners), partners, 3_000), partners, 4_000)
        order = returned(world, order, partners, 0)
        order = returned(world, order, partners, 1)
        assert order.remaining_minor == 12_000
        assert order.due_at is not None
        order = world.advance(world.advance(order, partners, now=order.due_at), partners, now=order.due_at)
        assert (order.remaining_minor, order.attention) == (8_000, "refund_failed")
        order = tried_again(world, order, partners)
        assert (order.remaining_minor, order.attention, len(order.refunds)) == (5_000, None, 2)

"""What others did with a payment at the provider: adopted once, however it is learned."""

from datetime import datetime, timedelta

import pytest

from resale.application.operations.claims import open_claim, resolve_claim
from resale.application.operations.inbound import process_inbound, settle_inbound
from resale.application.operations.orders import (
    Acknowledgement,
    NewRefund,
    acknowledge_order,
    cancel_order,
    refund_order,
    review_payment,
)
from resale.domain.access import Principal
from resale.domain.claims import ClaimReason, NewClaim, Resolution, Verdict
from resale.domain.ids import SHIPMENT_ID
from resale.domain.inbound import InboundStatus
from resale.domain.issues import Issue
from resale.domain.order_steps import OrderStep, next_step
from resale.domain.orders import Order, OrderNotFound, OrderStatus, disputes_of
from resale.domain.payments import Dispute, DisputeStatus, PaymentStatus, RefundState
from resale.domain.reasons import ReasonCode
from resale.domain.shipments import Shipment
from resale.domain.transfers import TransferStatus
from resale.errors import Unavailable
from tests.operations.partners import Books, Partners
from tests.operations.test_inbound import an_event, stored, told
from tests.operations.world import BRAND, World
from tests.unit.builders import NOW

DAY = timedelta(days=1)
LATER = NOW + 4 * DAY
OPEN, WON, LOST, PREVENTED = DisputeStatus


@pytest.fixture
def partners() -> Partners:
    return Partners()


def review(world: World, order: Order, partners: Partners, now: datetime = NOW) -> Order:
    review_payment(world.uow(now=now), partners=partners, order_id=order.id)
    return world.stored_order(order)


def a_dispute(
    status: DisputeStatus, *, reference: str = "dp_1", amount: int = 12_000, currency: str = "GBP"
) -> Dispute:
    return Dispute(
        provider_reference=reference, status=status, amount=amount, currency=currency, reason_code="fraudulent"
    )


def live(world: World, order: Order, partners: Partners, *, until: datetime) -> Order:
    """Let time pass as the sweep has it: whatever is due is woken."""
    order = world.stored_order(order)
    while order.due_at is not None and order.due_at <= until:
        order = world.advance(order, partners, now=order.due_at)
    return order


def available(world: World, order: Order) -> int:
    account = world.seller_account(order)
    return 0 if account is None else account.available


class TestARefundFromTheDashboard:
    def test_of_all_ends_the_order_and_the_seller_earns_nothing(self, world: World, partners: Partners) -> None:
        order = world.delivered(partners)
        partners.payments.refund_in_dashboard(order, 12_000)
        order = review(world, order, partners)
        assert (order.status, order.remaining_minor) == (OrderStatus.REFUNDED, 0)
        assert order.issues == (Issue.REFUNDED_AT_PROVIDER,)
        (adopted,) = order.refunds
        assert (adopted.reason_code, adopted.provider_reference) == (ReasonCode.REFUNDED_AT_PROVIDER, "bk_dashboard")
        assert world.transfer(order).status == TransferStatus.REVERSED
        assert "provider" not in world.balances(order)
        order = world.run(order, partners, now=LATER)
        assert available(world, order) == 0

    def test_of_a_part_is_deducted_from_the_held_transfer(self, world: World, partners: Partners) -> None:
        order = world.delivered(partners)
        partners.payments.refund_in_dashboard(order, 2_000)
        order = review(world, order, partners)
        assert (order.status, order.remaining_minor) == (OrderStatus.DELIVERED, 10_000)
        assert world.transfer(order).amount == 9_000
        assert available(world, world.run(order, partners, now=LATER)) == 9_000

    def test_is_found_before_the_seller_is_credited_though_its_webhook_was_lost(
        self, world: World, partners: Partners
    ) -> None:
        order = world.delivered(partners)
        partners.payments.refund_in_dashboard(order, 12_000)
        order = world.run(order, partners, now=LATER)
        assert (order.status, available(world, order)) == (OrderStatus.REFUNDED, 0)

    def test_after_completion_is_found_by_a_poll_and_the_seller_owes_it(self, world: World, partners: Partners) -> None:
        order = world.run(world.delivered(partners), partners, now=LATER)
        assert available(world, order) == 10_800
        partners.payments.refund_in_dashboard(order, 12_000)
        order = live(world, order, partners, until=NOW + 60 * DAY)
        assert (order.status, available(world, order)) == (OrderStatus.REFUNDED, 0)

    def test_is_adopted_once(self, world: World, partners: Partners) -> None:
        order = world.delivered(partners)
        partners.payments.refund_in_dashboard(order, 2_000)
        first = review(world, order, partners)
        assert review(world, order, partners).version == first.version

    def test_makes_a_refund_of_ours_smaller_that_it_left_no_room_for(self, world: World, partners: Partners) -> None:
        order = world.sold(partners)
        partners.payments.refund_in_dashboard(order, 2_000)
        cancel_order(world.uow(principal=BRAND), order_id=order.id)
        order = world.run(order, partners)
        assert (order.status, order.remaining_minor) == (OrderStatus.CANCELLED, 0)
        assert sorted(refund.amount for refund in order.refunds) == [2_000, 10_000]
        assert Issue.REFUND_FAILED not in order.issues

    def test_of_all_replaces_the_refund_of_a_cancelled_order(self, world: World, partners: Partners) -> None:
        order = world.sold(partners)
        cancel_order(world.uow(principal=BRAND), order_id=order.id)
        partners.payments.refund_in_dashboard(order, 12_000)
        order = world.run(order, partners)
        assert (order.status, order.remaining_minor) == (OrderStatus.CANCELLED, 0)
        assert [refund.provider_reference for refund in order.refunds] == ["bk_dashboard"]

    def test_settles_a_refund_of_ours_that_fails(self, world: World) -> None:
        partners = Partners(Books(refund_state=RefundState.FAILED))
        order = world.delivered(partners)
        refund_order(world.uow(principal=BRAND), new=NewRefund(order_id=order.id, amount=3_000))
        order = world.advance(order, partners)
        assert order.failed_refund is not None
        partners.payments.refund_in_dashboard(order, 3_000)
        order = review(world, order, partners)
        assert (order.remaining_minor, order.is_refund_under_way) == (9_000, False)

    def test_of_a_part_leaves_the_claim_open(self, world: World, partners: Partners) -> None:
        order = world.delivered(partners)
        buyer = Principal(customer_id=order.buyer_id)
        claim = open_claim(
            world.uow(principal=buyer),
            order_id=order.id,
            new=NewClaim(reason=ClaimReason.NOT_AS_DESCRIBED, description="A sleeve is torn."),
        )
        partners.payments.refund_in_dashboard(order, 2_000)
        assert review(world, order, partners).status == OrderStatus.CLAIM_OPEN
        decision = Resolution(decision=Verdict.APPROVE_WITHOUT_RETURN)
        resolve_claim(world.uow(principal=BRAND), claim_id=claim.id, resolution=decision)
        order = world.run(order, partners)
        assert (order.status, order.remaining_minor) == (OrderStatus.REFUNDED, 0)

    def test_that_is_pending_holds_the_order_until_it_is_done(self, world: World, partners: Partners) -> None:
        order = world.delivered(partners)
        partners.payments.refund_in_dashboard(order, 12_000, state=RefundState.PENDING)
        order = world.run(order, partners, now=LATER)
        assert (order.status, order.has_foreign_refund_pending) == (OrderStatus.DELIVERED, True)
        partners.payments.refund_in_dashboard(order, 12_000, state=RefundState.FAILED)
        order = live(world, order, partners, until=LATER + 4 * DAY)
        assert (order.status, order.has_foreign_refund_pending) == (OrderStatus.COMPLETED, False)

    def test_that_comes_back_is_reversed_and_given_again(self, world: World, partners: Partners) -> None:
        order = world.delivered(partners)
        partners.payments.refund_in_dashboard(order, 12_000)
        order = review(world, order, partners)
        partners.payments.refund_in_dashboard(order, 12_000, state=RefundState.FAILED)
        order = live(world, order, partners, until=NOW + 3 * DAY)
        (again,) = order.refunds
        assert (again.status, again.tries, order.remaining_minor) == (RefundState.SUCCEEDED, 2, 0)

    @pytest.mark.parametrize(("amount", "currency"), [(12_001, "GBP"), (2_000, "EUR")])
    def test_whose_amount_does_not_fit_is_not_posted_and_holds_the_order(
        self, world: World, partners: Partners, amount: int, currency: str
    ) -> None:
        order = world.delivered(partners)
        partners.payments.refund_in_dashboard(order, amount, currency=currency)
        order = review(world, order, partners)
        assert (order.attention, order.refunds, order.remaining_minor) == ("amount_mismatch", (), 12_000)
        order = world.run(order, partners, now=LATER)
        assert (order.status, available(world, order)) == (OrderStatus.DELIVERED, 0)
        why = Acknowledgement(reason="settled_by_hand")
        acknowledge_order(world.uow(now=LATER, principal=BRAND), order_id=order.id, acknowledgement=why)
        order = world.run(order, partners, now=LATER)
        assert (order.status, order.attention) == (OrderStatus.COMPLETED, None)

    def test_that_did_not_fit_is_adopted_when_a_returned_refund_made_room(
        self, world: World, partners: Partners
    ) -> None:
        order, (attempt_id, refund_id) = self._mismatched_beside_a_refund(world, partners)
        partners.payments.refunds[refund_id] = (attempt_id, 2_000, RefundState.FAILED)
        order = live(world, order, partners, until=NOW + 3 * DAY)
        assert (order.status, order.remaining_minor, order.unposted) == (OrderStatus.REFUNDED, 0, ())
        assert [(one.amount, one.status) for one in order.refunds] == [(12_000, RefundState.SUCCEEDED)]
        assert Issue.AMOUNT_MISMATCH not in order.issues

    def test_that_did_not_fit_after_completion_leaves_nothing_frozen_when_it_is_adopted(
        self, world: World, partners: Partners
    ) -> None:
        order, (attempt_id, refund_id) = self._mismatched_beside_a_refund(world, partners, is_completed=True)
        partners.payments.refunds[refund_id] = (attempt_id, 2_000, RefundState.FAILED)
        order = live(world, order, partners, until=LATER + 9 * DAY)
        account = world.seller_account(order)
        assert account is not None
        assert (order.remaining_minor, account.frozen, account.available) == (0, 0, 0)

    def test_that_did_not_fit_and_was_settled_by_hand_stays_unposted(self, world: World, partners: Partners) -> None:
        order, (attempt_id, refund_id) = self._mismatched_beside_a_refund(world, partners)
        why = Acknowledgement(reason="settled_by_hand")
        acknowledge_order(world.uow(principal=BRAND), order_id=order.id, acknowledgement=why)
        partners.payments.refunds[refund_id] = (attempt_id, 2_000, RefundState.FAILED)
        order = review(world, review(world, order, partners), partners)
        assert (order.remaining_minor, [one.status for one in order.refunds]) == (12_000, [RefundState.FAILED])
        # Another mismatch does not reopen it.
        partners.payments.refund_in_dashboard(order, 13_000, reference="bk_another")
        order = review(world, review(world, order, partners), partners)
        assert (Issue.AMOUNT_MISMATCH in order.issues, order.remaining_minor) == (True, 12_000)

    @staticmethod
    def _mismatched_beside_a_refund(
        world: World, partners: Partners, *, is_completed: bool = False
    ) -> tuple[Order, tuple[str, str]]:
        """An order of 12,000 with a refund of 2,000, and one of all in the dashboard, which does not fit."""
        order, now = world.delivered(partners), NOW
        if is_completed:
            order, now = world.run(order, partners, now=LATER), LATER
            assert order.status == OrderStatus.COMPLETED
        refund_order(world.uow(principal=BRAND, now=now), new=NewRefund(order_id=order.id, amount=2_000))
        order = world.run(order, partners, now=now)
        refund_id = order.refunds[0].id
        attempt_id, _, _ = partners.payments.refunds[refund_id]
        partners.payments.refund_in_dashboard(order, 12_000)
        order = review(world, order, partners, now)
        assert (order.attention, order.remaining_minor) == ("amount_mismatch", 10_000)
        return order, (attempt_id, refund_id)

    def test_of_a_payment_that_is_not_captured_is_told_again(self, world: World, partners: Partners) -> None:
        order = world.order(world.shopper(), world.active(world.shopper()))
        world.advance(order, partners)
        with pytest.raises(Unavailable):
            review(world, order, partners)

    def test_of_another_tenant_is_not_found(self, world: World, other_world: World, partners: Partners) -> None:
        order = world.delivered(partners)
        with pytest.raises(OrderNotFound):
            review_payment(other_world.uow(), partners=partners, order_id=order.id)

    def test_is_looked_for_when_a_webhook_is_about_a_refund(self, world: World, partners: Partners) -> None:
        order = world.delivered(partners)
        partners.payments.refund_in_dashboard(order, 12_000)
        event = told(world, an_event(kind="refund.created", order_id=order.id, reviews_payment=True))
        done = process_inbound(world.uow(), partners=partners, inbound_id=event.id)
        settle_inbound(world.uow(), inbound_id=event.id, settlement=done)
        assert stored(world, event.id).status == InboundStatus.PROCESSED
        assert world.stored_order(order).status == OrderStatus.REFUNDED


class TestARefundThatCameBack:
    def test_is_found_by_a_poll_and_given_again(self, world: World, partners: Partners) -> None:
        order = world.delivered(partners)
        refund_order(world.uow(principal=BRAND), new=NewRefund(order_id=order.id))
        order = world.run(order, partners)
        attempt_id, amount, _ = partners.payments.refunds[order.refunds[0].id]
        partners.payments.refunds[order.refunds[0].id] = (attempt_id, amount, RefundState.FAILED)
        order = live(world, order, partners, until=NOW + 6 * DAY)
        assert [(refund.status, refund.tries) for refund in order.refunds] == [(RefundState.SUCCEEDED, 2)]
        assert partners.payments.refunded(attempt_id) == 12_000

    def test_is_looked_for_as_long_as_a_bank_can_return_it(self, world: World, partners: Partners) -> None:
        order = world.delivered(partners)
        cancelled_watch = refund_order(world.uow(principal=BRAND), new=NewRefund(order_id=order.id, amount=1_000))
        order = live(world, world.run(cancelled_watch, partners), partners, until=NOW + 29 * DAY)
        assert order.payment_review_at is not None
        assert partners.payments.calls["list_refunds"] < 12  # the interval grows


class TestADispute:
    def test_whose_end_was_not_told_ends_by_a_poll(self, world: World, partners: Partners) -> None:
        order = world.delivered(partners)
        partners.payments.dispute(order, a_dispute(OPEN))
        order = review(world, order, partners)
        assert (order.attention, order.is_disputed) == ("dispute_open", True)
        order = live(world, order, partners, until=NOW + 40 * DAY)
        assert (order.status, order.is_disputed) == (OrderStatus.DELIVERED, True)
        partners.payments.dispute(order, a_dispute(WON))
        order = live(world, order, partners, until=NOW + 44 * DAY)
        assert (order.status, order.attention, available(world, order)) == (OrderStatus.COMPLETED, None, 10_800)

    def test_lost_unheard_is_posted_by_a_poll(self, world: World, partners: Partners) -> None:
        order = world.delivered(partners)
        partners.payments.dispute(order, a_dispute(OPEN))
        review(world, order, partners)
        partners.payments.dispute(order, a_dispute(LOST))
        order = live(world, order, partners, until=NOW + 4 * DAY)
        assert (order.status, order.issues) == (OrderStatus.REFUNDED, (Issue.CHARGED_BACK,))
        assert "provider" not in world.balances(order)

    def test_opened_unheard_holds_the_order_at_its_completion(self, world: World, partners: Partners) -> None:
        order = world.delivered(partners)
        partners.payments.dispute(order, a_dispute(OPEN))
        order = world.run(order, partners, now=LATER)
        assert (order.status, order.attention) == (OrderStatus.DELIVERED, "dispute_open")

    def test_decided_is_watched_since_a_bank_may_change_its_mind(self, world: World, partners: Partners) -> None:
        order = world.delivered(partners)
        partners.payments.dispute(order, a_dispute(LOST))
        order = review(world, order, partners)
        partners.payments.dispute(order, a_dispute(WON))
        order = live(world, order, partners, until=NOW + 2 * DAY)
        assert order.dispute is not None
        assert (order.dispute.status, order.remaining_minor) == (WON, 12_000)

    def test_prevented_by_a_refund_of_the_provider_pays_the_buyer_only(self, world: World, partners: Partners) -> None:
        """Visa's Rapid Dispute Resolution: docs.stripe.com/disputes/get-started/prevention."""
        order = world.delivered(partners)
        partners.payments.refund_in_dashboard(order, 12_000)
        partners.payments.dispute(order, a_dispute(PREVENTED))
        order = world.run(review(world, order, partners), partners)
        assert (order.status, order.remaining_minor) == (OrderStatus.REFUNDED, 0)
        assert order.dispute is not None
        assert (order.dispute.status, order.is_disputed) == (PREVENTED, False)
        assert [refund.amount for refund in order.refunds] == [12_000]

    def test_one_of_several_that_is_open_holds_the_order(self, world: World, partners: Partners) -> None:
        order = world.delivered(partners)
        partners.payments.dispute(order, a_dispute(OPEN, reference="dp_1", amount=5_000))
        partners.payments.dispute(order, a_dispute(OPEN, reference="dp_2", amount=4_000))
        order = world.run(review(world, order, partners), partners)
        assert [one.provider_reference for one in order.disputes] == ["dp_1", "dp_2"]
        partners.payments.dispute(order, a_dispute(LOST, reference="dp_2", amount=4_000))
        order = review(world, order, partners)
        assert order.dispute is not None
        assert (order.dispute.provider_reference, order.is_disputed) == ("dp_1", True)
        partners.payments.dispute(order, a_dispute(LOST, reference="dp_1", amount=5_000))
        order = review(world, order, partners)
        assert (order.is_disputed, order.remaining_minor) == (False, 3_000)

    @pytest.mark.parametrize(("amount", "currency"), [(12_001, "GBP"), (12_000, "EUR")])
    def test_whose_amount_does_not_fit_is_not_posted(
        self, world: World, partners: Partners, amount: int, currency: str
    ) -> None:
        order = world.delivered(partners)
        partners.payments.dispute(order, a_dispute(LOST, amount=amount, currency=currency))
        order = review(world, order, partners)
        assert (order.attention, order.remaining_minor, order.refunds) == ("amount_mismatch", 12_000, ())
        assert review(world, order, partners).version == order.version
        assert world.run(order, partners, now=LATER).status == OrderStatus.DELIVERED


class TestAPartialCapture:
    def _captured(self, world: World, partners: Partners, part: int, currency: str = "GBP") -> Order:
        order = world.order(world.shopper(), world.active(world.shopper()))
        for _ in range(2):
            order = world.advance(order, partners)
        assert order.payment is not None
        partners.payments.capture_in_dashboard(order, part, currency=currency)
        return world.advance(order, partners)

    @pytest.mark.parametrize(("part", "currency"), [(100, "GBP"), (12_000, "EUR"), (13_000, "GBP")])
    def test_confirms_and_posts_nothing(self, world: World, partners: Partners, part: int, currency: str) -> None:
        order = self._captured(world, partners, part, currency)
        assert (order.status, order.attention) == (OrderStatus.PAYMENT_PENDING, "amount_mismatch")
        assert world.balances(order) == {}
        assert order.due_at is not None
        later = world.advance(order, partners, now=order.due_at)
        assert (later.status, later.attention) == (OrderStatus.PAYMENT_PENDING, "amount_mismatch")

    def test_is_refunded_when_staff_cancel_the_order(self, world: World, partners: Partners) -> None:
        order = self._captured(world, partners, 101)
        cancel_order(world.uow(principal=BRAND), order_id=order.id)
        order = world.run(order, partners)
        assert (order.status, order.attention) == (OrderStatus.CANCELLED, None)
        assert order.payment is not None
        assert (order.payment.status, order.payment.captured_minor) == (PaymentStatus.REFUNDED, 101)
        assert partners.payments.refunded(order.payment.id) == 101
        assert world.balances(order) == {}
        assert world.transfer(order).status == TransferStatus.REVERSED

    def test_of_a_cancelled_order_is_a_sale_that_is_taken_back(self, world: World, partners: Partners) -> None:
        order = self._captured(world, partners, 101)
        cancel_order(world.uow(principal=BRAND), order_id=order.id)
        order = world.advance(order, partners)
        assert (order.status, order.confirmed_at) == (OrderStatus.CANCELLING, NOW)
        assert order.shipment == Shipment(id=SHIPMENT_ID.sibling_of(order.id))
        assert world.last_change(order.id) == ("order.cancelling", order.cancel_reason)
        assert order.cancel_reason is not None

    def test_asks_the_buyer_for_nothing_any_more(self, world: World) -> None:
        partners = Partners(Books(ask_action=True))
        order = world.order(world.shopper(), world.active(world.shopper()))
        for _ in range(2):
            order = world.advance(order, partners)
        assert order.payment is not None
        assert order.payment.action_url is not None
        cancel_order(world.uow(principal=BRAND), order_id=order.id)
        partners.payments.capture_in_dashboard(order, 101)
        order = world.advance(order, partners)
        assert order.payment is not None
        assert (order.payment.captured_minor, order.payment.action_url) == (101, None)

    def test_is_not_mistaken_for_a_refund_of_the_rest(self, world: World, partners: Partners) -> None:
        order = self._captured(world, partners, 101)
        cancel_order(world.uow(principal=BRAND), order_id=order.id)
        order = live(world, world.run(order, partners), partners, until=NOW + 20 * DAY)
        assert (order.status, order.issues) == (OrderStatus.CANCELLED, ())

    def test_that_was_refunded_is_watched_for_disputes_as_long_as_any_payment(
        self, world: World, partners: Partners
    ) -> None:
        order = self._captured(world, partners, 101)
        cancel_order(world.uow(principal=BRAND), order_id=order.id)
        order = live(world, world.run(order, partners), partners, until=NOW + 60 * DAY)
        partners.payments.dispute(order, a_dispute(OPEN, amount=101))
        order = live(world, order, partners, until=NOW + 100 * DAY)
        assert [one.provider_reference for one in disputes_of(order)] == ["dp_1"]

    def test_that_becomes_a_full_one_confirms_the_order(self, world: World, partners: Partners) -> None:
        order = self._captured(world, partners, 100)
        partners.payments.capture_in_dashboard(order, 12_000)
        assert order.due_at is not None
        order = world.advance(order, partners, now=NOW + timedelta(minutes=1))
        assert (order.status, order.attention) == (OrderStatus.CONFIRMED, None)


class TestARefundOfAnotherAmount:
    def test_is_not_posted(self, world: World, partners: Partners) -> None:
        order = world.delivered(partners)
        refund_order(world.uow(principal=BRAND), new=NewRefund(order_id=order.id, amount=2_000))
        order = world.stored_order(order)
        assert order.payment is not None
        partners.payments.refunds[order.refunds[0].id] = (order.payment.id, 1_999, RefundState.SUCCEEDED)
        order = world.advance(order, partners)
        assert (order.attention, order.remaining_minor) == ("amount_mismatch", 12_000)
        assert next_step(order, now=NOW) == OrderStep.REFUND
        assert world.advance(order, partners).version == order.version

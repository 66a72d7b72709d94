"""Refunds: which are accepted, what they record, those that take unusually long, and many small ones."""

from datetime import datetime, timedelta

import msgspec
import pytest

from resale.application.operations.orders import NewRefund, RefundTooLarge, RefundUnderWay, record_dispute, refund_order
from resale.application.operations.orders.refunding import TooManyRefunds
from resale.domain.changes import ChangeType
from resale.domain.ids import TRANSFER_ID, RefundId
from resale.domain.issues import Issue, issues_of, raise_issue
from resale.domain.money import Money
from resale.domain.order_steps import update_order
from resale.domain.orders import MAX_REFUNDS, Order, OrderStatus, OrderTransitionRefused
from resale.domain.payments import Dispute, DisputeStatus, PaymentRequest, PaymentStatus, RefundOutcome, RefundState
from resale.domain.transfers import Transfer, TransferStatus
from tests.operations.partners import Books, Partners
from tests.operations.world import BRAND, World
from tests.unit.builders import NOW

DAY = timedelta(days=1)


class EmptyBooks(Books):
    """A provider at which the shop's balance is too low, until it is topped up."""

    is_empty = True

    def _outcome_of(self, outcome: RefundOutcome) -> RefundOutcome:
        return msgspec.structs.replace(outcome, waits_for_balance=self.is_empty)

    def refund(self, request: PaymentRequest, *, refund_id: RefundId, amount: Money) -> RefundOutcome:
        return self._outcome_of(super().refund(request, refund_id=refund_id, amount=amount))

    def find_refund(self, request: PaymentRequest, *, refund_id: RefundId) -> RefundOutcome | None:
        found = super().find_refund(request, refund_id=refund_id)
        return None if found is None else self._outcome_of(found)


def refunding(world: World, partners: Partners) -> Order:
    order = world.delivered(partners)
    return refund_order(world.uow(principal=BRAND), new=NewRefund(order_id=order.id))


def until(world: World, order: Order, partners: Partners, *, end: datetime) -> Order:
    """Wake an order whenever it is due."""
    order = world.advance(order, partners)
    while order.due_at is not None and order.due_at < end:
        order = world.advance(order, partners, now=order.due_at)
    return order


def refunded(
    world: World, order: Order, amount: int | None = None, *, now: datetime = NOW, reason: str = "torn"
) -> Order:
    new = NewRefund(order_id=order.id, amount=amount, reason=reason)
    return refund_order(world.uow(now=now, principal=BRAND), new=new)


class TestRefundOrder:
    def test_can_be_of_all_that_remains_and_names_it_when_asked_for_more(self, world: World) -> None:
        order = world.delivered(Partners())
        with pytest.raises(RefundTooLarge, match=r"^Only 12000 remains of the payment\.$") as refused:
            refunded(world, order, 12_001)
        (wrong,) = refused.value.errors
        assert (wrong.pointer, wrong.code) == ("/amount", "refund_too_large")
        assert refunded(world, order, 12_000).is_refund_under_way
        with pytest.raises(
            RefundUnderWay, match=r"^Another refund of this order is pending\. Retry when it has settled\.$"
        ):
            refunded(world, order, 1)

    def test_is_accepted_until_the_window_of_the_shop_ends(self, world: World) -> None:
        order = world.delivered(Partners())
        assert order.confirmed_at is not None
        end = order.confirmed_at + world.tenant.policies.refund_window_days * DAY
        with pytest.raises(OrderTransitionRefused):
            refunded(world, order, now=end)
        assert refunded(world, order, now=end - timedelta(seconds=1)).is_refund_under_way

    def test_is_refused_before_the_parcel_left_in_a_dispute_and_when_nothing_remains(self, world: World) -> None:
        partners = Partners()
        unsent, disputed, given = world.sold(partners), world.delivered(partners), world.delivered(partners)
        dispute = Dispute(provider_reference="dp_1", status=DisputeStatus.OPEN, amount=12_000, reason_code="fraudulent")
        record_dispute(world.uow(), order_id=disputed.id, dispute=dispute)
        refunded(world, given)
        world.run(given, partners)
        for order in (unsent, disputed, given):
            with pytest.raises(OrderTransitionRefused, match=f"^Order {order.id} has the status .* cannot be refunded"):
                refunded(world, order)

    def test_records_its_reason_with_each_change(self, world: World) -> None:
        partners = Partners(Books(refund_state=RefundState.FAILED))
        order = world.delivered(partners)
        refunded(world, order, 3_000)
        assert world.last_change(order.id) == ("order.refund_started", "torn")
        failed = world.advance(order, partners)
        assert failed.due_at is not None
        partners.payments.refund_state = RefundState.SUCCEEDED
        again = world.advance(order, partners, now=failed.due_at)
        assert world.last_change(order.id) == ("order.refund_started", "torn")
        assert [(one.amount, one.tries, one.status) for one in again.refunds] == [(3_000, 2, RefundState.PENDING)]
        done = world.advance(order, partners, now=failed.due_at)
        assert world.last_change(order.id) == ("order.refunded", "torn")
        assert done.payment is not None
        assert (done.payment.refunded_minor, done.payment.status) == (3_000, PaymentStatus.PARTIALLY_REFUNDED)
        assert issues_of(done) == ()

    @pytest.mark.parametrize("issue", [Issue.PARCEL_RETURNED, Issue.PARCEL_LOST, Issue.RETURN_AFTER_CLOSE])
    def test_of_all_solves_what_the_buyer_waits_for(self, world: World, issue: Issue) -> None:
        partners = Partners()
        order = world.delivered(partners)
        uow = world.uow()
        wronged = update_order(raise_issue(uow.orders.get(order.id), issue), now=NOW)
        uow.orders.save(wronged, change_type=ChangeType.ORDER_TRACKED)
        uow.commit()
        refunded(world, order, 2_000)
        assert issues_of(world.advance(order, partners)) == (issue,)
        refunded(world, order)
        assert issues_of(world.advance(order, partners)) == ()

    def test_after_the_completion_is_a_debt_of_the_seller(self, world: World) -> None:
        partners, late = Partners(), NOW + 4 * DAY
        order = world.run(world.delivered(partners), partners, now=late)
        refunded(world, order, 2_000, now=late)
        order = world.run(order, partners, now=late)
        clawback = world.uow().transfers.get(order.id, TRANSFER_ID.sibling_of(order.refunds[0].id))
        assert clawback == Transfer(
            id=clawback.id,
            version=1,
            livemode=order.livemode,
            status=TransferStatus.AVAILABLE,
            order_id=order.id,
            seller_id=order.seller_id,
            amount=-1_800,
            currency="GBP",
            reversed_from=world.transfer(order).id,
            available_at=late,
            created_at=late,
            updated_at=late,
        )


class TestPendingRefunds:
    def test_are_an_issue_after_the_shops_days(self, world: World) -> None:
        partners = Partners(Books(refund_state=RefundState.PENDING))
        order = refunding(world, partners)
        days = world.tenant.policies.refund_alert_days
        order = until(world, order, partners, end=NOW + days * DAY)
        assert order.attention is None
        order = until(world, order, partners, end=NOW + (days + 1) * DAY)
        assert (order.refunds[0].status, order.attention) == (RefundState.PENDING, "refund_pending")

    @pytest.mark.parametrize(("state", "attention"), [(RefundState.SUCCEEDED, None), (RefundState.FAILED, None)])
    def test_are_none_any_more_when_they_end(self, world: World, state: RefundState, attention: str | None) -> None:
        partners = Partners(Books(refund_state=RefundState.PENDING))
        order = until(world, refunding(world, partners), partners, end=NOW + 30 * DAY)
        assert order.attention == "refund_pending"
        refund = order.refunds[0]
        attempt_id, amount, _ = partners.payments.refunds[refund.id]
        partners.payments.refunds[refund.id] = (attempt_id, amount, state)
        order = world.advance(order, partners, now=NOW + 31 * DAY)
        assert (order.refunds[0].status, order.attention) == (state, attention)

    def test_that_wait_for_the_balance_are_an_issue_at_once(self, world: World) -> None:
        books = EmptyBooks(refund_state=RefundState.PENDING)
        partners = Partners(books)
        order = world.advance(refunding(world, partners), partners)
        assert order.attention == "balance_too_low"
        order = until(world, order, partners, end=NOW + 2 * DAY)
        assert order.attention == "balance_too_low"
        books.is_empty = False
        attempt_id, amount, _ = books.refunds[order.refunds[0].id]
        books.refunds[order.refunds[0].id] = (attempt_id, amount, RefundState.SUCCEEDED)
        order = world.advance(order, partners, now=NOW + 3 * DAY)
        assert (order.status, order.attention) == (OrderStatus.REFUNDED, None)


class TestManyRefunds:
    def test_are_given_up_to_a_limit_that_is_named(self, world: World) -> None:
        partners = Partners()
        order = world.delivered(partners)
        for _ in range(MAX_REFUNDS):
            refund_order(world.uow(principal=BRAND), new=NewRefund(order_id=order.id, amount=1))
            order = world.advance(order, partners)
        assert order.payment is not None
        assert order.payment.refunded_minor == MAX_REFUNDS
        with pytest.raises(TooManyRefunds, match=f"has {MAX_REFUNDS} refunds already"):
            refund_order(world.uow(principal=BRAND), new=NewRefund(order_id=order.id, amount=1))

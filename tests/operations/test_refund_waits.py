"""Refunds that take unusually long, or wait for the shop's balance: staff know in time. And many small ones."""

from datetime import datetime, timedelta

import msgspec
import pytest

from resale.application.operations.orders import NewRefund, refund_order
from resale.application.operations.orders.refunding import TooManyRefunds
from resale.domain.ids import RefundId
from resale.domain.money import Money
from resale.domain.orders import MAX_REFUNDS, Order, OrderStatus
from resale.domain.payments import PaymentRequest, RefundOutcome, RefundState
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

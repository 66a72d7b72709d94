"""When the provider is asked what became of a payment, and which of several disputes matters most."""

from datetime import timedelta
from typing import Any

import msgspec
import pytest

from resale.domain.disputes import forget_mismatch, set_dispute
from resale.domain.ids import PaymentId, RefundId
from resale.domain.issues import Issue, raise_issue
from resale.domain.order_steps import update_order
from resale.domain.orders import Order, OrderStatus, disputes_of
from resale.domain.payment_reviews import next_review_at
from resale.domain.payments import DisputeStatus, Payment, PaymentStatus, Refund, RefundParts, RefundState
from tests.unit.builders import NOW, an_order
from tests.unit.events import a_dispute

DAY = timedelta(days=1)
OPEN, WON, LOST, PREVENTED = DisputeStatus


def ended(*, watch_days: int = 120, **fields: Any) -> Order:
    until = NOW + watch_days * DAY if watch_days else None
    payment = Payment(
        id=PaymentId("pay_" + "7" * 32),
        status=PaymentStatus.CAPTURED,
        started_at=NOW,
        captured_minor=12_000,
        watched_until=until,
    )
    return an_order(**{"status": OrderStatus.COMPLETED, "payment": payment, "confirmed_at": NOW, **fields})


def a_refund(**fields: Any) -> Refund:
    parts = RefundParts(seller=900, commission=100, shipping=0, tax=0)
    values: dict[str, Any] = {
        "id": RefundId("ref_" + "6" * 32),
        "status": RefundState.SUCCEEDED,
        "amount": 1_000,
        "parts": parts,
        "reason_code": "goodwill",
        "started_at": NOW,
        "finished_at": NOW,
    }
    return Refund(**{**values, **fields})


def reviews(order: Order, *, days: int) -> list[int]:
    """The days on which the payment is reviewed, without news, from its first day on."""
    seen, now = list[int](), NOW
    while True:
        order = update_order(msgspec.structs.replace(order, payment_review_at=None), now=now)
        if order.payment_review_at is None or order.payment_review_at > NOW + days * DAY:
            return seen
        now = order.payment_review_at
        seen.append((now - NOW).days)


class TestNextReviewAt:
    def test_grows_with_the_age_of_the_payment(self) -> None:
        assert reviews(ended(), days=400) == [1, 2, 4, 8, 16, 32, 62, 92, 120]

    def test_is_none_where_the_shop_relies_on_webhooks(self) -> None:
        assert reviews(ended(watch_days=0), days=400) == []

    def test_goes_on_for_thirty_days_after_a_refund(self) -> None:
        order = ended(watch_days=0, status=OrderStatus.SHIPPED, refunds=(a_refund(),))
        assert reviews(order, days=400) == [1, 2, 4, 8, 16, 30]

    def test_does_not_follow_a_refund_that_failed(self) -> None:
        order = ended(watch_days=0, refunds=(a_refund(status=RefundState.FAILED),))
        assert next_review_at(order, now=NOW) is None

    def test_goes_on_without_end_while_a_dispute_is_open(self) -> None:
        order = set_dispute(ended(watch_days=0, status=OrderStatus.DELIVERED), a_dispute())
        days = reviews(order, days=200)
        assert days[:4] == [1, 2, 4, 7]
        assert days[-1] == 199

    @pytest.mark.parametrize("status", [WON, LOST, PREVENTED])
    def test_goes_on_for_ninety_days_after_a_decision(self, status: DisputeStatus) -> None:
        order = set_dispute(ended(watch_days=0), a_dispute(status=status, told_at=NOW))
        assert reviews(order, days=400)[-1] == 90

    def test_is_kept_by_other_changes_of_the_order(self) -> None:
        order = update_order(ended(), now=NOW)
        later = update_order(order, now=NOW + timedelta(hours=3))
        assert (later.payment_review_at, later.due_at) == (order.payment_review_at, order.payment_review_at)


class TestSetDispute:
    def _order(self, *statuses: DisputeStatus) -> Order:
        order = ended()
        for number, status in enumerate(statuses):
            order = set_dispute(order, a_dispute(provider_reference=f"dp_{number}", status=status))
        return order

    @pytest.mark.parametrize(
        ("statuses", "first"),
        [
            ((OPEN, LOST), "dp_0"),
            ((WON, LOST), "dp_1"),
            ((PREVENTED, WON), "dp_1"),
            ((LOST, LOST), "dp_1"),
            ((LOST, WON, OPEN), "dp_2"),
        ],
    )
    def test_shows_the_one_that_matters_most(self, statuses: tuple[DisputeStatus, ...], first: str) -> None:
        order = self._order(*statuses)
        assert order.dispute is not None
        assert order.dispute.provider_reference == first
        assert len(order.disputes) == len(statuses)

    def test_needs_action_as_long_as_one_is_open(self) -> None:
        order = self._order(OPEN, OPEN)
        order = set_dispute(order, a_dispute(provider_reference="dp_0", status=WON))
        assert (order.is_disputed, order.attention) == (True, Issue.DISPUTE_OPEN)
        order = set_dispute(order, a_dispute(provider_reference="dp_1", status=WON))
        assert (order.is_disputed, order.attention) == (False, None)

    def test_keeps_the_one_of_an_order_stored_before_there_could_be_several(self) -> None:
        old = msgspec.structs.replace(ended(), dispute=a_dispute())
        assert old.is_disputed
        order = set_dispute(old, a_dispute(provider_reference="dp_2", status=LOST))
        assert [one.provider_reference for one in disputes_of(order)] == ["dp_1", "dp_2"]


class TestForgetMismatch:
    def test_clears_the_issue_with_the_last_one(self) -> None:
        order = raise_issue(msgspec.structs.replace(ended(), unposted=("re_1", "re_2")), Issue.AMOUNT_MISMATCH)
        order = forget_mismatch(order, reference="re_1")
        assert (order.unposted, order.attention) == (("re_2",), Issue.AMOUNT_MISMATCH)
        order = forget_mismatch(order, reference="re_2")
        assert (order.unposted, order.attention) == ((), None)
        assert forget_mismatch(order, reference="re_2") == order

"""What Stripe knows of a payment, whoever did it: its captured amount, all its refunds, all its disputes."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from resale.adapters.payments.stripe import StripePayments
from resale.domain.money import Money
from resale.domain.payments import DisputeStatus, PaymentRequest, ProviderRefund, RefundState
from tests.adapters.stripe_connecting import PART, PRICE, attempt, connect, new_refund
from tests.adapters.stripe_double import StripeDouble
from tests.adapters.stripe_world import Json, sample


@pytest.fixture
def double() -> Iterator[StripeDouble]:
    with StripeDouble() as running:
        yield running


@pytest.fixture
def stripe(double: StripeDouble) -> StripePayments:
    return connect(double.url)


@pytest.fixture
def request_(stripe: StripePayments) -> PaymentRequest:
    """A captured attempt, as an order knows it afterwards."""
    request = attempt()
    reference = stripe.authorise(request).provider_reference
    stripe.capture(request)
    return msgspec.structs.replace(request, provider_reference=reference)


def disputed(double: StripeDouble, request: PaymentRequest, **fields: Any) -> Json:
    values = {"id": "du_1", "payment_intent": request.provider_reference, "amount": 12_000, "status": "needs_response"}
    dispute = sample("dispute", **{**values, **fields})
    double.world.disputes[dispute["id"]] = dispute
    return dispute


class TestFindPayment:
    def test_reports_what_was_captured(self, stripe: StripePayments, request_: PaymentRequest) -> None:
        outcome = stripe.find_payment(request_)
        assert outcome is not None
        assert outcome.captured == PRICE

    def test_reports_a_part_that_was_captured_in_the_dashboard(
        self, stripe: StripePayments, double: StripeDouble, request_: PaymentRequest
    ) -> None:
        (intent,) = double.world.intents.values()
        intent["amount_received"] = 100
        outcome = stripe.find_payment(request_)
        assert outcome is not None
        assert outcome.captured == Money(amount=100, currency="GBP")


class TestListRefunds:
    def test_tells_ours_from_those_of_the_dashboard(
        self, stripe: StripePayments, double: StripeDouble, request_: PaymentRequest
    ) -> None:
        refund_id = new_refund()
        made = stripe.refund(request_, refund_id=refund_id, amount=PART)
        by_hand = sample("refund", id="re_hand", payment_intent=request_.provider_reference, amount=500, metadata={})
        double.world.refunds["re_hand"] = by_hand
        other = sample("refund", id="re_other", payment_intent="pi_other", amount=1, metadata={})
        double.world.refunds["re_other"] = other
        assert made.amount == PART
        assert stripe.list_refunds(request_) == (
            ProviderRefund(
                provider_reference=made.provider_reference,
                refund_id=refund_id,
                state=RefundState.SUCCEEDED,
                amount=PART,
            ),
            ProviderRefund(
                provider_reference="re_hand", state=RefundState.SUCCEEDED, amount=Money(amount=500, currency="GBP")
            ),
        )

    def test_reports_why_one_failed(
        self, stripe: StripePayments, double: StripeDouble, request_: PaymentRequest
    ) -> None:
        failed = sample(
            "refund",
            payment_intent=request_.provider_reference,
            amount=500,
            status="failed",
            failure_reason="lost_or_stolen_card",
        )
        double.world.refunds["re_0"] = failed
        (listed,) = stripe.list_refunds(request_)
        assert (listed.state, listed.reason_code) == (RefundState.FAILED, "lost_or_stolen_card")


class TestListDisputes:
    def test_lists_them_in_their_present_state_the_oldest_first(
        self, stripe: StripePayments, double: StripeDouble, request_: PaymentRequest
    ) -> None:
        disputed(double, request_, id="du_2", created=1761955300, status="lost", amount=2_000)
        disputed(double, request_, created=1761955200)
        first, second = stripe.list_disputes(request_)
        assert (first.provider_reference, first.status, first.amount) == ("du_1", DisputeStatus.OPEN, 12_000)
        assert (first.currency, first.reason_code) == ("GBP", "product_not_received")
        assert first.evidence_due_by == datetime(2025, 11, 10, 23, 59, 59, tzinfo=UTC)
        assert (second.provider_reference, second.status) == ("du_2", DisputeStatus.LOST)

    def test_leaves_out_a_question_of_the_bank(
        self, stripe: StripePayments, double: StripeDouble, request_: PaymentRequest
    ) -> None:
        disputed(double, request_, status="warning_needs_response")
        assert stripe.list_disputes(request_) == ()

    @pytest.mark.parametrize(("amounts", "status"), [((), DisputeStatus.PREVENTED), ((-12_000,), DisputeStatus.LOST)])
    def test_a_prevented_one_counts_as_lost_where_its_amount_was_withdrawn(
        self,
        stripe: StripePayments,
        double: StripeDouble,
        request_: PaymentRequest,
        amounts: tuple[int, ...],
        status: DisputeStatus,
    ) -> None:
        moved = [{"id": "txn_1", "object": "balance_transaction", "amount": amount} for amount in amounts]
        disputed(double, request_, status="prevented", balance_transactions=moved)
        (listed,) = stripe.list_disputes(request_)
        assert listed.status == status

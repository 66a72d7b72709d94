"""Stripe's own mock server holds our requests against Stripe's OpenAPI description, and answers with its shapes."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import msgspec
import pytest
import urllib3

from resale.adapters.payments.stripe import StripePayments
from resale.domain.ids import PaymentId
from resale.domain.payments import PaymentOutcome, PaymentState, RefundOutcome
from resale.domain.payouts import PayoutOutcome
from tests.adapters.stripe_connecting import PART, attempt, connect, new_id, new_refund, payout
from tests.adapters.stripe_double import StripeDouble

pytestmark = [pytest.mark.proof, pytest.mark.timeout(1800)]

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
KNOWN = msgspec.structs.replace(attempt(), provider_reference="pi_made_up")

ANSWERED: dict[str, tuple[Callable[[StripePayments], object], type]] = {
    "authorise": (lambda stripe: stripe.authorise(attempt()), PaymentOutcome),
    "find_payment": (lambda stripe: stripe.find_payment(KNOWN), PaymentOutcome),
    "capture": (lambda stripe: stripe.capture(KNOWN), PaymentOutcome),
    "void": (lambda stripe: stripe.void(KNOWN), PaymentOutcome),
    "refund": (lambda stripe: stripe.refund(KNOWN, refund_id=new_refund(), amount=PART), RefundOutcome),
    "pay_out": (lambda stripe: stripe.pay_out(payout()), PayoutOutcome),
}


@pytest.mark.parametrize(("ask", "kind"), ANSWERED.values(), ids=ANSWERED)
def test_its_answers_can_be_read(stripe_mock: str, ask: Callable[[StripePayments], object], kind: type[object]) -> None:
    assert isinstance(ask(connect(stripe_mock)), kind)


def test_its_books_can_be_read_and_hold_nothing_of_ours(stripe_mock: str) -> None:
    assert not list(connect(stripe_mock).iter_transactions(since=LONG_AGO))


class TestRequests:
    """Each journey is made at our own double, which passes every request by Stripe's mock."""

    @pytest.fixture
    def double(self, stripe_mock: str) -> Iterator[StripeDouble]:
        with StripeDouble(checked_by=stripe_mock) as running:
            yield running
            assert running.complaints == []
            assert running.calls

    @pytest.fixture
    def stripe(self, double: StripeDouble) -> StripePayments:
        return connect(double.url, return_url="https://shop.example/back")

    def test_of_a_sale_and_its_refund(self, stripe: StripePayments) -> None:
        request, refund_id = attempt(), new_refund()
        stripe.authorise(request)
        stripe.capture(request)
        stripe.refund(request, refund_id=refund_id, amount=PART)
        assert stripe.find_refund(request, refund_id=refund_id) is not None
        assert len(list(stripe.iter_transactions(since=LONG_AGO))) == 2

    def test_of_a_review_of_a_payment(self, stripe: StripePayments) -> None:
        request = attempt()
        stripe.authorise(request)
        stripe.capture(request)
        stripe.refund(request, refund_id=new_refund(), amount=PART)
        assert [refund.amount for refund in stripe.list_refunds(request)] == [PART]
        assert stripe.list_disputes(request) == ()

    @pytest.mark.parametrize("token", ["pm_card_chargeDeclined", "pm_card_threeDSecure2Required", "pm_of_nobody"])
    def test_of_a_payment_that_is_given_up(self, stripe: StripePayments, token: str) -> None:
        request = attempt(token)
        stripe.authorise(request)
        assert stripe.void(request).state in {PaymentState.VOIDED, PaymentState.DECLINED}

    def test_of_a_search_for_an_old_attempt(self, stripe: StripePayments) -> None:
        old = msgspec.structs.replace(attempt(), attempt_id=PaymentId(new_id("pay", age_seconds=24 * 3600)))
        assert stripe.find_payment(old) is None

    @pytest.mark.parametrize("destination", ["acct_good", "acct_closed"])
    def test_of_a_payout_and_its_way_back(self, stripe: StripePayments, destination: str) -> None:
        request = payout(destination)
        reference = stripe.pay_out(request).provider_reference
        assert stripe.find_payout(request) is not None
        stripe.find_payout(msgspec.structs.replace(request, provider_reference=reference))


def test_it_does_complain(stripe_mock: str) -> None:
    """Or the journeys above would prove nothing."""
    with StripeDouble(checked_by=stripe_mock) as double:
        urllib3.request("POST", f"{double.url}/v1/refunds?", body=b"surprise=1")
    (complaint,) = double.complaints
    assert "additional properties are not allowed" in complaint

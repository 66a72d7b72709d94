"""The Stripe adapter against a small Stripe of our own: authorise, look up, capture, void, refund."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import msgspec
import pytest

from resale.adapters.payments.failures import PartnerRequestError
from resale.adapters.payments.stripe import StripePayments
from resale.application.ports import PaymentProvider
from resale.domain.ids import PaymentId
from resale.domain.money import Money
from resale.domain.partners import PartnerNotReady, PartnerUnavailable
from resale.domain.payments import PaymentRequest, PaymentState, RefundState
from tests.adapters.stripe_connecting import PART, PRICE, attempt, connect, new_id, new_refund
from tests.adapters.stripe_double import StripeDouble
from tests.adapters.stripe_world import Json, sample

A_DAY = 24 * 3600
CONFIRM = r"/v1/payment_intents/\w+/confirm"
CANCEL = r"/v1/payment_intents/\w+/cancel"
CAPTURE = r"/v1/payment_intents/\w+/capture"


@pytest.fixture
def double() -> Iterator[StripeDouble]:
    with StripeDouble() as running:
        yield running


@pytest.fixture
def stripe(double: StripeDouble) -> StripePayments:
    return connect(double.url)


def the_intent(double: StripeDouble) -> Json:
    (intent,) = double.world.intents.values()
    return intent


def captured(stripe: StripePayments) -> PaymentRequest:
    """A captured attempt, as an order knows it afterwards."""
    request = attempt()
    reference = stripe.authorise(request).provider_reference
    assert stripe.capture(request).state == PaymentState.CAPTURED
    return msgspec.structs.replace(request, provider_reference=reference)


def found(stripe: StripePayments, request: PaymentRequest) -> PaymentState | None:
    outcome = stripe.find_payment(request)
    return None if outcome is None else outcome.state


class TestAuthorise:
    def test_sets_the_money_aside_once_however_often_it_is_asked(
        self, stripe: StripePayments, double: StripeDouble
    ) -> None:
        request = attempt()
        outcomes = [stripe.authorise(request) for _ in range(3)]
        intent = the_intent(double)
        assert {(one.state, one.provider_reference) for one in outcomes} == {(PaymentState.AUTHORIZED, intent["id"])}
        assert double.count("POST", CONFIRM) == 1
        assert (intent["amount"], intent["currency"], intent["capture_method"]) == (12_000, "gbp", "manual")
        assert intent["metadata"] == {"order_id": request.order_id, "attempt_id": request.attempt_id}

    def test_a_refused_card_is_declined_with_the_issuers_reason_and_stays_so(
        self, stripe: StripePayments, double: StripeDouble
    ) -> None:
        request = attempt("pm_card_chargeDeclined")
        for _ in range(2):
            outcome = stripe.authorise(request)
            assert (outcome.state, outcome.reason_code) == (PaymentState.DECLINED, "insufficient_funds")
            assert outcome.message == sample("error_card_declined")["error"]["message"]
        assert stripe.find_payment(request) == outcome
        assert stripe.void(request) == outcome
        assert double.count("POST", CONFIRM) == 1

    def test_a_token_that_is_nobodys_is_declined(self, stripe: StripePayments, double: StripeDouble) -> None:
        outcome = stripe.authorise(attempt("pm_of_another_shop"))
        assert (outcome.state, outcome.reason_code) == (PaymentState.DECLINED, "invalid_token")
        assert the_intent(double)["status"] == "canceled"

    def test_a_declined_intent_is_cancelled_so_that_nobody_confirms_it_with_another_card(
        self, stripe: StripePayments, double: StripeDouble
    ) -> None:
        request = attempt("pm_card_chargeDeclined")
        double.lose_answer(CANCEL)
        with pytest.raises(PartnerUnavailable):
            stripe.authorise(request)
        assert the_intent(double)["status"] == "canceled"
        assert found(stripe, request) == PaymentState.DECLINED
        assert double.count("POST", CANCEL) == 1

    def test_a_buyer_who_fails_to_authenticate_is_declined_and_the_intent_is_cancelled(
        self, double: StripeDouble
    ) -> None:
        stripe = connect(double.url, return_url="https://shop.example/back")
        request = attempt("pm_card_threeDSecure2Required")
        stripe.authorise(request)
        error = {"type": "card_error", "code": "payment_intent_authentication_failure"}
        the_intent(double).update(status="requires_payment_method", last_payment_error=error)
        outcome = stripe.find_payment(request)
        assert outcome is not None
        assert (outcome.state, outcome.reason_code) == (PaymentState.DECLINED, "payment_intent_authentication_failure")
        assert the_intent(double)["status"] == "canceled"

    def test_a_declined_intent_that_the_buyer_paid_meanwhile_is_authorised(
        self, stripe: StripePayments, double: StripeDouble
    ) -> None:
        def pay() -> None:
            the_intent(double).update(status="succeeded", amount_received=12_000, last_payment_error=None)

        double.before(CANCEL, pay)
        assert stripe.authorise(attempt("pm_card_chargeDeclined")).state == PaymentState.CAPTURED

    def test_what_is_sent_under_a_key_never_changes(self, stripe: StripePayments, double: StripeDouble) -> None:
        """Stripe refuses other parameters under a known key, for a day: new ones need a new ``request_version``."""
        request = msgspec.structs.replace(attempt(), request_version=1)
        stripe.authorise(request)
        (made, *_) = [call for call in double.calls if call.key == request.attempt_id]
        assert made.params == {
            "amount": "12000",
            "currency": "gbp",
            "capture_method": "manual",
            "allowed_payment_method_types[0]": "card",
            "metadata[order_id]": request.order_id,
            "metadata[attempt_id]": request.attempt_id,
            "transfer_group": request.order_id,
        }

    def test_an_attempt_made_with_other_parameters_is_found_by_its_id(
        self, stripe: StripePayments, double: StripeDouble
    ) -> None:
        request = attempt()
        other = msgspec.structs.replace(request, order_id=attempt().order_id)
        assert stripe.authorise(other).state == PaymentState.AUTHORIZED  # as an earlier release asked
        assert found(stripe, request) == PaymentState.AUTHORIZED
        assert len(double.world.intents) == 1

    def test_one_that_is_not_searchable_yet_is_not_ready_and_no_bug(
        self, stripe: StripePayments, double: StripeDouble
    ) -> None:
        request = attempt()
        stripe.find_payment(msgspec.structs.replace(request, order_id=attempt().order_id))
        double.world.intents.clear()
        with pytest.raises(PartnerNotReady):
            stripe.find_payment(request)

    def test_sends_the_buyer_to_the_bank_and_looks_later(self, double: StripeDouble) -> None:
        stripe, request = (
            connect(double.url, return_url="https://shop.example/back"),
            attempt("pm_card_threeDSecure2Required"),
        )
        outcome = stripe.authorise(request)
        assert outcome.state == PaymentState.REQUIRES_ACTION
        assert outcome.action_url == "https://hooks.stripe.com/made-up"
        the_intent(double).update(status="requires_capture")
        assert found(stripe, request) == PaymentState.AUTHORIZED

    @pytest.mark.parametrize(
        ("of_the_order", "of_the_connection", "expected"),
        [
            ("https://shop.example/o?order_id=1", "https://shop.example/back", "https://shop.example/o?order_id=1"),
            ("https://shop.example/o?order_id=1", None, "https://shop.example/o?order_id=1"),
            (None, "https://shop.example/back?a=1", "https://shop.example/back?a=1&order_id={}"),
        ],
    )
    def test_the_bank_sends_the_buyer_to_the_orders_page_or_the_connections(
        self, double: StripeDouble, of_the_order: str | None, of_the_connection: str | None, expected: str
    ) -> None:
        request = msgspec.structs.replace(attempt("pm_card_threeDSecure2Required"), return_url=of_the_order)
        connect(double.url, return_url=of_the_connection).authorise(request)
        redirect = the_intent(double)["next_action"]["redirect_to_url"]
        assert redirect["return_url"] == expected.format(request.order_id)

    def test_without_a_way_back_there_is_no_address_to_go_to(self, stripe: StripePayments) -> None:
        outcome = stripe.authorise(attempt("pm_card_threeDSecure2Required"))
        assert (outcome.state, outcome.action_url) == (PaymentState.REQUIRES_ACTION, None)

    @pytest.mark.parametrize("path", ["/v1/payment_intents", CONFIRM])
    def test_a_lost_answer_is_unknown_and_can_be_asked_for(
        self, stripe: StripePayments, double: StripeDouble, path: str
    ) -> None:
        request = attempt()
        double.lose_answer(path)
        with pytest.raises(PartnerUnavailable):
            stripe.authorise(request)
        assert found(stripe, request) == (PaymentState.AUTHORIZED if path == CONFIRM else None)
        assert stripe.authorise(request).state == PaymentState.AUTHORIZED
        assert len(double.world.intents) == 1

    def test_what_is_still_in_process_is_unknown(self, stripe: StripePayments) -> None:
        request = attempt("pm_slow")
        with pytest.raises(PartnerUnavailable):
            stripe.authorise(request)
        with pytest.raises(PartnerUnavailable):
            stripe.find_payment(request)

    def test_many_at_once_confirm_once(self, stripe: StripePayments, double: StripeDouble) -> None:
        request = attempt()
        with ThreadPoolExecutor(4) as pool:
            states = {outcome.state for outcome in pool.map(lambda _: stripe.authorise(request), range(4))}
        assert states == {PaymentState.AUTHORIZED}
        assert len(double.world.intents) == 1

    def test_an_attempt_used_for_another_payment_is_a_bug(self, stripe: StripePayments) -> None:
        request = attempt()
        stripe.authorise(request)
        with pytest.raises(PartnerRequestError):
            stripe.authorise(msgspec.structs.replace(request, amount=PART))

    @pytest.mark.parametrize("amount", [Money(amount=1, currency="GBP"), Money(amount=1_001, currency="KWD")])
    def test_an_amount_stripe_does_not_take_is_declined_by_every_name(
        self, stripe: StripePayments, amount: Money
    ) -> None:
        request = attempt(amount=amount)
        outcome = stripe.authorise(request)
        assert outcome.state == PaymentState.DECLINED
        assert outcome.reason_code in {"amount_too_small", "amount_not_supported"}
        later = msgspec.structs.replace(request, provider_reference=outcome.provider_reference)
        assert stripe.find_payment(later) == stripe.void(later) == stripe.capture(later) == outcome


class TestLookingUp:
    def test_an_attempt_never_made_is_none_and_moves_nothing(
        self, stripe: StripePayments, double: StripeDouble
    ) -> None:
        assert stripe.find_payment(attempt()) is None
        assert double.count("POST", CONFIRM) == 0

    def test_by_its_reference_it_is_one_call(self, stripe: StripePayments, double: StripeDouble) -> None:
        request = captured(stripe)
        double.calls.clear()
        assert found(stripe, request) == PaymentState.CAPTURED
        assert len(double.calls) == 1

    def test_an_old_attempt_is_searched_for_when_its_key_is_forgotten(
        self, stripe: StripePayments, double: StripeDouble
    ) -> None:
        old = msgspec.structs.replace(attempt(), attempt_id=PaymentId(new_id("pay", age_seconds=A_DAY)))
        stripe.authorise(attempt())
        the_intent(double)["metadata"]["attempt_id"] = old.attempt_id
        double.forget_keys()
        assert found(stripe, old) == PaymentState.AUTHORIZED
        assert stripe.capture(old).state == PaymentState.CAPTURED
        assert len(double.world.intents) == 1

    def test_an_old_attempt_never_made_takes_nothing_any_more(
        self, stripe: StripePayments, double: StripeDouble
    ) -> None:
        old = msgspec.structs.replace(attempt(), attempt_id=PaymentId(new_id("pay", age_seconds=A_DAY)))
        assert stripe.find_payment(old) is None
        for act in (stripe.authorise, stripe.capture, stripe.void):
            assert act(old).state == PaymentState.VOIDED
        assert not double.world.intents


class TestCapture:
    def test_takes_the_money_once(self, stripe: StripePayments, double: StripeDouble) -> None:
        request = captured(stripe)
        assert stripe.capture(request).state == PaymentState.CAPTURED
        assert double.count("POST", CAPTURE) == 1

    def test_a_lost_answer_is_unknown_and_can_be_asked_for(self, stripe: StripePayments, double: StripeDouble) -> None:
        request = attempt()
        stripe.authorise(request)
        double.lose_answer(CAPTURE)
        with pytest.raises(PartnerUnavailable):
            stripe.capture(request)
        assert found(stripe, request) == PaymentState.CAPTURED

    def test_can_be_declined_by_the_bank(self, stripe: StripePayments, double: StripeDouble) -> None:
        request = attempt()
        stripe.authorise(request)
        double.refuse(CAPTURE, 402, {"type": "card_error", "code": "card_declined"})
        outcome = stripe.capture(request)
        assert (outcome.state, outcome.reason_code) == (PaymentState.DECLINED, "card_declined")
        assert the_intent(double)["status"] == "canceled"

    def test_finds_out_when_the_money_is_set_aside_no_longer(
        self, stripe: StripePayments, double: StripeDouble
    ) -> None:
        request = attempt()
        stripe.authorise(request)
        intent = the_intent(double)
        double.before(CAPTURE, lambda: intent.update(status="canceled", cancellation_reason="automatic"))
        outcome = stripe.capture(request)
        assert (outcome.state, outcome.reason_code) == (PaymentState.VOIDED, "automatic")

    def test_gives_up_what_was_never_authorised(self, stripe: StripePayments) -> None:
        request = attempt()
        assert stripe.capture(request).state == PaymentState.VOIDED
        assert stripe.authorise(request).state == PaymentState.VOIDED


class TestVoid:
    @pytest.mark.parametrize("token", ["pm_card_visa", "pm_card_threeDSecure2Required"])
    def test_gives_up_what_was_set_aside(self, stripe: StripePayments, double: StripeDouble, token: str) -> None:
        request = attempt(token)
        stripe.authorise(request)
        for _ in range(2):
            assert stripe.void(request).state == PaymentState.VOIDED
        assert stripe.capture(request).state == PaymentState.VOIDED
        assert the_intent(double)["cancellation_reason"] == "abandoned"

    def test_closes_an_attempt_never_made_so_that_a_late_one_takes_nothing(
        self, stripe: StripePayments, double: StripeDouble
    ) -> None:
        request = attempt()
        assert stripe.void(request).state == PaymentState.VOIDED
        assert stripe.authorise(request).state == PaymentState.VOIDED
        assert double.count("POST", CONFIRM) == 0

    def test_is_too_late_once_captured(self, stripe: StripePayments) -> None:
        assert stripe.void(captured(stripe)).state == PaymentState.CAPTURED

    def test_is_too_late_when_it_was_captured_a_moment_ago(self, stripe: StripePayments, double: StripeDouble) -> None:
        request = attempt()
        stripe.authorise(request)
        intent = the_intent(double)
        double.before(r"/v1/payment_intents/\w+/cancel", lambda: intent.update(status="succeeded"))
        assert stripe.void(request).state == PaymentState.CAPTURED


class TestRefund:
    def test_gives_part_back_once_even_when_the_key_is_forgotten(
        self, stripe: StripePayments, double: StripeDouble
    ) -> None:
        request, refund_id = captured(stripe), new_refund()
        assert stripe.find_refund(request, refund_id=refund_id) is None
        first = stripe.refund(request, refund_id=refund_id, amount=PART)
        double.forget_keys()
        assert stripe.refund(request, refund_id=refund_id, amount=PART) == first
        assert stripe.find_refund(request, refund_id=refund_id) == first
        (refund,) = double.world.refunds.values()
        assert (first.state, refund["amount"]) == (RefundState.SUCCEEDED, 2_000)
        assert refund["metadata"] == {
            "order_id": request.order_id,
            "attempt_id": request.attempt_id,
            "refund_id": refund_id,
        }

    def test_a_lost_answer_is_unknown_and_can_be_asked_for(self, stripe: StripePayments, double: StripeDouble) -> None:
        request, refund_id = captured(stripe), new_refund()
        double.lose_answer("/v1/refunds")  # of the look-up
        double.before("/v1/refunds", lambda: None)
        double.lose_answer("/v1/refunds")  # of the refund itself
        for _ in range(2):
            with pytest.raises(PartnerUnavailable):
                stripe.refund(request, refund_id=refund_id, amount=PART)
        outcome = stripe.find_refund(request, refund_id=refund_id)
        assert outcome is not None
        assert outcome.state == RefundState.SUCCEEDED
        assert len(double.world.refunds) == 1

    @pytest.mark.parametrize(
        ("status", "state", "reason"),
        [
            ("pending", RefundState.PENDING, None),
            ("requires_action", RefundState.PENDING, None),
            ("unheard_of", RefundState.PENDING, None),
            ("failed", RefundState.FAILED, "lost_or_stolen_card"),
            ("canceled", RefundState.FAILED, "lost_or_stolen_card"),
        ],
    )
    def test_says_where_it_is(
        self, stripe: StripePayments, double: StripeDouble, status: str, state: RefundState, reason: str | None
    ) -> None:
        request, refund_id = captured(stripe), new_refund()
        stripe.refund(request, refund_id=refund_id, amount=PART)
        (refund,) = double.world.refunds.values()
        refund.update(status=status, failure_reason="lost_or_stolen_card")
        outcome = stripe.find_refund(request, refund_id=refund_id)
        assert outcome is not None
        assert (outcome.state, outcome.reason_code) == (state, reason)

    def test_what_cannot_be_given_back_has_failed(self, stripe: StripePayments) -> None:
        request = captured(stripe)
        too_much = stripe.refund(request, refund_id=new_refund(), amount=Money(amount=12_001, currency="GBP"))
        assert (too_much.state, too_much.reason_code) == (RefundState.FAILED, "amount_too_large")
        stripe.refund(request, refund_id=new_refund(), amount=PRICE)
        again = stripe.refund(request, refund_id=new_refund(), amount=PART)
        assert (again.state, again.reason_code) == (RefundState.FAILED, "charge_already_refunded")

    def test_waits_when_the_platforms_own_balance_is_too_low(
        self, stripe: StripePayments, double: StripeDouble
    ) -> None:
        request = captured(stripe)
        double.before("/v1/refunds", lambda: None)
        double.refuse("/v1/refunds", 400, {"type": "invalid_request_error", "code": "balance_insufficient"})
        with pytest.raises(PartnerUnavailable) as caught:
            stripe.refund(request, refund_id=new_refund(), amount=PART)
        assert caught.value.retry_after_seconds == 3600

    def test_is_found_by_the_attempt_when_the_reference_was_lost(self, stripe: StripePayments) -> None:
        request = msgspec.structs.replace(captured(stripe), provider_reference=None)
        assert stripe.refund(request, refund_id=new_refund(), amount=PART).state == RefundState.SUCCEEDED

    def test_of_an_old_attempt_never_made_has_failed(self, stripe: StripePayments) -> None:
        old = msgspec.structs.replace(attempt(), attempt_id=PaymentId(new_id("pay", age_seconds=A_DAY)))
        assert stripe.refund(old, refund_id=new_refund(), amount=PART).reason_code == "not_captured"
        assert stripe.find_refund(old, refund_id=new_refund()) is None


def test_it_is_a_payment_provider(stripe: StripePayments) -> None:
    provider: PaymentProvider = stripe
    assert provider.name == "stripe"

"""Stripe's books and webhooks, as the adapter reads them."""

from collections.abc import Iterator
from datetime import UTC, datetime

import msgspec
import pytest
import stripe as library

from resale.adapters.payments.stripe import StripePayments
from resale.adapters.payments.stripe.amounts import AmountNotCarriedError, from_stripe, to_stripe
from resale.domain.money import Money
from resale.domain.partners import (
    BookingKind,
    PartnerEvent,
    PartnerMisconfigured,
    PartnerUnavailable,
    ProviderTransaction,
    SignatureInvalid,
    WebhookUnreadable,
)
from resale.domain.payments import DisputeStatus, PaymentRequest, adopted_refund_id
from resale.settings import Settings
from tests.adapters.stripe_connecting import (
    PART,
    WEBHOOK_SECRET,
    attempt,
    connect,
    new_refund,
    payout,
)
from tests.adapters.stripe_double import StripeDouble
from tests.adapters.stripe_world import SAMPLES, Json, sample

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
EVENT_AT = datetime(2025, 11, 1, 0, 1, tzinfo=UTC)  # of event_payment_intent.json


@pytest.fixture
def double() -> Iterator[StripeDouble]:
    with StripeDouble() as running:
        yield running


@pytest.fixture
def stripe(double: StripeDouble) -> StripePayments:
    return connect(double.url)


def captured(stripe: StripePayments) -> PaymentRequest:
    request = attempt()
    reference = stripe.authorise(request).provider_reference
    stripe.capture(request)
    return msgspec.structs.replace(request, provider_reference=reference)


def lines(stripe: StripePayments) -> list[ProviderTransaction]:
    return list(stripe.iter_transactions(since=LONG_AGO))


def moves(stripe: StripePayments) -> list[tuple[BookingKind, int]]:
    return [(line.kind, line.amount) for line in lines(stripe)]


def disputed(double: StripeDouble, request: PaymentRequest) -> Json:
    """A dispute that is open: its money is withheld."""
    dispute = sample("dispute", payment_intent=request.provider_reference, amount=12_000)
    double.world.book("adjustment", dispute, -12_000)
    return dispute


class TestBookings:
    def test_tell_what_moved_over_as_many_pages_as_there_are(
        self, stripe: StripePayments, double: StripeDouble
    ) -> None:
        request = captured(stripe)
        refund_id = new_refund()
        stripe.refund(request, refund_id=refund_id, amount=PART)
        paid = payout()
        stripe.pay_out(paid)
        seen = {line.kind: line for line in lines(stripe)}
        assert (seen[BookingKind.CHARGE].our_id, seen[BookingKind.CHARGE].amount) == (request.attempt_id, 12_000)
        assert (seen[BookingKind.REFUND].our_id, seen[BookingKind.REFUND].amount) == (refund_id, 2_000)
        assert (seen[BookingKind.PAYOUT].our_id, seen[BookingKind.PAYOUT].amount) == (paid.payout_id, 2_000)
        assert {line.order_id for line in seen.values()} == {request.order_id, None}
        assert {line.currency for line in seen.values()} == {"GBP"}
        assert double.count("GET", "/v1/balance_transactions") == 2

    def test_begin_at_a_moment(self, stripe: StripePayments) -> None:
        captured(stripe)
        assert not list(stripe.iter_transactions(since=datetime(2100, 1, 1, tzinfo=UTC)))

    def test_a_dispute_lost_has_taken_the_money(self, stripe: StripePayments, double: StripeDouble) -> None:
        request = captured(stripe)
        dispute = disputed(double, request)
        assert moves(stripe) == [(BookingKind.CHARGE, 12_000)]
        double.world.close_dispute(dispute, "lost")
        (line,) = (line for line in lines(stripe) if line.kind == BookingKind.CHARGEBACK)
        assert (line.our_id, line.order_id, line.amount) == (request.attempt_id, request.order_id, 12_000)
        assert line.provider_reference == dispute["id"]

    @pytest.mark.parametrize("ends", [["won"], ["prevented"], ["warning_closed"], ["lost", "won"]])
    def test_a_dispute_that_ended_well_has_not(
        self, stripe: StripePayments, double: StripeDouble, ends: list[str]
    ) -> None:
        dispute = disputed(double, captured(stripe))
        for status in ends:
            double.world.close_dispute(dispute, status)
        assert moves(stripe) == [(BookingKind.CHARGE, 12_000)]

    def test_money_reinstated_after_a_dispute_was_lost_is_none(
        self, stripe: StripePayments, double: StripeDouble
    ) -> None:
        dispute = disputed(double, captured(stripe))
        double.world.close_dispute(dispute, "lost")
        double.world.close_dispute(dispute, "won", kind="charge.dispute.funds_reinstated")
        assert moves(stripe) == [(BookingKind.CHARGE, 12_000)]

    def test_a_dispute_appealed_and_lost_again_has_taken_it_once(
        self, stripe: StripePayments, double: StripeDouble
    ) -> None:
        dispute = disputed(double, captured(stripe))
        for status in ("lost", "won", "lost"):
            double.world.close_dispute(dispute, status)
        assert moves(stripe) == [(BookingKind.CHARGE, 12_000), (BookingKind.CHARGEBACK, 12_000)]

    def test_a_refund_that_failed_is_none(self, stripe: StripePayments, double: StripeDouble) -> None:
        stripe.refund(captured(stripe), refund_id=new_refund(), amount=PART)
        (refund,) = double.world.refunds.values()
        refund["status"] = "failed"
        double.world.book("refund_failure", refund, 2_000)
        assert moves(stripe) == [(BookingKind.CHARGE, 12_000)]

    def test_a_payout_that_came_back_is_none(self, stripe: StripePayments) -> None:
        stripe.pay_out(payout("acct_closed"))
        assert not moves(stripe)

    def test_a_refund_made_by_hand_belongs_to_its_payment(self, stripe: StripePayments, double: StripeDouble) -> None:
        request = captured(stripe)
        by_hand = sample("refund", payment_intent=request.provider_reference, amount=500)
        double.world.book("refund", by_hand, -500)
        (line,) = (line for line in lines(stripe) if line.kind == BookingKind.REFUND)
        adopted = adopted_refund_id(by_hand["id"])
        assert (line.our_id, line.order_id, line.amount) == (adopted, request.order_id, 500)

    def test_what_is_not_ours_is_not_told(self, stripe: StripePayments, double: StripeDouble) -> None:
        double.world.book("charge", sample("charge", amount_captured=700), 700)
        double.world.book("stripe_fee", sample("charge"), -30)
        double.world.book("transfer", sample("transfer", amount=800), -800)
        double.world.book("adjustment", sample("charge"), -900)
        assert not moves(stripe)
        assert double.count("GET", r"/v1/payment_intents/\w+") == 0

    def test_an_answer_that_fails_half_way_is_unknown(self, stripe: StripePayments, double: StripeDouble) -> None:
        for _ in range(3):
            captured(stripe)
        going = stripe.iter_transactions(since=LONG_AGO)
        next(going)
        double.refuse("/v1/balance_transactions", 500)
        with pytest.raises(PartnerUnavailable):
            list(going)


class TestWebhooks:
    @staticmethod
    def read(name: str, **changes: object) -> PartnerEvent:
        body = (SAMPLES / f"event_{name}.json").read_bytes()
        if changes:
            event = msgspec.json.decode(body)
            event["data"]["object"].update(changes)
            body = msgspec.json.encode(event)
        return reader().read_event(body=body, headers=signed(body))

    def test_of_a_payment(self) -> None:
        event = self.read("payment_intent")
        assert event.provider_event_id == "evt_0"
        assert event.kind == "payment_intent.amount_capturable_updated"
        assert (event.order_id, event.reference) == ("ord_0190a1b2c3d47e5f8a9b0c1d2e3f4a5b", "pi_0")
        assert event.occurred_at == EVENT_AT
        assert event.dispute is None

    @pytest.mark.parametrize("name", ["charge_refunded", "refund_failed"])
    def test_of_a_refund(self, name: str) -> None:
        event = self.read(name)
        assert (event.order_id, event.reference) == ("ord_0190a1b2c3d47e5f8a9b0c1d2e3f4a5b", "pi_0")

    @pytest.mark.parametrize(
        ("said", "failed"), [("failed", True), ("canceled", True), ("succeeded", False), ("pending", False)]
    )
    @pytest.mark.parametrize("kind", ["refund.failed", "charge.refund.updated"])
    def test_of_a_refund_that_failed_after_all(self, kind: str, said: str, failed: bool) -> None:  # noqa: FBT001 - pytest gives it
        event = msgspec.json.decode((SAMPLES / "event_refund_failed.json").read_bytes())
        event["type"] = kind
        event["data"]["object"]["status"] = said
        body = msgspec.json.encode(event)
        told = reader().read_event(body=body, headers=signed(body))
        assert told.failed_refund_id == ("ref_0190a1b2c3d47e5f8a9b0c1d2e3f4a5d" if failed else None)

    @pytest.mark.parametrize(
        ("name", "reviews"),
        [
            ("refund_failed", True),
            ("charge_refunded", True),
            ("dispute_created", True),
            ("dispute_closed", True),
            ("payment_intent", False),
            ("payout_failed", False),
        ],
    )
    def test_of_refunds_and_disputes_lead_to_a_review_of_the_payment(self, name: str, *, reviews: bool) -> None:
        assert self.read(name).reviews_payment is reviews

    def test_of_a_payout_of_a_connected_account(self) -> None:
        event = self.read("payout_failed")
        assert (event.payout_id, event.reference) == ("pyt_0190a1b2c3d47e5f8a9b0c1d2e3f4a5e", "po_0")
        assert (event.account, event.livemode) == ("acct_0", False)

    @pytest.mark.parametrize("name", ["payment_intent", "charge_refunded", "refund_failed", "dispute_closed"])
    def test_of_a_connected_accounts_own_money_name_nothing_of_ours(self, name: str) -> None:
        event = msgspec.json.decode((SAMPLES / f"event_{name}.json").read_bytes())
        event["account"] = "acct_of_a_seller"
        event["data"]["object"]["metadata"] = {"order_id": "ord_0190a1b2c3d47e5f8a9b0c1d2e3f4a5b"}
        body = msgspec.json.encode(event)
        told = reader().read_event(body=body, headers=signed(body))
        assert (told.account, told.kind) == ("acct_of_a_seller", event["type"])
        assert (told.order_id, told.reference, told.dispute, told.failed_refund_id) == (None, None, None, None)

    @pytest.mark.parametrize("kind", ["account", "capability", "application"])
    def test_of_a_connected_account_name_it(self, kind: str) -> None:
        event = msgspec.json.decode((SAMPLES / "event_payout_failed.json").read_bytes())
        event["data"]["object"] = {"id": "any", "object": kind, "metadata": {"payout_id": "pyt_" + "0" * 32}}
        body = msgspec.json.encode(event)
        told = reader().read_event(body=body, headers=signed(body))
        assert (told.reference, told.account, told.payout_id) == ("acct_0", "acct_0", None)

    @pytest.mark.parametrize("livemode", [True, False])
    def test_name_their_mode(self, *, livemode: bool) -> None:
        event = msgspec.json.decode((SAMPLES / "event_payment_intent.json").read_bytes())
        body = msgspec.json.encode({**event, "livemode": livemode})
        assert reader().read_event(body=body, headers=signed(body)).livemode == livemode

    @pytest.mark.parametrize(
        ("context", "account"), [(None, None), ("acct_0", "acct_0"), ("org_0/acct_0", "acct_0"), ("org_0", None)]
    )
    def test_that_are_thin_name_the_object_to_read(self, context: str | None, account: str | None) -> None:
        event = msgspec.json.decode((SAMPLES / "event_thin_account.json").read_bytes())
        body = msgspec.json.encode({**event, "context": context})
        told = reader().read_event(body=body, headers=signed(body))
        assert told.kind == "v2.core.account[requirements].updated"
        assert (told.reference, told.account, told.livemode) == ("acct_0", account, False)
        assert told.occurred_at == datetime(2026, 11, 1, 9, 30, tzinfo=UTC)

    @pytest.mark.parametrize(
        ("said", "status"),
        [
            ("needs_response", DisputeStatus.OPEN),
            ("under_review", DisputeStatus.OPEN),
            ("won", DisputeStatus.WON),
            ("lost", DisputeStatus.LOST),
            ("appeal_under_review", DisputeStatus.LOST),
            ("prevented", DisputeStatus.PREVENTED),
        ],
    )
    def test_of_a_dispute(self, said: str, status: DisputeStatus) -> None:
        event = self.read("dispute_created", status=said)
        assert (event.reference, event.order_id) == ("pi_0", None)
        assert event.dispute is not None
        assert (event.dispute.provider_reference, event.dispute.status) == ("du_0", status)
        assert (event.dispute.amount, event.dispute.reason_code) == (12_000, "fraudulent")
        assert event.dispute.evidence_due_by == datetime(2025, 11, 10, 23, 59, 59, tzinfo=UTC)
        assert event.dispute.told_at == event.occurred_at

    @pytest.mark.parametrize("said", ["warning_needs_response", "warning_closed", "unheard_of"])
    def test_a_question_of_the_bank_is_no_dispute(self, said: str) -> None:
        assert self.read("dispute_created", status=said).dispute is None

    def test_of_something_else_it_is_told_apart(self) -> None:
        with pytest.raises(WebhookUnreadable):
            self.read("customer_created")

    @pytest.mark.parametrize("body", [b"", b"[]", b'{"id": "evt_1", "object": "v2.core.event"}'])
    def test_what_makes_no_sense_is_told_apart(self, body: bytes) -> None:
        with pytest.raises(WebhookUnreadable):
            reader().read_event(body=body, headers=signed(body))

    @pytest.mark.parametrize(
        "headers",
        [
            {},
            {"stripe-signature": "t=1,v1=made-up"},
            {"sandbox-signature": "t=1,v1=made-up"},
        ],
    )
    def test_without_stripes_signature_it_is_refused(self, headers: dict[str, str]) -> None:
        with pytest.raises(SignatureInvalid):
            reader().read_event(body=b"{}", headers=headers)

    def test_an_endpoint_of_connected_accounts_has_a_secret_of_its_own(self) -> None:
        body = (SAMPLES / "event_payout_failed.json").read_bytes()
        event = reader(f"{WEBHOOK_SECRET} whsec_connect").read_event(body=body, headers=signed(body, "whsec_connect"))
        assert event.provider_event_id == "evt_4"

    def test_without_a_secret_nothing_is_taken(self) -> None:
        with pytest.raises(PartnerMisconfigured):
            reader(None).read_event(body=b"{}", headers=signed(b"{}"))


def reader(secret: str | None = WEBHOOK_SECRET) -> StripePayments:
    settings = Settings(lookup_secret=b"l", cursor_secret=b"c")
    return StripePayments(settings, api_key="sk_test_made_up", webhook_secret=secret)


def signed(body: bytes, secret: str = WEBHOOK_SECRET) -> dict[str, str]:
    return {"stripe-signature": library.WebhookSignature.generate_signature_header(body.decode(), secret)}


class TestAmounts:
    @pytest.mark.parametrize(
        ("money", "said"),
        [
            (Money(1_999, "GBP"), 1_999),
            (Money(500, "JPY"), 500),
            (Money(5, "ISK"), 500),
            (Money(5, "UGX"), 500),
            (Money(500, "MGA"), 5),
            (Money(5_120, "KWD"), 5_120),
            (Money(1_045, "HUF"), 1_045),
        ],
    )
    def test_are_said_as_stripe_counts_and_read_back(self, money: Money, said: int) -> None:
        assert to_stripe(money) == said
        assert from_stripe(said, money.currency.lower()) == money

    @pytest.mark.parametrize("money", [Money(501, "MGA"), Money(5_124, "KWD")])
    def test_finer_than_the_currencys_coins_cannot_be_said(self, money: Money) -> None:
        with pytest.raises(AmountNotCarriedError):
            to_stripe(money)

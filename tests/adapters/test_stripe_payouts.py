"""The Stripe adapter's payouts: a transfer and a payout, and the way back when the second fails."""

from collections.abc import Iterator

import msgspec
import pytest

from resale.adapters.payments.failures import PartnerRequestError
from resale.adapters.payments.stripe import StripePayments
from resale.domain.money import Money
from resale.domain.partners import PartnerBalanceTooLow, PartnerMisconfigured, PartnerUnavailable
from resale.domain.payouts import PayoutRequest, PayoutState
from resale.domain.sellers import PayoutAccount, PayoutAccountStatus
from tests.adapters.stripe_connecting import connect, payout
from tests.adapters.stripe_double import StripeDouble
from tests.adapters.stripe_world import Json, sample

REVERSALS = r"/v1/transfers/\w+/reversals"


@pytest.fixture
def double() -> Iterator[StripeDouble]:
    with StripeDouble() as running:
        yield running


@pytest.fixture
def stripe(double: StripeDouble) -> StripePayments:
    return connect(double.url)


def the_transfer(double: StripeDouble) -> Json:
    (transfer,) = double.world.transfers.values()
    return transfer


def the_payout(double: StripeDouble) -> Json:
    (made,) = double.world.payouts.values()
    return made


def found(stripe: StripePayments, request: PayoutRequest) -> PayoutState | None:
    outcome = stripe.find_payout(request)
    return None if outcome is None else outcome.state


class TestPayOut:
    def test_moves_the_money_once_even_when_keys_are_forgotten(
        self, stripe: StripePayments, double: StripeDouble
    ) -> None:
        request = payout()
        assert stripe.find_payout(request) is None
        first = stripe.pay_out(request)
        double.forget_keys()
        assert stripe.pay_out(request) == first
        assert (first.state, first.provider_reference) == (PayoutState.IN_TRANSIT, the_payout(double)["id"])
        assert (the_transfer(double)["amount"], the_transfer(double)["destination"]) == (2_000, "acct_good")
        assert (the_payout(double)["amount"], the_payout(double)["account"]) == (2_000, "acct_good")
        assert the_payout(double)["metadata"] == {"payout_id": request.payout_id}

    @pytest.mark.parametrize("with_reference", [True, False])
    def test_is_paid_in_the_end(self, stripe: StripePayments, double: StripeDouble, *, with_reference: bool) -> None:
        request = payout()
        reference = stripe.pay_out(request).provider_reference
        the_payout(double)["status"] = "paid"
        if with_reference:
            request = msgspec.structs.replace(request, provider_reference=reference)
        assert found(stripe, request) == PayoutState.PAID
        assert stripe.pay_out(request).state == PayoutState.PAID

    @pytest.mark.parametrize("path", ["/v1/transfers", "/v1/payouts"])
    def test_begun_and_not_finished_it_is_finished(
        self, stripe: StripePayments, double: StripeDouble, path: str
    ) -> None:
        request = payout()
        double.before(path, lambda: None)  # the look-up comes first
        double.lose_answer(path)
        with pytest.raises(PartnerUnavailable):
            stripe.pay_out(request)
        assert found(stripe, request) == (PayoutState.IN_TRANSIT if path == "/v1/payouts" else None)
        assert stripe.pay_out(request).state == PayoutState.IN_TRANSIT
        assert len(double.world.transfers) == len(double.world.payouts) == 1

    def test_to_an_account_that_is_nobodys_it_fails_and_nothing_moves(
        self, stripe: StripePayments, double: StripeDouble
    ) -> None:
        outcome = stripe.pay_out(payout("acct_unknown"))
        assert (outcome.state, outcome.reason_code) == (PayoutState.FAILED, "resource_missing")
        assert not double.world.transfers

    @pytest.mark.parametrize(("amount", "currency"), [(1_001, "KWD"), (1_045_050, "HUF"), (80_045, "TWD")])
    def test_an_amount_stripe_cannot_pay_out_fails_before_anything_is_transferred(
        self, stripe: StripePayments, double: StripeDouble, amount: int, currency: str
    ) -> None:
        outcome = stripe.pay_out(payout(amount=Money(amount=amount, currency=currency)))
        assert (outcome.state, outcome.reason_code) == (PayoutState.FAILED, "amount_not_supported")
        assert not double.world.transfers

    def test_a_whole_amount_of_it_is_paid(self, stripe: StripePayments, double: StripeDouble) -> None:
        assert stripe.pay_out(payout(amount=Money(amount=1_045_000, currency="HUF"))).state == PayoutState.IN_TRANSIT
        assert the_payout(double)["amount"] == 1_045_000

    def test_waits_while_the_platforms_balance_is_too_low(self, stripe: StripePayments, double: StripeDouble) -> None:
        double.before("/v1/transfers", lambda: None)
        double.refuse("/v1/transfers", 400, {"type": "invalid_request_error", "code": "balance_insufficient"})
        with pytest.raises(PartnerBalanceTooLow):
            stripe.pay_out(payout())

    def test_a_request_built_wrong_is_a_bug_and_nothing_is_taken_back(
        self, stripe: StripePayments, double: StripeDouble
    ) -> None:
        double.before("/v1/payouts", lambda: None)
        double.refuse("/v1/payouts", 400, {"type": "invalid_request_error", "code": "parameter_unknown"})
        with pytest.raises(PartnerRequestError):
            stripe.pay_out(payout())
        assert not the_transfer(double)["reversed"]

    def test_a_key_that_may_not_is_misconfigured(self, stripe: StripePayments, double: StripeDouble) -> None:
        double.before("/v1/payouts", lambda: None)
        double.refuse("/v1/payouts", 403, {"type": "invalid_request_error", "code": "more_permissions_required"})
        with pytest.raises(PartnerMisconfigured):
            stripe.pay_out(payout())
        assert not the_transfer(double)["reversed"]


class TestAccounts:
    @pytest.mark.parametrize(
        ("fields", "due", "status"),
        [
            ({"payouts_enabled": True}, {}, PayoutAccountStatus.ACTIVE),
            ({"payouts_enabled": False}, {"past_due": ["individual.id_number"]}, PayoutAccountStatus.RESTRICTED),
            ({"payouts_enabled": False, "details_submitted": False}, {}, PayoutAccountStatus.PENDING),
            ({"payouts_enabled": False}, {"disabled_reason": "rejected.fraud"}, PayoutAccountStatus.REJECTED),
        ],
    )
    def test_are_paid_or_stopped(
        self, stripe: StripePayments, double: StripeDouble, fields: Json, due: Json, status: PayoutAccountStatus
    ) -> None:
        account = sample("account", id="acct_good", **fields)
        account["requirements"].update(due)
        double.world.accounts["acct_good"] = account
        read = stripe.find_payout_account("acct_good")
        assert read is not None
        assert (read.status, read.requirements) == (status, tuple(due.get("past_due", ())))

    def test_that_left_are_rejected(self, stripe: StripePayments, double: StripeDouble) -> None:
        double.leave("acct_good")
        left = PayoutAccount(status=PayoutAccountStatus.REJECTED, requirements=("account_invalid",))
        assert stripe.find_payout_account("acct_good") == left

    def test_of_nobody_are_none(self, stripe: StripePayments) -> None:
        assert stripe.find_payout_account("acct_unknown") is None


class TestFailure:
    def test_an_account_that_cannot_be_paid_gives_the_money_back_first(
        self, stripe: StripePayments, double: StripeDouble
    ) -> None:
        request = payout("acct_closed")
        outcome = stripe.pay_out(request)
        assert (outcome.state, outcome.reason_code) == (PayoutState.FAILED, "payouts_not_allowed")
        assert the_transfer(double)["reversed"]
        assert stripe.pay_out(request) == stripe.find_payout(request) == outcome
        assert double.count("POST", REVERSALS) == 1

    def test_an_account_that_left_the_platform_does_so_too(self, stripe: StripePayments, double: StripeDouble) -> None:
        double.before("/v1/payouts", lambda: None)
        double.refuse("/v1/payouts", 403, {"type": "invalid_request_error", "code": "account_invalid"})
        assert stripe.pay_out(payout()).state == PayoutState.FAILED
        assert the_transfer(double)["reversed"]

    @pytest.mark.parametrize("call", ["pay_out", "find_payout"])
    def test_a_transfer_to_an_account_that_left_is_reversed_when_it_is_looked_up(
        self, stripe: StripePayments, double: StripeDouble, call: str
    ) -> None:
        request = payout()
        double.before("/v1/payouts", lambda: None)
        double.lose_answer("/v1/transfers")  # of the list; it exists after the second one
        with pytest.raises(PartnerUnavailable):
            stripe.pay_out(request)
        double.before("/v1/transfers", lambda: None)
        double.lose_answer("/v1/transfers")
        with pytest.raises(PartnerUnavailable):
            stripe.pay_out(request)
        double.leave("acct_good")
        outcome = getattr(stripe, call)(request)
        assert (outcome.state, outcome.reason_code) == (PayoutState.FAILED, "account_invalid")
        assert the_transfer(double)["reversed"]
        assert not double.world.payouts

    def test_a_transfer_that_stripe_does_not_reverse_is_stuck_until_it_does(
        self, stripe: StripePayments, double: StripeDouble
    ) -> None:
        request = payout("acct_closed")
        double.refuse(REVERSALS, 400, {"type": "invalid_request_error", "code": "balance_insufficient"})
        outcome = stripe.pay_out(request)
        assert (outcome.state, outcome.reason_code) == (PayoutState.STUCK, "balance_insufficient")
        request = msgspec.structs.replace(request, provider_reference=outcome.provider_reference)
        assert stripe.pay_out(request).state == PayoutState.FAILED
        assert the_transfer(double)["reversed"]

    @pytest.mark.parametrize("is_reversed", [True, False])
    def test_a_payout_of_an_account_that_left_since_is_out_of_reach_until_its_transfer_is_reversed(
        self, stripe: StripePayments, double: StripeDouble, *, is_reversed: bool
    ) -> None:
        request = payout()
        request = msgspec.structs.replace(request, provider_reference=stripe.pay_out(request).provider_reference)
        double.leave("acct_good")
        the_transfer(double)["reversed"] = is_reversed  # by a person, in the dashboard
        assert found(stripe, request) == (PayoutState.FAILED if is_reversed else PayoutState.UNREACHABLE)
        assert double.count("POST", REVERSALS) == 0  # it may have arrived

    @pytest.mark.parametrize("status", ["failed", "canceled"])
    @pytest.mark.parametrize("with_reference", [True, False])
    def test_a_payout_that_fails_on_the_way_is_told_when_the_money_is_back(
        self, stripe: StripePayments, double: StripeDouble, status: str, *, with_reference: bool
    ) -> None:
        request = payout()
        reference = stripe.pay_out(request).provider_reference
        the_payout(double).update(status=status, failure_code="account_closed" if status == "failed" else None)
        the_payout(double)["failure_message"] = "The bank account has been closed."
        if with_reference:
            request = msgspec.structs.replace(request, provider_reference=reference)
        double.refuse(REVERSALS, 400, {"type": "invalid_request_error", "code": "balance_insufficient"})
        assert found(stripe, request) == PayoutState.STUCK
        assert not the_transfer(double)["reversed"]
        outcome = stripe.find_payout(request)
        assert outcome is not None
        is_known_as_sent = with_reference and status == "failed"
        assert outcome.state == (PayoutState.RETURNED if is_known_as_sent else PayoutState.FAILED)
        assert outcome.reason_code == ("account_closed" if status == "failed" else "canceled")
        assert outcome.message == "The bank account has been closed."
        assert the_transfer(double)["reversed"]

    def test_a_payout_that_was_paid_can_come_back(self, stripe: StripePayments, double: StripeDouble) -> None:
        request = payout()
        request = msgspec.structs.replace(request, provider_reference=stripe.pay_out(request).provider_reference)
        for status, state in (("paid", PayoutState.PAID), ("failed", PayoutState.RETURNED)):
            the_payout(double)["status"] = status
            assert found(stripe, request) == state
        assert the_transfer(double)["reversed"]

    def test_a_lost_answer_to_the_way_back_is_unknown(self, stripe: StripePayments, double: StripeDouble) -> None:
        request = payout("acct_closed")
        double.lose_answer(REVERSALS)
        with pytest.raises(PartnerUnavailable):
            stripe.pay_out(request)
        outcome = stripe.find_payout(request)
        assert outcome is not None
        assert (outcome.state, outcome.reason_code) == (PayoutState.FAILED, "payouts_not_allowed")
        assert double.count("POST", REVERSALS) == 1

    def test_a_transfer_reversed_by_hand_has_failed(self, stripe: StripePayments, double: StripeDouble) -> None:
        request = payout("acct_closed")
        stripe.pay_out(request)
        the_transfer(double)["reversals"]["data"].clear()
        outcome = stripe.pay_out(request)
        assert (outcome.state, outcome.reason_code) == (PayoutState.FAILED, "transfer_reversed")

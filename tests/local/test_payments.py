"""The sandbox provider's adapter, over real HTTP: what a workflow sees of each outcome."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from deploy.local.payments.server import PaymentsServer
from resale.adapters.payments.failures import PartnerRequestError
from resale.adapters.payments.sandbox import SandboxPayments
from resale.application.ports import PaymentProvider
from resale.domain.ids import OrderId, PaymentId, PayoutId, RefundId
from resale.domain.money import Money
from resale.domain.partners import BookingKind, PartnerMisconfigured, PartnerUnavailable
from resale.domain.payments import DisputeStatus, PaymentRequest, PaymentState, RefundState, adopted_refund_id
from resale.domain.payouts import PayoutRequest, PayoutState
from resale.settings import Settings
from tests.adapters.peers import Peer, Response, ok
from tests.local.sandbox import books, call, post

PRICE = Money(amount=12_000, currency="GBP")
PART = Money(amount=2_000, currency="GBP")
REFUND = RefundId("ref_1")


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    with PaymentsServer(tmp_path / "books.sqlite", slow_seconds=0.3) as server:
        yield server.base_url


@pytest.fixture
def payments(url: str) -> SandboxPayments:
    return connect(url)


def connect(url: str | None, *, account: str = "northwind", timeout_seconds: float = 5) -> SandboxPayments:
    settings = Settings(
        lookup_secret=b"l", cursor_secret=b"c", payments_url=url, payments_timeout_seconds=timeout_seconds
    )
    return SandboxPayments(settings, account=account)


def attempt(token: str = "tok_ok", attempt_id: str = "pay_1") -> PaymentRequest:
    return PaymentRequest(attempt_id=PaymentId(attempt_id), order_id=OrderId("ord_1"), amount=PRICE, token=token)


def payout(destination: str = "acct_ok") -> PayoutRequest:
    return PayoutRequest(payout_id=PayoutId("pyt_1"), amount=PART, destination=destination)


def captured(payments: SandboxPayments, token: str = "tok_ok", attempt_id: str = "pay_1") -> PaymentRequest:
    request = attempt(token, attempt_id)
    payments.authorise(request)
    assert payments.capture(request).state == PaymentState.CAPTURED
    return request


def the_attempt(url: str) -> dict[str, Any]:
    (row,) = books(url)["attempts"]
    return row


class TestAuthorise:
    def test_sets_the_money_aside_once_however_often_it_is_asked(self, payments: SandboxPayments, url: str) -> None:
        outcomes = [payments.authorise(attempt()) for _ in range(3)]
        assert {outcome.state for outcome in outcomes} == {PaymentState.AUTHORIZED}
        assert (the_attempt(url)["authorized"], the_attempt(url)["captured"]) == (12_000, 0)

    @pytest.mark.parametrize(
        ("token", "reason"), [("tok_declined", "card_declined"), ("tok_nonsense", "invalid_token")]
    )
    def test_a_bad_token_is_declined_with_a_reason(self, payments: SandboxPayments, token: str, reason: str) -> None:
        outcome = payments.authorise(attempt(token))
        assert (outcome.state, outcome.reason_code) == (PaymentState.DECLINED, reason)

    def test_a_lost_answer_is_unknown_and_can_be_asked_for(self, payments: SandboxPayments) -> None:
        with pytest.raises(PartnerUnavailable):
            payments.authorise(attempt("tok_timeout"))
        found = payments.find_payment(attempt("tok_timeout"))
        assert found is not None
        assert found.state == PaymentState.AUTHORIZED

    def test_an_error_books_nothing_and_the_third_try_is_good(self, payments: SandboxPayments) -> None:
        for _ in range(2):
            with pytest.raises(PartnerUnavailable):
                payments.authorise(attempt("tok_error"))
            assert payments.find_payment(attempt("tok_error")) is None
        assert payments.authorise(attempt("tok_error")).state == PaymentState.AUTHORIZED

    def test_an_answer_too_slow_is_unknown(self, url: str) -> None:
        hasty = connect(url, timeout_seconds=0.05)
        with pytest.raises(PartnerUnavailable):
            hasty.authorise(attempt("tok_slow"))

    def test_the_same_attempt_at_once_is_booked_once(self, payments: SandboxPayments, url: str) -> None:
        with ThreadPoolExecutor(4) as pool:
            outcomes = list(pool.map(lambda _: payments.authorise(attempt("tok_slow")), range(4)))
        assert {outcome.state for outcome in outcomes} == {PaymentState.AUTHORIZED}
        assert the_attempt(url)["authorized"] == 12_000

    def test_sends_the_buyer_where_the_bank_asks(self, payments: SandboxPayments, url: str) -> None:
        request = attempt("tok_requires_action")
        outcome = payments.authorise(request)
        assert outcome.state == PaymentState.REQUIRES_ACTION
        assert outcome.action_url == f"{url}/payments/pay_1/action?account=northwind"
        post(url, "/payments/pay_1/complete_action")
        found = payments.find_payment(request)
        assert found is not None
        assert (found.state, found.action_url) == (PaymentState.AUTHORIZED, None)

    def test_an_attempt_used_for_another_payment_is_a_bug(self, payments: SandboxPayments) -> None:
        payments.authorise(attempt())
        with pytest.raises(PartnerRequestError):
            payments.authorise(attempt("tok_declined"))


class TestCapture:
    def test_takes_the_money_once(self, payments: SandboxPayments, url: str) -> None:
        request = captured(payments)
        assert payments.capture(request).state == PaymentState.CAPTURED
        assert the_attempt(url)["captured"] == 12_000

    def test_a_lost_answer_is_unknown_and_can_be_asked_for(self, payments: SandboxPayments) -> None:
        request = attempt("tok_capture_timeout")
        payments.authorise(request)
        with pytest.raises(PartnerUnavailable):
            payments.capture(request)
        found = payments.find_payment(request)
        assert found is not None
        assert found.state == PaymentState.CAPTURED

    def test_can_be_declined(self, payments: SandboxPayments) -> None:
        request = attempt("tok_capture_declined")
        payments.authorise(request)
        outcome = payments.capture(request)
        assert (outcome.state, outcome.reason_code) == (PaymentState.DECLINED, "capture_declined")


class TestVoid:
    def test_gives_up_and_nothing_can_be_taken(self, payments: SandboxPayments) -> None:
        payments.authorise(attempt())
        assert payments.void(attempt()).state == PaymentState.VOIDED
        assert payments.capture(attempt()).state == PaymentState.VOIDED

    def test_closes_an_attempt_never_heard_of(self, payments: SandboxPayments, url: str) -> None:
        assert payments.void(attempt()).state == PaymentState.VOIDED
        assert payments.authorise(attempt()).state == PaymentState.VOIDED
        assert the_attempt(url)["authorized"] == 0

    def test_is_too_late_once_captured(self, payments: SandboxPayments) -> None:
        assert payments.void(captured(payments)).state == PaymentState.CAPTURED


class TestRefund:
    def test_gives_part_back_once(self, payments: SandboxPayments, url: str) -> None:
        request = captured(payments)
        assert payments.find_refund(request, refund_id=REFUND) is None
        first = payments.refund(request, refund_id=REFUND, amount=PART)
        assert payments.refund(request, refund_id=REFUND, amount=PART) == first
        assert payments.find_refund(request, refund_id=REFUND) == first
        assert (first.state, the_attempt(url)["refunded"]) == (RefundState.SUCCEEDED, 2_000)

    def test_what_cannot_be_given_back_has_failed(self, payments: SandboxPayments) -> None:
        request = captured(payments)
        outcome = payments.refund(request, refund_id=REFUND, amount=Money(amount=12_001, currency="GBP"))
        assert (outcome.state, outcome.reason_code) == (RefundState.FAILED, "amount_too_large")

    def test_an_error_is_unknown_and_the_third_try_is_good(self, payments: SandboxPayments) -> None:
        request = captured(payments, "tok_refund_error")
        for _ in range(2):
            with pytest.raises(PartnerUnavailable):
                payments.refund(request, refund_id=REFUND, amount=PART)
            assert payments.find_refund(request, refund_id=REFUND) is None
        assert payments.refund(request, refund_id=REFUND, amount=PART).state == RefundState.SUCCEEDED

    def test_a_lost_answer_is_unknown_and_can_be_asked_for(self, payments: SandboxPayments) -> None:
        request = captured(payments, "tok_refund_timeout")
        with pytest.raises(PartnerUnavailable):
            payments.refund(request, refund_id=REFUND, amount=PART)
        found = payments.find_refund(request, refund_id=REFUND)
        assert found is not None
        assert found.state == RefundState.SUCCEEDED

    def test_is_looked_for_under_its_own_payment(self, payments: SandboxPayments) -> None:
        payments.refund(captured(payments), refund_id=REFUND, amount=PART)
        other = captured(payments, attempt_id="pay_2")
        assert payments.find_refund(other, refund_id=REFUND) is None


class TestPayouts:
    def test_is_on_its_way_and_then_paid(self, payments: SandboxPayments) -> None:
        assert payments.find_payout(payout()) is None
        assert payments.pay_out(payout()).state == PayoutState.IN_TRANSIT
        looks = [payments.find_payout(payout()) for _ in range(2)]
        assert [found and found.state for found in looks] == [PayoutState.IN_TRANSIT, PayoutState.PAID]

    def test_can_fail_and_come_back(self, payments: SandboxPayments, url: str) -> None:
        payments.pay_out(payout("acct_failed"))
        post(url, "/payouts/pyt_1/settle")
        outcome = payments.pay_out(payout("acct_failed"))
        assert (outcome.state, outcome.reason_code) == (PayoutState.FAILED, "account_closed")

    def test_can_be_sent_back_by_the_bank(self, payments: SandboxPayments, url: str) -> None:
        payments.pay_out(payout())
        post(url, "/payouts/pyt_1/return")
        assert payments.pay_out(payout()).state == PayoutState.RETURNED

    def test_of_an_account_that_left_is_stuck_until_it_is_returned(self, payments: SandboxPayments, url: str) -> None:
        for _ in range(3):
            outcome = payments.pay_out(payout("acct_left"))
            assert (outcome.state, outcome.reason_code) == (PayoutState.STUCK, "account_invalid")
        post(url, "/payouts/pyt_1/return")
        assert payments.pay_out(payout("acct_left")).state == PayoutState.RETURNED

    @pytest.mark.parametrize(
        ("destination", "status"),
        [("acct_ok", "active"), ("acct_restricted", "restricted"), ("acct_left", "rejected"), ("acct_nobody", None)],
    )
    def test_are_stopped_by_the_name_of_the_account(
        self, payments: SandboxPayments, destination: str, status: str | None
    ) -> None:
        account = payments.find_payout_account(destination)
        assert (None if account is None else account.status) == status
        is_explained = account is not None and bool(account.requirements)
        assert is_explained == (status in {"restricted", "rejected"})

    def test_a_lost_answer_is_unknown_and_can_be_asked_for(self, payments: SandboxPayments) -> None:
        with pytest.raises(PartnerUnavailable):
            payments.pay_out(payout("acct_timeout"))
        found = payments.find_payout(payout("acct_timeout"))
        assert found is not None
        assert found.state == PayoutState.IN_TRANSIT


class TestReviews:
    """What a person did at the provider."""

    def test_a_refund_of_the_dashboard_has_no_id_of_ours(self, payments: SandboxPayments, url: str) -> None:
        request = captured(payments)
        payments.refund(request, refund_id=REFUND, amount=PART)
        post(url, "/payments/pay_1/dashboard_refunds", {"amount": 500})
        ours, foreign = payments.list_refunds(request)
        assert (ours.refund_id, ours.amount, ours.state) == (REFUND, PART, RefundState.SUCCEEDED)
        assert (foreign.refund_id, foreign.amount) == (None, Money(amount=500, currency="GBP"))
        since = datetime.now(UTC) - timedelta(minutes=1)
        booked = [one.our_id for one in payments.iter_transactions(since=since) if one.kind == BookingKind.REFUND]
        assert booked == [REFUND, adopted_refund_id(foreign.provider_reference)]

    def test_a_prevented_dispute_is_refunded_by_the_provider(self, payments: SandboxPayments, url: str) -> None:
        request = captured(payments)
        dispute_id = post(url, "/payments/pay_1/disputes", {"amount": 500})["dispute_id"]
        post(url, f"/disputes/{dispute_id}/prevent")
        (dispute,) = payments.list_disputes(request)
        assert (dispute.provider_reference, dispute.status) == (dispute_id, DisputeStatus.PREVENTED)
        (refund,) = payments.list_refunds(request)
        assert refund.amount == Money(amount=500, currency="GBP")

    def test_several_disputes_are_listed_the_oldest_first(self, payments: SandboxPayments, url: str) -> None:
        request = captured(payments)
        first = post(url, "/payments/pay_1/disputes", {"amount": 500})["dispute_id"]
        post(url, f"/disputes/{first}/close?outcome=lost")
        second = post(url, "/payments/pay_1/disputes", {"amount": 700})["dispute_id"]
        listed = [(one.provider_reference, one.status, one.amount) for one in payments.list_disputes(request)]
        assert listed == [(first, DisputeStatus.LOST, 500), (second, DisputeStatus.OPEN, 700)]

    def test_a_part_that_was_captured_is_reported(self, payments: SandboxPayments) -> None:
        request = captured(payments, "tok_capture_partial")
        outcome = payments.find_payment(request)
        assert outcome is not None
        assert outcome.captured == Money(amount=6_000, currency="GBP")


class TestBookings:
    def test_tell_what_moved(self, payments: SandboxPayments, url: str) -> None:
        request = captured(payments)
        payments.refund(request, refund_id=REFUND, amount=PART)
        for outcome in ("lost", "won"):
            dispute_id = post(url, "/payments/pay_1/disputes", {"amount": 500})["dispute_id"]
            post(url, f"/disputes/{dispute_id}/close?outcome={outcome}")
        post(url, "/payments/pay_1/disputes")
        payments.pay_out(payout())
        payments.authorise(attempt(attempt_id="pay_2"))
        seen = list(payments.iter_transactions(since=datetime.now(UTC) - timedelta(minutes=1)))
        assert [(one.kind, one.our_id, one.order_id, one.amount) for one in seen] == [
            (BookingKind.CHARGE, "pay_1", "ord_1", 12_000),
            (BookingKind.REFUND, "ref_1", "ord_1", 2_000),
            (BookingKind.CHARGEBACK, "pay_1", "ord_1", 500),
            (BookingKind.PAYOUT, "pyt_1", None, 2_000),
        ]
        assert {one.currency for one in seen} == {"GBP"}

    def test_begin_at_a_moment(self, payments: SandboxPayments) -> None:
        captured(payments)
        assert not list(payments.iter_transactions(since=datetime.now(UTC) + timedelta(minutes=1)))

    def test_come_in_pages(self, tmp_path: Path) -> None:
        with PaymentsServer(tmp_path / "paged.sqlite", page_rows=2) as server:
            payments = connect(server.base_url)
            for number in range(5):
                captured(payments, attempt_id=f"pay_{number}")
            seen = list(payments.iter_transactions(since=datetime.fromtimestamp(0, UTC)))
        assert [one.our_id for one in seen] == [f"pay_{number}" for number in range(5)]

    def test_have_fees_a_page_at_a_time(self, tmp_path: Path) -> None:
        with PaymentsServer(tmp_path / "paged.sqlite", page_rows=2) as server:
            payments = connect(server.base_url)
            for number in range(3):
                captured(payments, attempt_id=f"pay_{number}")
            dispute_id = post(server.base_url, "/payments/pay_1/disputes", {"amount": 500})["dispute_id"]
            post(server.base_url, f"/disputes/{dispute_id}/close?outcome=lost")
            until = datetime.now(UTC) + timedelta(minutes=1)
            seen = list(payments.iter_account_movements(since=until - timedelta(hours=1), until=until))
            assert not list(payments.iter_account_movements(since=until, until=until + timedelta(hours=1)))
        assert [(one.kind, one.amount) for one in seen] == [("fee", 200)] * 3 + [("dispute_fee", 2_000)]
        assert len({one.id for one in seen}) == len(seen)

    def test_are_the_tenants_own(self, payments: SandboxPayments, url: str) -> None:
        captured(payments)
        other = connect(url, account="fjord")
        assert not list(other.iter_transactions(since=datetime.fromtimestamp(0, UTC)))
        assert other.find_payment(attempt()) is None


ASKED: list[tuple[str, Callable[[SandboxPayments], object]]] = [
    ("authorise", lambda payments: payments.authorise(attempt())),
    ("find_payment", lambda payments: payments.find_payment(attempt())),
    ("capture", lambda payments: payments.capture(attempt())),
    ("void", lambda payments: payments.void(attempt())),
    ("refund", lambda payments: payments.refund(attempt(), refund_id=REFUND, amount=PART)),
    ("find_refund", lambda payments: payments.find_refund(attempt(), refund_id=REFUND)),
    ("pay_out", lambda payments: payments.pay_out(payout())),
    ("find_payout", lambda payments: payments.find_payout(payout())),
    (
        "iter_account_movements",
        lambda payments: list(
            payments.iter_account_movements(since=datetime.fromtimestamp(0, UTC), until=datetime.now(UTC))
        ),
    ),
    ("iter_transactions", lambda payments: list(payments.iter_transactions(since=datetime.fromtimestamp(0, UTC)))),
]


#: A proxy's page that happens to look like a response.
BUSY = ok(b'{"state": "failed", "reference": "sbx_1", "data": [], "next": null}').replace(b"200 OK", b"503 Busy")


@pytest.mark.parametrize("ask", [ask for _, ask in ASKED], ids=[name for name, _ in ASKED])
class TestUnknownOutcomes:
    def test_a_provider_that_is_away(self, ask: Callable[[SandboxPayments], object]) -> None:
        with pytest.raises(PartnerUnavailable):
            ask(connect("http://127.0.0.1:9"))

    def test_no_provider_at_all(self, ask: Callable[[SandboxPayments], object]) -> None:
        with pytest.raises(PartnerMisconfigured):
            ask(connect(None))

    @pytest.mark.parametrize(
        "response",
        [BUSY, ok(b"{"), ok(b'{"state": "quantum"}'), lambda _: None],
        ids=["busy", "half", "unheard-of", "hung-up"],
    )
    def test_an_answer_that_says_nothing(self, ask: Callable[[SandboxPayments], object], response: Response) -> None:
        with Peer([response]) as peer:
            with pytest.raises(PartnerUnavailable):
                ask(connect(peer.url))
            assert peer.request_count == 1


def test_it_is_a_payment_provider(payments: SandboxPayments, url: str) -> None:
    provider: PaymentProvider = payments
    assert provider.name == "sandbox"
    assert call(url, "GET", "/books")[0] == 200

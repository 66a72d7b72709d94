"""The sandbox provider and its adapter, over real HTTP."""

import json
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from apps.local.payments.server import PaymentsServer
from resale.adapters.payments.sandbox import SandboxPayments
from resale.domain.money import Money
from resale.domain.payments import PaymentOutcome, PaymentState
from resale.errors import Unavailable
from resale.settings import Settings

PRICE = Money(amount=12_000, currency="GBP")


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    with PaymentsServer(tmp_path / "books.sqlite", slow_seconds=0.3) as server:
        yield server.base_url


@pytest.fixture
def payments(url: str) -> SandboxPayments:
    settings = Settings(lookup_secret=b"l", cursor_secret=b"c", payments_url=url, payments_timeout_seconds=5)
    return SandboxPayments(settings)


def charge(payments: SandboxPayments, token: str, attempt_id: str = "pay_1") -> PaymentOutcome:
    return payments.charge(attempt_id=attempt_id, order_id="ord_1", amount=PRICE, token=token)


def books(url: str) -> list[dict[str, Any]]:
    with urllib.request.urlopen(f"{url}/books", timeout=5) as answer:  # noqa: S310 - loopback
        rows: list[dict[str, Any]] = json.load(answer)["data"]
    return rows


class TestCharge:
    def test_a_good_token_is_captured_once_however_often_it_is_asked(self, payments: SandboxPayments, url: str) -> None:
        outcomes = [charge(payments, "tok_ok") for _ in range(3)]
        assert {outcome.state for outcome in outcomes} == {PaymentState.CAPTURED}
        assert [(row["state"], row["amount"]) for row in books(url)] == [("captured", 12_000)]

    @pytest.mark.parametrize(
        ("token", "reason"), [("tok_declined", "card_declined"), ("tok_nonsense", "invalid_token")]
    )
    def test_a_bad_token_is_declined_with_a_reason(self, payments: SandboxPayments, token: str, reason: str) -> None:
        outcome = charge(payments, token)
        assert (outcome.state, outcome.reason_code) == (PaymentState.DECLINED, reason)

    def test_a_lost_answer_is_unknown_and_is_booked(self, payments: SandboxPayments) -> None:
        with pytest.raises(Unavailable):
            charge(payments, "tok_timeout")
        found = payments.find_charge(attempt_id="pay_1")
        assert found is not None
        assert found.state == PaymentState.CAPTURED

    def test_an_error_books_nothing_and_the_third_try_pays(self, payments: SandboxPayments) -> None:
        for _ in range(2):
            with pytest.raises(Unavailable):
                charge(payments, "tok_error")
            assert payments.find_charge(attempt_id="pay_1") is None
        assert charge(payments, "tok_error").state == PaymentState.CAPTURED

    def test_the_same_attempt_at_once_is_booked_once(self, payments: SandboxPayments, url: str) -> None:
        with ThreadPoolExecutor(4) as pool:
            outcomes = list(pool.map(lambda _: charge(payments, "tok_slow"), range(4)))
        assert {outcome.state for outcome in outcomes} == {PaymentState.CAPTURED}
        assert len(books(url)) == 1

    def test_a_provider_that_is_away_is_unknown(self) -> None:
        settings = Settings(lookup_secret=b"l", cursor_secret=b"c", payments_url="http://127.0.0.1:9")
        with pytest.raises(Unavailable):
            charge(SandboxPayments(settings), "tok_ok")

    def test_without_a_provider_no_payment_is_taken(self) -> None:
        with pytest.raises(Unavailable):
            charge(SandboxPayments(Settings(lookup_secret=b"l", cursor_secret=b"c")), "tok_ok")


class TestRefund:
    def test_gives_a_captured_attempt_back(self, payments: SandboxPayments) -> None:
        charge(payments, "tok_ok")
        assert payments.refund(attempt_id="pay_1").state == PaymentState.REFUNDED

    def test_closes_an_attempt_never_booked_against_a_late_charge(self, payments: SandboxPayments, url: str) -> None:
        assert payments.refund(attempt_id="pay_1").state == PaymentState.VOIDED
        assert charge(payments, "tok_ok").state == PaymentState.VOIDED
        assert not [row for row in books(url) if row["state"] == "captured"]

    def test_said_again_it_gives_back_once(self, payments: SandboxPayments) -> None:
        charge(payments, "tok_ok")
        payments.refund(attempt_id="pay_1")
        assert payments.refund(attempt_id="pay_1").state == PaymentState.REFUNDED

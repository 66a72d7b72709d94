"""Refunds, payouts and disputes at the sandbox payment provider, and what its books say of them."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from deploy.local.payments.server import PaymentsServer
from tests.local.sandbox import LOST, authorise, books, call, captured, payout_of, post, refund_of


@pytest.fixture
def server(tmp_path: Path) -> Iterator[PaymentsServer]:
    with PaymentsServer(tmp_path / "books.sqlite") as running:
        yield running


def refund(server: PaymentsServer, **changes: Any) -> dict[str, Any]:
    return post(server, "/payments/pay_1/refunds", refund_of(**changes))


def pay_out(server: PaymentsServer, destination: str, **changes: Any) -> dict[str, Any]:
    return post(server, "/payouts", payout_of(destination, **changes))


def look(server: PaymentsServer) -> str:
    return str(call(server, "GET", "/payouts/pyt_1")[1]["state"])


def refunded(server: PaymentsServer) -> int:
    (row,) = books(server)["attempts"]
    return int(row["refunded"])


def bookings(server: PaymentsServer) -> list[tuple[str, str, int]]:
    page = call(server, "GET", "/bookings")[1]
    return [(row["kind"], row["our_id"], row["amount"]) for row in page["data"]]


class TestRefund:
    def test_gives_part_back_once(self, server: PaymentsServer) -> None:
        captured(server)
        assert refund(server) == refund(server)
        assert call(server, "GET", "/payments/pay_1/refunds/ref_1")[1]["state"] == "succeeded"
        assert refunded(server) == 999

    def test_never_gives_back_more_than_was_captured(self, server: PaymentsServer) -> None:
        captured(server)
        refund(server)
        too_much = refund(server, refund_id="ref_2", amount=1001)
        assert (too_much["state"], too_much["reason"]) == ("failed", "amount_too_large")
        assert refund(server, refund_id="ref_3", amount=1000)["state"] == "succeeded"
        assert refunded(server) == 1999

    def test_not_even_many_at_once(self, server: PaymentsServer) -> None:
        captured(server)
        start = threading.Barrier(8)

        def race(number: int) -> str:
            start.wait(10)
            return str(refund(server, refund_id=f"ref_{number}")["state"])

        with ThreadPoolExecutor(8) as pool:
            states = list(pool.map(race, range(8)))
        assert states.count("succeeded") == 2
        assert refunded(server) == 1998

    def test_what_was_not_captured_cannot_be_given_back(self, server: PaymentsServer) -> None:
        authorise(server)
        assert refund(server)["reason"] == "not_captured"
        assert post(server, "/payments/pay_9/refunds", refund_of("ref_2"))["reason"] == "not_captured"

    def test_given_it_may_fail_yet_once(self, server: PaymentsServer) -> None:
        captured(server)
        refund(server)
        assert bookings(server) == [("charge", "pay_1", 1999), ("refund", "ref_1", 999)]
        for _ in range(2):
            failed = post(server, "/payments/pay_1/refunds/ref_1/fail")
            assert (failed["state"], failed["reason"]) == ("failed", "account_closed")
        assert refunded(server) == 0
        assert bookings(server) == [("charge", "pay_1", 1999)]
        assert refund(server, refund_id="ref_2", amount=1999)["state"] == "succeeded"
        assert call(server, "POST", "/payments/pay_1/refunds/ref_9/fail") == (404, {"error": "not_found"})

    def test_another_currency_is_not_the_payments(self, server: PaymentsServer) -> None:
        captured(server)
        assert refund(server, currency="USD")["reason"] == "currency_mismatch"

    def test_an_id_stands_for_one_refund(self, server: PaymentsServer) -> None:
        captured(server)
        refund(server)
        response = call(server, "POST", "/payments/pay_1/refunds", refund_of(amount=1))
        assert response == (422, {"error": "refund_reused"})

    def test_fails_twice_with_nothing_booked(self, server: PaymentsServer) -> None:
        captured(server, "tok_refund_error")
        for _ in range(2):
            assert call(server, "POST", "/payments/pay_1/refunds", refund_of())[0] == 500
            assert call(server, "GET", "/payments/pay_1/refunds/ref_1")[0] == 404
        assert refund(server)["state"] == "succeeded"
        assert refunded(server) == 999

    def test_books_a_timeout_and_loses_only_the_first_answer(self, server: PaymentsServer) -> None:
        captured(server, "tok_refund_timeout")
        with pytest.raises(LOST):
            refund(server)
        assert refund(server)["state"] == "succeeded"
        assert refund(server, refund_id="ref_2")["state"] == "succeeded"
        assert refunded(server) == 1998


class TestPayouts:
    def test_arrives_at_the_second_look(self, server: PaymentsServer) -> None:
        assert pay_out(server, "acct_ok")["state"] == "in_transit"
        assert pay_out(server, "acct_ok")["state"] == "in_transit"
        assert [look(server) for _ in range(3)] == ["in_transit", "paid", "paid"]
        assert bookings(server) == [("payout", "pyt_1", 1500)]

    def test_arrives_when_a_test_says_so(self, server: PaymentsServer) -> None:
        pay_out(server, "acct_ok")
        assert post(server, "/payouts/pyt_1/settle")["state"] == "paid"
        assert pay_out(server, "acct_ok")["state"] == "paid"

    def test_can_fail_on_the_way_and_the_money_is_back(self, server: PaymentsServer) -> None:
        assert pay_out(server, "acct_failed")["state"] == "in_transit"
        response = post(server, "/payouts/pyt_1/settle")
        assert (response["state"], response["reason"]) == ("failed", "account_closed")
        assert bookings(server) == []

    def test_can_come_back_after_it_was_paid(self, server: PaymentsServer) -> None:
        pay_out(server, "acct_ok")
        post(server, "/payouts/pyt_1/settle")
        for _ in range(2):
            assert post(server, "/payouts/pyt_1/return")["state"] == "returned"
        assert bookings(server) == []

    def test_fails_at_once_where_nobody_lives(self, server: PaymentsServer) -> None:
        response = pay_out(server, "acct_nobody")
        assert (response["state"], response["reason"]) == ("failed", "invalid_destination")
        assert bookings(server) == []

    def test_loses_only_the_first_answer(self, server: PaymentsServer) -> None:
        with pytest.raises(LOST):
            pay_out(server, "acct_timeout")
        assert pay_out(server, "acct_timeout")["state"] == "in_transit"
        assert bookings(server) == [("payout", "pyt_1", 1500)]

    @pytest.mark.parametrize("change", [{"amount": 1}, {"currency": "USD"}])
    def test_an_id_stands_for_one_payout(self, server: PaymentsServer, change: dict[str, Any]) -> None:
        pay_out(server, "acct_ok")
        response = call(server, "POST", "/payouts", payout_of("acct_ok") | change)
        assert response == (422, {"error": "payout_reused"})

    @pytest.mark.parametrize("control", ["settle", "return"])
    def test_an_unknown_one_is_not_found(self, server: PaymentsServer, control: str) -> None:
        assert call(server, "POST", f"/payouts/pyt_9/{control}") == (404, {"error": "not_found"})


class TestDisputes:
    def test_withhold_the_money_at_once_and_a_won_one_gives_it_back(self, server: PaymentsServer) -> None:
        captured(server)
        dispute = post(server, "/payments/pay_1/disputes")
        assert (dispute["state"], dispute["amount"]) == ("open", 1999)
        assert refund(server)["reason"] == "amount_too_large"
        assert bookings(server) == [("charge", "pay_1", 1999)]
        post(server, f"/disputes/{dispute['dispute_id']}/close?outcome=won")
        assert refund(server, refund_id="ref_2")["state"] == "succeeded"
        assert bookings(server) == [("charge", "pay_1", 1999), ("refund", "ref_2", 999)]

    def test_a_lost_one_stays_taken_whatever_is_said_later(self, server: PaymentsServer) -> None:
        captured(server)
        dispute_id = post(server, "/payments/pay_1/disputes", {"amount": 500, "reason": "fraudulent"})["dispute_id"]
        assert post(server, f"/disputes/{dispute_id}/close?outcome=lost")["state"] == "lost"
        assert post(server, f"/disputes/{dispute_id}/close?outcome=won")["state"] == "lost"
        assert bookings(server) == [("charge", "pay_1", 1999), ("chargeback", "pay_1", 500)]
        assert refund(server, refund_id="ref_8", amount=1499)["state"] == "succeeded"
        assert refund(server, refund_id="ref_9", amount=1)["reason"] == "amount_too_large"
        (row,) = books(server)["disputes"]
        assert (row["reason"], row["order_id"]) == ("fraudulent", "ord_1")

    def test_one_that_took_money_gives_it_back_when_it_is_won_after_all(self, server: PaymentsServer) -> None:
        captured(server)
        dispute_id = post(server, "/payments/pay_1/disputes", {"amount": 500})["dispute_id"]
        assert post(server, f"/disputes/{dispute_id}/reinstate")["state"] == "open"
        post(server, f"/disputes/{dispute_id}/close?outcome=lost")
        for _ in range(2):
            assert post(server, f"/disputes/{dispute_id}/reinstate")["state"] == "won"
        assert bookings(server) == [("charge", "pay_1", 1999)]
        assert refund(server, amount=1999)["state"] == "succeeded"
        assert call(server, "POST", "/disputes/dsp_9/reinstate") == (404, {"error": "not_found"})

    def test_take_no_more_than_is_left(self, server: PaymentsServer) -> None:
        captured(server)
        refund(server)
        response = call(server, "POST", "/payments/pay_1/disputes", {"amount": 1001})
        assert response == (422, {"error": "nothing_to_dispute"})
        assert call(server, "POST", "/payments/pay_9/disputes")[0] == 422

    def test_are_won_or_lost(self, server: PaymentsServer) -> None:
        captured(server)
        dispute_id = post(server, "/payments/pay_1/disputes")["dispute_id"]
        assert call(server, "POST", f"/disputes/{dispute_id}/close?outcome=drawn")[0] == 400
        assert call(server, "POST", "/disputes/dsp_9/close?outcome=won") == (404, {"error": "not_found"})

"""The sandbox payment provider over real HTTP: each token, idempotency, faults, and its books after a restart."""

import http.client
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from deploy.local.payments.server import PaymentsServer
from tests.local.processes import until
from tests.local.sandbox import LOST, attempt_of, authorise, books, call, captured, payout_of, post, refund_of

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[PaymentsServer]:
    with PaymentsServer(tmp_path / "books.sqlite", slow_seconds=0.5) as running:
        yield running


def the_attempt(server: PaymentsServer) -> dict[str, Any]:
    """The only attempt in the books."""
    (row,) = books(server)["attempts"]
    return row


def sums(server: PaymentsServer) -> tuple[int, int, int]:
    row = the_attempt(server)
    return row["authorized"], row["captured"], row["refunded"]


def sent_to(server: PaymentsServer, method: str, path: str) -> tuple[int, str | None]:
    """Ask as a browser does; returns the status and where it is sent on to."""
    with closing(http.client.HTTPConnection(server.base_url.removeprefix("http://"), timeout=10)) as connection:
        connection.request(method, path)
        response = connection.getresponse()
        return response.status, response.getheader("Location")


class TestAuthorise:
    def test_sets_the_money_aside_once_however_often_it_is_said(self, server: PaymentsServer) -> None:
        first, second = authorise(server), authorise(server)
        assert first == second
        assert (first["state"], first["reason"]) == ("authorized", None)
        assert sums(server) == (1999, 0, 0)
        assert the_attempt(server)["order_id"] == "ord_1"

    @pytest.mark.parametrize(("token", "reason"), [("tok_declined", "card_declined"), ("tok_odd", "invalid_token")])
    def test_declines(self, server: PaymentsServer, token: str, reason: str) -> None:
        response = authorise(server, token)
        assert (response["state"], response["reason"]) == ("declined", reason)
        assert authorise(server, token) == response
        assert sums(server) == (0, 0, 0)

    def test_books_a_timeout_and_loses_only_the_first_answer(self, server: PaymentsServer) -> None:
        with pytest.raises(LOST):
            authorise(server, "tok_timeout")
        assert call(server, "GET", "/payments/pay_1")[1]["state"] == "authorized"
        assert authorise(server, "tok_timeout")["state"] == "authorized"
        assert sums(server) == (1999, 0, 0)

    def test_fails_twice_with_nothing_booked(self, server: PaymentsServer) -> None:
        for _ in range(2):
            assert call(server, "POST", "/payments", attempt_of("tok_error")) == (500, {"error": "provider_error"})
            assert books(server)["attempts"] == []
        assert authorise(server, "tok_error")["state"] == "authorized"

    def test_is_slow_without_holding_anybody_else_up(self, server: PaymentsServer) -> None:
        with ThreadPoolExecutor(1) as pool:
            slow = pool.submit(authorise, server, "tok_slow")
            assert authorise(server, attempt_id="pay_2")["state"] == "authorized"
            assert not slow.done()
            assert slow.result()["state"] == "authorized"

    def test_books_one_of_many_at_once_on_the_same_attempt(self, server: PaymentsServer) -> None:
        start = threading.Barrier(16)

        def race(_: int) -> dict[str, Any]:
            start.wait(10)
            return authorise(server, "tok_slow")

        with ThreadPoolExecutor(16) as pool:
            answers = list(pool.map(race, range(16)))
        assert all(response == answers[0] for response in answers)
        assert sums(server) == (1999, 0, 0)

    @pytest.mark.parametrize(
        "change", [{"amount": 1}, {"order_id": "ord_2"}, {"currency": "USD"}, {"token": "tok_declined"}]
    )
    def test_refuses_an_attempt_used_for_another_payment(self, server: PaymentsServer, change: dict[str, Any]) -> None:
        authorise(server)
        response = call(server, "POST", "/payments", attempt_of("tok_ok") | change)
        assert response == (422, {"error": "attempt_reused"})


class TestAction:
    def test_waits_for_the_buyer_and_then_sets_the_money_aside(self, server: PaymentsServer) -> None:
        waiting = authorise(server, "tok_requires_action")
        assert (waiting["state"], sums(server)) == ("requires_action", (0, 0, 0))
        assert post(server, "/payments/pay_1/complete_action")["state"] == "authorized"
        assert sums(server) == (1999, 0, 0)

    def test_a_buyer_who_refuses_is_a_decline(self, server: PaymentsServer) -> None:
        authorise(server, "tok_requires_action")
        response = post(server, "/payments/pay_1/complete_action?outcome=declined")
        assert (response["state"], response["reason"]) == ("declined", "authentication_failed")

    def test_its_url_is_a_page_whose_form_completes_it(self, server: PaymentsServer) -> None:
        url = authorise(server, "tok_requires_action")["action_url"]
        status, page = call(url, "GET", "", account=None)
        assert status == 200
        assert 'action="complete_action?account=northwind&amp;page=1"' in page
        post(url.replace("/action?", "/complete_action?"), "", account=None)
        assert the_attempt(server)["state"] == "authorized"

    @pytest.mark.parametrize(("outcome", "status"), [("authorized", "succeeded"), ("declined", "failed")])
    def test_its_page_leads_the_buyer_back_to_the_shop(self, server: PaymentsServer, outcome: str, status: str) -> None:
        back = "https://shop.example/back?step=3&order_id=ord_1"
        reference = authorise(server, "tok_requires_action", return_url=back)["reference"]
        expected = f"{back}&payment={reference}&redirect_status={status}"
        path = f"/payments/pay_1/complete_action?account=northwind&page=1&outcome={outcome}"
        assert sent_to(server, "POST", path) == (303, expected)
        assert sent_to(server, "GET", "/payments/pay_1/action?account=northwind") == (303, expected)  # opened again

    def test_its_page_says_that_it_is_done_when_there_is_no_way_back(self, server: PaymentsServer) -> None:
        authorise(server, "tok_requires_action")
        status, page = call(server, "POST", "/payments/pay_1/complete_action?page=1")
        assert (status, "The payment is authorized" in page) == (200, True)

    def test_books_of_before_there_was_a_way_back_can_be_read(self, tmp_path: Path) -> None:
        file = tmp_path / "books.sqlite"
        with closing(sqlite3.connect(file)) as connection:
            columns = (
                "account TEXT, attempt_id TEXT, order_id TEXT, amount INTEGER, currency TEXT, token TEXT, state TEXT"
            )
            key = "reference TEXT, reason TEXT, PRIMARY KEY (account, attempt_id)"
            connection.execute(f"CREATE TABLE payments ({columns}, {key})")
            row = ("northwind", "pay_1", "ord_1", 1999, "GBP", "tok_requires_action", "requires_action", "sbx_1", None)
            connection.execute("INSERT INTO payments VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", row)
            connection.commit()
        with PaymentsServer(file) as server:
            assert authorise(server, "tok_requires_action")["reference"] == "sbx_1"

    def test_cannot_be_completed_once_it_was_given_up(self, server: PaymentsServer) -> None:
        authorise(server, "tok_requires_action")
        post(server, "/payments/pay_1/void")
        assert post(server, "/payments/pay_1/complete_action")["state"] == "voided"
        assert sums(server) == (0, 0, 0)


class TestCapture:
    def test_takes_the_money_once(self, server: PaymentsServer) -> None:
        assert captured(server) == captured(server)
        assert sums(server) == (1999, 1999, 0)

    def test_loses_only_the_first_answer(self, server: PaymentsServer) -> None:
        authorise(server, "tok_capture_timeout")
        with pytest.raises(LOST):
            post(server, "/payments/pay_1/capture")
        assert post(server, "/payments/pay_1/capture")["state"] == "captured"
        assert sums(server) == (1999, 1999, 0)

    def test_can_be_declined_and_then_nothing_is_set_aside(self, server: PaymentsServer) -> None:
        response = captured(server, "tok_capture_declined")
        assert (response["state"], response["reason"]) == ("declined", "capture_declined")
        assert sums(server) == (0, 0, 0)

    @pytest.mark.parametrize(
        ("token", "state"), [("tok_declined", "declined"), ("tok_requires_action", "requires_action")]
    )
    def test_takes_nothing_that_was_not_set_aside(self, server: PaymentsServer, token: str, state: str) -> None:
        assert captured(server, token)["state"] == state
        assert sums(server) == (0, 0, 0)

    def test_closes_an_attempt_never_booked(self, server: PaymentsServer) -> None:
        assert post(server, "/payments/pay_1/capture")["state"] == "voided"
        assert authorise(server)["state"] == "voided"


class TestVoid:
    @pytest.mark.parametrize("token", ["tok_ok", "tok_requires_action"])
    def test_gives_up_what_was_set_aside(self, server: PaymentsServer, token: str) -> None:
        authorise(server, token)
        for _ in range(2):
            assert post(server, "/payments/pay_1/void")["state"] == "voided"
        assert post(server, "/payments/pay_1/capture")["state"] == "voided"
        assert sums(server) == (0, 0, 0)

    def test_leaves_a_refusal_a_refusal(self, server: PaymentsServer) -> None:
        authorise(server, "tok_declined")
        assert post(server, "/payments/pay_1/void")["state"] == "declined"

    def test_says_when_it_is_too_late(self, server: PaymentsServer) -> None:
        captured(server)
        assert post(server, "/payments/pay_1/void")["state"] == "captured"
        assert sums(server) == (1999, 1999, 0)

    def test_closes_an_attempt_never_booked_so_that_a_late_one_takes_nothing(self, server: PaymentsServer) -> None:
        assert post(server, "/payments/pay_1/void")["state"] == "voided"
        assert authorise(server)["state"] == "voided"
        assert the_attempt(server)["amount"] == 0

    def test_waits_for_the_authorisation_under_way(self, server: PaymentsServer) -> None:
        with ThreadPoolExecutor(1) as pool:
            slow = pool.submit(authorise, server, "tok_slow")
            assert until(lambda: bool(server._context._locks))
            assert post(server, "/payments/pay_1/void")["state"] == "voided"
            assert slow.result()["state"] == "authorized"
        assert sums(server) == (0, 0, 0)


class TestAccounts:
    def test_each_has_books_of_its_own(self, server: PaymentsServer) -> None:
        authorise(server)
        other = post(server, "/payments", attempt_of("tok_declined"), account="fjord")
        assert other["state"] == "declined"
        assert call(server, "GET", "/payments/pay_1")[1]["state"] == "authorized"
        assert [row["account"] for row in books(server)["attempts"]] == ["northwind"]
        assert {row["account"] for row in books(server, account=None)["attempts"]} == {"northwind", "fjord"}

    def test_a_call_names_one(self, server: PaymentsServer) -> None:
        response = call(server, "POST", "/payments", attempt_of("tok_ok"), account=None)
        assert response == (400, {"error": "account_missing"})
        assert call(server, "GET", "/books", account="../x") == (400, {"error": "invalid_account"})


class TestBadRequests:
    @pytest.mark.parametrize(
        "path", ["/", "/payments/", "/payments/pay_9", "/payments/a%2Fb", "/payments/a/b", "/books/x", "/payouts/x"]
    )
    def test_what_is_unknown_is_not_found(self, server: PaymentsServer, path: str) -> None:
        assert call(server, "GET", path) == (404, {"error": "not_found"})

    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b"{",
            b"\xff",
            b"null",
            attempt_of("tok_ok", amount=0),
            attempt_of("tok_ok", amount=1.5),
            attempt_of("tok_ok", currency="gbp"),
            attempt_of("tok_ok", attempt_id="../x"),
            attempt_of("tok_ok", surprise=1),
        ],
    )
    def test_a_body_that_is_no_payment_is_refused(self, server: PaymentsServer, body: object) -> None:
        assert call(server, "POST", "/payments", body) == (400, {"error": "invalid_request"})
        assert books(server)["attempts"] == []

    @pytest.mark.parametrize("query", ["since=x", "after=1.5"])
    def test_a_page_of_bookings_begins_at_a_number(self, server: PaymentsServer, query: str) -> None:
        assert call(server, "GET", f"/bookings?{query}") == (400, {"error": "invalid_request"})

    def test_a_huge_body_is_refused_unread(self, server: PaymentsServer) -> None:
        with socket.create_connection(("127.0.0.1", int(server.base_url.rsplit(":", 1)[1])), timeout=10) as client:
            client.sendall(b"POST /payments HTTP/1.1\r\nHost: x\r\nContent-Length: 10000000\r\n\r\n")
            assert client.recv(100).startswith(b"HTTP/1.1 413 ")


class TestTheCommand:
    def test_keeps_its_books_through_kill_9_and_stops_on_sigterm(self, tmp_path: Path, free_port: int) -> None:
        data, url = tmp_path / "payments" / "books.sqlite", f"http://127.0.0.1:{free_port}"
        first = start(data, free_port)
        assert captured(url)["state"] == "captured"
        first.kill()
        first.wait(10)
        second = start(data, free_port)
        assert captured(url)["state"] == "captured"
        assert post(url, "/payments/pay_1/refunds", refund_of())["state"] == "succeeded"
        (row,) = books(url)["attempts"]
        assert (row["captured"], row["refunded"]) == (1999, 999)
        second.send_signal(signal.SIGTERM)
        assert second.wait(10) == 0


@pytest.fixture
def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def start(data: Path, port: int) -> "subprocess.Popen[bytes]":
    environment = {"PATH": os.defpath, "DJANGO_SETTINGS_MODULE": "config.settings.local"}
    command = [sys.executable, str(ROOT / "manage.py"), "sandbox_payments", "--port", str(port), "--data", str(data)]
    process = subprocess.Popen(command, env=environment, cwd=ROOT)
    assert until(lambda: is_open(port), seconds=30)
    return process


def is_open(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


class TestOnboarding:
    def test_opens_the_same_account_again_and_pays_it(self, server: PaymentsServer) -> None:
        body = {"seller_id": "sel_1", "return_url": "https://shop.example/payouts"}
        first, again = post(server, "/onboarding_links", body), post(server, "/onboarding_links", body)
        assert (first["account"], first["status"]) == (again["account"], "active")
        paid = post(server, "/payouts", payout_of(first["account"]))
        assert paid["state"] == "in_transit"

    def test_its_page_leads_back_to_the_shop(self, server: PaymentsServer) -> None:
        body = {"seller_id": "sel_1", "return_url": "https://shop.example/payouts?a=1&b=2"}
        link = post(server, "/onboarding_links", body)["url"]
        page = urllib.request.urlopen(link, timeout=10).read().decode()  # noqa: S310 - the sandbox's own
        assert 'href="https://shop.example/payouts?a=1&amp;b=2"' in page

    def test_refuses_a_page_that_is_no_web_page(self, server: PaymentsServer) -> None:
        assert sent_to(server, "GET", "/onboarding/northwind/acct_1?return_url=javascript:alert(1)")[0] == 400

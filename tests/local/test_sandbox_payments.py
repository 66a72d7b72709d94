"""The sandbox payment provider over real HTTP: each token, idempotency, faults, and its books after a restart."""

import http.client
import os
import signal
import socket
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import msgspec
import pytest

from apps.local.payments.server import PaymentsServer
from tests.local.processes import until

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[PaymentsServer]:
    with PaymentsServer(tmp_path / "books.sqlite", slow_seconds=0.5) as running:
        yield running


def call(server: PaymentsServer, method: str, path: str, body: object = None) -> tuple[int, Any]:
    content = body if isinstance(body, bytes) else None if body is None else msgspec.json.encode(body)
    request = urllib.request.Request(server.base_url + path, data=content, method=method)  # noqa: S310 - our own server
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310 - same
            return answer.status, msgspec.json.decode(answer.read())
    except urllib.error.HTTPError as error:
        with error:
            return error.code, msgspec.json.decode(error.read())


def charge_of(token: str, **changes: Any) -> dict[str, Any]:
    charge = {"attempt_id": "pay_1", "order_id": "ord_1", "amount": 1999, "currency": "GBP", "token": token}
    return {**charge, **changes}


def charge(server: PaymentsServer, token: str, **changes: Any) -> tuple[int, Any]:
    return call(server, "POST", "/charges", charge_of(token, **changes))


def books(server: PaymentsServer) -> list[dict[str, Any]]:
    return list(call(server, "GET", "/books")[1]["data"])


class TestCharge:
    def test_captures_once_however_often_it_is_said(self, server: PaymentsServer) -> None:
        first, second = charge(server, "tok_ok"), charge(server, "tok_ok")
        assert first == second
        assert (first[0], first[1]["state"], first[1]["reason"]) == (200, "captured", None)
        (row,) = books(server)
        assert (row["order_id"], row["amount"], row["currency"]) == ("ord_1", 1999, "GBP")

    @pytest.mark.parametrize(("token", "reason"), [("tok_declined", "card_declined"), ("tok_odd", "invalid_token")])
    def test_declines(self, server: PaymentsServer, token: str, reason: str) -> None:
        status, answer = charge(server, token)
        assert (status, answer["state"], answer["reason"]) == (200, "declined", reason)
        assert charge(server, token)[1] == answer

    def test_books_a_timeout_and_loses_only_the_first_answer(self, server: PaymentsServer) -> None:
        with pytest.raises((http.client.RemoteDisconnected, ConnectionResetError)):
            charge(server, "tok_timeout")
        assert call(server, "GET", "/charges/pay_1")[1]["state"] == "captured"
        assert charge(server, "tok_timeout")[1]["state"] == "captured"
        assert len(books(server)) == 1

    def test_fails_twice_with_nothing_booked_and_then_captures(self, server: PaymentsServer) -> None:
        for _ in range(2):
            assert charge(server, "tok_error") == (500, {"error": "provider_error"})
            assert books(server) == []
        assert charge(server, "tok_error")[1]["state"] == "captured"

    def test_is_slow_without_holding_anybody_else_up(self, server: PaymentsServer) -> None:
        with ThreadPoolExecutor(1) as pool:
            slow = pool.submit(charge, server, "tok_slow")
            assert charge(server, "tok_ok", attempt_id="pay_2")[1]["state"] == "captured"
            assert not slow.done()
            assert slow.result()[1]["state"] == "captured"

    def test_books_one_of_many_at_once_on_the_same_attempt(self, server: PaymentsServer) -> None:
        start = threading.Barrier(16)

        def race(_: int) -> tuple[int, Any]:
            start.wait(10)
            return charge(server, "tok_slow")

        with ThreadPoolExecutor(16) as pool:
            answers = list(pool.map(race, range(16)))
        assert all(answer == answers[0] for answer in answers)
        assert answers[0][1]["state"] == "captured"
        assert len(books(server)) == 1

    @pytest.mark.parametrize(
        "change", [{"amount": 1}, {"order_id": "ord_2"}, {"currency": "USD"}, {"token": "tok_declined"}]
    )
    def test_refuses_an_attempt_used_for_another_charge(self, server: PaymentsServer, change: dict[str, Any]) -> None:
        charge(server, "tok_ok")
        assert call(server, "POST", "/charges", charge_of("tok_ok") | change) == (422, {"error": "attempt_reused"})


class TestRefund:
    def test_gives_a_capture_back_once(self, server: PaymentsServer) -> None:
        reference = charge(server, "tok_ok")[1]["reference"]
        for _ in range(2):
            status, answer = call(server, "POST", "/charges/pay_1/refund")
            assert (status, answer["state"], answer["reference"]) == (200, "refunded", reference)
        assert charge(server, "tok_ok")[1]["state"] == "refunded"

    def test_leaves_a_refusal_a_refusal(self, server: PaymentsServer) -> None:
        charge(server, "tok_declined")
        assert call(server, "POST", "/charges/pay_1/refund")[1]["state"] == "declined"

    def test_closes_an_attempt_never_booked_so_that_a_late_charge_takes_nothing(self, server: PaymentsServer) -> None:
        assert call(server, "POST", "/charges/pay_1/refund")[1]["state"] == "voided"
        assert charge(server, "tok_ok")[1]["state"] == "voided"
        (row,) = books(server)
        assert row["amount"] == 0

    def test_waits_for_the_charge_under_way(self, server: PaymentsServer) -> None:
        with ThreadPoolExecutor(1) as pool:
            slow = pool.submit(charge, server, "tok_slow")
            assert until(lambda: is_tried(server))
            assert call(server, "POST", "/charges/pay_1/refund")[1]["state"] == "refunded"
            assert slow.result()[1]["state"] == "captured"


def is_tried(server: PaymentsServer) -> bool:
    return bool(server._provider._lines._locks)


class TestBadRequests:
    def test_an_unknown_attempt_is_not_found(self, server: PaymentsServer) -> None:
        assert call(server, "GET", "/charges/pay_9") == (404, {"error": "not_found"})

    @pytest.mark.parametrize("path", ["/", "/charges/", "/charges/a%2Fb", "/charges/a/b", "/books/x"])
    def test_an_unknown_path_is_not_found(self, server: PaymentsServer, path: str) -> None:
        assert call(server, "GET", path) == (404, {"error": "not_found"})

    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b"{",
            b"\xff",
            b"null",
            charge_of("tok_ok", amount=0),
            charge_of("tok_ok", amount=1.5),
            charge_of("tok_ok", currency="gbp"),
            charge_of("tok_ok", attempt_id="../x"),
            charge_of("tok_ok", surprise=1),
        ],
    )
    def test_a_body_that_is_no_charge_is_refused(self, server: PaymentsServer, body: object) -> None:
        assert call(server, "POST", "/charges", body) == (400, {"error": "invalid_request"})
        assert books(server) == []

    def test_a_huge_body_is_refused_unread(self, server: PaymentsServer) -> None:
        with socket.create_connection(("127.0.0.1", int(server.base_url.rsplit(":", 1)[1])), timeout=10) as client:
            client.sendall(b"POST /charges HTTP/1.1\r\nHost: x\r\nContent-Length: 10000000\r\n\r\n")
            assert client.recv(100).startswith(b"HTTP/1.1 413 ")


class TestTheCommand:
    def test_keeps_its_books_through_kill_9_and_stops_on_sigterm(self, tmp_path: Path, free_port: int) -> None:
        data = tmp_path / "payments" / "books.sqlite"
        first = start(data, free_port)
        assert post(free_port, charge_of("tok_ok"))["state"] == "captured"
        first.kill()
        first.wait(10)
        second = start(data, free_port)
        assert post(free_port, charge_of("tok_ok"))["state"] == "captured"
        with urllib.request.urlopen(f"http://127.0.0.1:{free_port}/books", timeout=10) as answer:
            assert len(msgspec.json.decode(answer.read())["data"]) == 1
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


def post(port: int, body: object) -> Any:
    request = urllib.request.Request(f"http://127.0.0.1:{port}/charges", data=msgspec.json.encode(body))
    with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310 - same
        return msgspec.json.decode(answer.read())

"""The sandbox carrier over real HTTP: labels, scans, webhooks, planned faults, and its books after a restart."""

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
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
import pytest

from deploy.local.sandbox_server import WebhookSender
from deploy.local.shipping.carrier import NewLabel, SandboxCarrier
from deploy.local.shipping.server import ShippingServer
from deploy.local.shipping.store import LabelRecords, Row
from tests.local.hooks import Receiver, receiving
from tests.local.processes import until

ROOT = Path(__file__).resolve().parents[2]
NOON = "2026-03-02T12:00:00Z"
BUYER = {"name": "Ada Quartermain", "line1": "7 Peppercorn Rise", "city": "Leeds", "postal_code": "LS1 4AP"}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ShippingServer]:
    webhooks = tmp_path / "webhooks.json"
    with ShippingServer(tmp_path / "books.sqlite", webhooks=webhooks, first_wait_seconds=0.01) as running:
        yield running


@pytest.fixture
def receiver(tmp_path: Path) -> Iterator[Receiver]:
    """Who northwind's webhooks go to."""
    with receiving() as running:
        endpoint = {"url": running.url, "secret": "whsec_1"}
        (tmp_path / "webhooks.json").write_bytes(msgspec.json.encode({"northwind": endpoint}))
        yield running


def call(
    base_url: str, method: str, path: str, body: object = None, *, account: str | None = "northwind"
) -> tuple[int, Any]:
    content = body if isinstance(body, bytes) else None if body is None else msgspec.json.encode(body)
    headers = {} if account is None else {"X-Sandbox-Account": account}
    request = urllib.request.Request(base_url + path, data=content, method=method, headers=headers)  # noqa: S310 - our own
    try:
        with urllib.request.urlopen(request, timeout=10) as response:  # noqa: S310 - same
            return response.status, msgspec.json.decode(response.read())
    except urllib.error.HTTPError as error:
        with error:
            return error.code, msgspec.json.decode(error.read())


def wanted(**changes: Any) -> dict[str, Any]:
    parcel = {
        "shipment_id": "shp_1",
        "order_id": "ord_1",
        "sender": {**BUYER, "country": "GB"},
        "recipient": {**BUYER, "country": "GB"},
        "parcel": {"weight_grams": 1500, "length_mm": 350, "width_mm": 250, "height_mm": 100},
        "currency": "GBP",
    }
    return {**parcel, **changes}


def buy(server: ShippingServer, *, account: str = "northwind", **changes: Any) -> tuple[int, Any]:
    return call(server.base_url, "POST", "/shipments", wanted(**changes), account=account)


def find(server: ShippingServer) -> tuple[int, Any]:
    return call(server.base_url, "GET", "/shipments/shp_1")


def scan(server: ShippingServer, status: str, **more: Any) -> tuple[int, Any]:
    return call(server.base_url, "POST", "/shipments/shp_1/scan", {"status": status, **more})


def plan(server: ShippingServer, fault: str, **more: Any) -> None:
    assert call(server.base_url, "POST", "/faults", {"fault": fault, **more}) == (200, {})


def books(server: ShippingServer, account: str | None = None) -> list[dict[str, Any]]:
    return list(call(server.base_url, "GET", "/books", account=account)[1]["data"])


class TestRates:
    def test_are_cheapest_first_and_always_the_same(self, server: ShippingServer) -> None:
        first, second = (call(server.base_url, "POST", "/rates", wanted()) for _ in range(2))
        assert first == second
        assert [(rate["service"], rate["amount"]) for rate in first[1]["data"]] == [("ground", 470), ("express", 1170)]

    def test_abroad_costs_more(self, server: ShippingServer) -> None:
        abroad = wanted(recipient={**BUYER, "country": "FR"})
        assert call(server.base_url, "POST", "/rates", abroad)[1]["data"][0]["amount"] == 3 * 470


class TestBuying:
    def test_makes_one_label_however_often_it_is_said(self, server: ShippingServer) -> None:
        first, second = buy(server), buy(server)
        assert first == second
        assert (first[0], first[1]["state"], first[1]["service"], first[1]["amount"]) == (200, "issued", "ground", 470)
        (row,) = books(server)
        assert (row["account"], row["order_id"], row["amount"]) == ("northwind", "ord_1", 470)

    def test_makes_one_of_many_at_once(self, server: ShippingServer) -> None:
        start = threading.Barrier(16)

        def race(_: int) -> tuple[int, Any]:
            start.wait(10)
            return buy(server)

        with ThreadPoolExecutor(16) as pool:
            answers = list(pool.map(race, range(16)))
        assert all(response == answers[0] for response in answers)
        assert len(books(server)) == 1

    def test_the_second_of_two_waits_for_the_first(self, tmp_path: Path) -> None:
        """Both have looked before either books, unless the second waits for the first."""
        meeting = threading.Barrier(2)

        class MeetingBooks(LabelRecords):
            def find(self, account: str, shipment_id: str) -> Row | None:
                found = super().find(account, shipment_id)
                with suppress(threading.BrokenBarrierError):
                    meeting.wait(0.3)
                return found

        carrier = SandboxCarrier(MeetingBooks(tmp_path / "met.sqlite"), WebhookSender(None))
        parcel = msgspec.convert(wanted(), NewLabel)
        with ThreadPoolExecutor(2) as pool:
            first, second = pool.map(lambda _: carrier.buy("northwind", parcel), range(2))
        assert first == second

    @pytest.mark.parametrize("change", [{"order_id": "ord_2"}, {"currency": "USD"}])
    def test_refuses_an_id_used_for_another_parcel(self, server: ShippingServer, change: dict[str, Any]) -> None:
        buy(server)
        assert buy(server, **change) == (422, {"error": "shipment_reused"})

    def test_each_account_has_parcels_of_its_own(self, server: ShippingServer) -> None:
        buy(server)
        assert call(server.base_url, "GET", "/shipments/shp_1", account="atelier") == (404, {"error": "not_found"})
        buy(server, account="atelier")
        mine, theirs = books(server, "northwind"), books(server, "atelier")
        assert (len(mine), len(theirs), len(books(server))) == (1, 1, 2)
        assert mine[0]["tracking_number"] != theirs[0]["tracking_number"]

    def test_writes_no_address_down(self, server: ShippingServer, tmp_path: Path) -> None:
        buy(server)
        written = b"".join(path.read_bytes() for path in tmp_path.iterdir())
        assert b"shp_1" in written
        assert [value for value in BUYER.values() if value.encode() in written] == []


class TestDocument:
    def test_is_a_picture_that_says_what_it_is(self, server: ShippingServer) -> None:
        label = buy(server)[1]
        with urllib.request.urlopen(label["url"], timeout=10) as response:  # noqa: S310 - our own server
            kind, content = response.headers["Content-Type"], response.read().decode()
        assert kind == "image/svg+xml"
        assert "NOT A REAL LABEL" in content
        assert label["tracking_number"] in content
        assert "Peppercorn" not in content

    def test_an_unknown_one_is_not_found(self, server: ShippingServer) -> None:
        path = f"/documents/sbx_{'0' * 32}.svg"
        assert call(server.base_url, "GET", path) == (404, {"error": "not_found"})


class TestVoiding:
    def test_takes_a_label_back_once(self, server: ShippingServer) -> None:
        buy(server)
        for _ in range(2):
            assert call(server.base_url, "POST", "/shipments/shp_1/void")[1]["state"] == "voided"
        assert buy(server)[1]["state"] == "voided"

    def test_refuses_once_the_parcel_was_scanned(self, server: ShippingServer) -> None:
        buy(server)
        scan(server, "pre_transit")
        scan(server, "in_transit")
        assert call(server.base_url, "POST", "/shipments/shp_1/void") == (409, {"error": "in_use"})
        assert find(server)[1]["state"] == "issued"

    def test_closes_one_never_bought_so_that_a_late_purchase_makes_none(self, server: ShippingServer) -> None:
        assert call(server.base_url, "POST", "/shipments/shp_1/void")[1]["state"] == "voided"
        assert buy(server)[1]["state"] == "voided"
        (row,) = books(server)
        assert row["amount"] == 0


class TestScanning:
    def test_reports_in_the_order_it_was_told_each_under_an_id(self, server: ShippingServer) -> None:
        reference = buy(server)[1]["reference"]
        scan(server, "delivered", occurred_at="2026-03-03T09:00:00Z")
        scan(server, "in_transit", occurred_at=NOON)
        events = call(server.base_url, "GET", "/shipments/shp_1/tracking")[1]["data"]
        assert events == [
            {"id": f"{reference}_1", "status": "delivered", "occurred_at": "2026-03-03T09:00:00Z"},
            {"id": f"{reference}_2", "status": "in_transit", "occurred_at": NOON},
        ]

    def test_needs_a_good_label(self, server: ShippingServer) -> None:
        assert scan(server, "in_transit") == (404, {"error": "not_found"})
        call(server.base_url, "POST", "/shipments/shp_1/void")
        assert scan(server, "in_transit") == (409, {"error": "no_label"})

    def test_finds_a_parcel_whose_label_was_voided_after_it_was_dropped_off(self, server: ShippingServer) -> None:
        buy(server)
        call(server.base_url, "POST", "/shipments/shp_1/void")
        assert scan(server, "delivered")[0] == 200

    def test_tells_nobody_who_did_not_ask(self, server: ShippingServer) -> None:
        buy(server)
        assert scan(server, "in_transit")[1]["delivered"] is None

    def test_tells_the_account_that_asked(self, server: ShippingServer, receiver: Receiver) -> None:
        buy(server)
        event = scan(server, "in_transit", occurred_at=NOON)[1]
        (hook,) = receiver.hooks
        told = msgspec.json.decode(hook.body)
        assert event["delivered"] is True
        assert (told["id"], told["type"], told["shipment_id"]) == (
            f"evt_{event['event']['id']}",
            "tracking.updated",
            "shp_1",
        )
        assert told["tracking"] == [event["event"]]

    def test_tries_again_when_the_message_is_not_taken(self, server: ShippingServer, receiver: Receiver) -> None:
        buy(server)
        receiver.refusals = 5
        assert scan(server, "in_transit")[1]["delivered"] is True
        assert len(receiver.hooks) == 1

    def test_tells_no_other_account(self, server: ShippingServer, receiver: Receiver) -> None:
        buy(server, account="atelier")
        scanned = call(server.base_url, "POST", "/shipments/shp_1/scan", {"status": "in_transit"}, account="atelier")
        assert (scanned[1]["delivered"], receiver.hooks) == (None, [])

    def test_says_when_nobody_took_the_message_and_tells_again(
        self, server: ShippingServer, receiver: Receiver
    ) -> None:
        buy(server)
        receiver.refusals = 99
        assert scan(server, "in_transit")[1]["delivered"] is False
        receiver.refusals = 0
        for _ in range(2):
            assert call(server.base_url, "POST", "/shipments/shp_1/tell_again") == (200, {"delivered": [True]})
        ids = {msgspec.json.decode(hook.body)["id"] for hook in receiver.hooks}
        assert (len(receiver.hooks), len(ids)) == (2, 1)


class TestFaults:
    def test_a_timeout_makes_the_label_and_loses_the_answer(self, server: ShippingServer) -> None:
        plan(server, "timeout", shipment_id="shp_1")
        with pytest.raises((http.client.RemoteDisconnected, ConnectionResetError)):
            buy(server)
        assert find(server)[1]["state"] == "issued"
        assert buy(server)[1]["state"] == "issued"
        assert len(books(server)) == 1

    def test_an_error_does_nothing_as_often_as_it_was_asked_for(self, server: ShippingServer) -> None:
        plan(server, "error", times=2)
        for _ in range(2):
            assert buy(server) == (500, {"error": "carrier_error"})
            assert books(server) == []
        assert buy(server)[1]["state"] == "issued"

    def test_a_refusal_is_kept_until_somebody_asks_again(self, server: ShippingServer) -> None:
        plan(server, "refuse", times=2)
        for _ in range(2):
            label = buy(server)[1]
            assert (label["state"], label["reason"], label["amount"], label["url"]) == (
                "refused",
                "address_invalid",
                0,
                "",
            )
            assert find(server)[1] == label
        assert buy(server)[1]["state"] == "issued"
        assert len(books(server)) == 1

    @pytest.mark.parametrize("end", ["sender", "recipient"])
    def test_an_undeliverable_address_is_refused_until_it_is_corrected(self, server: ShippingServer, end: str) -> None:
        changes: dict[str, Any] = {end: {**BUYER, "country": "GB", "line1": "Undeliverable"}}
        label = buy(server, **changes)[1]
        assert (label["state"], label["reason"]) == ("refused", "address_invalid")
        assert buy(server)[1]["state"] == "issued"

    def test_can_hit_another_call(self, server: ShippingServer) -> None:
        plan(server, "error", call="find")
        assert buy(server)[1]["state"] == "issued"
        assert find(server) == (500, {"error": "carrier_error"})
        assert find(server)[0] == 200

    def test_leaves_other_parcels_and_accounts_alone(self, server: ShippingServer) -> None:
        plan(server, "error", shipment_id="shp_9")
        assert buy(server)[0] == 200
        plan(server, "error")
        assert buy(server, account="atelier")[0] == 200


class TestBadRequests:
    def test_without_an_account_nothing_is_done(self, server: ShippingServer) -> None:
        for account in (None, "../x", ""):
            response = call(server.base_url, "POST", "/shipments", wanted(), account=account)
            assert response == (401, {"error": "account_unknown"})
        assert books(server) == []

    @pytest.mark.parametrize("path", ["/", "/shipments", "/shipments/", "/shipments/a/b", "/documents/x.svg"])
    def test_an_unknown_path_is_not_found(self, server: ShippingServer, path: str) -> None:
        assert call(server.base_url, "GET", path) == (404, {"error": "not_found"})

    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b"{",
            b"\xff",
            b"null",
            wanted(shipment_id="../x"),
            wanted(currency="gbp"),
            wanted(parcel={"weight_grams": 0}),
            wanted(surprise=1),
        ],
    )
    def test_a_body_that_is_no_parcel_is_refused(self, server: ShippingServer, body: object) -> None:
        assert call(server.base_url, "POST", "/shipments", body) == (400, {"error": "invalid_request"})
        assert books(server) == []

    @pytest.mark.parametrize(
        "body", [{"status": "lost"}, {"status": "delivered", "occurred_at": "2026-03-02T12:00:00"}]
    )
    def test_a_scan_that_is_none_is_refused(self, server: ShippingServer, body: object) -> None:
        buy(server)
        assert call(server.base_url, "POST", "/shipments/shp_1/scan", body) == (400, {"error": "invalid_request"})

    def test_a_huge_body_is_refused_unread(self, server: ShippingServer) -> None:
        with socket.create_connection(("127.0.0.1", int(server.base_url.rsplit(":", 1)[1])), timeout=10) as client:
            client.sendall(b"POST /shipments HTTP/1.1\r\nX-Sandbox-Account: a\r\nContent-Length: 10000000\r\n\r\n")
            assert client.recv(100).startswith(b"HTTP/1.1 413 ")


class TestTheCommand:
    def test_keeps_its_books_through_kill_9_and_stops_on_sigterm(self, tmp_path: Path, free_port: int) -> None:
        data, url = tmp_path / "shipping" / "books.sqlite", f"http://127.0.0.1:{free_port}"
        first = start(data, free_port)
        label = call(url, "POST", "/shipments", wanted())
        call(url, "POST", "/shipments/shp_1/scan", {"status": "in_transit"})
        first.kill()
        first.wait(10)
        second = start(data, free_port)
        assert call(url, "POST", "/shipments", wanted()) == label
        assert len(call(url, "GET", "/shipments/shp_1/tracking")[1]["data"]) == 1
        second.send_signal(signal.SIGTERM)
        assert second.wait(10) == 0


@pytest.fixture
def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def start(data: Path, port: int) -> "subprocess.Popen[bytes]":
    environment = {"PATH": os.defpath, "DJANGO_SETTINGS_MODULE": "config.settings.local"}
    command = [sys.executable, str(ROOT / "manage.py"), "sandbox_shipping", "--port", str(port), "--data", str(data)]
    process = subprocess.Popen(command, env=environment, cwd=ROOT)
    assert until(lambda: is_open(port), seconds=30)
    return process


def is_open(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True

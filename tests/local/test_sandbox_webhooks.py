"""Events from the sandbox provider as a shop receives them, signed, and as the adapter reads them."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import msgspec
import pytest

from deploy.local.payments.server import PaymentsServer
from deploy.local.payments.webhooks import sign
from resale.adapters.payments.sandbox import SandboxPayments
from resale.domain.partners import PartnerMisconfigured, SignatureInvalid, WebhookUnreadable
from resale.domain.payments import DisputeStatus
from resale.settings import Settings
from tests.local.processes import until
from tests.local.sandbox import attempt_of, authorise, captured, payout_of, post, refund_of

SECRET = "whsec_made_up"
BODY = msgspec.json.encode(
    {"id": "evt_1", "type": "payment.captured", "created_at": "2026-03-01T10:00:00Z", "data": {"order_id": "ord_1"}}
)


class Shop:
    """Takes webhooks; answers with the given statuses in turn, then with 200."""

    def __init__(self, *statuses: int) -> None:
        self.got: list[tuple[bytes, dict[str, str]]] = []
        self._statuses = list(statuses)
        self._lock = threading.Lock()
        handler = type("Handler", (_Handler,), {"shop": self})
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/hooks"

    def take(self, body: bytes, headers: dict[str, str]) -> int:
        with self._lock:
            self.got.append((body, headers))
            return self._statuses.pop(0) if self._statuses else 200

    def events(self) -> list[Any]:
        return [msgspec.json.decode(body) for body, _ in self.got]

    def event(self, event_type: str) -> tuple[bytes, dict[str, str]]:
        """The event of a type, once it has come."""
        assert until(lambda: event_type in {event["type"] for event in self.events()}), self.events()
        return next(got for got in self.got if msgspec.json.decode(got[0])["type"] == event_type)


class _Handler(BaseHTTPRequestHandler):
    shop: Shop

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.send_response(self.shop.take(body, headers))
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - http.server's name
        pass


@contextmanager
def open_shop(*statuses: int) -> Iterator[Shop]:
    shop = Shop(*statuses)
    thread = threading.Thread(target=shop.server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield shop
    finally:
        shop.server.shutdown()
        shop.server.server_close()
        thread.join()


@contextmanager
def provider_for(shop: Shop, tmp_path: Path) -> Iterator[PaymentsServer]:
    config = tmp_path / "webhooks.json"
    config.write_bytes(msgspec.json.encode({"northwind": {"url": shop.url, "secret": SECRET}}))
    with PaymentsServer(tmp_path / "books.sqlite", webhooks=config) as server:
        yield server


@pytest.fixture
def shop() -> Iterator[Shop]:
    with open_shop() as opened:
        yield opened


@pytest.fixture
def server(shop: Shop, tmp_path: Path) -> Iterator[PaymentsServer]:
    with provider_for(shop, tmp_path) as running:
        yield running


def reader(webhook_secret: str | None = SECRET) -> SandboxPayments:
    settings = Settings(lookup_secret=b"l", cursor_secret=b"c")
    return SandboxPayments(settings, account="northwind", webhook_secret=webhook_secret)


def signed(body: bytes = BODY, *, secret: str = SECRET, at: float | None = None) -> dict[str, str]:
    return {"sandbox-signature": sign(body, secret, now=at)}


class TestEvents:
    def test_tell_what_became_of_a_payment(self, server: PaymentsServer, shop: Shop) -> None:
        reference = captured(server)["reference"]
        body, headers = shop.event("payment.captured")
        event = reader().read_event(body=body, headers=headers)
        assert (event.kind, event.order_id, event.reference) == ("payment.captured", "ord_1", reference)
        assert event.occurred_at is not None
        assert event.dispute is None

    def test_tell_of_refunds(self, server: PaymentsServer, shop: Shop) -> None:
        captured(server)
        reference = post(server, "/payments/pay_1/refunds", refund_of())["reference"]
        body, headers = shop.event("refund.succeeded")
        event = reader().read_event(body=body, headers=headers)
        assert (event.order_id, event.reference) == ("ord_1", reference)

    def test_tell_of_payouts(self, server: PaymentsServer, shop: Shop) -> None:
        post(server, "/payouts", payout_of("acct_failed"))
        post(server, "/payouts/pyt_1/settle")
        body, headers = shop.event("payout.failed")
        event = reader().read_event(body=body, headers=headers)
        assert (event.payout_id, event.order_id) == ("pyt_1", None)

    @pytest.mark.parametrize(("outcome", "status"), [("won", DisputeStatus.WON), ("lost", DisputeStatus.LOST)])
    def test_tell_of_disputes(self, server: PaymentsServer, shop: Shop, outcome: str, status: DisputeStatus) -> None:
        captured(server)
        dispute_id = post(server, "/payments/pay_1/disputes", {"amount": 500})["dispute_id"]
        post(server, f"/disputes/{dispute_id}/close?outcome={outcome}")
        for event_type, expected in (("dispute.opened", DisputeStatus.OPEN), ("dispute.closed", status)):
            body, headers = shop.event(event_type)
            event = reader().read_event(body=body, headers=headers)
            assert event.dispute is not None
            assert (event.dispute.provider_reference, event.dispute.amount) == (dispute_id, 500)
            assert (event.dispute.status, event.order_id) == (expected, "ord_1")

    def test_go_to_the_shop_they_concern(self, server: PaymentsServer, shop: Shop) -> None:
        post(server, "/payments", attempt_of("tok_declined"), account="fjord")
        authorise(server)
        shop.event("payment.authorized")
        assert {event["account"] for event in shop.events()} == {"northwind"}


class TestDelivery:
    def test_is_tried_again_with_the_same_event(self, tmp_path: Path) -> None:
        with open_shop(503, 429) as shop, provider_for(shop, tmp_path) as server:
            authorise(server)
            assert until(lambda: len(shop.got) == 3)
            assert len({event["id"] for event in shop.events()}) == 1

    def test_a_refusal_is_an_answer(self, tmp_path: Path) -> None:
        with open_shop(400) as shop:
            with provider_for(shop, tmp_path) as server:
                authorise(server)
                shop.event("payment.authorized")
            assert len(shop.got) == 1

    def test_ends_with_the_provider(self, tmp_path: Path) -> None:
        with open_shop(*[503] * 100) as shop, provider_for(shop, tmp_path) as server:
            authorise(server)
            shop.event("payment.authorized")
            began = time.monotonic()
        assert time.monotonic() - began < 2

    def test_a_shop_that_is_away_holds_nothing_up(self, tmp_path: Path) -> None:
        with open_shop() as shop:
            gone = shop
        with provider_for(gone, tmp_path) as server:
            assert authorise(server)["state"] == "authorized"

    @pytest.mark.parametrize("config", [None, b"{}"])
    def test_nobody_has_to_want_any(self, tmp_path: Path, config: bytes | None) -> None:
        path = tmp_path / "webhooks.json"
        if config is not None:
            path.write_bytes(config)
        with PaymentsServer(tmp_path / "books.sqlite", webhooks=path) as server:
            assert authorise(server)["state"] == "authorized"


class TestSignatures:
    def test_a_good_one_is_taken(self) -> None:
        assert reader().read_event(body=BODY, headers=signed()).provider_event_id == "evt_1"

    def test_either_of_two_secrets_will_do(self) -> None:
        assert reader(f"whsec_old {SECRET}").read_event(body=BODY, headers=signed()).order_id == "ord_1"

    @pytest.mark.parametrize(
        "headers",
        [
            {},
            {"sandbox-signature": ""},
            {"sandbox-signature": "v1=abc"},
            {"sandbox-signature": "t=now,v1=abc"},
            {"sandbox-signature": "t=1,v1=ä"},
            signed(secret="whsec_other"),
            signed(BODY + b" "),
            signed(at=time.time() - 301),
        ],
        ids=["none", "empty", "no-time", "no-number", "no-ascii", "another's", "another-body", "old"],
    )
    def test_a_bad_one_is_refused(self, headers: dict[str, str]) -> None:
        with pytest.raises(SignatureInvalid):
            reader().read_event(body=BODY, headers=headers)

    def test_a_body_that_is_no_text_is_refused(self) -> None:
        with pytest.raises(SignatureInvalid):
            reader().read_event(body=b"\xff", headers=signed(b"\xff"))

    @pytest.mark.parametrize("secret", [None, "", "  "])
    def test_nothing_is_taken_without_a_secret(self, secret: str | None) -> None:
        with pytest.raises(PartnerMisconfigured):
            reader(secret).read_event(body=BODY, headers=signed(secret=""))

    @pytest.mark.parametrize(
        "body",
        [
            b"[]",
            b"{",
            BODY.replace(b"payment.captured", b"weather.changed"),
            BODY.replace(b"payment.captured", b"dispute.opened"),
        ],
        ids=["list", "half", "unheard-of", "dispute-of-nothing"],
    )
    def test_what_is_signed_and_makes_no_sense_is_told_apart(self, body: bytes) -> None:
        with pytest.raises(WebhookUnreadable):
            reader().read_event(body=body, headers=signed(body))

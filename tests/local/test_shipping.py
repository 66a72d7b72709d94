"""The sandbox carrier and its adapter, over real HTTP."""

import hashlib
import hmac
import json
import time
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from deploy.local.shipping.server import ShippingServer
from resale.adapters.shipping.sandbox import SandboxShipping
from resale.domain.addresses import Address
from resale.domain.customs import CustomsDeclaration
from resale.domain.ids import OrderId, ShipmentId
from resale.domain.money import Money
from resale.domain.parcel_sizes import Parcel
from resale.domain.partners import PartnerMisconfigured, PartnerUnavailable, SignatureInvalid, WebhookUnreadable
from resale.domain.shipments import Label, LabelRequest, LabelState, ShipmentStatus, VoidState
from resale.settings import Settings
from tests.local.hooks import Hook, Receiver, receiving

SHIPMENT = ShipmentId("shp_0197a0b1c2d37e4f8a9b0c1d2e3f4a5b")
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
SECRET = "whsec_northwind"
NAIVE_REPORT = (
    b'{"id":"evt_1","type":"x","created_at":"2026-03-02T12:00:00Z","shipment_id":"shp_1",'
    b'"tracking":[{"id":"1","status":"in_transit","occurred_at":"2026-03-02T12:00:00"}]}'
)


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    with ShippingServer(tmp_path / "books.sqlite", webhooks=tmp_path / "webhooks.json") as server:
        yield server.base_url


@pytest.fixture
def receiver(tmp_path: Path) -> Iterator[Receiver]:
    with receiving() as running:
        endpoint = {"url": running.url, "secret": SECRET}
        (tmp_path / "webhooks.json").write_bytes(msgspec.json.encode({"northwind": endpoint}))
        yield running


def shipping_at(url: str | None, *, account: str = "northwind", secret: str | None = SECRET) -> SandboxShipping:
    settings = Settings(lookup_secret=b"l", cursor_secret=b"c", shipping_url=url, shipping_timeout_seconds=5)
    return SandboxShipping(settings, account=account, webhook_secret=secret)


@pytest.fixture
def shipping(url: str) -> SandboxShipping:
    return shipping_at(url)


def a_request(*, weight_grams: int = 1_000) -> LabelRequest:
    someone = Address(name="Ada", line1="7 Peppercorn Rise", city="Leeds", postal_code="LS1 4AP", country="GB")
    return LabelRequest(
        shipment_id=SHIPMENT,
        order_id=OrderId("ord_1"),
        sender=someone,
        recipient=someone,
        parcel=Parcel(weight_grams=weight_grams, length_mm=350, width_mm=250, height_mm=100),
        currency="GBP",
    )


def control(url: str, path: str, body: object) -> Any:
    request = urllib.request.Request(  # noqa: S310 - loopback
        url + path, data=msgspec.json.encode(body), headers={"X-Sandbox-Account": "northwind"}
    )
    with urllib.request.urlopen(request, timeout=5) as response:  # noqa: S310 - loopback
        return json.load(response)


def plan(url: str, fault: str, *, times: int = 1, call: str = "buy") -> None:
    control(url, "/faults", {"fault": fault, "times": times, "call": call, "shipment_id": SHIPMENT})


def scan(url: str, status: str) -> None:
    control(url, f"/shipments/{SHIPMENT}/scan", {"status": status, "occurred_at": NOON})


def books(url: str) -> list[dict[str, Any]]:
    with urllib.request.urlopen(f"{url}/books", timeout=5) as response:  # noqa: S310 - loopback
        rows: list[dict[str, Any]] = json.load(response)["data"]
    return rows


class TestLabels:
    def test_rates_are_cheapest_first(self, shipping: SandboxShipping) -> None:
        rates = shipping.list_rates(a_request())
        assert [(rate.service, rate.price) for rate in rates] == [
            ("ground", Money(410, "GBP")),
            ("express", Money(1030, "GBP")),
        ]

    def test_a_label_is_the_cheapest_and_bought_once(self, shipping: SandboxShipping, url: str) -> None:
        labels = [shipping.buy_label(a_request()) for _ in range(3)]
        assert labels[0] == labels[1] == labels[2] == shipping.find_label(shipment_id=SHIPMENT)
        assert (labels[0].state, labels[0].cost, labels[0].service) == (LabelState.ISSUED, Money(410, "GBP"), "ground")
        assert labels[0].url.startswith(url)
        assert len(books(url)) == 1

    def test_at_once_it_is_bought_once(self, shipping: SandboxShipping, url: str) -> None:
        with ThreadPoolExecutor(8) as pool:
            labels = list(pool.map(lambda _: shipping.buy_label(a_request()), range(8)))
        assert len({label.provider_reference for label in labels}) == 1
        assert len(books(url)) == 1

    def test_one_never_heard_of_is_none(self, shipping: SandboxShipping) -> None:
        assert shipping.find_label(shipment_id=SHIPMENT) is None

    def test_another_tenant_does_not_see_it(self, shipping: SandboxShipping, url: str) -> None:
        shipping.buy_label(a_request())
        assert shipping_at(url, account="atelier").find_label(shipment_id=SHIPMENT) is None

    def test_a_refusal_is_known_and_costs_nothing(self, shipping: SandboxShipping, url: str) -> None:
        plan(url, "refuse")
        label = shipping.buy_label(a_request())
        assert (label.state, label.reason_code, label.cost) == (LabelState.REFUSED, "address_invalid", None)
        assert shipping.find_label(shipment_id=SHIPMENT) == label


class TestParcels:
    def test_that_are_large_are_charged_by_their_volume(self, shipping: SandboxShipping) -> None:
        request = a_request()
        large = msgspec.structs.replace(request.parcel, length_mm=500, width_mm=400, height_mm=300)
        rates = shipping.list_rates(msgspec.structs.replace(request, parcel=large))
        assert [rate.price for rate in rates] == [Money(350 + 12 * 60, "GBP"), Money(890 + 12 * 140, "GBP")]

    @pytest.mark.parametrize("too_much", [{"weight_grams": 30_001}, {"length_mm": 2_301}])
    def test_that_are_too_much_are_refused_in_words(self, shipping: SandboxShipping, too_much: dict[str, int]) -> None:
        parcel = msgspec.convert(msgspec.structs.asdict(a_request().parcel) | too_much, Parcel)
        request = msgspec.structs.replace(a_request(), parcel=parcel)
        assert shipping.list_rates(request) == ()
        label = shipping.buy_label(request)
        assert (label.state, label.reason_code) == (LabelState.REFUSED, "no_rates")
        assert label.message is not None
        assert "heavier than 30000 g" in label.message

    def test_that_go_abroad_need_a_customs_declaration(self, shipping: SandboxShipping) -> None:
        dublin = msgspec.structs.replace(a_request().recipient, country="IE", city="Dublin")
        abroad = msgspec.structs.replace(a_request(), recipient=dublin)
        label = shipping.buy_label(abroad)
        assert (label.state, label.reason_code) == (LabelState.REFUSED, "customs_data_missing")
        customs = CustomsDeclaration(
            description="Coat", hs_code="620193", origin_country="PT", value=Money(12_000, "GBP")
        )
        label = shipping.buy_label(msgspec.structs.replace(abroad, customs=customs))
        assert (label.state, label.cost) == (LabelState.ISSUED, Money(3 * 410, "GBP"))
        within = msgspec.structs.replace(abroad, sender=msgspec.structs.replace(dublin, country="FR"))
        assert shipping.list_rates(within) != ()


class TestUnknown:
    def test_a_lost_answer_is_unknown_and_the_label_is_there(self, shipping: SandboxShipping, url: str) -> None:
        plan(url, "timeout")
        with pytest.raises(PartnerUnavailable):
            shipping.buy_label(a_request())
        found = shipping.find_label(shipment_id=SHIPMENT)
        assert isinstance(found, Label)
        assert found == shipping.buy_label(a_request())

    def test_an_error_is_unknown_and_nothing_is_booked(self, shipping: SandboxShipping, url: str) -> None:
        plan(url, "error")
        with pytest.raises(PartnerUnavailable):
            shipping.buy_label(a_request())
        assert shipping.find_label(shipment_id=SHIPMENT) is None

    @pytest.mark.parametrize("fault", ["error", "timeout"])
    @pytest.mark.parametrize("call", ["find", "track", "void"])
    def test_so_is_any_other_call_and_it_is_made_once(
        self, shipping: SandboxShipping, url: str, call: str, fault: str
    ) -> None:
        shipping.buy_label(a_request())
        plan(url, fault, call=call)
        ask: dict[str, Callable[[], object]] = {
            "find": lambda: shipping.find_label(shipment_id=SHIPMENT),
            "track": lambda: shipping.list_tracking(shipment_id=SHIPMENT, provider_reference="sbx_1"),
            "void": lambda: shipping.void_label(shipment_id=SHIPMENT, provider_reference="sbx_1"),
        }
        with pytest.raises(PartnerUnavailable):
            ask[call]()

    def test_a_carrier_that_is_away_is_unknown(self) -> None:
        with pytest.raises(PartnerUnavailable):
            shipping_at("http://127.0.0.1:9").buy_label(a_request())

    def test_without_a_carrier_or_an_account_it_is_a_matter_of_setting_up(self, url: str) -> None:
        for misconfigured in (shipping_at(None), shipping_at(url, account="Not A Slug")):
            with pytest.raises(PartnerMisconfigured):
                misconfigured.buy_label(a_request())


class TestVoiding:
    def test_gives_a_label_back(self, shipping: SandboxShipping) -> None:
        label = shipping.buy_label(a_request())
        for _ in range(2):
            state = shipping.void_label(shipment_id=SHIPMENT, provider_reference=label.provider_reference)
            assert state == VoidState.VOIDED
        assert shipping.buy_label(a_request()).state == LabelState.VOIDED

    @pytest.mark.parametrize(
        ("decision", "state", "found"),
        [("refunded", VoidState.VOIDED, LabelState.VOIDED), ("rejected", VoidState.VOIDED, LabelState.ISSUED)],
    )
    def test_can_be_submitted_and_decided_later(
        self, shipping: SandboxShipping, url: str, decision: str, state: VoidState, found: LabelState
    ) -> None:
        reference = shipping.buy_label(a_request()).provider_reference
        plan(url, "submit", call="void")
        for _ in range(2):
            assert shipping.void_label(shipment_id=SHIPMENT, provider_reference=reference) == VoidState.PENDING
        waiting = shipping.find_label(shipment_id=SHIPMENT)
        assert waiting is not None
        assert (waiting.state, waiting.cost) == (LabelState.VOIDING, Money(410, "GBP"))
        control(url, f"/shipments/{SHIPMENT}/decide", {"refund_status": decision})
        decided = shipping.find_label(shipment_id=SHIPMENT)
        assert decided is not None
        assert decided.state == found
        assert shipping.void_label(shipment_id=SHIPMENT, provider_reference=reference) == state

    def test_is_too_late_once_scanned(self, shipping: SandboxShipping, url: str) -> None:
        label = shipping.buy_label(a_request())
        scan(url, "in_transit")
        state = shipping.void_label(shipment_id=SHIPMENT, provider_reference=label.provider_reference)
        assert state == VoidState.IN_USE

    def test_closes_one_never_bought_against_a_late_purchase(self, shipping: SandboxShipping) -> None:
        assert shipping.void_label(shipment_id=SHIPMENT, provider_reference="") == VoidState.VOIDED
        assert shipping.buy_label(a_request()).state == LabelState.VOIDED


class TestTracking:
    def test_gives_every_report(self, shipping: SandboxShipping, url: str) -> None:
        label = shipping.buy_label(a_request())
        scan(url, "in_transit")
        scan(url, "delivered")
        events = shipping.list_tracking(shipment_id=SHIPMENT, provider_reference=label.provider_reference)
        assert [(event.status, event.occurred_at) for event in events] == [
            (ShipmentStatus.IN_TRANSIT, NOON),
            (ShipmentStatus.DELIVERED, NOON),
        ]
        assert len({event.id for event in events}) == 2

    def test_of_one_never_heard_of_there_is_none(self, shipping: SandboxShipping) -> None:
        assert shipping.list_tracking(shipment_id=SHIPMENT, provider_reference="") == ()


@pytest.fixture
def hook(shipping: SandboxShipping, url: str, receiver: Receiver) -> Hook:
    """What the carrier sends when a parcel is scanned."""
    shipping.buy_label(a_request())
    scan(url, "in_transit")
    return receiver.hooks[0]


class TestWebhooks:
    def test_reports_the_refund_of_a_label(self, shipping: SandboxShipping, url: str, receiver: Receiver) -> None:
        shipping.buy_label(a_request())
        plan(url, "submit", call="void")
        shipping.void_label(shipment_id=SHIPMENT, provider_reference="")
        control(url, f"/shipments/{SHIPMENT}/decide", {"refund_status": "refunded"})
        told = receiver.hooks[0]
        event = shipping.read_event(body=told.body, headers=told.headers)
        assert (event.kind, event.shipment_id, event.tracking) == ("refund.successful", SHIPMENT, ())

    def test_says_the_same_as_asking(self, shipping: SandboxShipping, hook: Hook) -> None:
        event = shipping.read_event(body=hook.body, headers=hook.headers)
        assert (event.kind, event.shipment_id) == ("tracking.updated", SHIPMENT)
        assert event.tracking == shipping.list_tracking(shipment_id=SHIPMENT, provider_reference="")

    def test_changed_it_is_not_the_carriers(self, shipping: SandboxShipping, hook: Hook) -> None:
        with pytest.raises(SignatureInvalid):
            shipping.read_event(body=hook.body.replace(b"in_transit", b"delivered"), headers=hook.headers)

    def test_under_another_secret_it_is_not_either(self, url: str, hook: Hook) -> None:
        with pytest.raises(SignatureInvalid):
            shipping_at(url, secret="whsec_atelier").read_event(body=hook.body, headers=hook.headers)

    def test_one_of_several_secrets_is_enough(self, url: str, hook: Hook) -> None:
        event = shipping_at(url, secret=f"whsec_next {SECRET}").read_event(body=hook.body, headers=hook.headers)
        assert event.shipment_id == SHIPMENT

    @pytest.mark.parametrize("secret", ["", " ", None])
    def test_without_a_secret_nothing_is_believed(self, url: str, hook: Hook, secret: str | None) -> None:
        with pytest.raises(PartnerMisconfigured):
            shipping_at(url, secret=secret).read_event(body=hook.body, headers=hook.headers)

    @pytest.mark.parametrize("signature", ["", "t=1", "v1=00", "t=1,v1=\u00e9", f"t=1,v1={'0' * 64}", "t=,v1="])
    def test_nor_without_a_signature(self, shipping: SandboxShipping, hook: Hook, signature: str) -> None:
        for headers in ({}, {"sandbox-signature": signature}):
            with pytest.raises(SignatureInvalid):
                shipping.read_event(body=hook.body, headers=headers)

    @pytest.mark.parametrize(("age", "is_good"), [(290, True), (310, False)])
    def test_goes_stale_after_five_minutes(self, shipping: SandboxShipping, age: int, *, is_good: bool) -> None:
        body = msgspec.json.encode({"id": "evt_1", "type": "x", "created_at": NOON, "shipment_id": SHIPMENT})
        headers = {"sandbox-signature": signed(body, second=int(time.time()) - age)}
        if is_good:
            assert shipping.read_event(body=body, headers=headers).provider_event_id == "evt_1"
            return
        with pytest.raises(SignatureInvalid):
            shipping.read_event(body=body, headers=headers)

    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b"{",
            b"[]",
            b"{}",
            b'{"id":"evt_1","type":"x","created_at":"2026-03-02T12:00:00","shipment_id":"shp_1"}',
            NAIVE_REPORT,
        ],
    )
    def test_signed_nonsense_is_unreadable(self, shipping: SandboxShipping, body: bytes) -> None:
        with pytest.raises(WebhookUnreadable):
            shipping.read_event(body=body, headers={"sandbox-signature": signed(body)})


def signed(body: bytes, *, second: int | None = None) -> str:
    """Sign as the carrier does, written down apart from its code."""
    second = int(time.time()) if second is None else second
    return f"t={second},v1=" + hmac.new(SECRET.encode(), f"{second}.".encode() + body, hashlib.sha256).hexdigest()

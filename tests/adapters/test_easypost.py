"""EasyPost's adapter and the official library: rates and labels, over HTTP, against answers in recorded shapes."""

import itertools
import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from resale.adapters.shipping.easypost import EasyPostShipping
from resale.adapters.shipping.easypost_shapes import creation_time_of, ours
from resale.domain.ids import ShipmentId
from resale.domain.money import Money
from resale.domain.parcel_sizes import Parcel
from resale.domain.partners import PartnerBalanceTooLow, PartnerMisconfigured, PartnerNotReady, PartnerUnavailable
from resale.domain.shipments import LabelState
from tests.adapters.aggregator import Aggregator, error, sample
from tests.adapters.parcels import OTHER, PARCEL, REFERENCE, SHIPMENT, a_request, shipping_at


class TestRequests:
    def test_says_addresses_and_parcel_as_easypost_wants_them(
        self, shipping: EasyPostShipping, easypost: Aggregator
    ) -> None:
        shipping.buy_label(a_request(parcel=Parcel(weight_grams=1_000, length_mm=254, width_mm=255, height_mm=1)))
        made = easypost.bodies[easypost.requests.index("POST /shipments")]["shipment"]
        assert made["from_address"] == {
            "name": "Jack Sparrow",
            "street1": "388 Townsend St",
            "street2": "Apt 20",
            "city": "San Francisco",
            "state": "CA",
            "zip": "94107",
            "country": "US",
            "phone": "+14155550101",
        }
        assert made["to_address"]["street1"] == "179 N Harbor Dr"
        assert "street2" not in made["to_address"]
        assert made["reference"] == REFERENCE

    @pytest.mark.parametrize(
        ("grams", "ounces", "millimetres", "inches"),
        [
            (1, 0.1, 1, 0.1),
            (28, 1.0, 254, 10.0),
            (29, 1.1, 255, 10.1),
            (1_000, 35.3, 350, 13.8),
            (50_000, 1763.7, 3_000, 118.2),
        ],
    )
    def test_rounds_units_up_to_a_tenth(
        self,
        shipping: EasyPostShipping,
        easypost: Aggregator,
        grams: int,
        ounces: float,
        millimetres: int,
        inches: float,
    ) -> None:
        shipping.list_rates(
            a_request(parcel=msgspec.structs.replace(PARCEL, weight_grams=grams, length_mm=millimetres))
        )
        parcel = easypost.bodies[0]["shipment"]["parcel"]
        assert (parcel["weight"], parcel["length"]) == (ounces, inches)

    def test_our_reference_is_no_id_of_theirs(self) -> None:
        assert not REFERENCE.startswith("shp_")
        assert ours(REFERENCE) == SHIPMENT
        for other in (None, "", "123", SHIPMENT, "resale-", "resale-shp_1", "resale-ord_" + "0" * 32):
            assert ours(other) is None

    def test_an_id_tells_when_it_was_made(self) -> None:
        assert creation_time_of(ShipmentId("shp_0197a0b1c2d37e4f8a9b0c1d2e3f4a5b")) == datetime.fromtimestamp(
            0x0197A0B1C2D3 / 1000, UTC
        )


class TestRates:
    def test_are_cheapest_first_in_minor_units(self, shipping: EasyPostShipping) -> None:
        rates = shipping.list_rates(a_request())
        assert [(rate.carrier, rate.service, rate.price, rate.delivery_days) for rate in rates] == [
            ("USPS", "GroundAdvantage", Money(607, "USD"), 3),
            ("USPS", "Priority", Money(742, "USD"), 2),
            ("USPS", "Express", Money(3415, "USD"), 1),
        ]

    def test_are_in_the_currency_that_is_asked_for_or_else_in_one(
        self, shipping: EasyPostShipping, easypost: Aggregator
    ) -> None:
        made = easypost.add(reference="mixed", is_bought=False)
        made["rates"][1].update(currency="GBP")
        easypost.plan("POST /shipments", response=(201, made))
        easypost.plan("POST /shipments", response=(201, made))
        assert [rate.price for rate in shipping.list_rates(a_request(currency="GBP"))] == [Money(742, "GBP")]
        made["rates"][0].update(currency="EUR")
        made["rates"][1].update(currency="USD")
        assert [rate.price.currency for rate in shipping.list_rates(a_request(currency="GBP"))] == ["EUR"]

    def test_asking_is_not_kept_as_the_shipment(self, shipping: EasyPostShipping, easypost: Aggregator) -> None:
        shipping.list_rates(a_request())
        assert [one["reference"] for one in easypost.shipments] == [None]
        easypost.plan("POST /shipments", response=(422, error("ADDRESS.VERIFY.FAILURE")))
        assert shipping.list_rates(a_request()) == ()


class TestBuying:
    def test_buys_the_cheapest(self, shipping: EasyPostShipping, easypost: Aggregator) -> None:
        label = shipping.buy_label(a_request())
        (sold,) = easypost.sold
        assert (label.state, label.provider_reference) == (LabelState.ISSUED, sold["id"])
        assert (label.carrier, label.service, label.cost) == ("USPS", "GroundAdvantage", Money(607, "USD"))
        assert (label.tracking_number, label.url) == (sold["tracking_code"], sold["postage_label"]["label_url"])

    @pytest.mark.parametrize("finds_references", [True, False])
    def test_buys_once_however_often_it_is_said(
        self, shipping: EasyPostShipping, easypost: Aggregator, *, finds_references: bool
    ) -> None:
        easypost.finds_references = finds_references
        labels = [shipping.buy_label(a_request()) for _ in range(3)]
        assert labels[0] == labels[1] == labels[2] == shipping.find_label(shipment_id=SHIPMENT)
        assert len(easypost.sold) == 1

    @pytest.mark.parametrize("finds_references", [True, False])
    @pytest.mark.parametrize(
        "lost",
        [
            *itertools.product(("GET /shipment", "GET /shipments", "POST /shipments", "POST /buy"), repeat=1),
            *itertools.product(("GET /shipment", "GET /shipments", "POST /shipments", "POST /buy"), repeat=2),
        ],
        ids=" then ".join,
    )
    def test_lost_answers_buy_no_second_label(
        self, shipping: EasyPostShipping, easypost: Aggregator, lost: tuple[str, ...], *, finds_references: bool
    ) -> None:
        easypost.finds_references = finds_references
        for request in lost:
            easypost.plan(request, is_lost=True)
        label = persist(lambda: shipping.buy_label(a_request()), tries=len(lost) + 1)
        assert label.state == LabelState.ISSUED
        assert [one["reference"] for one in easypost.sold] == [REFERENCE]

    def test_finds_the_bought_one_among_twins(self, shipping: EasyPostShipping, easypost: Aggregator) -> None:
        bought = easypost.add(reference=REFERENCE, is_bought=True)
        easypost.add(reference=REFERENCE, is_bought=False)  # newer: what its reference finds
        assert shipping.buy_label(a_request()).provider_reference == bought["id"]
        assert len(easypost.sold) == 1

    def test_uses_the_one_that_waits_with_new_rates(self, shipping: EasyPostShipping, easypost: Aggregator) -> None:
        easypost.plan("POST /shipments", is_lost=True)
        label = persist(lambda: shipping.buy_label(a_request()), tries=2)
        (waiting,) = easypost.shipments
        assert label.provider_reference == waiting["id"]
        assert "POST /rerate" in easypost.requests

    def test_makes_another_for_another_address(self, shipping: EasyPostShipping, easypost: Aggregator) -> None:
        easypost.plan("POST /buy", response=(422, error("SHIPMENT.POSTAGE.FAILURE")))
        assert shipping.buy_label(a_request()).state == LabelState.REFUSED
        mended = msgspec.structs.replace(a_request().sender, line2="")
        label = shipping.buy_label(msgspec.structs.replace(a_request(), sender=mended))
        (sold,) = easypost.sold
        assert (label.provider_reference, sold["from_address"]["street2"]) == (sold["id"], None)
        assert shipping.buy_label(a_request()) == label

    def test_asks_one_question_about_a_label_it_can_name(
        self, shipping: EasyPostShipping, easypost: Aggregator
    ) -> None:
        shipping.buy_label(a_request())
        easypost.requests.clear()
        shipping.find_label(shipment_id=SHIPMENT)
        assert easypost.requests == ["GET /shipment"]

    def test_looks_through_the_pages_of_what_was_bought(self, shipping: EasyPostShipping, easypost: Aggregator) -> None:
        easypost.finds_references = False
        bought = easypost.add(reference=REFERENCE, is_bought=True)
        for number in range(250):
            easypost.add(reference=f"another-{number}", is_bought=True)
        assert shipping.buy_label(a_request()).provider_reference == bought["id"]
        assert easypost.requests.count("GET /shipments") == 3

    def test_buys_nothing_when_the_list_is_too_long_to_be_sure(
        self, shipping: EasyPostShipping, easypost: Aggregator
    ) -> None:
        page = {"shipments": [easypost.add(reference="another", is_bought=True)], "has_more": True}
        for _ in range(10):
            easypost.plan("GET /shipments", response=(200, page))
        with pytest.raises(PartnerUnavailable):
            shipping.buy_label(a_request())
        assert "POST /shipments" not in easypost.requests

    def test_another_answer_than_was_asked_for_is_not_believed(
        self, shipping: EasyPostShipping, easypost: Aggregator
    ) -> None:
        stranger = easypost.add(reference="another", is_bought=True)
        easypost.plan("GET /shipment", response=(200, stranger))
        assert shipping.find_label(shipment_id=SHIPMENT) is None

    def test_each_shipment_has_a_label_of_its_own(self, shipping: EasyPostShipping, easypost: Aggregator) -> None:
        first, second = shipping.buy_label(a_request()), shipping.buy_label(a_request(OTHER))
        assert first.provider_reference != second.provider_reference
        assert len(easypost.sold) == 2


def persist(do: Callable[[], Any], *, tries: int) -> Any:
    """Do it again while the outcome is not known, as the workflow does."""
    for _ in range(tries):
        try:
            return do()
        except PartnerUnavailable:
            continue
    raise AssertionError("it never came through")


class TestRefusals:
    @pytest.mark.parametrize(
        ("code", "reason"),
        [
            ("ADDRESS.VERIFY.FAILURE", "address_invalid"),
            ("ADDRESS.INVALID_PARAMETER", "address_invalid"),
            ("PARAMETER.REQUIRED", "parameter_required"),
            ("Jack lives <elsewhere>", "request_refused"),
            (None, "request_refused"),
        ],
    )
    def test_a_parcel_easypost_does_not_take_is_refused_for_good(
        self, shipping: EasyPostShipping, easypost: Aggregator, code: Any, reason: str
    ) -> None:
        easypost.plan("POST /shipments", response=(422, error(code)))
        label = shipping.buy_label(a_request())
        assert (label.state, label.reason_code, label.cost) == (LabelState.REFUSED, reason, None)
        assert label.provider_reference == REFERENCE

    def test_a_recorded_error_is_read(self, shipping: EasyPostShipping, easypost: Aggregator) -> None:
        easypost.plan("POST /shipments", response=(422, sample("error")))
        assert shipping.buy_label(a_request()).reason_code == "parameter_required"

    def test_so_is_one_nobody_would_carry(self, shipping: EasyPostShipping, easypost: Aggregator) -> None:
        made = {**easypost.add(reference=REFERENCE, is_bought=False), "rates": []}
        easypost.plan("POST /shipments", response=(201, made))
        label = shipping.buy_label(a_request())
        assert (label.state, label.reason_code, label.message) == (LabelState.REFUSED, "no_rates", None)
        assert easypost.sold == []

    def test_says_what_each_carrier_said_and_what_is_not_for_goods(
        self, shipping: EasyPostShipping, easypost: Aggregator
    ) -> None:
        made = easypost.add(reference=REFERENCE, is_bought=False)
        made["rates"] = [{**made["rates"][0], "service": "MediaMail"}]
        made["messages"] = [  # as docs.easypost.com/docs/shipments/messages shows it
            {
                "carrier": "FedEx",
                "carrier_account_id": "ca_0c57dea0f56242139d1a5b6bf12ba0c0",
                "type": "rate_error",
                "message": "Shipment cannot weigh less than 16oz",
            }
        ]
        easypost.plan("POST /shipments", response=(201, made))
        label = shipping.buy_label(a_request())
        assert label.reason_code == "no_rates"
        assert label.message == "FedEx: Shipment cannot weigh less than 16oz; USPS MediaMail: not for goods"

    def test_says_what_is_wrong_with_the_address(self, shipping: EasyPostShipping, easypost: Aggregator) -> None:
        wrong = {  # as docs.easypost.com/docs/errors shows it
            "error": {
                "code": "ADDRESS.VERIFY.FAILURE",
                "message": "Address not found",
                "errors": [
                    {"field": "address", "message": "Address not found", "suggestion": None},
                    {"field": "street1", "message": "House number is missing", "suggestion": None},
                ],
            }
        }
        easypost.plan("POST /shipments", response=(422, wrong))
        label = shipping.buy_label(a_request())
        assert label.reason_code == "address_invalid"
        assert label.message == "Address not found; address: Address not found; street1: House number is missing"

    @pytest.mark.parametrize(
        ("errors", "message"),
        [
            (["No postage.", "No postage."], "Refused.; No postage."),
            (["a\nb\x00c"], "Refused.; a b c"),
            (None, "Refused."),
            ({"field": "x"}, "Refused."),
            (["x" * 900], "Refused.; " + "x" * 490),
        ],
    )
    def test_repeats_a_purchase_refusal_in_one_bounded_line(
        self, shipping: EasyPostShipping, easypost: Aggregator, errors: Any, message: str
    ) -> None:
        refusal = {"error": {"code": "SHIPMENT.POSTAGE.FAILURE", "message": "Refused.", "errors": errors}}
        easypost.plan("POST /buy", response=(422, refusal))
        assert shipping.buy_label(a_request()).message == message

    def test_so_is_a_purchase_the_carrier_refuses(self, shipping: EasyPostShipping, easypost: Aggregator) -> None:
        easypost.plan("POST /buy", response=(422, error("SHIPMENT.POSTAGE.FAILURE")))
        label = shipping.buy_label(a_request())
        assert (label.state, label.reason_code) == (LabelState.REFUSED, "shipment_postage_failure")

    @pytest.mark.parametrize(
        "code",
        [
            "SHIPMENT.POSTAGE.NO_RESPONSE",
            "SHIPMENT.POSTAGE.TIMED_OUT",
            "SHIPMENT.PURCHASE.IN_PROGRESS",
            "SHIPMENT.RATES.UNAVAILABLE",
        ],
    )
    def test_a_purchase_nobody_knows_of_is_not_refused(
        self, shipping: EasyPostShipping, easypost: Aggregator, code: str
    ) -> None:
        easypost.plan("POST /buy", response=(422, error(code)))
        with pytest.raises(PartnerUnavailable):
            shipping.buy_label(a_request())
        assert shipping.buy_label(a_request()).state == LabelState.ISSUED

    def test_an_answer_without_a_label_is_not_one(self, shipping: EasyPostShipping, easypost: Aggregator) -> None:
        easypost.plan("POST /buy", response=(200, sample("shipment-created")))
        with pytest.raises(PartnerUnavailable):
            shipping.buy_label(a_request())


class TestUnknown:
    @pytest.mark.parametrize(
        "response",
        [
            (500, error("INTERNAL_SERVER_ERROR")),
            (503, error("SERVICE_UNAVAILABLE")),
            (504, error("GATEWAY_TIMEOUT")),
            (429, error("RATE_LIMITED")),
            (409, error("CONFLICT")),
            (404, error("NOT_FOUND")),
            (502, b"<html>Bad gateway</html>"),
            (500, {"error": "a sentence"}),
            (200, b"[]"),
            (200, b"null"),
            (200, {}),
            (200, b"not json"),
        ],
    )
    def test_what_is_no_answer_is_unknown(
        self, shipping: EasyPostShipping, easypost: Aggregator, response: tuple[int, Any]
    ) -> None:
        easypost.plan("POST /shipments", response=response)
        with pytest.raises(PartnerUnavailable) as raised:
            shipping.buy_label(a_request())
        assert not isinstance(raised.value, PartnerMisconfigured)
        assert isinstance(raised.value, PartnerNotReady) == (response[0] in {404, 409})  # about this object alone
        assert shipping.buy_label(a_request()).state == LabelState.ISSUED

    def test_an_empty_wallet_is_no_outage(self, shipping: EasyPostShipping, easypost: Aggregator) -> None:
        easypost.plan("POST /buy", response=(402, error("PAYMENT_REQUIRED")))
        with pytest.raises(PartnerBalanceTooLow):
            shipping.buy_label(a_request())

    @pytest.mark.parametrize("status", [401, 403])
    def test_an_account_easypost_does_not_serve_is_a_matter_of_setting_up(
        self, shipping: EasyPostShipping, easypost: Aggregator, status: int
    ) -> None:
        easypost.plan("POST /buy", response=(status, error("BILLING")))
        with pytest.raises(PartnerMisconfigured):
            shipping.buy_label(a_request())

    def test_so_is_a_wrong_key(self, easypost: Aggregator) -> None:
        with pytest.raises(PartnerMisconfigured):
            shipping_at(easypost.base_url, key="EZTK_another").buy_label(a_request())

    def test_nobody_there_is_unknown_and_asked_once(self) -> None:
        with pytest.raises(PartnerUnavailable):
            shipping_at("http://127.0.0.1:9/v2").find_label(shipment_id=SHIPMENT)

    def test_a_slow_answer_is_not_waited_for_nor_asked_again(self, easypost: Aggregator) -> None:
        easypost.plan("GET /shipment", is_slow=True)
        began = time.monotonic()
        with pytest.raises(PartnerUnavailable):
            shipping_at(easypost.base_url, seconds=0.2).find_label(shipment_id=SHIPMENT)
        assert time.monotonic() - began < 5  # the response takes ten
        assert easypost.requests == ["GET /shipment"]

    def test_a_key_of_somebody_elses_is_not_picked_up(
        self, easypost: Aggregator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        netrc = tmp_path / "netrc"
        netrc.write_text("machine 127.0.0.1 login them password theirs\n")
        netrc.chmod(0o600)
        monkeypatch.setenv("NETRC", str(netrc))
        assert shipping_at(easypost.base_url).find_label(shipment_id=SHIPMENT) is None

    def test_nothing_of_an_address_is_told(
        self, shipping: EasyPostShipping, easypost: Aggregator, caplog: pytest.LogCaptureFixture
    ) -> None:
        leaky = error("X", "Jack Sparrow of 388 Townsend St is not there")
        for response in ((500, leaky), (502, b"388 Townsend St"), (403, leaky)):
            easypost.plan("POST /shipments", response=response)
            with caplog.at_level(logging.DEBUG), pytest.raises(PartnerUnavailable) as raised:
                shipping.buy_label(a_request())
            logging.getLogger("a worker").error("failed", exc_info=raised.value)
        assert "Townsend" not in caplog.text

"""EasyPost's adapter and the official library: voiding, tracking and webhooks, against answers in recorded shapes."""

import hashlib
import hmac
import json
import unicodedata
from datetime import UTC, datetime
from typing import Any

import pytest

from resale.adapters.shipping.easypost import EasyPostShipping
from resale.domain.partners import PartnerMisconfigured, PartnerUnavailable, SignatureInvalid, WebhookUnreadable
from resale.domain.shipments import LabelState, ShipmentStatus, VoidState
from tests.adapters.aggregator import Aggregator, error, sample, tracked
from tests.adapters.parcels import REFERENCE, SECRET, SHIPMENT, a_request, shipping_at


class TestVoiding:
    def test_requests_the_refund_once_and_waits_for_the_carriers_decision(
        self, shipping: EasyPostShipping, easypost: Aggregator
    ) -> None:
        label = shipping.buy_label(a_request())
        for _ in range(2):
            state = shipping.void_label(shipment_id=SHIPMENT, provider_reference=label.provider_reference)
            assert state == VoidState.PENDING
        assert easypost.requests.count("POST /refund") == 1
        found = shipping.find_label(shipment_id=SHIPMENT)
        assert found is not None
        assert found.state == LabelState.VOIDING
        assert shipping.buy_label(a_request()) == found

    @pytest.mark.parametrize("refund_status", ["refunded", "not_applicable"])
    def test_is_done_once_the_price_is_refunded_or_was_never_billed(
        self, shipping: EasyPostShipping, easypost: Aggregator, refund_status: str
    ) -> None:
        label = shipping.buy_label(a_request())
        shipping.void_label(shipment_id=SHIPMENT, provider_reference=label.provider_reference)
        easypost.decide(refund_status)
        state = shipping.void_label(shipment_id=SHIPMENT, provider_reference=label.provider_reference)
        assert state == VoidState.VOIDED
        assert easypost.requests.count("POST /refund") == 1
        found = shipping.find_label(shipment_id=SHIPMENT)
        assert found is not None
        assert found.state == LabelState.VOIDED

    def test_reads_a_recorded_answer(self, shipping: EasyPostShipping, easypost: Aggregator) -> None:
        label = shipping.buy_label(a_request())
        easypost.plan("POST /refund", response=(200, sample("shipment-refunded")))
        state = shipping.void_label(shipment_id=SHIPMENT, provider_reference=label.provider_reference)
        assert state == VoidState.PENDING

    @pytest.mark.parametrize("reference", ["", REFERENCE])
    def test_finds_the_label_without_its_id(
        self, shipping: EasyPostShipping, easypost: Aggregator, reference: str
    ) -> None:
        assert shipping.void_label(shipment_id=SHIPMENT, provider_reference=reference) == VoidState.VOIDED
        shipping.buy_label(a_request())
        assert shipping.void_label(shipment_id=SHIPMENT, provider_reference=reference) == VoidState.PENDING
        assert [one["refund_status"] for one in easypost.sold] == ["submitted"]

    def test_is_too_late_once_shipped(self, shipping: EasyPostShipping, easypost: Aggregator) -> None:
        label = shipping.buy_label(a_request())
        easypost.plan("POST /refund", response=(422, error("SHIPMENT.REFUND.UNAVAILABLE")))
        state = shipping.void_label(shipment_id=SHIPMENT, provider_reference=label.provider_reference)
        assert state == VoidState.IN_USE

    @pytest.mark.parametrize("status", ["in_transit", "delivered"])
    def test_of_a_parcel_that_moves_is_too_late_though_its_refund_was_submitted(
        self, shipping: EasyPostShipping, easypost: Aggregator, status: str
    ) -> None:
        label = shipping.buy_label(a_request())
        shipping.void_label(shipment_id=SHIPMENT, provider_reference=label.provider_reference)
        tracked(easypost.sold[0], status)
        state = shipping.void_label(shipment_id=SHIPMENT, provider_reference=label.provider_reference)
        assert state == VoidState.IN_USE

    @pytest.mark.parametrize("status", ["pre_transit", "unknown"])
    def test_a_rejected_one_is_requested_again(
        self, shipping: EasyPostShipping, easypost: Aggregator, status: str
    ) -> None:
        label = shipping.buy_label(a_request())
        tracked(easypost.sold[0], status)
        rejected = {**easypost.sold[0], "refund_status": "rejected"}
        easypost.plan("POST /refund", response=(200, rejected))
        easypost.decide("rejected")
        for expected in (VoidState.REJECTED, VoidState.PENDING):
            state = shipping.void_label(shipment_id=SHIPMENT, provider_reference=label.provider_reference)
            assert state == expected
        assert easypost.requests.count("POST /refund") == 2

    def test_that_easypost_refuses_for_another_reason_is_not_voided(
        self, shipping: EasyPostShipping, easypost: Aggregator
    ) -> None:
        label = shipping.buy_label(a_request())
        easypost.plan("POST /refund", response=(422, error("SHIPMENT.REFUND.FAILURE")))
        state = shipping.void_label(shipment_id=SHIPMENT, provider_reference=label.provider_reference)
        assert state == VoidState.REJECTED

    @pytest.mark.parametrize("what", ["POST /refund", "GET /shipment"])
    def test_a_lost_answer_is_unknown(self, shipping: EasyPostShipping, easypost: Aggregator, what: str) -> None:
        label = shipping.buy_label(a_request())
        easypost.plan(what, is_lost=True)
        with pytest.raises(PartnerUnavailable):
            shipping.void_label(shipment_id=SHIPMENT, provider_reference=label.provider_reference)
        state = shipping.void_label(shipment_id=SHIPMENT, provider_reference=label.provider_reference)
        assert state == VoidState.PENDING

    def test_an_id_easypost_does_not_know_is_not_taken_for_voided(self, shipping: EasyPostShipping) -> None:
        for ask in (shipping.void_label, shipping.list_tracking):
            with pytest.raises(PartnerUnavailable):
                ask(shipment_id=SHIPMENT, provider_reference="shp_16578f588f9546ec914afd2474e24ff5")


class TestTracking:
    def test_says_what_the_carrier_says_in_our_words(self, shipping: EasyPostShipping, easypost: Aggregator) -> None:
        label = shipping.buy_label(a_request())
        said = ("unknown", "pre_transit", "in_transit", "out_for_delivery", "available_for_pickup", "failure",
                "delivered", "return_to_sender", "cancelled", "error", "something_new")  # fmt: skip
        tracked(
            easypost.sold[0],
            "delivered",
            *((status, f"2026-03-02T{hour:02}:00:00Z") for hour, status in enumerate(said)),
        )
        events = shipping.list_tracking(shipment_id=SHIPMENT, provider_reference=label.provider_reference)
        assert [(event.status, event.occurred_at.hour) for event in events] == [
            (ShipmentStatus.PRE_TRANSIT, 1),
            (ShipmentStatus.IN_TRANSIT, 2),
            (ShipmentStatus.OUT_FOR_DELIVERY, 3),
            (ShipmentStatus.AVAILABLE_FOR_PICKUP, 4),
            (ShipmentStatus.FAILURE, 5),
            (ShipmentStatus.DELIVERED, 6),
            (ShipmentStatus.RETURNING, 7),
        ]
        assert events == shipping.list_tracking(shipment_id=SHIPMENT, provider_reference="")

    @pytest.mark.parametrize(
        ("status", "detail", "expected"),
        [
            ("return_to_sender", "return", ShipmentStatus.RETURNING),
            ("return_to_sender", "refused", ShipmentStatus.REFUSED),
            ("return_to_sender", "expired", ShipmentStatus.NOT_COLLECTED),
            ("failure", "refused", ShipmentStatus.REFUSED),
            ("failure", "return", ShipmentStatus.RETURNING),
            ("failure", "lost", ShipmentStatus.FAILURE),
            ("in_transit", "refused", ShipmentStatus.IN_TRANSIT),
            ("delivered", None, ShipmentStatus.DELIVERED),
        ],
    )
    def test_says_why_a_parcel_goes_back(
        self,
        shipping: EasyPostShipping,
        easypost: Aggregator,
        status: str,
        detail: str | None,
        expected: ShipmentStatus,
    ) -> None:
        shipping.buy_label(a_request())
        tracked(easypost.sold[0], status, (status, "2026-03-02T10:00:00Z"))
        easypost.sold[0]["tracker"]["tracking_details"][0]["status_detail"] = detail
        (event,) = shipping.list_tracking(shipment_id=SHIPMENT, provider_reference="")
        assert event.status == expected

    @pytest.mark.parametrize("at", [None, "", "yesterday", "2026-13-02T10:00:00Z"])
    def test_a_report_without_a_time_has_that_of_the_one_before(
        self, shipping: EasyPostShipping, easypost: Aggregator, at: Any
    ) -> None:
        shipping.buy_label(a_request())
        scans = (("in_transit", "2026-03-02T10:00:00-05:00"), ("delivered", at), ("delivered", "2026-03-03T10:00:00Z"))
        tracked(easypost.sold[0], "delivered", *scans)
        events = shipping.list_tracking(shipment_id=SHIPMENT, provider_reference="")
        assert [(event.status, event.occurred_at.isoformat()) for event in events] == [
            (ShipmentStatus.IN_TRANSIT, "2026-03-02T10:00:00-05:00"),
            (ShipmentStatus.DELIVERED, "2026-03-02T10:00:00-05:00"),
            (ShipmentStatus.DELIVERED, "2026-03-03T10:00:00+00:00"),
        ]
        assert events == shipping.list_tracking(shipment_id=SHIPMENT, provider_reference="")

    def test_the_first_report_without_a_time_has_that_of_its_tracker(
        self, shipping: EasyPostShipping, easypost: Aggregator
    ) -> None:
        shipping.buy_label(a_request())
        tracked(easypost.sold[0], "in_transit", ("in_transit", None))  # type: ignore[arg-type]  # as a carrier may
        easypost.sold[0]["tracker"]["created_at"] = "2026-03-01T08:00:00Z"
        (event,) = shipping.list_tracking(shipment_id=SHIPMENT, provider_reference="")
        assert event.occurred_at == datetime(2026, 3, 1, 8, tzinfo=UTC)
        easypost.sold[0]["tracker"]["created_at"] = None
        assert shipping.list_tracking(shipment_id=SHIPMENT, provider_reference="") == ()

    def test_a_report_is_the_same_in_any_zone_and_wording(
        self, shipping: EasyPostShipping, easypost: Aggregator
    ) -> None:
        shipping.buy_label(a_request())
        ids = []
        for at, message in (
            ("2026-03-02T12:00:00Z", "Left"),
            ("2026-03-02T13:00:00+01:00", "Gone"),
            ("2026-03-02T12:00:00", "-"),
        ):
            tracked(easypost.sold[0], "in_transit", ("in_transit", at))
            easypost.sold[0]["tracker"]["tracking_details"][0]["message"] = message
            (event,) = shipping.list_tracking(shipment_id=SHIPMENT, provider_reference="")
            assert event.occurred_at.tzinfo is not None
            assert event.occurred_at == datetime(2026, 3, 2, 12, tzinfo=UTC)
            ids.append(event.id)
        assert len(set(ids)) == 1

    def test_a_parcel_that_its_recipient_refused_is_told_from_others_that_go_back(
        self, shipping: EasyPostShipping, easypost: Aggregator
    ) -> None:
        shipping.buy_label(a_request())
        tracked(easypost.sold[0], "return_to_sender", ("return_to_sender", "2026-03-02T12:00:00Z"))
        easypost.sold[0]["tracker"]["tracking_details"][0]["status_detail"] = "refused"
        (event,) = shipping.list_tracking(shipment_id=SHIPMENT, provider_reference="")
        assert event.status == ShipmentStatus.REFUSED

    def test_of_one_never_bought_there_is_none(self, shipping: EasyPostShipping) -> None:
        assert shipping.list_tracking(shipment_id=SHIPMENT, provider_reference="") == ()


def signed(body: bytes, secret: str = SECRET) -> dict[str, str]:
    """Sign as docs.easypost.com/guides/webhooks-guide has it."""
    key = unicodedata.normalize("NFKD", secret).encode()
    return {"x-hmac-signature": "hmac-sha256-hex=" + hmac.new(key, body, hashlib.sha256).hexdigest()}


def hook(**result: Any) -> bytes:
    event = sample("tracker-updated")
    event["result"].update(result)
    return json.dumps(event).encode()


class TestWebhooks:
    def test_names_the_shipment_and_what_was_reported(self, shipping: EasyPostShipping) -> None:
        body = hook(shipment_id="shp_16578f588f9546ec914afd2474e24ff5")
        event = shipping.read_event(body=body, headers=signed(body))
        assert (event.provider_event_id, event.kind) == ("evt_1", "tracker.updated")
        assert (event.reference, event.shipment_id) == ("shp_16578f588f9546ec914afd2474e24ff5", None)
        assert event.occurred_at == datetime(2024, 8, 2, 19, 26, 52, tzinfo=UTC)
        assert [one.status for one in event.tracking] == ["pre_transit", "in_transit", "in_transit"]
        assert event == shipping.read_event(body=body, headers=signed(body))

    @pytest.mark.parametrize(("mode", "livemode"), [("production", True), ("test", False), (None, None)])
    def test_names_its_mode(self, shipping: EasyPostShipping, mode: str | None, livemode: bool | None) -> None:  # noqa: FBT001 - pytest gives it
        body = json.dumps({**sample("tracker-updated"), "mode": mode}).encode()
        assert shipping.read_event(body=body, headers=signed(body)).livemode is livemode

    def test_a_shipments_own_event_names_ours(self, shipping: EasyPostShipping) -> None:
        shipment = {**sample("shipment-refunded"), "reference": REFERENCE}
        body = json.dumps({**sample("tracker-updated"), "result": shipment}).encode()
        event = shipping.read_event(body=body, headers=signed(body))
        assert (event.shipment_id, event.reference) == (SHIPMENT, shipment["id"])
        assert len(event.tracking) == 2

    @pytest.mark.parametrize(("kind", "status"), [("refund.successful", "refunded"), ("refund.failed", "rejected")])
    def test_the_refund_of_a_label_names_its_shipment(self, shipping: EasyPostShipping, kind: str, status: str) -> None:
        # The object as docs.easypost.com/docs/refunds shows it; of the two events docs/events lists the first only.
        refund = {
            "id": "rfnd_92d852c508204fc3a34e62977eaa6c50",
            "object": "Refund",
            "created_at": "2025-05-09T20:40:01Z",
            "updated_at": "2025-05-09T20:40:01Z",
            "tracking_code": "9405500208303109884137",
            "confirmation_number": None,
            "status": status,
            "carrier": "USPS",
            "shipment_id": "shp_744d6715c6794d8c8cd0874c368878ba",
        }
        body = json.dumps({**sample("tracker-updated"), "description": kind, "result": refund}).encode()
        event = shipping.read_event(body=body, headers=signed(body))
        assert (event.kind, event.reference, event.tracking) == (kind, refund["shipment_id"], ())

    @pytest.mark.parametrize("result", [None, {"object": "Batch", "id": "batch_1"}, {"id": "pay_1"}])
    def test_an_event_of_something_else_names_nothing(self, shipping: EasyPostShipping, result: Any) -> None:
        body = json.dumps({**sample("tracker-updated"), "description": "batch.updated", "result": result}).encode()
        event = shipping.read_event(body=body, headers=signed(body))
        assert (event.kind, event.shipment_id, event.reference, event.tracking) == ("batch.updated", None, None, ())

    def test_changed_it_is_not_theirs(self, shipping: EasyPostShipping) -> None:
        body = hook()
        with pytest.raises(SignatureInvalid):
            shipping.read_event(body=body.replace(b"in_transit", b"delivered"), headers=signed(body))

    @pytest.mark.parametrize("signature", ["", "hmac-sha256-hex=", "é", "0" * 64])
    def test_nor_with_another_signature_or_none(self, shipping: EasyPostShipping, signature: str) -> None:
        for headers in ({}, {"x-hmac-signature": signature}, signed(hook(), "another")):
            with pytest.raises(SignatureInvalid):
                shipping.read_event(body=hook(), headers=headers)

    def test_one_of_several_secrets_is_enough(self, easypost: Aggregator) -> None:
        shipping = shipping_at(easypost.base_url, secret=f"next {SECRET}")
        assert shipping.read_event(body=hook(), headers=signed(hook())).provider_event_id == "evt_1"

    @pytest.mark.parametrize("secret", [None, "", " "])
    def test_without_a_secret_nothing_is_believed(self, easypost: Aggregator, secret: str | None) -> None:
        with pytest.raises(PartnerMisconfigured):
            shipping_at(easypost.base_url, secret=secret).read_event(body=hook(), headers=signed(hook(), ""))

    @pytest.mark.parametrize(
        "body", [b"", b"{", b"\xff", b"[]", b"{}", b'{"object":"Event"}', hook(tracking_details=1)]
    )
    def test_signed_nonsense_is_unreadable(self, shipping: EasyPostShipping, body: bytes) -> None:
        with pytest.raises(WebhookUnreadable):
            shipping.read_event(body=body, headers=signed(body))

"""Tracking by a brand's own carrier: any order, any number of times, by the brand alone."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from apps.tenancy import keys
from apps.tenancy.models import KeyKind
from resale.domain.ids import RETURN_ID, SHIPMENT_ID, IdType, ShipmentId
from resale.domain.orders import Order
from tests.fixtures.storefront import Front, Response
from tests.fixtures.streams import find_end
from tests.operations.partners import Partners

PAST = datetime.now(UTC) - timedelta(minutes=10)


@pytest.fixture
def order(front: Front) -> Order:
    return front.world.sold(Partners())


def path_of(order: Order, ids: IdType[ShipmentId] = SHIPMENT_ID) -> str:
    return f"/v1/shipments/{ids.sibling_of(order.id)}/tracking_events"


def report(front: Front, order: Order, status: str, *, minutes: int = 0, **fields: Any) -> Response:
    body = {"status": status, "occurred_at": (PAST + timedelta(minutes=minutes)).isoformat(), **fields}
    return front.post(path_of(order), body, brand=True)


class TestReports:
    def test_move_the_order(self, front: Front, order: Order) -> None:
        response = report(front, order, "in_transit")
        assert (response.status, response.json["id"], response.json["status"]) == (200, order.id, "shipped")
        assert response.headers["ETag"] == f'"{response.json["version"]}"'
        assert report(front, order, "delivered", minutes=1).json["status"] == "delivered"

    def test_said_again_change_nothing(self, front: Front, order: Order) -> None:
        without_id: dict[str, Any] = {}
        for fields in (without_id, {"id": "scan-1"}):
            first, again = (report(front, order, "in_transit", **fields) for _ in range(2))
            assert first.json["version"] == again.json["version"]

    def test_are_of_now_unless_they_say_when(self, front: Front, order: Order) -> None:
        first, again = (front.post(path_of(order), {"status": "in_transit"}, brand=True).json for _ in range(2))
        assert first["version"] == again["version"]
        (event,) = again["shipment"]["events"]
        assert abs(datetime.now(UTC) - datetime.fromisoformat(event["occurred_at"])) < timedelta(minutes=1)

    def test_that_come_late_move_nothing_back(self, front: Front, order: Order) -> None:
        report(front, order, "delivered", minutes=2)
        response = report(front, order, "in_transit", minutes=1)
        assert response.json["status"] == "delivered"
        assert [event["status"] for event in response.json["shipment"]["events"]] == ["in_transit", "delivered"]

    def test_are_put_on_record_as_the_brands(self, front: Front, order: Order) -> None:
        streams = front.world.container.streams(front.world.tenant)
        began = find_end(streams)
        report(front, order, "in_transit")
        stream = streams.read(began)
        rows = [front.world.container.history_row(body) for batch in stream for body in batch.bodies]
        (shipped,) = [row for row in rows if row.entity_id == order.id and row.change.type == "order.shipped"]
        assert (shipped.change.actor.kind, shipped.change.actor.id) == ("brand_key", front.shop.secret.id)


class TestRefusals:
    @pytest.mark.parametrize(
        ("fields", "pointer"),
        [
            ({"status": "voided"}, "/status"),
            ({"status": "requested"}, "/status"),
            ({"occurred_at": "2026-01-01T00:00:00"}, "/occurred_at"),
            ({"occurred_at": "yesterday"}, "/occurred_at"),
            ({"occurred_at": (datetime.now(UTC) + timedelta(days=1)).isoformat()}, "/occurred_at"),
            ({"id": ""}, "/id"),
            ({"id": "x" * 101}, "/id"),
            ({"id": "a\n"}, "/id"),
            ({"carrier": "Post"}, "/carrier"),
        ],
    )
    def test_name_what_is_wrong(self, front: Front, order: Order, fields: dict[str, Any], pointer: str) -> None:
        response = report(front, order, **{"status": "in_transit", **fields})
        assert (response.code, response.pointers) == ("422 validation_failed", [pointer])
        assert front.world.stored_order(order).version == order.version

    def test_are_for_all_but_the_brand(self, front: Front, order: Order) -> None:
        body = {"status": "delivered", "occurred_at": PAST.isoformat()}
        assert front.post(path_of(order), body).code == "403 secret_key_required"
        assert front.post(path_of(order), body, by=front.shopper()).code == "403 secret_key_required"

    def test_are_for_a_key_without_the_scope(self, front: Front, order: Order) -> None:
        key = keys.issue_api_key(slug=front.shop.tenant.slug, kind=KeyKind.SECRET, scopes=["orders:read"])
        reader = Front(replace(front.shop, secret=key), front.container)
        assert report(reader, order, "in_transit").code == "403 scope_missing"

    @pytest.mark.parametrize("shipment_id", ["shp_1", "ord_" + "5" * 32, "x"])
    def test_know_no_such_parcel(self, front: Front, shipment_id: str) -> None:
        body = {"status": "delivered", "occurred_at": PAST.isoformat()}
        response = front.post(f"/v1/shipments/{shipment_id}/tracking_events", body, brand=True)
        assert response.code == "404 shipment_not_found"

    def test_are_for_what_is_not_paid(self, front: Front) -> None:
        unpaid = front.world.order(front.world.shopper(), front.world.active(front.world.shopper()))
        assert report(front, unpaid, "in_transit").code == "409 order_transition_refused"

    def test_are_for_a_return_that_is_none(self, front: Front, order: Order) -> None:
        body = {"status": "in_transit", "occurred_at": PAST.isoformat()}
        assert front.post(path_of(order, RETURN_ID), body, brand=True).code == "404 claim_not_found"

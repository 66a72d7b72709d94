"""Compensations and claims on carriers by the brand's own back end."""

from datetime import timedelta

import pytest

from resale.application.operations.customers import Shopper
from resale.application.operations.orders import cancel_order
from resale.domain.ids import RETURN_ID, SHIPMENT_ID
from resale.domain.orders import Order
from resale.domain.shipments import ShipmentStatus
from tests.fixtures.storefront import Front
from tests.operations.partners import Partners
from tests.operations.world import BRAND
from tests.unit.builders import NOW

KEY = {"Idempotency-Key": "compensate-1"}


@pytest.fixture
def seller(front: Front) -> Shopper:
    return front.shopper()


@pytest.fixture
def taken(front: Front, seller: Shopper) -> Order:
    """Cancelled and refunded, and delivered all the same."""
    world, partners = front.world, Partners()
    order = world.sold(partners, seller=seller)
    cancel_order(world.uow(principal=BRAND), order_id=order.id)
    return world.scan(world.run(order, partners), ShipmentStatus.DELIVERED, now=NOW + timedelta(days=1))


@pytest.fixture
def lost(front: Front) -> Order:
    """Lost and refunded; its seller is paid, and the carrier is to pay."""
    world, partners = front.world, Partners()
    order = world.scan(world.sold(partners), ShipmentStatus.IN_TRANSIT, ShipmentStatus.FAILURE)
    return world.run(order, partners, now=NOW + timedelta(days=3))


class TestCompensation:
    def test_pays_the_seller_once(self, front: Front, taken: Order) -> None:
        path, body = f"/v1/orders/{taken.id}/compensation", {"reason": "item_kept"}
        paid = front.post(path, body, brand=True, headers=KEY)
        assert (paid.status, paid.json["compensation"]["amount"], paid.json["attention"]) == (200, 10_800, None)
        assert front.post(path, body, brand=True, headers=KEY).json["version"] == paid.json["version"]
        other = {"Idempotency-Key": "compensate-2"}
        assert front.post(path, {"amount": 5}, brand=True, headers=other).code == "409 compensation_refused"

    def test_is_the_brands(self, front: Front, other_front: Front, taken: Order, seller: Shopper) -> None:
        path = f"/v1/orders/{taken.id}/compensation"
        assert front.post(path, {}, by=seller, headers=KEY).code == "403 secret_key_required"
        assert other_front.post(path, {}, brand=True, headers=KEY).code == "404 order_not_found"
        assert front.post(path, {}, brand=True).code == "422 idempotency_key_required"

    def test_is_never_more_than_was_lost(self, front: Front, taken: Order) -> None:
        path = f"/v1/orders/{taken.id}/compensation"
        assert front.post(path, {"amount": 10_801}, brand=True, headers=KEY).code == "422 compensation_too_large"

    def test_is_not_shown_to_the_parties(self, front: Front, taken: Order, seller: Shopper) -> None:
        front.post(f"/v1/orders/{taken.id}/compensation", {}, brand=True, headers=KEY)
        assert "compensation" not in front.get(f"/v1/orders/{taken.id}", by=seller).json


class TestCarrierClaim:
    def test_is_closed_with_what_the_carrier_paid(self, front: Front, lost: Order) -> None:
        path = f"/v1/shipments/{SHIPMENT_ID.sibling_of(lost.id)}/carrier_claim"
        assert front.get(f"/v1/orders/{lost.id}", brand=True).json["issues"] == ["carrier_claim_open"]
        closed = front.post(path, {"paid_amount": 8_000}, brand=True)
        claim = closed.json["compensation"]["carrier_claim"]
        assert (closed.status, closed.json["issues"]) == (200, [])
        assert (claim["status"], claim["amount"], claim["paid_amount"]) == ("settled", 10_800, 8_000)
        assert front.post(path, {"paid_amount": 8_000}, brand=True).json == closed.json
        assert front.post(path, {"paid_amount": 1}, brand=True).code == "409 carrier_claim_closed"

    def test_is_the_brands_and_of_an_outbound_parcel(self, front: Front, other_front: Front, lost: Order) -> None:
        path, body = f"/v1/shipments/{SHIPMENT_ID.sibling_of(lost.id)}/carrier_claim", {"paid_amount": 1}
        assert other_front.post(path, body, brand=True).code == "404 order_not_found"
        path = f"/v1/shipments/{RETURN_ID.sibling_of(lost.id)}/carrier_claim"
        assert front.post(path, body, brand=True).code == "404 shipment_not_found"

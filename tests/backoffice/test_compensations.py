"""What managers decide when an item is gone: the seller is compensated, the claim on the carrier closed."""

from datetime import UTC, datetime, timedelta

import pytest

from resale.application.operations.orders import cancel_order
from resale.application.operations.sellers import edit_seller
from resale.domain.orders import Order
from resale.domain.sellers import SellerEdit
from resale.domain.shipments import ShipmentStatus
from tests.backoffice.staff_clients import Backoffice, StaffClient
from tests.operations.partners import Partners
from tests.operations.world import BRAND, SHIP_FROM

NOW = datetime.now(UTC)


def sell(backoffice: Backoffice, partners: Partners) -> Order:
    world = backoffice.front.world
    seller = backoffice.front.shopper()
    listing = world.active(seller)
    edit_seller(world.uow(), shopper=seller, edit=SellerEdit(ship_from=SHIP_FROM))
    return world.run(world.order(backoffice.front.shopper(), listing, now=NOW), partners, now=NOW)


def stored(backoffice: Backoffice, order: Order) -> Order:
    return backoffice.front.world.stored_order(order)


@pytest.fixture
def taken(backoffice: Backoffice) -> Order:
    """Cancelled and refunded, and delivered all the same."""
    world, partners = backoffice.front.world, Partners()
    order = sell(backoffice, partners)
    cancel_order(world.uow(now=NOW, principal=BRAND), order_id=order.id)
    return world.scan(world.run(order, partners, now=NOW), ShipmentStatus.DELIVERED, now=NOW)


@pytest.fixture
def lost(backoffice: Backoffice) -> Order:
    """Lost and refunded; its seller is paid, and the carrier is to pay."""
    world, partners = backoffice.front.world, Partners()
    order = world.scan(sell(backoffice, partners), ShipmentStatus.IN_TRANSIT, ShipmentStatus.FAILURE, now=NOW)
    return world.run(order, partners, now=NOW + timedelta(days=3))


class TestCompensation:
    def test_pays_the_seller_and_settles_the_issue(
        self, backoffice: Backoffice, manager: StaffClient, taken: Order
    ) -> None:
        assert "The buyer was refunded, and the carrier has the parcel" in manager.get("order", order_id=taken.id).text
        form = {"version": taken.version, "borne_by": "platform", "reason": "item_kept", "amount": "20.50"}
        page = manager.post("order-compensation", form, order_id=taken.id)
        assert "£20.50 is added to the seller's balance." in page.text
        assert "Seller compensated" in page.text
        assert "Compensate the seller" not in page.text
        paid = stored(backoffice, taken).compensation
        assert paid is not None
        assert (paid.amount, paid.borne_by, paid.reason_code) == (2_050, "platform", "item_kept")

    def test_is_never_more_than_was_lost(self, backoffice: Backoffice, manager: StaffClient, taken: Order) -> None:
        form = {"version": taken.version, "borne_by": "platform", "reason": "item_kept", "amount": "108.01"}
        page = manager.post("order-compensation", form, order_id=taken.id)
        assert "larger than the refunded share" in page.text
        assert stored(backoffice, taken).compensation is None

    def test_is_the_managers(self, moderator: StaffClient, taken: Order) -> None:
        assert "Compensate the seller" not in moderator.get("order", order_id=taken.id).text
        form = {"version": taken.version, "borne_by": "platform", "reason": "item_kept"}
        assert "role does not allow" in moderator.post("order-compensation", form, order_id=taken.id).text


class TestCarrierClaim:
    @pytest.mark.parametrize(("amount", "status"), [("80", "settled"), ("", "written_off")])
    def test_is_closed_with_what_the_carrier_paid(
        self, backoffice: Backoffice, manager: StaffClient, lost: Order, amount: str, status: str
    ) -> None:
        assert "File the claim with the carrier" in manager.get("order", order_id=lost.id).text
        form = {"version": lost.version, "amount": amount}
        page = manager.post("order-carrier-claim", form, order_id=lost.id)
        assert "The claim on the carrier is closed." in page.text
        assert "Close the claim on the carrier" not in page.text
        order = stored(backoffice, lost)
        assert order.compensation is not None
        assert order.compensation.carrier_claim is not None
        assert (order.compensation.carrier_claim.status, order.attention) == (status, None)

    def test_wants_an_amount_that_can_be_read(self, manager: StaffClient, lost: Order) -> None:
        page = manager.post("order-carrier-claim", {"version": lost.version, "amount": "eighty"}, order_id=lost.id)
        assert "Enter an amount such as" in page.text

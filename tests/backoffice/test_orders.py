"""Orders for staff: the list, one of them, its address for managers only, its cancellation."""

from datetime import timedelta

import pytest

from resale.domain.orders import Order, OrderStatus
from resale.domain.shipments import ShipmentStatus
from tests.backoffice.staff_clients import Backoffice, StaffClient
from tests.operations.partners import Partners
from tests.unit.builders import NOW

STREET = "1 Test Street"


@pytest.fixture
def order(backoffice: Backoffice) -> Order:
    world = backoffice.front.world
    return world.order(backoffice.front.shopper(), world.active(backoffice.front.shopper()))


class TestList:
    def test_is_newest_first_in_pages(
        self, backoffice: Backoffice, viewer: StaffClient, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("apps.backoffice.orders._LIMIT", 1)
        world, later = backoffice.front.world, NOW + timedelta(days=3650)
        made = [
            world.order(
                backoffice.front.shopper(), world.active(backoffice.front.shopper()), now=later + timedelta(hours=hour)
            )
            for hour in range(2)
        ]
        first = viewer.get("orders")
        link = first.html.partition('rel="next"')[0].rpartition('href="')[2].partition('"')[0]
        second = viewer.get("orders", query=link)
        assert made[1].id in first.html
        assert made[0].id not in first.html
        assert made[0].id in second.html

    def test_a_foreign_cursor_starts_it_again(self, viewer: StaffClient) -> None:
        assert viewer.get("orders", query="?cursor=made-up").location == "/admin/orders/"


class TestOrder:
    def test_its_address_is_for_managers(
        self, viewer: StaffClient, moderator: StaffClient, manager: StaffClient, order: Order
    ) -> None:
        for client, sees in ((viewer, False), (moderator, False), (manager, True)):
            page = client.get("order", order_id=order.id)
            assert page.status == 200
            assert (STREET in page.text) is sees

    def test_shows_its_money_and_history(self, backoffice: Backoffice, viewer: StaffClient, order: Order) -> None:
        backoffice.record(order.id)
        text = viewer.get("order", order_id=order.id).text
        assert "Total £120.00" in text
        assert "Commission £12.00" in text
        assert "1 Submitted Submitted Shopper" in text
        assert "Complete and unedited" in text

    @pytest.mark.parametrize("text", ["x", "ord_1", "lst_" + "0" * 32, "ord_" + "0" * 32])
    def test_what_is_no_order_is_not_there(self, viewer: StaffClient, text: str) -> None:
        assert viewer.get("order", order_id=text).status == 404


class TestCancellation:
    def test_is_the_managers(
        self, backoffice: Backoffice, viewer: StaffClient, moderator: StaffClient, manager: StaffClient, order: Order
    ) -> None:
        body = {"version": order.version}
        for client in (viewer, moderator):
            assert "Cancel this order" not in client.get("order", order_id=order.id).text
            assert "role does not allow" in client.post("order-cancel", body, order_id=order.id).text
        assert backoffice.front.world.stored_order(order).status == OrderStatus.SUBMITTED
        for _ in range(2):
            assert "order is cancelled" in manager.post("order-cancel", body, order_id=order.id).text
        stored = backoffice.front.world.stored_order(order)
        assert (stored.status, stored.version) == (OrderStatus.CANCELLED, order.version + 1)
        assert backoffice.record(order.id).change.actor.id == manager.user.staff_id

    def test_of_an_order_that_moved_on_is_not_made(
        self, backoffice: Backoffice, manager: StaffClient, order: Order
    ) -> None:
        paying = backoffice.front.world.advance(order, Partners())
        assert paying.status == OrderStatus.PAYMENT_PENDING
        page = manager.post("order-cancel", {"version": order.version}, order_id=order.id)
        assert "was changed meanwhile" in page.text
        assert not backoffice.front.world.stored_order(order).cancel_requested

    def test_while_a_payment_runs_is_asked_for(
        self, backoffice: Backoffice, manager: StaffClient, order: Order
    ) -> None:
        paying = backoffice.front.world.advance(order, Partners())
        page = manager.post("order-cancel", {"version": paying.version}, order_id=order.id)
        assert "as soon as its payment is settled" in page.text
        assert "Cancellation requested" in page.text
        assert "Cancel this order" not in page.text

    def test_of_a_paid_order_gives_the_money_back(
        self, backoffice: Backoffice, manager: StaffClient, order: Order
    ) -> None:
        confirmed = _confirm(backoffice, order)
        page = manager.post("order-cancel", {"version": confirmed.version}, order_id=order.id)
        assert "being cancelled and refunded" in page.text
        assert backoffice.front.world.stored_order(order).status == OrderStatus.CANCELLING

    def test_of_a_shipped_order_is_refused_in_words(
        self, backoffice: Backoffice, manager: StaffClient, order: Order
    ) -> None:
        shipped = backoffice.front.world.scan(_confirm(backoffice, order), ShipmentStatus.IN_TRANSIT)
        page = manager.post("order-cancel", {"version": shipped.version}, order_id=order.id)
        assert "status of the order does not allow this" in page.text
        assert backoffice.front.world.stored_order(order).version == shipped.version

    def test_needs_the_version_looked_at(self, backoffice: Backoffice, manager: StaffClient, order: Order) -> None:
        assert "not complete" in manager.post("order-cancel", {}, order_id=order.id).text
        assert backoffice.front.world.stored_order(order).version == order.version


class TestAddress:
    def test_is_written_as_its_country_writes_it(self, manager: StaffClient, order: Order) -> None:
        assert "Robin Okafor 1 Test Street LEEDS LS1 1AA UNITED KINGDOM" in manager.get("order", order_id=order.id).text

    def test_is_corrected_by_managers(
        self, backoffice: Backoffice, viewer: StaffClient, moderator: StaffClient, manager: StaffClient, order: Order
    ) -> None:
        body = {**_ADDRESS, "version": order.version}
        for client in (viewer, moderator):
            assert "Correct the address" not in client.get("order", order_id=order.id).text
            assert "role does not allow" in client.post("order-address", body, order_id=order.id).text
        assert backoffice.front.world.stored_order(order).version == order.version
        assert "Post town" in manager.get("order", order_id=order.id).text
        page = manager.post("order-address", body, order_id=order.id)
        assert "address is corrected" in page.text
        assert "11 Test Street LEEDS LS1 1AB UNITED KINGDOM" in page.text
        assert backoffice.record(order.id).change.actor.id == manager.user.staff_id

    @pytest.mark.parametrize(
        ("fields", "said"),
        [
            ({"postal_code": "1"}, "send it in the format of GB"),
            ({"country": "UK"}, "in upper case: GB"),
            ({"country": "US", "postal_code": "89501"}, "State: send one of"),
            ({"phone": "0113 496 0000"}, "format is not valid"),
            ({"line1": ""}, "required"),
        ],
    )
    def test_that_is_wrong_is_shown_beside_its_field(
        self, backoffice: Backoffice, manager: StaffClient, order: Order, fields: dict[str, str], said: str
    ) -> None:
        page = manager.post("order-address", {**_ADDRESS, "version": order.version, **fields}, order_id=order.id)
        assert (page.status, said in page.text) == (422, True)
        assert backoffice.front.world.stored_order(order).version == order.version

    def test_is_not_offered_once_there_is_a_parcel(
        self, backoffice: Backoffice, manager: StaffClient, order: Order
    ) -> None:
        backoffice.front.world.scan(_confirm(backoffice, order), ShipmentStatus.IN_TRANSIT)
        assert "Correct the address" not in manager.get("order", order_id=order.id).text


_ADDRESS = {
    "name": "Robin Okafor",
    "line1": "11 Test Street",
    "city": "Leeds",
    "postal_code": "ls1 1ab",
    "country": "GB",
}


def _confirm(backoffice: Backoffice, order: Order) -> Order:
    world = backoffice.front.world
    order = world.run(order, Partners(), now=world.stored_order(order).created_at)
    assert order.status == OrderStatus.CONFIRMED
    return order

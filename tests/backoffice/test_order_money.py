"""An order's money and parcel for staff, and what managers do about them."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from django.test import Client
from django.urls import reverse

from resale.application.operations.orders import record_dispute
from resale.application.operations.postponing import postpone_step
from resale.application.operations.sellers import edit_seller
from resale.domain.access import Role
from resale.domain.ids import OrderId
from resale.domain.orders import Order, OrderStatus
from resale.domain.payments import Dispute, DisputeStatus
from resale.domain.price_rules import PriceRules
from resale.domain.sellers import SellerEdit
from resale.domain.shipments import ShipmentStatus
from resale.domain.shipping_profiles import ShippingProfile, ShippingRate
from resale.domain.taxes import TaxRate, TaxTable
from tests.backoffice.staff_clients import Backoffice, Shown, StaffClient
from tests.operations.partners import Carrier, Partners
from tests.operations.world import SHIP_FROM, World
from tests.unit.builders import NOW


@pytest.fixture
def partners() -> Partners:
    return Partners()


@pytest.fixture
def sold(backoffice: Backoffice, partners: Partners) -> Order:
    """Paid and labelled, of today: its time for refunds is to come."""
    return sell(backoffice, partners, now=datetime.now(UTC))


@pytest.fixture
def delivered(backoffice: Backoffice, sold: Order) -> Order:
    return backoffice.front.world.scan(sold, ShipmentStatus.IN_TRANSIT, ShipmentStatus.DELIVERED, now=sold.created_at)


def sell(backoffice: Backoffice, partners: Partners, *, now: datetime) -> Order:
    world = backoffice.front.world
    seller = backoffice.front.shopper()
    listing = world.active(seller)
    edit_seller(world.uow(), shopper=seller, edit=SellerEdit(ship_from=SHIP_FROM))
    return world.run(world.order(backoffice.front.shopper(), listing, now=now), partners, now=now)


def stored(backoffice: Backoffice, order: Order) -> Order:
    return backoffice.front.world.stored_order(order)


def settle(backoffice: Backoffice, order: Order, partners: Partners) -> Order:
    """Run the workflow's own steps at the moment the order stands at."""
    return backoffice.front.world.run(order, partners, now=stored(backoffice, order).updated_at)


def give_back(client: StaffClient, order: Order, **body: Any) -> Shown:
    form = {"version": order.version, "reason": "goodwill", **body}
    return client.post("order-refund", form, order_id=order.id)


def report(client: StaffClient, order: Order, status: str, **body: Any) -> Shown:
    return client.post("order-report", {"version": order.version, "status": status, **body}, order_id=order.id)


class TestAmounts:
    def test_show_shipping_and_tax_and_the_rules_they_are_by(
        self, backoffice: Backoffice, manager: StaffClient
    ) -> None:
        rules = PriceRules(
            shipping={"GB": ShippingProfile(version="ship-1", rates=(ShippingRate(amount=395),))},
            taxes=TaxTable(version="tax-1", rates=(TaxRate(country="GB", basis_points=2_000),)),
        )
        front = backoffice.front
        world = World(front.container, msgspec.structs.replace(front.shop.tenant, price_rules=rules))
        order = world.order(front.shopper(), world.active(front.shopper()))
        text = manager.get("order", order_id=order.id).text
        assert "Shipping rules ship-1 £3.29" in text
        assert "Tax GB, included in the prices, rules tax-1 £20.66" in text
        assert "Total £123.95" in text


class TestOrder:
    def test_shows_its_payment_parcel_and_deadlines(self, viewer: StaffClient, sold: Order) -> None:
        text = viewer.get("order", order_id=sold.id).text
        assert "Payment Captured bk_pay_" in text
        assert "Captured £120.00 Refunded £0.00 Remaining £120.00" in text
        assert "State Label bought Carrier Post, Standard Tracking TRACK1" in text
        assert "Deadlines Shipped by" in text

    def test_shows_what_was_booked_and_what_the_seller_earns(self, viewer: StaffClient, sold: Order) -> None:
        text = viewer.get("order", order_id=sold.id).text
        assert "At the payment provider £120.00" in text
        assert "Sold, pending for sellers £108.00" in text
        assert "Debits equal credits £124.50 £124.50" in text
        assert "Held £108.00" in text

    def test_shows_that_a_step_was_put_off(self, backoffice: Backoffice, viewer: StaffClient) -> None:
        world = backoffice.front.world
        order = world.order(backoffice.front.shopper(), world.active(backoffice.front.shopper()))
        postpone_step(world.uow(), entity_id=order.id, reason_code="partner_unavailable")
        assert "Postponed 1 time: a partner did not respond" in viewer.get("order", order_id=order.id).text

    def test_shows_a_dispute_and_says_what_to_do(
        self, backoffice: Backoffice, viewer: StaffClient, delivered: Order
    ) -> None:
        dispute = Dispute(provider_reference="dp_1", status=DisputeStatus.OPEN, amount=12_000, reason_code="fraudulent")
        record_dispute(backoffice.front.world.uow(), order_id=delivered.id, dispute=dispute)
        text = viewer.get("order", order_id=delivered.id).text
        assert "Needs action. The buyer's bank disputes the payment." in text
        assert "Dispute State Open Amount £120.00 Reason Fraudulent" in text


class TestTransfer:
    def test_tells_its_history_and_that_it_holds(
        self, backoffice: Backoffice, viewer: StaffClient, sold: Order
    ) -> None:
        transfer = backoffice.front.world.transfer(sold)
        page = viewer.get("transfer", order_id=sold.id, transfer_id=transfer.id)
        assert page.status == 200
        assert "newest version still being recorded" in page.text
        assert reverse("admin:transfer", args=(sold.id, transfer.id)) in viewer.get("order", order_id=sold.id).html
        backoffice.record(transfer.id)
        page = viewer.get("transfer", order_id=sold.id, transfer_id=transfer.id)
        assert "Held £108.00" in page.text
        assert "Complete and unedited" in page.text
        assert "transfer.held" in page.html

    def test_of_another_order_or_shop_is_not_there(
        self, backoffice: Backoffice, other_backoffice: Backoffice, viewer: StaffClient, sold: Order
    ) -> None:
        transfer_id = backoffice.front.world.transfer(sold).id
        assert viewer.get("transfer", order_id="ord_" + "9" * 32, transfer_id=transfer_id).status == 404
        assert viewer.get("transfer", order_id="x", transfer_id=transfer_id).status == 404
        client = other_backoffice.add_staff(Role.MANAGER)
        assert client.get("transfer", order_id=sold.id, transfer_id=transfer_id).status == 404


class TestAcknowledgement:
    @pytest.fixture
    def charged_back(self, backoffice: Backoffice, delivered: Order) -> Order:
        lost = Dispute(provider_reference="dp_1", status=DisputeStatus.LOST, amount=12_000, reason_code="fraudulent")
        return record_dispute(backoffice.front.world.uow(), order_id=delivered.id, dispute=lost)

    def note(self, client: StaffClient, order: Order, **body: object) -> Shown:
        return client.post(
            "order-acknowledge", {"version": order.version, "reason": "loss_taken", **body}, order_id=order.id
        )

    def test_is_offered_and_clears_it_with_who_and_why_on_record(
        self, backoffice: Backoffice, manager: StaffClient, charged_back: Order
    ) -> None:
        before = manager.get("order", order_id=charged_back.id).text
        assert "Needs action. The dispute is lost" in before
        assert "Nothing left to do" in before
        assert "The issue is acknowledged." in self.note(manager, charged_back).text
        row = backoffice.record(charged_back.id)
        assert (row.change.type, row.change.reason_code, row.change.actor.kind) == (
            "order.acknowledged",
            "loss_taken",
            "staff",
        )
        after = manager.get("order", order_id=charged_back.id).text
        assert "Needs action" not in after
        assert "Nothing left to do" not in after

    def test_is_the_managers(self, backoffice: Backoffice, viewer: StaffClient, charged_back: Order) -> None:
        assert "Nothing left to do" not in viewer.get("order", order_id=charged_back.id).text
        self.note(viewer, charged_back)
        assert backoffice.front.world.stored_order(charged_back).attention == "charged_back"

    @pytest.mark.parametrize("body", [{"reason": "because"}, {"version": 1}, {"version": ""}])
    def test_is_of_what_was_seen_and_says_why(
        self, backoffice: Backoffice, manager: StaffClient, charged_back: Order, body: dict[str, object]
    ) -> None:
        self.note(manager, charged_back, **body)
        assert backoffice.front.world.stored_order(charged_back).attention == "charged_back"

    def test_is_not_offered_while_something_is_left_to_do(
        self, backoffice: Backoffice, manager: StaffClient, delivered: Order
    ) -> None:
        asked = Dispute(provider_reference="dp_1", status=DisputeStatus.OPEN, amount=12_000, reason_code="fraudulent")
        order = record_dispute(backoffice.front.world.uow(), order_id=delivered.id, dispute=asked)
        assert "Nothing left to do" not in manager.get("order", order_id=order.id).text
        assert "This issue still needs action" in self.note(manager, order).text
        assert backoffice.front.world.stored_order(order).attention == "dispute_open"


class TestThoseThatNeedAPerson:
    @pytest.fixture
    def refused(self, backoffice: Backoffice) -> Order:
        """Its label was refused; later than what other tests leave behind, but for what they date years ahead."""
        order = sell(backoffice, Partners(shipping=Carrier(refuse=True)), now=NOW + timedelta(days=3_000))
        assert order.attention == "label_refused"
        return order

    def test_are_found_and_the_others_are_not(
        self, backoffice: Backoffice, viewer: StaffClient, refused: Order
    ) -> None:
        quiet = sell(backoffice, Partners(), now=NOW + timedelta(days=3_001))
        page = viewer.get("orders", query="?show=attention")
        assert refused.id in page.html
        assert quiet.id not in page.html
        assert "orders searched" in page.text
        assert "Needs action" in page.text
        assert "refused to sell a label" in viewer.get("order", order_id=refused.id).text

    def test_show_the_carriers_own_words_to_managers(
        self, viewer: StaffClient, manager: StaffClient, refused: Order
    ) -> None:
        assert "House number is missing" in manager.get("order", order_id=refused.id).text
        assert "House number is missing" not in viewer.get("order", order_id=refused.id).text

    def test_are_counted_on_the_overview(self, viewer: StaffClient, refused: Order) -> None:
        page = viewer.get("index")
        assert "Orders that need action" in page.text
        assert "of the newest" in page.text
        assert refused.id in page.html

    def test_are_looked_for_further_back(
        self, viewer: StaffClient, refused: Order, sold: Order, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("apps.backoffice.orders._PAGE_LIMIT", 1)
        monkeypatch.setattr("apps.backoffice.orders._SCAN_LIMIT", 1)
        page = viewer.get("orders", query="?show=attention")
        assert "Older orders were not searched" in page.text
        for _ in range(200):
            if refused.id in page.html:
                break
            link = page.html.partition('rel="next"')[0].rpartition('href="')[2].partition('"')[0]
            page = viewer.get("orders", query=link.replace("&amp;", "&"))
        assert refused.id in page.html
        assert sold.id not in page.html


class TestRefund:
    def test_of_a_part_is_exact_and_shown_with_its_parts(
        self, backoffice: Backoffice, manager: StaffClient, delivered: Order, partners: Partners
    ) -> None:
        page = give_back(manager, delivered, which="part", amount="12.50", reason="late_delivery")
        assert "£12.50 is being refunded" in page.text
        assert "Give money back" not in page.text  # one at a time
        (refund,) = stored(backoffice, delivered).refunds
        assert (refund.amount, refund.reason_code) == (1_250, "late_delivery")
        assert settle(backoffice, delivered, partners).remaining_minor == 10_750
        text = manager.get("order", order_id=delivered.id).text
        assert "Succeeded £12.50 £11.25 £1.25 £0.00 £0.00" in text
        assert "Refunded £12.50 Remaining £107.50" in text
        assert "Debits equal credits" in text
        assert backoffice.record(delivered.id).version == stored(backoffice, delivered).version

    def test_of_all_that_is_left(
        self, backoffice: Backoffice, manager: StaffClient, delivered: Order, partners: Partners
    ) -> None:
        give_back(manager, delivered, which="part", amount="20")
        rest = settle(backoffice, delivered, partners)
        assert "How much of £100.00" in manager.get("order", order_id=delivered.id).text
        assert "£100.00 is being refunded" in give_back(manager, rest, which="all").text
        assert settle(backoffice, delivered, partners).status == OrderStatus.REFUNDED

    def test_is_the_managers(
        self, backoffice: Backoffice, viewer: StaffClient, moderator: StaffClient, delivered: Order
    ) -> None:
        for client in (viewer, moderator):
            assert "Give money back" not in client.get("order", order_id=delivered.id).text
            assert "role does not allow" in give_back(client, delivered, which="all").text
        assert stored(backoffice, delivered).version == delivered.version

    def test_sent_twice_gives_once(
        self, backoffice: Backoffice, manager: StaffClient, delivered: Order, partners: Partners
    ) -> None:
        give_back(manager, delivered, which="part", amount="5")
        assert "was changed meanwhile" in give_back(manager, delivered, which="part", amount="5").text
        settle(backoffice, delivered, partners)
        assert "was changed meanwhile" in give_back(manager, delivered, which="part", amount="5").text
        assert len(stored(backoffice, delivered).refunds) == 1

    def test_while_another_is_under_way_is_refused_in_words(
        self, backoffice: Backoffice, manager: StaffClient, delivered: Order
    ) -> None:
        give_back(manager, delivered, which="part", amount="5")
        page = give_back(manager, stored(backoffice, delivered), which="part", amount="5")
        assert "is pending. Nothing was changed; retry when it has settled." in page.text

    def test_of_an_order_to_be_shipped_is_refused_in_words(
        self, backoffice: Backoffice, manager: StaffClient, sold: Order
    ) -> None:
        assert "Give money back" not in manager.get("order", order_id=sold.id).text
        assert "status of the order does not allow this" in give_back(manager, sold, which="all").text
        assert stored(backoffice, sold).version == sold.version

    @pytest.mark.parametrize(
        ("body", "said"),
        [
            ({}, "Choose a full or a partial refund"),
            ({"which": "half"}, "valid choice"),
            ({"which": "part"}, "Enter the amount"),
            ({"which": "all", "amount": "5"}, "Leave the amount empty"),
            ({"which": "part", "amount": "12,50"}, "Enter an amount such as 12.50"),
            ({"which": "part", "amount": "-5"}, "Enter an amount such as 12.50"),
            ({"which": "part", "amount": "0"}, "zero, or larger"),
            ({"which": "part", "amount": "120.01"}, "larger than the remaining amount"),
            ({"which": "part", "amount": "9" * 30}, "at most 20 characters"),
            ({"which": "all", "reason": "because"}, "valid choice"),
            ({"which": "all", "version": "x"}, "form was not complete"),
        ],
    )
    def test_says_what_is_wrong_and_keeps_what_was_typed(
        self, backoffice: Backoffice, manager: StaffClient, delivered: Order, body: dict[str, Any], said: str
    ) -> None:
        page = give_back(manager, delivered, **body)
        assert page.status == 422
        assert said in page.text
        if "amount" in body:
            assert f'value="{body["amount"]}"' in page.html
        assert stored(backoffice, delivered).version == delivered.version

    def test_by_a_form_from_elsewhere_is_refused(
        self, backoffice: Backoffice, manager: StaffClient, delivered: Order
    ) -> None:
        client = Client(enforce_csrf_checks=True)
        client.force_login(manager.user)
        path = reverse("admin:order-refund", kwargs={"order_id": delivered.id})
        body = {"version": delivered.version, "which": "all", "reason": "goodwill"}
        assert client.post(path, body).status_code == 403
        assert stored(backoffice, delivered).version == delivered.version


class TestReport:
    def test_moves_the_order_once_and_says_it_was_by_hand(
        self, backoffice: Backoffice, manager: StaffClient, sold: Order
    ) -> None:
        for _ in range(2):
            page = report(manager, sold, "in_transit")
            assert "report is recorded" in page.text
        assert "reported by staff" in page.text
        shipped = stored(backoffice, sold)
        assert (shipped.status, shipped.version) == (OrderStatus.SHIPPED, sold.version + 1)
        assert backoffice.record(sold.id).change.actor.id == manager.user.staff_id
        report(manager, shipped, "delivered")
        assert stored(backoffice, sold).status == OrderStatus.DELIVERED

    def test_offers_what_still_moves_the_parcel(
        self, backoffice: Backoffice, manager: StaffClient, sold: Order
    ) -> None:
        assert "The carrier has the parcel" in manager.get("order", order_id=sold.id).text
        page = report(manager, sold, "in_transit")
        assert "The carrier has the parcel" not in page.text
        assert "The parcel is delivered" in page.text
        page = report(manager, stored(backoffice, sold), "delivered")
        assert "The parcel is delivered" not in page.text
        assert "The parcel is back at its sender" in page.text
        page = report(manager, stored(backoffice, sold), "returned")
        assert "Report the parcel" not in page.text
        assert "The parcel went back to the seller" in page.text

    def test_is_the_managers_and_of_what_was_seen(
        self, backoffice: Backoffice, viewer: StaffClient, moderator: StaffClient, manager: StaffClient, sold: Order
    ) -> None:
        for client in (viewer, moderator):
            assert "Report the parcel" not in client.get("order", order_id=sold.id).text
            assert "role does not allow" in report(client, sold, "in_transit").text
        stale = report(manager, sold, "in_transit", version=sold.version - 1)
        assert "was changed meanwhile" in stale.text
        for status in ("", "voided", "pre_transit"):
            assert report(manager, sold, status).status == 422
        assert stored(backoffice, sold).version == sold.version

    @pytest.mark.parametrize("text", ["x", "ord_1", "ord_" + "0" * 32])
    def test_of_what_is_no_order_is_not_there(self, manager: StaffClient, text: str) -> None:
        body = {"version": 1, "status": "delivered", "which": "all", "reason": "goodwill"}
        for name in ("order-report", "order-refund"):
            assert manager.send(name, body, order_id=OrderId(text)).status_code == 404

"""Orders of schema 1: they ended when they were paid, without a transfer, a parcel or a booking."""

from datetime import timedelta

import msgspec
import pytest

from resale.adapters.dynamodb.keys import entity_key
from resale.application.operations.customers import Shopper
from resale.application.operations.orders import cancel_order, record_dispute, request_label
from resale.application.operations.sellers import edit_seller
from resale.domain.access import Principal
from resale.domain.ids import SHIPMENT_ID
from resale.domain.orders import Order, OrderChanged, OrderStatus
from resale.domain.payments import Dispute, DisputeStatus
from resale.domain.sellers import SellerEdit
from resale.domain.transfers import TransferStatus
from tests.operations.partners import Partners
from tests.operations.world import BRAND, SHIP_FROM, World
from tests.unit.builders import NOW


@pytest.fixture
def partners() -> Partners:
    return Partners()


@pytest.fixture
def seller(world: World) -> Shopper:
    return world.shopper()


@pytest.fixture
def old(world: World, seller: Shopper, partners: Partners) -> Order:
    """A paid order as schema 1 left it in the table."""
    order = world.order(world.shopper(), world.active(seller))
    while world.stored_order(order).payment is None:
        world.advance(order, partners)
    payment = world.stored_order(order).payment
    assert payment is not None
    partners.payments.orders[payment.id] = order.id
    partners.payments.captured[payment.id] = 12_000
    db = world.container.sessions.for_tenant(world.tenant).dynamodb
    table = world.tenant.resources.tables.orders
    item = db.get_item(table=table, key={**entity_key("order", order.id)})
    assert item is not None
    outcome = {"state": "captured", "provider_reference": f"bk_{payment.id}"}
    tree: dict[str, object] = msgspec.json.decode(str(item["doc"])) | {
        "schema": 1,
        "status": "confirmed",
        "payment": {"id": payment.id, "started_at": NOW, "outcome": outcome},
        "confirmed_at": NOW - timedelta(days=30),
        "due_at": None,
    }
    for field in ("shipment", "ship_by", "refunds", "dispute", "step_tries", "attention", "claim_id"):
        tree.pop(field, None)
    asleep = {name: value for name, value in item.items() if not name.startswith("due")}
    stored = {**asleep, "doc": msgspec.json.encode(tree).decode(), "status": "confirmed"}
    db.put_item(table=table, item=stored, condition="attribute_exists(pk)", names={}, values={})
    return world.stored_order(order)


class TestAPaidOrderOfSchema1:
    def test_has_a_parcel_and_is_booked_when_it_is_looked_at(
        self, world: World, old: Order, partners: Partners
    ) -> None:
        assert old.shipment is not None
        assert old.shipment.id == SHIPMENT_ID.sibling_of(old.id)
        order = world.run(old, partners)
        assert (order.status, order.due_at) == (OrderStatus.CONFIRMED, order.ship_late_at)
        assert world.transfer(order).status == TransferStatus.HELD
        assert world.balances(order) == {"provider": 12_000, "sellers_pending": -10_800, "commission_deferred": -1_200}
        assert {entry.at for entry in world.reader.iter_ledger_source(order.id)} == {NOW - timedelta(days=30)}

    def test_has_a_deadline_and_a_label_if_its_seller_is_known_by_now(
        self, world: World, old: Order, seller: Shopper, partners: Partners
    ) -> None:
        edit_seller(world.uow(), shopper=seller, edit=SellerEdit(ship_from=SHIP_FROM))
        order = world.advance(old, partners)
        assert order.ship_by is not None
        assert order.ship_late_at is not None
        assert order.ship_late_at > order.ship_by > NOW
        assert order.shipment is not None
        assert order.shipment.label_wanted

    def test_is_cancelled_and_given_back_once(self, world: World, old: Order, partners: Partners) -> None:
        cancel_order(world.uow(principal=BRAND), order_id=old.id)
        order = world.run(old, partners)
        assert order.status == OrderStatus.CANCELLED
        assert order.payment is not None
        assert partners.payments.refunded(order.payment.id) == 12_000
        assert world.transfer(order).status == TransferStatus.REVERSED
        assert world.balances(order) == {}

    def test_gets_a_label(self, world: World, old: Order, partners: Partners) -> None:
        seller = Principal(customer_id=old.seller_id)
        request_label(world.uow(principal=seller), order_id=old.id, ship_from=SHIP_FROM)
        assert world.run(old, partners).status == OrderStatus.AWAITING_SHIPMENT

    def test_is_charged_back(self, world: World, old: Order, partners: Partners) -> None:
        lost = Dispute(provider_reference="dp_1", status=DisputeStatus.LOST, amount=12_000, reason_code="fraudulent")
        with pytest.raises(OrderChanged):
            record_dispute(world.uow(), order_id=old.id, dispute=lost)
        order = record_dispute(world.uow(), order_id=old.id, dispute=lost)
        assert order.status == OrderStatus.REFUNDED
        assert world.balances(order) == {}
        assert partners.payments.calls["refund"] == 0

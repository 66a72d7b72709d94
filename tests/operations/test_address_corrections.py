"""Where an order goes is corrected until a label is bought, by its buyer or the brand; a refused one is tried again."""

from datetime import timedelta

import msgspec
import pytest
from msgspec import UNSET

from resale.application.operations.customers import Shopper
from resale.application.operations.orders import (
    LabelUnderWay,
    cancel_order,
    correct_address,
)
from resale.application.operations.sellers import edit_seller
from resale.application.queries.orders import BrandOrder, BuyerOrder, SellerOrder, get_order
from resale.domain.access import Principal
from resale.domain.addresses import Address
from resale.domain.orders import Order, OrderChanged, OrderNotFound, OrderStatus, OrderTransitionRefused
from resale.domain.sellers import SellerEdit
from resale.domain.shipments import Label, LabelRequest
from resale.errors import Conflict, Forbidden, Invalid, Unavailable
from tests.operations.partners import Carrier, Partners
from tests.operations.world import BRAND, SHIP_FROM, Interrupted, World
from tests.unit.builders import STRANGER

CORRECTED = Address(name="Robin Okafor", line1="11 Test Street", city="Leeds", postal_code="ls1 1ab", country="GB")
KEPT = msgspec.structs.replace(CORRECTED, postal_code="LS1 1AB")


class Particular(Carrier):
    """A carrier that delivers to one house only."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[Address] = []

    def buy_label(self, request: LabelRequest) -> Label:
        self.refuse = request.recipient.line1 != KEPT.line1
        self.asked.append(request.recipient)
        return msgspec.structs.replace(
            super().buy_label(request), reason_code="address_invalid" if self.refuse else None
        )


@pytest.fixture
def seller(world: World) -> Shopper:
    return world.shopper()


@pytest.fixture
def submitted(world: World, seller: Shopper) -> Order:
    edit_seller(world.uow(), shopper=seller, edit=SellerEdit(ship_from=SHIP_FROM))
    return world.order(world.shopper(), world.active(seller))


def buyer_of(order: Order) -> Principal:
    return Principal(customer_id=order.buyer_id)


def corrected(world: World, order: Order, *, by: Principal | None = None, address: Address = CORRECTED) -> Order:
    return correct_address(world.uow(principal=by or buyer_of(order)), order_id=order.id, address=address)


def address_of(world: World, order: Order) -> Address | None:
    return get_order(reader=world.reader, principal=BRAND, order_id=order.id).shipping_address


class TestARefusedAddress:
    def test_is_corrected_by_the_buyer_and_the_label_is_bought_for_the_new_one(
        self, world: World, submitted: Order
    ) -> None:
        partners = Partners(shipping=(carrier := Particular()))
        refused = world.run(submitted, partners)
        assert (refused.status, refused.attention) == (OrderStatus.CONFIRMED, "label_refused")
        seen = get_order(reader=world.reader, principal=buyer_of(refused), order_id=refused.id)
        assert isinstance(seen, BuyerOrder)
        assert seen.next_action is not None
        assert (seen.next_action.type, seen.next_action.url) == ("correct_shipping_address", None)

        order = corrected(world, refused)
        assert (order.version, order.attention) == (refused.version + 1, None)
        order = world.run(order, partners)
        assert (order.status, address_of(world, order)) == (OrderStatus.AWAITING_SHIPMENT, KEPT)
        assert carrier.asked[-1] == KEPT
        assert not order.has_refund_begun
        seen = get_order(reader=world.reader, principal=buyer_of(order), order_id=order.id)
        assert isinstance(seen, BuyerOrder)
        assert seen.next_action is None

    def test_comes_with_the_carriers_own_words_for_staff_only(self, world: World, submitted: Order) -> None:
        carrier = Carrier(refuse=True)
        refused = world.run(submitted, Partners(shipping=carrier))
        for principal in (buyer_of(refused), Principal(customer_id=refused.seller_id)):
            seen = get_order(reader=world.reader, principal=principal, order_id=refused.id)
            assert not hasattr(seen, "label_message")
        seen = get_order(reader=world.reader, principal=BRAND, order_id=refused.id)
        assert isinstance(seen, BrandOrder)
        assert seen.label_message == "House number is missing"
        assert b"House number" not in msgspec.json.encode(msgspec.structs.replace(refused, private=UNSET))
        carrier.refuse = False
        world.run(corrected(world, refused), Partners(shipping=carrier))
        seen = get_order(reader=world.reader, principal=BRAND, order_id=refused.id)
        assert isinstance(seen, BrandOrder)
        assert seen.label_message is None

    def test_gives_the_seller_the_whole_time_to_ship_again(self, world: World, submitted: Order) -> None:
        refused = world.run(submitted, Partners(shipping=Particular()))
        assert refused.ship_by is not None
        later = refused.ship_by - timedelta(minutes=1)
        order = correct_address(world.uow(now=later, principal=BRAND), order_id=refused.id, address=CORRECTED)
        assert order.ship_by is not None
        assert order.ship_by > refused.ship_by + timedelta(days=5)

    def test_can_be_tried_again_as_it_is(self, world: World, submitted: Order) -> None:
        refusing = Partners(shipping=Carrier(refuse=True))
        refused = world.run(submitted, refusing)
        same = address_of(world, refused)
        assert same is not None
        refusing.shipping.refuse = False
        assert world.run(corrected(world, refused, address=same), refusing).status == OrderStatus.AWAITING_SHIPMENT

    def test_that_is_not_corrected_still_ends_when_the_time_to_ship_is_over(
        self, world: World, submitted: Order
    ) -> None:
        partners = Partners(shipping=Particular())
        refused = world.run(submitted, partners)
        assert refused.ship_late_at is not None
        ended = world.run(refused, partners, now=refused.ship_late_at + timedelta(minutes=5))
        assert (ended.status, ended.cancel_reason) == (OrderStatus.CANCELLED, "not_shipped_in_time")


class TestCorrectAddress:
    def test_before_it_is_paid_needs_no_label(self, world: World, submitted: Order) -> None:
        partners = Partners(shipping=(carrier := Particular()))
        corrected(world, submitted)
        order = world.run(submitted, partners)
        assert (order.status, carrier.asked) == (OrderStatus.AWAITING_SHIPMENT, [KEPT])

    def test_is_seen_by_the_seller(self, world: World) -> None:
        order = world.run(world.order(world.shopper(), world.active(world.shopper())), Partners())
        corrected(world, order, by=BRAND)  # paid, and nobody has asked for a label
        seen = get_order(reader=world.reader, principal=Principal(customer_id=order.seller_id), order_id=order.id)
        assert isinstance(seen, SellerOrder)
        assert (seen.status, seen.shipping_address) == (OrderStatus.CONFIRMED, KEPT)

    def test_twice_is_one_version(self, world: World, submitted: Order) -> None:
        first = corrected(world, submitted)
        assert corrected(world, submitted).version == first.version == submitted.version + 1

    def test_is_checked_by_the_rules_of_its_country(self, world: World, submitted: Order) -> None:
        wrong = msgspec.structs.replace(CORRECTED, postal_code="12345", country="US")
        with pytest.raises(Invalid) as refused:
            corrected(world, submitted, address=wrong)
        assert [(error.pointer, error.code) for error in refused.value.errors] == [("/region", "required")]

    def test_is_not_the_sellers_nor_a_strangers(self, world: World, submitted: Order) -> None:
        with pytest.raises(Forbidden):
            corrected(world, submitted, by=Principal(customer_id=submitted.seller_id))
        with pytest.raises(OrderNotFound):
            corrected(world, submitted, by=Principal(customer_id=STRANGER))

    def test_waits_while_a_label_may_be_being_bought(self, world: World, submitted: Order) -> None:
        partners = Partners(shipping=Carrier(lose={"buy_label": 1}))
        with pytest.raises(Unavailable):
            world.run(submitted, partners)
        with pytest.raises(LabelUnderWay):
            corrected(world, submitted)

    def test_is_over_once_there_is_a_label(self, world: World, submitted: Order) -> None:
        world.run(submitted, Partners())
        with pytest.raises(OrderTransitionRefused):
            corrected(world, submitted)

    def test_is_over_once_it_is_cancelled(self, world: World, submitted: Order) -> None:
        cancel_order(world.uow(principal=BRAND), order_id=submitted.id)
        with pytest.raises(OrderTransitionRefused):
            corrected(world, submitted)

    def test_of_another_version_than_was_read_is_refused(self, world: World, submitted: Order) -> None:
        with pytest.raises(OrderChanged):
            correct_address(world.uow(principal=BRAND, expected_version=9), order_id=submitted.id, address=CORRECTED)

    def test_that_lost_a_race_changes_nothing(self, world: World, submitted: Order) -> None:
        uow = Interrupted(world.uow(principal=BRAND), lambda: world.advance(submitted, Partners()))
        with pytest.raises(Conflict):
            correct_address(uow, order_id=submitted.id, address=CORRECTED)  # type: ignore[arg-type]  # stands in for one
        assert address_of(world, submitted) != KEPT

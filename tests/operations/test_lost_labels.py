"""A label whose purchase nobody heard of, of an order that ends: it is given back, and holds up no money."""

import pytest

from resale.application.operations.orders import cancel_order
from resale.application.operations.sellers import edit_seller
from resale.application.ports import ShippingProvider
from resale.domain.orders import Order, OrderStatus
from resale.domain.partners import PartnerMisconfigured, PartnerUnavailable
from resale.domain.sellers import SellerEdit
from resale.domain.shipments import LabelState, ShipmentStatus
from tests.operations.partners import Books, Carrier, Partners
from tests.operations.world import BRAND, SHIP_FROM, World


class NoCarrier:
    """A tenant's partners, without a connection for shipping."""

    def __init__(self, payments: Books) -> None:
        self.payments = payments

    @property
    def shipping(self) -> ShippingProvider:
        raise PartnerMisconfigured("There is no shipping connection.")


def confirmed(world: World, partners: Partners) -> Order:
    """An order that is paid, and whose label could not be bought, as far as anybody knows."""
    seller = world.shopper()
    edit_seller(world.uow(), shopper=seller, edit=SellerEdit(ship_from=SHIP_FROM))
    order = world.order(world.shopper(), world.active(seller))
    with pytest.raises(PartnerUnavailable):
        world.run(order, partners)
    assert world.stored_order(order).status == OrderStatus.CONFIRMED
    return order


class TestALabelWhoseAnswerWasLost:
    def test_is_given_back_when_its_order_is_cancelled(self, world: World) -> None:
        partners = Partners(shipping=Carrier(lose={"buy_label": 1}))
        order = confirmed(world, partners)
        cancel_order(world.uow(principal=BRAND), order_id=order.id)
        order = world.run(order, partners)
        assert order.status == OrderStatus.CANCELLED
        assert list(partners.shipping.labels.values()) == [LabelState.VOIDED]
        assert order.shipment is not None
        assert order.shipment.status == ShipmentStatus.VOIDED
        assert world.balances(order) == {}

    def test_does_not_hold_up_the_money_where_there_is_no_carrier(self, world: World) -> None:
        partners = Partners(shipping=Carrier(down={"find_label": 1}))
        order = confirmed(world, partners)
        cancel_order(world.uow(principal=BRAND), order_id=order.id)
        order = world.run(order, NoCarrier(partners.payments))
        assert order.status == OrderStatus.CANCELLED

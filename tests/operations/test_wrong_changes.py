"""A change that mypy was kept from seeing is refused before it is buffered: what is stored can always be read again."""

from typing import Any

import msgspec
import pytest

from resale.domain.changes import ChangeType
from resale.domain.order_steps import update_order
from resale.domain.orders import OrderPrivate
from tests.operations.world import World
from tests.unit.builders import NOW


@pytest.mark.parametrize(
    "change", [{"shipment": "not a shipment"}, {"attention": 5}, {"refunds": [1]}, {"due_at": "tomorrow"}]
)
def test_a_wrong_type_is_refused_before_it_is_buffered(world: World, change: dict[str, Any]) -> None:
    order = world.order(world.shopper(), world.active(world.shopper()))
    uow = world.uow()
    right = update_order(uow.orders.get(order.id), now=NOW)
    wrong = msgspec.structs.replace(right, **change)
    with pytest.raises(TypeError, match=f"this Order could not be read again: .*{next(iter(change))}"):
        uow.orders.save(wrong, change_type=ChangeType.ORDER_TRACKED)
    uow.orders.save(right, change_type=ChangeType.ORDER_TRACKED)
    uow.commit()  # refused, were there two writes of one item
    assert world.stored_order(order) == right


@pytest.mark.parametrize("change_type", [ChangeType.LISTING_SOLD, "order.lost", "order.losst"])
def test_a_type_that_is_no_change_of_an_order_is_refused(world: World, change_type: Any) -> None:
    order = world.order(world.shopper(), world.active(world.shopper()))
    uow = world.uow()
    right = update_order(uow.orders.get(order.id), now=NOW)
    with pytest.raises(TypeError, match="is not a change of order"):
        uow.orders.save(right, change_type=change_type)


def test_a_misspelt_field_is_refused(world: World) -> None:
    order = world.order(world.shopper(), world.active(world.shopper()))
    misspelt: dict[str, Any] = {"shipmnt": None}
    with pytest.raises(TypeError, match="shipmnt"):
        msgspec.structs.replace(order, **misspelt)


def test_what_is_sealed_can_be_read_again(world: World) -> None:
    order = world.order(world.shopper(), world.active(world.shopper()))
    uow = world.uow()
    assert isinstance(order.private, str)
    private = uow.vault.open(order.private, OrderPrivate, owner_id=order.buyer_id, entity_id=order.id)
    wrong: dict[str, Any] = {"label_url": 5}
    with pytest.raises(TypeError, match="this OrderPrivate could not be read again"):
        uow.vault.seal(msgspec.structs.replace(private, **wrong), owner_id=order.buyer_id, entity_id=order.id)

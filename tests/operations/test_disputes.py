"""Disputes as a bank has them: it may change its mind, and may dispute a payment a second time."""

import msgspec
import pytest

from resale.application.operations.orders import record_dispute
from resale.domain.orders import Order, OrderStatus
from resale.domain.payments import Dispute, DisputeStatus
from tests.operations.partners import Partners
from tests.operations.world import World
from tests.unit.builders import NOW

OPEN, WON, LOST = DisputeStatus.OPEN, DisputeStatus.WON, DisputeStatus.LOST


@pytest.fixture
def order(world: World) -> Order:
    return world.delivered(Partners())


def told(world: World, order: Order, reference: str, status: DisputeStatus, amount: int = 12_000) -> Order:
    dispute = Dispute(provider_reference=reference, status=status, amount=amount, reason_code="fraudulent")
    return record_dispute(uow=world.uow(), order_id=order.id, dispute=dispute, now=NOW)


def test_one_that_was_won_and_is_lost_after_all_is_booked(world: World, order: Order) -> None:
    for status in (OPEN, WON):
        told(world, order, "dp_1", status)
    assert told(world, order, "dp_1", LOST).status == OrderStatus.REFUNDED
    assert "provider" not in world.balances(order)


def test_one_that_was_lost_is_booked_once_and_not_opened_again(world: World, order: Order) -> None:
    first = told(world, order, "dp_1", LOST, amount=5_000)
    for status in (LOST, OPEN, WON):
        assert told(world, order, "dp_1", status, amount=5_000).version == first.version
    assert world.balances(order)["provider"] == 7_000


def test_a_second_one_holds_the_order_and_takes_its_money(world: World, order: Order) -> None:
    for status in (OPEN, WON):
        told(world, order, "dp_1", status, amount=5_000)
    assert told(world, order, "dp_2", OPEN, amount=5_000).is_disputed
    assert told(world, order, "dp_1", WON, amount=5_000).is_disputed
    lost = told(world, order, "dp_2", LOST, amount=5_000)
    assert not lost.is_disputed
    assert world.balances(order)["provider"] == 7_000
    third = told(world, order, "dp_3", LOST, amount=5_000)
    assert [refund.provider_reference for refund in third.refunds] == ["dp_2", "dp_3"]


def test_its_end_leaves_what_else_a_person_has_to_look_at(world: World, order: Order) -> None:
    uow = world.uow()
    stored = uow.orders.get(order.id)
    uow.orders.save(msgspec.structs.replace(stored, attention="refund_failed"), change_type="order.refund_failed")
    uow.commit()
    assert told(world, order, "dp_1", WON).attention == "refund_failed"
    assert told(world, order, "dp_2", OPEN).attention == "dispute_open"
    assert told(world, order, "dp_2", WON).attention is None

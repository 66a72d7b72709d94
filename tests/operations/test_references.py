"""What a partner calls by a name of its own: learned with the write that learned it, once, and by one tenant."""

import uuid

import pytest

from resale.application.ports import ReferenceTaken, UnitOfWork
from resale.domain.changes import ChangeType
from resale.domain.ids import OrderId
from resale.domain.orders import OrderChanged
from tests.operations.world import World

PROVIDER = "sandbox"


@pytest.fixture
def order_id(world: World) -> OrderId:
    return world.order(world.shopper(), world.active(world.shopper())).id


@pytest.fixture
def reference() -> str:
    return f"ch_{uuid.uuid4().hex}"


def learning(world: World, order_id: OrderId, reference: str) -> UnitOfWork:
    """A write of the order that learned a name, not committed yet."""
    uow = world.uow()
    uow.orders.save(uow.orders.get(order_id), change_type=ChangeType.ORDER_PAYMENT_STARTED)
    uow.references.add(provider=PROVIDER, reference=reference, entity_id=order_id)
    return uow


def known(world: World, reference: str, *, provider: str = PROVIDER) -> str | None:
    return world.uow().references.find(provider=provider, reference=reference)


class TestReferences:
    def test_finds_what_a_write_learned(self, world: World, order_id: OrderId, reference: str) -> None:
        assert known(world, reference) is None
        learning(world, order_id, reference).commit()
        assert known(world, reference) == order_id

    def test_learns_nothing_of_a_write_that_lost_its_race(
        self, world: World, order_id: OrderId, reference: str
    ) -> None:
        late = learning(world, order_id, reference)
        learning(world, order_id, f"{reference}-of-another-try").commit()
        with pytest.raises(OrderChanged):
            late.commit()
        assert known(world, reference) is None

    def test_learns_the_same_again_in_a_later_commit_and_within_one(
        self, world: World, order_id: OrderId, reference: str
    ) -> None:
        learning(world, order_id, reference).commit()
        again = learning(world, order_id, reference)
        again.references.add(provider=PROVIDER, reference=reference, entity_id=order_id)
        again.commit()
        assert known(world, reference) == order_id
        assert world.uow().orders.get(order_id).version == 3

    def test_learns_a_name_by_itself(self, world: World, reference: str) -> None:
        for _ in range(2):
            uow = world.uow()
            uow.references.add(provider=PROVIDER, reference=reference, entity_id="ord_1")
            uow.commit()
        assert known(world, reference) == "ord_1"

    def test_refuses_a_name_that_means_something_else(self, world: World, order_id: OrderId, reference: str) -> None:
        learning(world, order_id, reference).commit()
        uow = world.uow()
        uow.references.add(provider=PROVIDER, reference=reference, entity_id="ord_other")
        with pytest.raises(ReferenceTaken):
            uow.commit()
        assert known(world, reference) == order_id

    def test_keeps_providers_apart(self, world: World, order_id: OrderId, reference: str) -> None:
        learning(world, order_id, reference).commit()
        assert known(world, reference, provider="stripe") is None

    def test_keeps_tenants_apart(self, world: World, other_world: World, order_id: OrderId, reference: str) -> None:
        learning(world, order_id, reference).commit()
        assert known(other_world, reference) is None

    def test_takes_a_name_of_any_length_and_alphabet(self, world: World, order_id: OrderId) -> None:
        long = "é#" * 3_000
        learning(world, order_id, long).commit()
        assert known(world, long) == order_id

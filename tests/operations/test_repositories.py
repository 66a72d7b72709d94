"""Repositories: one for each entity type within a unit of work, however it is asked for."""

import uuid

import pytest

from resale.application.operations.connections import record_connection
from resale.domain.connections import ConnectionStatus, Observation
from resale.domain.entities import CONNECTION, CUSTOMER, IMAGE, PURCHASE, TEST_CLOCK, TRANSFER, AnyEntityType
from resale.domain.ids import ConnectionId
from resale.domain.partners import Connection, PartnerKind, Provider
from resale.domain.purchases import PurchaseNotFound
from tests.operations.world import World, later
from tests.unit.builders import PURCHASE as NOBODYS


def an_open_connection(world: World) -> Connection:
    connection = Connection(
        id=ConnectionId(f"con_{uuid.uuid4().hex}"), kind=PartnerKind.PAYMENTS, provider=Provider.STRIPE, secret_name="x"
    )
    record(world, connection, ConnectionStatus.OPEN, 0)
    return connection


def record(world: World, connection: Connection, status: ConnectionStatus, after: float) -> None:
    seen = Observation(status=status, since=later(after))
    record_connection(world.uow(now=later(after)), connection=connection, seen=seen)


class TestRepository:
    def test_is_the_attribute_where_there_is_one(self, world: World) -> None:
        uow = world.uow()
        assert uow.repository(PURCHASE) is uow.purchases

    def test_is_always_the_same_one(self, world: World) -> None:
        uow = world.uow()
        assert uow.repository(CONNECTION) is uow.repository(CONNECTION)

    def test_of_what_is_not_there_raises_the_error_of_the_type(self, world: World) -> None:
        assert world.uow().repository(PURCHASE).find(NOBODYS) is None
        with pytest.raises(PurchaseNotFound):
            world.uow().repository(PURCHASE).get(NOBODYS)

    def test_notices_that_what_it_read_was_changed_meanwhile(self, world: World) -> None:
        connection, purchase = an_open_connection(world), world.bought(world.shopper())
        uow = world.uow()
        uow.purchases.get(purchase.id)
        uow.repository(CONNECTION).get(connection.id)
        assert not uow.is_torn()
        record(world, connection, ConnectionStatus.CLOSED, 60)
        assert uow.is_torn()

    @pytest.mark.parametrize("entity_type", [IMAGE, TRANSFER, TEST_CLOCK, CUSTOMER], ids=lambda one: one.name)
    def test_of_a_type_with_methods_of_its_own_is_refused(self, world: World, entity_type: AnyEntityType) -> None:
        with pytest.raises(TypeError, match=f"the repository of a {entity_type.name} has methods of its own"):
            world.uow().repository(entity_type)

"""Entity types: an id leads to the record of its type, and the record fits the entity as stored."""

import msgspec
import pytest

from resale.domain import ids
from resale.domain.access import Principal, Role, role_towards
from resale.domain.entities import CLAIM, ENTITIES, ORDER, EntityType, entity_type_of
from resale.domain.ids import CustomerId
from tests.unit.builders import a_claim, an_order

_ALL = pytest.mark.parametrize("entity_type", ENTITIES.values(), ids=lambda entity_type: entity_type.name)


class TestEntityTypes:
    def test_an_id_leads_to_its_type(self) -> None:
        assert entity_type_of(an_order().id) is ORDER
        assert entity_type_of(a_claim().id) is CLAIM

    def test_an_id_of_nothing_stored_has_no_type(self) -> None:
        with pytest.raises(KeyError):
            entity_type_of("txn_" + "0" * 32)

    @_ALL
    def test_every_struct_is_audited(self, entity_type: "EntityType[str, msgspec.Struct]") -> None:
        assert {"id", "object", "schema", "version", "status", "created_at", "updated_at"} <= {
            field.name for field in msgspec.structs.fields(entity_type.struct)
        }

    def test_parties_are_read_from_the_entity(self) -> None:
        order = an_order()
        assert ORDER.owner is not None
        assert ORDER.counterparty is not None
        seller = Principal(customer_id=order.seller_id)
        role = role_towards(seller, owner_id=ORDER.owner(order), counterparty_id=ORDER.counterparty(order))
        assert role == Role.COUNTERPARTY


class TestIdTypes:
    def test_matches_its_own_prefix_only(self) -> None:
        assert ids.ORDER_ID.matches("ord_" + "0" * 32)
        assert not ids.ORDER_ID.matches("clm_" + "0" * 32)
        assert not ids.ORDER_ID.matches("ord_" + "0" * 31)

    def test_new_asks_for_its_prefix(self) -> None:
        assert ids.ORDER_ID.new(lambda prefix: f"{prefix}_1") == "ord_1"

    def test_a_sibling_has_the_same_number(self) -> None:
        assert ids.CUSTOMER_ID.sibling_of("sel_12") == CustomerId("cus_12")

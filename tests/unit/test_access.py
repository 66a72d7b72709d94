"""The access table, cell by cell: what stands in ``access_decisions`` is what was decided, not what the code says."""

import importlib
import pkgutil

import pytest

from resale.domain.access import Action, Principal, Role, permits, role_towards
from tests.unit import access_decisions
from tests.unit.builders import BUYER, SELLER, STRANGER

DECISIONS = [
    importlib.import_module(f"{access_decisions.__name__}.{module.name}")
    for module in pkgutil.iter_modules(access_decisions.__path__)
]
DECIDED: dict[str, tuple[set[str], ...]] = {action: row for one in DECISIONS for action, row in one.ROWS.items()}
ROLES = (Role.PUBLIC, Role.OWNER, Role.COUNTERPARTY, Role.BRAND, Role.VIEWER, Role.MODERATOR, Role.MANAGER)
CELLS = [
    (Action(action), role, states) for action, row in DECIDED.items() for role, states in zip(ROLES, row, strict=True)
]


class TestPermits:
    @pytest.mark.parametrize(("action", "role", "states"), CELLS)
    def test_allows_exactly_the_states_decided(self, action: Action, role: Role, states: set[str]) -> None:
        asked = {status for one in DECISIONS for status in one.STATES}
        assert {status for status in asked if permits(action, role, status)} == states

    def test_every_action_and_role_is_decided(self) -> None:
        assert sorted(action for one in DECISIONS for action in one.ROWS) == sorted(Action)
        assert set(ROLES) == set(Role)


class TestRoleTowards:
    def test_the_owner_is_the_owner_whatever_else_they_are(self) -> None:
        assert role_towards(Principal(standing=Role.BRAND, customer_id=SELLER), owner_id=SELLER) == Role.OWNER

    def test_the_other_party_is_the_counterparty(self) -> None:
        role = role_towards(Principal(customer_id=SELLER), owner_id=BUYER, counterparty_id=SELLER)
        assert role == Role.COUNTERPARTY

    def test_a_stranger_is_what_they_stand_as(self) -> None:
        assert role_towards(Principal(customer_id=STRANGER), owner_id=SELLER) == Role.PUBLIC

    def test_nobody_is_not_the_counterparty_of_nobody(self) -> None:
        assert role_towards(Principal(), owner_id=SELLER, counterparty_id=None) == Role.PUBLIC

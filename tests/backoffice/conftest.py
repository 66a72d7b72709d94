"""Two tenants' backoffices."""

import pytest

from resale.domain.access import Role
from tests.backoffice.staff_clients import Backoffice, StaffClient, an_operator
from tests.fixtures.storefront import Front


@pytest.fixture
def backoffice(front: Front) -> Backoffice:
    """Tenant A's."""
    return Backoffice(front)


@pytest.fixture
def other_backoffice(other_front: Front) -> Backoffice:
    """Tenant B's."""
    return Backoffice(other_front)


@pytest.fixture
def viewer(backoffice: Backoffice) -> StaffClient:
    return backoffice.add_staff(Role.VIEWER)


@pytest.fixture
def moderator(backoffice: Backoffice) -> StaffClient:
    return backoffice.add_staff(Role.MODERATOR)


@pytest.fixture
def manager(backoffice: Backoffice) -> StaffClient:
    return backoffice.add_staff(Role.MANAGER)


@pytest.fixture
def operator(db: None) -> StaffClient:  # noqa: ARG001 - opens the database
    return an_operator()

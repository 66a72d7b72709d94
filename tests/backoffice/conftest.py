"""Two tenants' backoffices."""

import pytest

from resale.domain.access import Role
from tests.backoffice.office import Desk, Office, an_operator
from tests.fixtures.storefront import Front


@pytest.fixture
def office(front: Front) -> Office:
    """Tenant A's."""
    return Office(front)


@pytest.fixture
def other_office(other_front: Front) -> Office:
    """Tenant B's."""
    return Office(other_front)


@pytest.fixture
def viewer(office: Office) -> Desk:
    return office.hire(Role.VIEWER)


@pytest.fixture
def moderator(office: Office) -> Desk:
    return office.hire(Role.MODERATOR)


@pytest.fixture
def manager(office: Office) -> Desk:
    return office.hire(Role.MANAGER)


@pytest.fixture
def operator(db: None) -> Desk:  # noqa: ARG001 - opens the database
    return an_operator()

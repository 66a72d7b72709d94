"""Two tenants to act on, each a world of its own."""

from collections.abc import Iterator

import pytest

from resale.bootstrap import Container
from resale.domain.tenants import Tenant
from resale.settings import Settings
from tests.operations.world import World


@pytest.fixture(scope="session")
def container(resale_settings: Settings) -> Iterator[Container]:
    made = Container(resale_settings)
    yield made
    made.close()


@pytest.fixture
def world(container: Container, tenants: tuple[Tenant, Tenant]) -> World:
    return World(container, tenants[0])


@pytest.fixture
def other_world(container: Container, tenants: tuple[Tenant, Tenant]) -> World:
    return World(container, tenants[1])

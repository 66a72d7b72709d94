"""Two tenants to act on, each a world of its own. Their sales are paid out at once; the delay has tests of its own."""

from collections.abc import Iterator

import msgspec
import pytest

from resale.bootstrap import Container
from resale.domain.policies import Policies
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
    return World(container, _without_payout_delay(tenants[0]))


@pytest.fixture
def other_world(container: Container, tenants: tuple[Tenant, Tenant]) -> World:
    return World(container, _without_payout_delay(tenants[1]))


def _without_payout_delay(tenant: Tenant) -> Tenant:
    return msgspec.structs.replace(tenant, policies=Policies(payout_delay_hours=0))

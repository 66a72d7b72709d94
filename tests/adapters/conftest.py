"""Sessions and lanes on the real engines, and the fault proxy between them where a test asks for it."""

import uuid
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import pytest

from deploy.local.engines.local import LocalEngines
from deploy.local.provisioning.connections import Endpoints, RootAccount
from deploy.local.provisioning.tenants import apply_template, data_template
from resale.adapters.aws.sessions import TenantSession, TenantSessions
from resale.adapters.dynamodb.client import DynamoDB, Item
from resale.adapters.shipping.easypost import EasyPostShipping
from resale.domain.tenants import Tenant
from resale.settings import Settings
from tests.adapters.aggregator import Aggregator, running
from tests.adapters.parcels import shipping_at
from tests.faults.proxy import FaultProxy
from tests.fixtures.provisioned import stack_of

OpenSessions = Callable[..., TenantSessions]


@pytest.fixture
def open_sessions(resale_settings: Settings) -> Iterator[OpenSessions]:
    """Make sessions with changed settings; they are closed at the end."""
    made: list[TenantSessions] = []

    def make(*, tick_seconds: float = 30.0, **changes: Any) -> TenantSessions:
        settings = msgspec.structs.replace(resale_settings, **changes)
        made.append(TenantSessions(settings, tick_seconds=tick_seconds))
        return made[-1]

    yield make
    for sessions in made:
        sessions.close()


@pytest.fixture(scope="session")
def shared_sessions(resale_settings: Settings) -> Iterator[TenantSessions]:
    """For all tests that leave them as they are: making clients costs most of a test's time."""
    made = TenantSessions(resale_settings)
    yield made
    made.close()


@pytest.fixture
def sessions(shared_sessions: TenantSessions) -> TenantSessions:
    """Shared; a file whose tests spoil sessions overrides this with its own."""
    return shared_sessions


@pytest.fixture
def session(sessions: TenantSessions, tenants: tuple[Tenant, Tenant]) -> TenantSession:
    """Northwind's."""
    return sessions.for_tenant(tenants[0])


@pytest.fixture
def lane(session: TenantSession) -> DynamoDB:
    return session.dynamodb


@pytest.fixture(scope="session")
def northwinds_proxy(engines: LocalEngines, tenants: tuple[Tenant, Tenant]) -> Iterator[FaultProxy]:
    with FaultProxy(engines.dynamodb_endpoints[tenants[0].account_id]) as proxy:
        yield proxy


@pytest.fixture
def store_proxy(northwinds_proxy: FaultProxy) -> Iterator[FaultProxy]:
    """Between northwind's lane and its store; harmless again at the end."""
    yield northwinds_proxy
    northwinds_proxy.clear()


@pytest.fixture(scope="session")
def proxied_sessions(
    resale_settings: Settings, northwinds_proxy: FaultProxy, tenants: tuple[Tenant, Tenant]
) -> Iterator[TenantSessions]:
    endpoints = {tenants[0].account_id: northwinds_proxy.url}
    made = TenantSessions(msgspec.structs.replace(resale_settings, dynamodb_endpoints=endpoints))
    yield made
    made.close()


@pytest.fixture
def faulty_lane(proxied_sessions: TenantSessions, store_proxy: FaultProxy, tenants: tuple[Tenant, Tenant]) -> DynamoDB:
    """Northwind's lane through the proxy."""
    lane = proxied_sessions.for_tenant(tenants[0]).dynamodb
    lane.get_item(table=tenants[0].resources.tables.listings, key={"pk": "none", "sk": "none"})  # there is a session
    store_proxy.clear()
    return lane


@pytest.fixture
def aws_proxy(engines: LocalEngines, monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultProxy]:
    """Between every client built after it and the other AWS services."""
    with FaultProxy(engines.aws_endpoint_url) as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.url)
        yield proxy


@pytest.fixture
def table(tenants: tuple[Tenant, Tenant]) -> str:
    return tenants[0].resources.tables.listings


@pytest.fixture
def item() -> Item:
    """An item nobody else has."""
    return {"pk": f"lst_{uuid.uuid4().hex}", "sk": "listing", "version": 1, "doc": '{"title":"Jacke, grün ✂"}'}


@pytest.fixture
def guarded_table(engines: LocalEngines, tenants: tuple[Tenant, Tenant]) -> str:
    """Northwind's listings on ministack, which checks signatures on DynamoDB, too; dynoxide does not."""
    tenant = tenants[0]
    stack = stack_of(tenant.slug, tenant.account_id, tenant.region, engines)
    url = engines.aws_endpoint_url
    account = RootAccount(
        account_id=tenant.account_id, region=tenant.region, endpoints=Endpoints(aws_url=url, dynamodb_url=url)
    )
    apply_template(account, data_template(stack))
    return tenant.resources.tables.listings


@pytest.fixture
def easypost() -> Iterator[Aggregator]:
    """EasyPost, with empty books."""
    with running() as aggregator:
        yield aggregator


@pytest.fixture
def shipping(easypost: Aggregator) -> EasyPostShipping:
    """The adapter, speaking to it."""
    return shipping_at(easypost.base_url)

"""Sessions and lanes on the real engines, and the fault proxy between them where a test asks for it."""

import uuid
from collections.abc import Callable, Iterator

import msgspec
import pytest

from apps.local.engines.local import LocalEngines
from resale.adapters.aws.sessions import TenantSession, TenantSessions
from resale.adapters.dynamodb.client import DynamoDB, Item
from resale.adapters.provisioning.connections import Endpoints, RootAccount
from resale.adapters.provisioning.tenants import apply_template, data_template
from resale.domain.tenants import Tenant
from resale.settings import Settings
from tests.faults.proxy import FaultProxy
from tests.fixtures.provisioned import stack_of

OpenSessions = Callable[..., TenantSessions]


@pytest.fixture
def open_sessions(resale_settings: Settings) -> Iterator[OpenSessions]:
    """Make sessions with changed settings; they are closed at the end."""
    made: list[TenantSessions] = []

    def make(*, tick_seconds: float = 30.0, **changes: object) -> TenantSessions:
        settings = msgspec.structs.replace(resale_settings, **changes)
        made.append(TenantSessions(settings, tick_seconds=tick_seconds))
        return made[-1]

    yield make
    for sessions in made:
        sessions.close()


@pytest.fixture
def sessions(open_sessions: OpenSessions) -> TenantSessions:
    return open_sessions()


@pytest.fixture
def session(sessions: TenantSessions, tenants: tuple[Tenant, Tenant]) -> TenantSession:
    """Northwind's."""
    return sessions.for_tenant(tenants[0])


@pytest.fixture
def lane(session: TenantSession) -> DynamoDB:
    return session.dynamodb


@pytest.fixture
def store_proxy(engines: LocalEngines, tenants: tuple[Tenant, Tenant]) -> Iterator[FaultProxy]:
    """Between northwind's lane and its store."""
    with FaultProxy(engines.dynamodb_endpoints[tenants[0].account_id]) as proxy:
        yield proxy


@pytest.fixture
def faulty_lane(open_sessions: OpenSessions, store_proxy: FaultProxy, tenants: tuple[Tenant, Tenant]) -> DynamoDB:
    """Northwind's lane through the proxy."""
    sessions = open_sessions(dynamodb_endpoints={tenants[0].account_id: store_proxy.url})
    return sessions.for_tenant(tenants[0]).dynamodb


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

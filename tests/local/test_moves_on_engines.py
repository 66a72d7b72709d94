"""What a move needs of real engines: the comparison of replicas, and a unit of work that outlives its lease."""

import time
from collections.abc import Iterator

import msgspec
import pytest

from deploy.local.engines.local import LocalEngines
from deploy.local.provisioning.connections import Endpoints, RootAccount
from deploy.local.restores.regions import LocalRegions
from resale.adapters.dynamodb.unit_of_work import WriteLeaseEnded
from resale.application.operations.purchases import record_purchase
from resale.bootstrap import Container
from resale.domain.tenants import Standby, Tenant
from resale.settings import Settings
from tests.operations.world import BRAND, World, a_new_purchase


@pytest.fixture(scope="module")
def container(resale_settings: Settings) -> Iterator[Container]:
    made = Container(resale_settings)
    yield made
    made.close()


@pytest.fixture
def regions(engines: LocalEngines) -> LocalRegions:
    def account_of(tenant: Tenant) -> RootAccount:
        endpoints = Endpoints(
            aws_url=engines.aws_endpoint_url, dynamodb_url=engines.dynamodb_endpoints[tenant.account_id]
        )
        return RootAccount(account_id=tenant.account_id, region=tenant.region, endpoints=endpoints)

    return LocalRegions(account_of)


def test_tables_with_the_same_items_have_the_same_digest(
    regions: LocalRegions, tenants: tuple[Tenant, Tenant], container: Container
) -> None:
    here, there = tenants
    clients = [regions._client_for(tenant, "dynamodb") for tenant in tenants]
    tables = [tenant.resources.tables.lookups for tenant in tenants]
    before = [regions.digest(tenant, table) for tenant, table in zip(tenants, tables, strict=True)]
    for order in (1, -1):
        for number in list(range(5))[::order]:
            client, table = (clients[0], tables[0]) if order == 1 else (clients[1], tables[1])
            client.put_item(TableName=table, Item={"pk": {"S": f"digest-{number}"}, "n": {"N": str(number)}})
    gained = [
        (after.item_count - known.item_count, (int(after.digest, 16) - int(known.digest, 16)) % 2**256)
        for known, after in zip(
            before, (regions.digest(here, tables[0]), regions.digest(there, tables[1])), strict=True
        )
    ]
    assert gained[0] == gained[1]
    assert gained[0][0] == 5
    clients[0].put_item(TableName=tables[0], Item={"pk": {"S": "digest-0"}, "n": {"N": "7"}})
    assert regions.digest(here, tables[0]).digest != f"{(int(before[0].digest, 16) + gained[0][1]) % 2**256:x}"
    for client, table in zip(clients, tables, strict=True):
        for number in range(5):
            client.delete_item(TableName=table, Key={"pk": {"S": f"digest-{number}"}})
    assert container.settings.platform_region


def test_an_engine_without_policies_is_stated(regions: LocalRegions, tenants: tuple[Tenant, Tenant]) -> None:
    tenant = tenants[0]
    assert not regions.close_table(tenant, tenant.resources.tables.orders)
    regions.open_table(tenant, tenant.resources.tables.orders)


def test_a_unit_of_work_does_not_outlive_its_lease(
    container: Container, tenants: tuple[Tenant, Tenant], monkeypatch: pytest.MonkeyPatch
) -> None:
    movable = msgspec.structs.replace(tenants[0], standby=Standby(region="eu-west-1", resources=tenants[0].resources))
    for tenant, commits in ((tenants[0], True), (movable, False)):
        world = World(container, tenant)
        uow, shopper = world.uow(principal=BRAND), world.shopper()
        opened_at = time.monotonic()
        with monkeypatch.context() as patch:
            patch.setattr(uow, "_opened_at", opened_at - 61)
            if commits:
                assert record_purchase(uow, source="web", line="lease", new=a_new_purchase(shopper)).version == 1
            else:
                with pytest.raises(WriteLeaseEnded):
                    record_purchase(uow, source="web", line="lease", new=a_new_purchase(shopper))
    within = World(container, movable)
    shopper = within.shopper()
    assert (
        record_purchase(within.uow(principal=BRAND), source="web", line="lease 2", new=a_new_purchase(shopper)).version
        == 1
    )

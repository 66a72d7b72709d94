"""A restore on the real engines: snapshots, tables copied from one, and data that was broken meanwhile."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from apps.tenancy.models import RestoreRecord, RestoreRun, Tenant
from apps.tenancy.restores.journal import Journal
from apps.tenancy.restores.machine import Restores
from deploy.local.engines.install import has_dynoxide, install
from deploy.local.engines.local import LocalEngines
from deploy.local.provisioning.connections import Endpoints, RootAccount
from deploy.local.restores.snapshots import Snapshots
from deploy.local.restores.tables import LocalTables
from resale.adapters.dynamodb import keys
from resale.application.operations.orders import cancel_order
from resale.application.queries.history import verify_history
from resale.bootstrap import Container
from resale.domain import tenants as domain
from resale.domain.ids import TenantId
from resale.domain.orders import Order
from resale.domain.tenant_restores import RestoreUnsound, TableSetting, TableState, name_of_restored
from resale.settings import Settings
from tests.fixtures.provisioned import tenant_of
from tests.operations.partners import Partners
from tests.operations.world import BRAND, World
from tests.tenancy.onboarding_world import Boundaries, Killed

pytestmark = pytest.mark.skipif(not has_dynoxide(), reason="only dynoxide's tables are in a file that can be copied")
ACCOUNT = "444444444444"
SLUG = "rewinder"
_STEPS = 9
_waited: list[float] = []  # seconds


@pytest.fixture(scope="module")
def world(resale_settings: Settings, engines: LocalEngines) -> Iterator[World]:
    """A tenant whose tables no other test writes to: all of them are verified."""
    engines.add_account(ACCOUNT)
    tenant = tenant_of(SLUG, ACCOUNT, "eu-west-2", currency="GBP", market="GB", engines=engines)
    settings = msgspec.structs.replace(resale_settings, dynamodb_endpoints=dict(engines.dynamodb_endpoints))
    made = Container(settings)
    yield World(made, tenant)
    made.close()


@pytest.fixture
def account(engines: LocalEngines, world: World) -> RootAccount:
    tenant = world.tenant
    endpoints = Endpoints(aws_url=engines.aws_endpoint_url, dynamodb_url=engines.dynamodb_endpoints[tenant.account_id])
    return RootAccount(account_id=tenant.account_id, region=tenant.region, endpoints=endpoints)


@pytest.fixture
def snapshots(tmp_path: Path) -> Snapshots:
    return Snapshots(tmp_path / "snapshots")


@pytest.fixture
def local_tables(snapshots: Snapshots, account: RootAccount, tmp_path: Path) -> LocalTables:
    return LocalTables(snapshots, install().dynoxide, lambda _tenant: account, markers=tmp_path / "restored")


@pytest.fixture
def take(engines: LocalEngines, snapshots: Snapshots) -> Callable[[], datetime]:
    return lambda: snapshots.take(ACCOUNT, engines.dynamodb_file(ACCOUNT))


@pytest.fixture
def registered(db: None, world: World) -> domain.Tenant:  # noqa: ARG001 - opens the database
    """The tenant of the engines in the registry."""
    fields = msgspec.to_builtins(world.tenant)
    columns = {name: fields[name] for name in fields if name in {one.name for one in Tenant._meta.fields}}
    Tenant.objects.create(**{**columns, "feature_choices": {}, "limits": {}, "standby": {}})
    return world.tenant


def restores_of(container: Container, tables: Any, boundaries: Boundaries | None = None) -> Restores:
    """A machine whose clock moves while it waits, also for the machines after it."""
    cut = boundaries or Boundaries()

    def wait(seconds: float) -> None:
        _waited.append(max(seconds, 5))

    def now() -> datetime:
        return datetime.now(UTC) + timedelta(seconds=sum(_waited))

    return Restores(
        tables,
        open_reader=container.reader,
        open_history=container.history,
        say=lambda _line: None,
        now=now,
        pause=wait,
        journal_for=lambda slug: cut.guard(Journal(slug, now=now), "begin", "complete"),
    )


def record_changes(world: World) -> None:
    """What Pipe and changes worker do: append the row of each record in the streams."""
    history = world.container.history(world.tenant)
    for batch in world.container.streams(world.tenant).read({}):
        assert not history.append(tuple(map(world.container.history_row, batch.bodies)))


@contextmanager
def damage(account: RootAccount, world: World, order: Order) -> Iterator[None]:
    """What an operator's script does to an item, past every check; undone at the end, for the tests after this one."""
    table = world.tenant.resources.tables.orders
    key = {name: {"S": value} for name, value in keys.entity_key("order", order.id).items()}
    found = account.dynamodb.get_item(TableName=table, Key=key)["Item"]
    broken = {"S": '{"id":"' + order.id + '","status":"completed"}'}
    account.dynamodb.put_item(TableName=table, Item={**found, "doc": broken})
    yield
    account.dynamodb.put_item(TableName=table, Item=found)


def at_now(world: World) -> World:
    """The world of the tenant as the registry has it now."""
    row = Tenant.objects.get(slug=world.tenant.slug)
    tables = msgspec.convert(row.resources["tables"], domain.Tables)
    tenant = msgspec.structs.replace(
        world.tenant,
        id=TenantId(row.id),
        resources=msgspec.structs.replace(world.tenant.resources, tables=tables),
    )
    return World(world.container, tenant)


class TestRestore:
    def test_what_was_broken_is_as_before_and_what_came_later_is_gone(
        self,
        world: World,
        account: RootAccount,
        local_tables: LocalTables,
        take: Callable[[], datetime],
        registered: domain.Tenant,
    ) -> None:
        order = world.order(world.shopper(), world.active(world.shopper()))
        record_changes(world)
        world.advance(order, Partners())  # its changes are not in history yet
        order = world.stored_order(order)
        at = take()
        record_changes(world)
        cancel_order(world.uow(principal=BRAND), order_id=order.id)
        with damage(account, world, order):
            late_buyer = world.shopper()  # whose customer begins with this order, and is in the process's cache
            late = world.order(late_buyer, world.active(world.shopper()))
            assert world.principal(late_buyer).customer_id == late.buyer_id
            restores_of(world.container, local_tables).start(registered.slug, at=datetime.now(UTC))
        then = at_now(world)
        restored = then.stored_order(order)
        assert (restored.status, restored.version) == (order.status, order.version)
        assert verify_history(reader=then.reader, entity_id=order.id, parent_id=order.id).verified
        assert then.uow().orders.find(late.id) is None
        again = then.order(late_buyer, then.active(then.shopper()))  # makes the customer anew, whom the cache knew
        assert then.reader.find_head(again.buyer_id, parent_id=again.buyer_id) is not None
        record = RestoreRecord.objects.get(step="tables").record
        assert datetime.fromisoformat(record["data_of"]) == at
        for name in ("listings", "orders", "customers"):
            target = record["restored"][name]
            described = account.dynamodb.describe_table(TableName=target)["Table"]
            assert described["StreamSpecification"]["StreamViewType"] == "NEW_AND_OLD_IMAGES"
            assert local_tables.find_missing_settings(world.tenant, record["former"][name], target) == ()
        cancel_order(then.uow(principal=BRAND), order_id=order.id)  # it goes on from there
        assert then.stored_order(order).version == order.version + 1

    def test_a_snapshot_of_broken_data_is_not_swapped(
        self,
        world: World,
        account: RootAccount,
        local_tables: LocalTables,
        take: Callable[[], datetime],
        registered: domain.Tenant,
    ) -> None:
        order = world.order(world.shopper(), world.active(world.shopper()))
        record_changes(world)
        with damage(account, world, order):
            take()
        with pytest.raises(RestoreUnsound, match=f"{order.id} was changed"):
            restores_of(world.container, local_tables).start(registered.slug, at=datetime.now(UTC))
        row = Tenant.objects.get(slug=registered.slug)
        assert (row.status, row.resources["tables"]["orders"]) == ("frozen", f"{SLUG}-orders")

    def test_from_a_crash_between_any_two_steps_a_rerun_reaches_the_end(
        self,
        world: World,
        local_tables: LocalTables,
        take: Callable[[], datetime],
        registered: domain.Tenant,
    ) -> None:
        order = world.order(world.shopper(), world.active(world.shopper()))
        record_changes(world)
        take()
        restores = restores_of(world.container, local_tables, Boundaries(2, after=True))  # begin and complete of a step
        with pytest.raises(Killed):
            restores.start(registered.slug, at=datetime.now(UTC))
        for _ in range(_STEPS):
            RestoreRun.objects.update(lease_owner="", lease_until=None)
            try:
                restores_of(world.container, local_tables, Boundaries(2, after=True)).resume(registered.slug)
            except Killed:
                continue
            break
        assert RestoreRun.objects.get().state == "restored"
        assert at_now(world).stored_order(order).id == order.id


class TestTables:
    def test_a_copy_that_was_interrupted_is_made_again(
        self, world: World, account: RootAccount, local_tables: LocalTables, take: Callable[[], datetime]
    ) -> None:
        order = world.order(world.shopper(), world.active(world.shopper()))
        at, source = take(), world.tenant.resources.tables.orders
        target = name_of_restored(source, "r20200101T000000Z")
        account.dynamodb.create_table(
            TableName=target,
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        )
        assert local_tables.find(world.tenant, target) is None
        local_tables.restore(world.tenant, source, target, at=at)
        assert local_tables.find(world.tenant, target) is TableState.ACTIVE
        assert local_tables.find_index_faults(world.tenant, source, target) == ()
        assert TableSetting.STREAM in local_tables.find_missing_settings(world.tenant, source, target)
        assert any(head.entity_id == order.id for head in local_tables.iter_heads(world.tenant, target))

    def test_a_snapshot_has_nothing_after_its_moment(self, snapshots: Snapshots, take: Callable[[], datetime]) -> None:
        first, second = take(), take()
        assert snapshots.moments(ACCOUNT) == (first, second)
        between = first + (second - first) / 2
        found = snapshots.find(ACCOUNT, between)
        assert found is not None
        assert found[0] == first
        assert snapshots.find(ACCOUNT, first - timedelta(seconds=1)) is None

"""ministack's DynamoDB in dynoxide's place, rights enforced: what is written there is carried to history."""

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from apps.workers.changes.consumer import ChangesConsumer
from apps.workers.changes.set_aside import SetAsideChanges
from deploy.local.database_watch import DatabaseWatch
from deploy.local.engines.local import LocalEngines
from deploy.local.provisioning.pipes import LocalPipe
from deploy.local.relay import Checkpoint, TenantRelay
from resale.application.queries.history import verify_history
from resale.bootstrap import Container
from resale.domain.changes import encode_change
from resale.domain.tenants import Tenant
from resale.settings import Settings
from tests.fixtures.provisioned import tenant_of
from tests.operations.world import World
from tests.unit.builders import NOW

ACCOUNT = "333333333333"


@pytest.fixture(scope="module")
def stand_in(engines: LocalEngines) -> Iterator[Tenant]:
    """A third brand, all of whose account is ministack's."""
    engines.dynamodb_endpoints[ACCOUNT] = engines.aws_endpoint_url
    yield tenant_of("standin", ACCOUNT, "eu-west-2", currency="GBP", market="GB", engines=engines)
    del engines.dynamodb_endpoints[ACCOUNT]


@pytest.fixture
def world(stand_in: Tenant, engines: LocalEngines, resale_settings: Settings) -> Iterator[World]:
    endpoints = {ACCOUNT: engines.aws_endpoint_url}
    container = Container(msgspec.structs.replace(resale_settings, dynamodb_endpoints=endpoints))
    yield World(container, stand_in)
    container.close()


def relay_of(world: World, folder: Path, engines: LocalEngines) -> TenantRelay:
    generation_file = folder / "generation"
    generation_file.write_text("first")
    pipe = LocalPipe(world.tenant, aws_url=engines.aws_endpoint_url)
    return TenantRelay(
        streams=world.container.streams(world.tenant),
        sender=world.container.queues(world.tenant),
        queue_url=world.tenant.resources.queues.changes.url,
        set_aside=lambda place: pipe.set_aside(place, now=NOW),
        watch=DatabaseWatch(folder / "no such file"),
        checkpoint=Checkpoint(folder / "checkpoint.json", generation_file),
    )


def consume(world: World) -> None:
    consumer = ChangesConsumer(
        tenant=world.tenant,
        queues=world.container.queues(world.tenant),
        history=world.container.history(world.tenant),
        read_row=world.container.history_row,
    )
    while consumer.run_once(wait_seconds=0):
        pass


class TestTheStandIn:
    def test_carries_a_change_from_its_write_to_its_history(
        self, world: World, tmp_path: Path, engines: LocalEngines
    ) -> None:
        listing, _ = world.draft(world.shopper())
        relay_of(world, tmp_path, engines).run_once()
        consume(world)
        assert verify_history(reader=world.reader, entity_id=listing.id, parent_id=listing.id).verified

    def test_sets_aside_what_the_queue_refuses_and_records_it(
        self, world: World, tmp_path: Path, engines: LocalEngines
    ) -> None:
        listing, _ = world.draft(world.shopper())
        row = world.reader.find_current_row(listing.id, parent_id=listing.id)
        assert row is not None
        poison: dict[str, str | int] = {
            "pk": "cus_" + "f" * 32,
            "sk": "customer",
            "version": 1,
            "change": encode_change(row.change),
        }
        doc = '{"id":"' + str(poison["pk"]) + '","schema":1,"text":"\uffff"}'
        customers = world.tenant.resources.tables.customers
        world.container.sessions.for_tenant(world.tenant).dynamodb.put_item(
            table=customers, item={**poison, "doc": doc}, condition=None
        )
        relay_of(world, tmp_path, engines).run_once()
        done = SetAsideChanges(
            tenant=world.tenant,
            queues=world.container.queues(world.tenant),
            open_streams=lambda: world.container.streams(world.tenant),
            read_range=world.container.stream_range,
        ).run_once()
        assert (done.sent, done.left) == (1, ())
        consume(world)
        found = world.reader.find_history_row(str(poison["pk"]), 1)
        assert found is not None
        assert found.doc == doc

    def test_is_read_from_its_beginning_when_it_has_forgotten_a_position(self, world: World) -> None:
        """As after a restart, which its streams do not outlive."""
        world.draft(world.shopper())
        streams = world.container.streams(world.tenant)
        batches = list(streams.read({}))
        forgotten = {shard: "0" * 30 for batch in batches for shard in batch.position}
        assert [batch.bodies for batch in streams.read(forgotten)] == [batch.bodies for batch in batches]

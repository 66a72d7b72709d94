"""A test clock that is moved, from its commit to a worker process that acts on what has become due."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from apps.workers.changes.consumer import ChangesConsumer
from deploy.local.engines.local import LocalEngines
from resale.adapters.dynamodb.streams import Positions
from resale.application.operations.clocks import advance_test_clock, create_test_clock
from resale.bootstrap import Container
from resale.domain.clocks import Clock, ClockAdvance, NewClock
from resale.domain.listings import PriceInput
from resale.domain.orders import Order
from resale.domain.tenants import Tenant
from resale.settings import Settings
from tests.fixtures.streams import find_end
from tests.operations.world import BRAND, World
from tests.workers.lab import Worker, wait_until

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("no_clock_left")]

HOUR = timedelta(hours=1)
SWEPT = "woken after the test clock was advanced"


@dataclass(frozen=True)
class Address:
    """Where the worker's engines are, and the platform's key."""

    url: str
    access_key_id: str
    secret_access_key: str


@pytest.fixture
def world(web_container: Container, tenants: tuple[Tenant, Tenant]) -> Iterator[World]:
    """A tenant whose queues no other test looks into."""
    world = World(web_container, tenants[1])
    empty(world)
    yield world
    empty(world)


@pytest.fixture
def worker(world: World, engines: LocalEngines, resale_settings: Settings, tmp_path: Path) -> Iterator[Worker]:
    """A process that runs the platform's own tasks on the tests' engines."""
    key_id, secret = str(resale_settings.access_key_id), str(resale_settings.secret_access_key)
    worker = Worker(Address(engines.aws_endpoint_url, key_id, secret), tmp_path / "worker", [world.tenant])
    variables: dict[str, Any] = {
        "DJANGO_SETTINGS_MODULE": "config.settings.local",
        "DATABASE_URL": f"sqlite:///{tmp_path}/registry.sqlite",
        "RESALE_DYNAMODB_ENDPOINTS": msgspec.json.encode(dict(resale_settings.dynamodb_endpoints)).decode(),
        "RESALE_LOOKUP_SECRET": resale_settings.lookup_secret.decode(),
        "AWS_ACCESS_KEY_ID": key_id,
        "AWS_SECRET_ACCESS_KEY": secret,
    }
    try:
        worker.start(app="whole_app", **variables)
        yield worker
    finally:
        worker.kill()


class TestAJump:
    def test_wakes_what_has_become_due_and_it_acts_in_the_shops_time(self, world: World, worker: Worker) -> None:
        began_at, began = datetime.now(UTC), find_end(world.container.streams(world.tenant))
        order = waiting_order(world, began_at + 2 * HOUR)
        clock = create_test_clock(world.uow(principal=BRAND), new=NewClock(), wall_now=began_at)
        carry_changes(world, clock, began)
        wait_until(lambda: worker.log().count(SWEPT) == 1, "a sweep after the clock was made")
        assert world.stored_order(order) == order

        advance_test_clock(
            world.uow(principal=BRAND),
            clock_id=clock.id,
            advance=ClockAdvance(to=began_at + 3 * HOUR),
            wall_now=datetime.now(UTC),
        )
        carry_changes(world, clock, began)

        wait_until(lambda: world.stored_order(order).version > order.version, "the order woken")
        acted_at = world.stored_order(order).updated_at
        assert began_at + 3 * HOUR <= acted_at < began_at + 3 * HOUR + timedelta(minutes=1)


def waiting_order(world: World, now: datetime) -> Order:
    """An order that was submitted at a moment, and whose message was lost."""
    price = PriceInput(amount=12_000, currency=world.tenant.currency)
    listing = world.active(world.shopper(), now=now, price=price, hs_code="620193", origin_country="PT")
    return world.order(world.shopper(), listing, now=now)  # also in a shop of another market: with customs data


def carry_changes(world: World, clock: Clock, began: Positions) -> None:
    """Carry the clock's changes from its table's stream to the queue, as the Pipe does, and consume them."""
    container, tenant = world.container, world.tenant
    queues = container.queues(tenant)
    row = container.history_row
    bodies = [body for batch in container.streams(tenant).read(began) for body in batch.bodies]
    newest = max((body for body in bodies if row(body).entity_id == clock.id), key=lambda body: row(body).version)
    assert queues.send(tenant.resources.queues.changes.url, [newest]) == {}
    consumer = ChangesConsumer(tenant=tenant, queues=queues, history=container.history(tenant), read_row=row)
    while consumer.run_once(wait_seconds=0):
        pass


def empty(world: World) -> None:
    queues, url = world.container.queues(world.tenant), world.tenant.resources.queues.orders.url
    while received := queues.receive(url, wait_seconds=0):
        queues.delete(url, [message.handle for message in received])

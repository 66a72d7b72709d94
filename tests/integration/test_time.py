"""A sandbox tenant's time: read fresh, never guessed, and never mixed with the wall clock's."""

import base64
import re
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from apps.core.clock import TenantClock
from apps.tenancy import models, registry
from apps.workers.roles import sweep_loops
from deploy.local.engines.local import LocalEngines
from resale.application.operations.clocks import advance_test_clock, create_test_clock
from resale.application.ports import Queues
from resale.bootstrap import Container
from resale.domain.changes import decode_change
from resale.domain.clocks import Clock, ClockAdvance, NewClock
from resale.domain.tenants import Tenant
from resale.errors import Unavailable
from resale.settings import Settings
from tests.faults.proxy import Fault, FaultProxy
from tests.fixtures.storefront import Front, a_listing_body
from tests.operations.world import BRAND, World

pytestmark = pytest.mark.usefixtures("no_clock_left")

AHEAD = timedelta(days=60)
MINUTE = timedelta(minutes=1)
_MOMENT = re.compile(r"20\d\d-\d\d-\d\dT[0-9:.]+Z")


class Watched:
    """A process's time, behind a proxy that sees what it asks the store; a second passes when the test says so."""

    def __init__(self, container: Container, tenant: Tenant, proxy: FaultProxy) -> None:
        self.world, self.proxy, self.passed = World(container, tenant), proxy, 0.0
        self.time = TenantClock(find=self._find, monotonic=lambda: self.passed)

    def ahead(self, *, fresh: bool = False) -> timedelta:
        return self.time.now(self.world.tenant, fresh=fresh) - datetime.now(UTC)

    def reads(self) -> int:
        return len(self.proxy.seen("GetItem"))

    def _find(self, tenant: Tenant) -> Clock | None:
        return self.world.container.reader(tenant).find_test_clock()


@pytest.fixture
def world(web_container: Container, tenants: tuple[Tenant, Tenant]) -> World:
    """The same tenant, as another process has it."""
    return World(web_container, tenants[0])


@pytest.fixture
def watched(engines: LocalEngines, resale_settings: Settings, tenants: tuple[Tenant, Tenant]) -> Iterator[Watched]:
    account = tenants[0].account_id
    with FaultProxy(engines.dynamodb_endpoints[account]) as proxy:
        endpoints = {**resale_settings.dynamodb_endpoints, account: proxy.url}
        container = Container(msgspec.structs.replace(resale_settings, dynamodb_endpoints=endpoints))
        yield Watched(container, tenants[0], proxy)
        container.close()


def start_clock(world: World, *, ahead: timedelta = AHEAD) -> Clock:
    wall_now = datetime.now(UTC)
    new = NewClock(now=wall_now + ahead)
    return create_test_clock(world.uow(principal=BRAND), new=new, wall_now=wall_now)


def move(world: World, clock: Clock, *, seconds: int) -> None:
    advance_test_clock(
        world.uow(principal=BRAND), clock_id=clock.id, advance=ClockAdvance(seconds=seconds), wall_now=datetime.now(UTC)
    )


class TestTenantTime:
    def test_a_clock_is_asked_each_time(self, watched: Watched, world: World) -> None:
        clock = start_clock(world)
        assert abs(watched.ahead() - AHEAD) < MINUTE
        move(world, clock, seconds=86_400)
        assert abs(watched.ahead() - AHEAD - timedelta(days=1)) < MINUTE
        assert watched.reads() == 2

    def test_that_there_is_none_is_known_for_a_second(self, watched: Watched) -> None:
        for watched.passed in (5.0, 5.5, 5.999):
            assert abs(watched.ahead()) < MINUTE
        assert watched.reads() == 1
        watched.passed = 6.0
        watched.ahead()
        assert watched.reads() == 2

    def test_a_clock_made_elsewhere_is_seen_within_that_second(self, watched: Watched, world: World) -> None:
        watched.ahead()
        start_clock(world)
        watched.passed = 1.0
        assert abs(watched.ahead() - AHEAD) < MINUTE

    def test_who_asks_for_it_fresh_sees_it_at_once(self, watched: Watched, world: World) -> None:
        watched.ahead()
        start_clock(world)
        assert abs(watched.ahead(fresh=True) - AHEAD) < MINUTE
        assert abs(watched.ahead() - AHEAD) < MINUTE

    def test_who_made_it_sees_it_at_once(self, watched: Watched, world: World) -> None:
        watched.ahead()
        start_clock(world)
        watched.time.forget_absence(world.tenant)
        assert abs(watched.ahead() - AHEAD) < MINUTE

    def test_one_tenants_absence_is_not_anothers(self, watched: Watched, tenants: tuple[Tenant, Tenant]) -> None:
        watched.ahead()
        start_clock(World(watched.world.container, tenants[1]))
        assert watched.time.now(tenants[1], fresh=False) - datetime.now(UTC) > AHEAD - MINUTE

    @pytest.mark.parametrize("known", [True, False])
    def test_a_store_that_does_not_answer_is_never_the_wall_clock(
        self,
        watched: Watched,
        world: World,
        known: bool,  # noqa: FBT001 - pytest gives it
    ) -> None:
        start_clock(world)
        if known:
            watched.ahead()
        with watched.proxy.injecting(Fault.UNAVAILABLE, "GetItem"), pytest.raises(Unavailable):
            watched.ahead()

    def test_nor_is_it_when_there_was_none_a_second_ago(self, watched: Watched) -> None:
        watched.ahead()
        watched.passed = 1.0
        with watched.proxy.injecting(Fault.UNAVAILABLE, "GetItem"), pytest.raises(Unavailable):
            watched.ahead()

    def test_a_live_tenants_store_is_not_asked(self, watched: Watched, world: World) -> None:
        start_clock(world)
        live = msgspec.structs.replace(world.tenant, sandbox=False)
        watched.proxy.inject(Fault.UNAVAILABLE)
        for fresh in (True, False):
            assert abs(watched.time.now(live, fresh=fresh) - datetime.now(UTC)) < MINUTE
        assert watched.proxy.seen() == []


class TestWhatIsWritten:
    def test_all_times_of_what_shoppers_make_are_the_shops(self, front: Front) -> None:
        before = datetime.now(UTC)
        now = before + AHEAD
        ends_at = now + timedelta(days=front.shop.tenant.policies.listing_days)
        assert front.post("/v1/test_clocks", {"now": now.isoformat()}, brand=True).status == 201
        draft = front.post("/v1/listings", a_listing_body(), by=front.shopper()).json
        ordered = front.buy(front.world.active(front.shopper(), now=now), by=front.shopper()).json
        tables = front.shop.tenant.resources.tables
        for table, pk, sk in (
            (tables.listings, draft["id"], "listing"),
            (tables.listings, draft["id"], draft["images"][0]["id"]),
            (tables.listings, ordered["listing_id"], "listing"),
            (tables.orders, ordered["id"], "order"),
            (tables.customers, draft["seller_id"], "customer"),
            (tables.customers, ordered["buyer_id"], "customer"),
        ):
            times = moments_of(stored(front, table, pk, sk))
            assert len(times) >= 3, (table, sk)
            assert now - MINUTE <= min(times), (table, sk)
            assert max(time for time in times if time != ends_at) <= now + timedelta(days=10), (table, sk)

    def test_a_request_has_one_moment(self, front: Front) -> None:
        front.post("/v1/test_clocks", {}, brand=True)
        draft = front.post("/v1/listings", a_listing_body(), by=front.shopper()).json
        item = stored(front, front.shop.tenant.resources.tables.listings, draft["id"], "listing")
        assert decode_change(str(item["change"])).at == datetime.fromisoformat(draft["created_at"])

    def test_an_upload_form_says_the_shops_time_and_is_signed_by_the_walls(self, front: Front) -> None:
        now = datetime.now(UTC) + AHEAD
        front.post("/v1/test_clocks", {"now": now.isoformat()}, brand=True)
        (image,) = front.post("/v1/listings", a_listing_body(), by=front.shopper()).json["images"]
        signed = msgspec.json.decode(base64.b64decode(image["upload"]["fields"]["policy"]))
        assert timedelta(0) < datetime.fromisoformat(signed["expiration"]) - datetime.now(UTC) < timedelta(hours=1)
        assert timedelta(0) < datetime.fromisoformat(image["upload"]["expires_at"]) - now < timedelta(hours=1)

    def test_a_key_is_good_for_a_day_of_the_wall_clock(self, front: Front) -> None:
        buyer, key = front.shopper(), uuid.uuid4().hex
        listing = front.world.active(front.shopper())
        made = front.buy(listing, by=buyer, key=key)
        front.post("/v1/test_clocks", {"now": (datetime.now(UTC) + AHEAD).isoformat()}, brand=True)
        again = front.buy(listing, by=buyer, key=key)
        assert (again.status, again.json["id"]) == (202, made.json["id"])
        assert again.headers["Idempotent-Replayed"] == "true"


class TestTheSweep:
    def test_asks_what_is_due_in_the_shops_time(self, world: World) -> None:
        tenant, queues = world.tenant, world.container.queues(world.tenant)
        now = datetime.now(UTC) + AHEAD
        order = world.order(world.shopper(), world.active(world.shopper(), now=now), now=now)
        sweep = sweep_loops(interval_seconds=0, health_file=None)._make_round(tenant)
        clock = start_clock(world, ahead=AHEAD - MINUTE)
        sweep()
        assert not [body for body in taken(queues, tenant) if order.id in body]
        move(world, clock, seconds=120)
        sweep()
        assert [body for body in taken(queues, tenant) if order.id in body]


class TestAStoreThatDoesNotSay:
    @pytest.fixture
    def mute(self, front: Front) -> Front:
        """A sandbox shop whose customers table is gone: nobody can say whether it has a test clock."""
        row = models.Tenant.objects.get(slug=front.shop.tenant.slug)
        row.resources["tables"]["customers"] = "gone"
        row.save()
        registry.clear()
        return front

    def test_who_needs_no_time_does_not_ask(self, mute: Front) -> None:
        seller = mute.shopper()
        listing = mute.world.active(seller)
        assert mute.get("/v1/listings").status == 200
        assert mute.get(f"/v1/listings/{listing.id}").status == 200
        assert mute.get(f"/v1/listings/{listing.id}", by=seller).status == 200
        assert mute.get("/v1/orders", brand=True).status == 200

    def test_who_needs_it_is_refused_and_nothing_is_written(self, mute: Front) -> None:
        listing = mute.world.active(mute.shopper())
        assert mute.post(f"/v1/listings/{listing.id}/withdraw", brand=True).code == "503 store_refused"
        assert mute.world.listing(listing.id) == listing


def taken(queues: Queues, tenant: Tenant) -> list[str]:
    """Take what lies in the orders queue."""
    bodies: list[str] = []
    while received := queues.receive(tenant.resources.queues.orders.url, wait_seconds=0):
        bodies += [message.body for message in received]
        queues.delete(tenant.resources.queues.orders.url, [message.handle for message in received])
    return bodies


def stored(front: Front, table: str, pk: str, sk: str) -> dict[str, Any]:
    db = front.container.sessions.for_tenant(front.shop.tenant).dynamodb
    item = db.get_item(table=table, key={"pk": pk, "sk": sk})
    assert item is not None
    return item


def moments_of(item: dict[str, Any]) -> list[datetime]:
    """Every moment an item speaks of, wherever it stands."""
    return [datetime.fromisoformat(found) for value in item.values() for found in _MOMENT.findall(str(value))]

"""Two hundred buyers, one listing: exactly one order, every time, and a clear response to all the others."""

import threading
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeVar

import msgspec
import pytest

from apps.core.execution import run_with_retries
from deploy.local.engines.install import has_dynoxide
from deploy.local.engines.local import LocalEngines
from resale.adapters.aws import sessions
from resale.application.operations.customers import Shopper
from resale.application.operations.orders import submit_order
from resale.application.queries.orders import list_orders
from resale.bootstrap import Container
from resale.domain.access import Principal
from resale.domain.ids import CustomerId
from resale.domain.listings import Listing, ListingNotForSale, ListingStatus
from resale.domain.tenants import Tenant
from resale.domain.usage import Meter
from resale.settings import Settings
from tests.faults.proxy import Fault, FaultProxy
from tests.fixtures.consumption import Units
from tests.fixtures.storefront import Front
from tests.operations.world import World, a_new_order, customer_of

R = TypeVar("R")

BUYERS = 200
ROUNDS = 10


@pytest.fixture
def _patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait for an engine that 200 threads keep busy: who wins is looked at here, not how long it takes."""
    monkeypatch.setattr(sessions, "_LANE_READ_SECONDS", 30.0)


@pytest.fixture
def direct(_patience: None, resale_settings: Settings) -> Iterator[Container]:
    made = Container(resale_settings)
    yield made
    made.close()


@pytest.fixture
def conflicting(
    _patience: None, engines: LocalEngines, resale_settings: Settings, tenants: tuple[Tenant, Tenant]
) -> Iterator[tuple[Container, FaultProxy]]:
    """A container whose transactions meet a conflict three times in ten."""
    account = tenants[0].account_id
    with FaultProxy(engines.dynamodb_endpoints[account], seed=11) as proxy:
        endpoints = {**resale_settings.dynamodb_endpoints, account: proxy.url}
        made = Container(msgspec.structs.replace(resale_settings, dynamodb_endpoints=endpoints))
        yield made, proxy
        made.close()


@pytest.mark.skipif(
    not has_dynoxide(), reason="ministack's DynamoDB answers 200 buyers at once later than the data lane waits (1.5 s)"
)
class TestOperations:
    @pytest.mark.timeout(300)
    def test_one_of_two_hundred_wins_every_time(self, direct: Container, tenants: tuple[Tenant, Tenant]) -> None:
        world = World(direct, tenants[0])
        for _ in range(ROUNDS):
            expect_one_winner(world)

    @pytest.mark.timeout(300)
    def test_also_when_three_in_ten_transactions_conflict(
        self, conflicting: tuple[Container, FaultProxy], tenants: tuple[Tenant, Tenant]
    ) -> None:
        container, proxy = conflicting
        proxy.inject(Fault.TRANSACTION_CONFLICT, "TransactWriteItems", probability=0.3)
        world = World(container, tenants[0])
        for _ in range(ROUNDS):
            expect_one_winner(world)
        assert proxy.injected("TransactWriteItems") >= ROUNDS


class TestOverHTTP:
    @pytest.mark.timeout(120)
    def test_one_gets_202_and_the_others_409(self, front: Front, units: Units) -> None:
        listing = front.world.active(front.shopper())
        buyers = [front.shopper() for _ in range(BUYERS)]
        front.get(
            "/v1/orders", by=buyers[0]
        )  # the key is known from here on, so no thread asks the registry's database
        other = front.world.active(front.shopper())
        units.take()
        assert front.buy(other, by=front.shopper()).status == 202
        alone = units.take()
        answers = at_once([partial(front.buy_in_turn, listing, by=buyer) for buyer in buyers])
        consumed = units.take()
        said = Counter(response.code if response.status >= 400 else str(response.status) for response in answers)
        assert said == {"202": 1, "409 listing_not_for_sale": BUYERS - 1}
        assert front.get(f"/v1/listings/{listing.id}").json["status"] == "reserved"
        assert consumed[Meter.WRITE_UNITS] < 2 * alone[Meter.WRITE_UNITS]
        # Each refusal looks for its own key; few requests come as far as the listing.
        assert consumed[Meter.READ_UNITS] < consumed[Meter.API_REQUESTS] + 50


def expect_one_winner(world: World) -> None:
    """Race for a fresh listing; look at the answers and then at what is stored."""
    seller = world.shopper()
    listing = world.active(seller)
    buyers = [
        Shopper(issuer="https://issuer.test", subject=uuid.uuid4().hex, new_id=CustomerId(f"cus_{uuid.uuid4().hex}"))
        for _ in range(BUYERS)
    ]
    ended = Counter(at_once([partial(buy, world, buyer, listing) for buyer in buyers]))
    assert ended == {"won": 1, ListingNotForSale.code: BUYERS - 1}
    stored = world.listing(listing.id)
    assert (stored.status, stored.version) == (ListingStatus.RESERVED, listing.version + 1)
    assert orders_of(world, customer_of(world, seller)) == [stored.order_id]


def buy(world: World, buyer: Shopper, listing: Listing) -> str:
    """Buy as the storefront does; say how it ended."""
    new = a_new_order(listing.id)
    try:
        run_with_retries(world.uow, submit_order, shopper=buyer, new=new)
    except ListingNotForSale as refused:
        return refused.code
    return "won"


def orders_of(world: World, seller_id: CustomerId) -> list[str]:
    page = list_orders(
        reader=world.reader, principal=Principal(customer_id=seller_id), as_seller=True, limit=100, cursor=None
    )
    return [order.id for order in page.data]


def at_once(calls: list[Callable[[], R]]) -> list[R]:
    """Make all calls together, each on its own thread, none before all are ready."""
    barrier = threading.Barrier(len(calls))

    def run(call: Callable[[], R]) -> R:
        barrier.wait(timeout=60)
        return call()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls))

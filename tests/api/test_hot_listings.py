"""A listing that very many read is read from the table once a second, and shown as before to each who sees it."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from apps.core.hot_listings.copies import COPY_SECONDS
from apps.core.hot_listings.process import VIEWS_HOT_PER_SECOND
from resale.application.operations.customers import Shopper
from resale.domain.usage import Meter
from tests.fixtures.consumption import Units
from tests.fixtures.shares import Hand
from tests.fixtures.storefront import Front, Response
from tests.operations.world import World


class Drop:
    """A listing that everybody reads, and what its readers consume."""

    def __init__(self, front: Front, seller: Shopper, units: Units) -> None:
        self.front, self.seller, self.units = front, seller, units
        self.listing = front.world.active(seller)
        self.path = f"/v1/listings/{self.listing.id}"

    def view(self, **options: Any) -> Response:
        return self.front.get(self.path, **options)

    def heat(self) -> None:
        """Read it until it is hot."""
        for _ in range(VIEWS_HOT_PER_SECOND):
            self.view()

    def read_units(self) -> float:
        """Return what the shop's reads consumed since the last time."""
        return self.units.take()[Meter.READ_UNITS]


@pytest.fixture
def drop(front: Front, units: Units, hot_hand: Hand) -> Drop:  # noqa: ARG001 - the clock, from before the first read
    return Drop(front, front.shopper(), units)


@pytest.fixture
def hot(drop: Drop) -> Drop:
    """The drop, with its copy at its newest."""
    drop.heat()
    drop.read_units()
    return drop


class TestReads:
    def test_cost_one_unit_a_second(self, drop: Drop, hot_hand: Hand) -> None:
        drop.read_units()
        drop.heat()
        assert drop.read_units() == VIEWS_HOT_PER_SECOND
        for _ in range(50):
            assert drop.view().status == 200
        assert drop.read_units() == 0
        hot_hand.forward(COPY_SECONDS)
        for _ in range(50):
            assert drop.view().status == 200
        assert drop.read_units() == 1

    def test_of_many_at_once_cost_one_unit(self, hot: Drop, hot_hand: Hand) -> None:
        hot_hand.forward(COPY_SECONDS)
        with ThreadPoolExecutor(8) as pool:
            found = list(pool.map(lambda _: hot.view(), range(64)))
        assert {(one.status, one.body) for one in found} == {(200, found[0].body)}
        assert hot.read_units() == 1

    def test_of_another_listing_cost_what_they_did(self, hot: Drop, front: Front) -> None:
        other = Drop(front, hot.seller, hot.units)
        hot.read_units()
        for _ in range(10):
            hot.view()
            other.view()
        assert other.read_units() == 10

    def test_cost_a_unit_each_when_the_listing_is_quiet_again(self, hot: Drop, hot_hand: Hand) -> None:
        hot_hand.forward(3)
        for _ in range(5):
            hot.view()
        assert hot.read_units() == 5


class TestResponse:
    def test_is_what_it_was(self, drop: Drop) -> None:
        usual = drop.view()
        drop.heat()
        shared = drop.view()
        assert (shared.status, shared.body) == (usual.status, usual.body)
        apart = {"X-Request-Id"}
        assert {k: v for k, v in shared.headers.items() if k not in apart} == {
            k: v for k, v in usual.headers.items() if k not in apart
        }

    def test_says_that_nothing_changed(self, hot: Drop) -> None:
        shared = hot.view()
        again = hot.view(headers={"If-None-Match": shared.headers["ETag"]})
        assert (again.status, again.body) == (304, b"")
        for name in ("ETag", "Cache-Control", "Vary"):
            assert again.headers[name] == shared.headers[name]

    def test_owner_and_brand_see_their_own_form(self, hot: Drop) -> None:
        assert "purchase_id" not in hot.view().json
        assert "purchase_id" not in hot.view(by=hot.front.shopper()).json
        assert hot.view(by=hot.seller).json["images"]
        assert "order_id" in hot.view(brand=True).json

    def test_another_shop_does_not_see_it(self, hot: Drop, other_front: Front) -> None:
        for _ in range(VIEWS_HOT_PER_SECOND + 1):
            assert other_front.get(hot.path).code == "404 listing_not_found"

    def test_of_a_listing_that_does_not_exist(self, drop: Drop) -> None:
        drop.path = "/v1/listings/lst_" + "0" * 32
        drop.heat()
        drop.read_units()
        assert [drop.view().code for _ in range(9)] == ["404 listing_not_found"] * 9
        assert drop.read_units() == 0


class TestChange:
    def test_of_this_process_is_seen_at_once(self, hot: Drop) -> None:
        assert hot.front.buy(hot.listing, by=hot.front.shopper()).status == 202
        assert hot.view().json["status"] == "reserved"

    def test_of_another_process_is_seen_within_a_second(self, hot: Drop, elsewhere: World, hot_hand: Hand) -> None:
        elsewhere.order(elsewhere.shopper(), hot.listing)
        assert hot.view().json["status"] == "active"
        hot_hand.forward(COPY_SECONDS)
        assert hot.view().json["status"] == "reserved"

    def test_a_copy_sells_nothing_twice(self, hot: Drop, elsewhere: World) -> None:
        elsewhere.order(elsewhere.shopper(), hot.listing)
        assert hot.view().json["status"] == "active"
        assert hot.front.buy(hot.listing, by=hot.front.shopper()).code == "409 listing_not_for_sale"

    def test_a_listing_that_is_hidden_is_hidden_to_those_who_read_the_copy(self, hot: Drop) -> None:
        body = {"title": "Waxed jacket, long"}
        tag = hot.view(by=hot.seller).headers["ETag"]
        assert hot.front.patch(hot.path, body, by=hot.seller, headers={"If-Match": tag}).status == 200  # to review
        assert hot.view().code == "404 listing_not_found"
        assert hot.view(by=hot.front.shopper()).code == "404 listing_not_found"
        assert hot.view(by=hot.seller).json["title"] == "Waxed jacket, long"

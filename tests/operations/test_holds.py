"""The bound of a buyer's unpaid orders: kept in the commit that reserves, released when an order is paid or ends."""

from datetime import timedelta

import msgspec
import pytest

from resale.adapters.dynamodb.client import Item
from resale.application.operations.customers import Shopper
from resale.application.operations.orders import cancel_order, submit_order
from resale.domain.access import Principal
from resale.domain.holds import FORGOTTEN_AFTER, TooManyOpenOrders
from resale.domain.listings import ListingNotForSale, ListingStatus
from resale.domain.orders import Order, OrderStatus
from resale.domain.policies import Policies
from tests.operations.partners import Books, Partners
from tests.operations.world import Interrupted, World, a_new_order
from tests.unit.builders import NOW

LIMIT = 2


@pytest.fixture
def shop(world: World) -> World:
    return World(world.container, msgspec.structs.replace(world.tenant, policies=Policies(max_open_holds=LIMIT)))


def fill(shop: World, buyer: Shopper) -> list[Order]:
    return [shop.order(buyer, shop.active(shop.shopper())) for _ in range(LIMIT)]


def assert_full(shop: World, buyer: Shopper) -> None:
    listing = shop.active(shop.shopper())
    with pytest.raises(TooManyOpenOrders):
        shop.order(buyer, listing)
    assert shop.listing(listing.id).status == ListingStatus.ACTIVE


def assert_free(shop: World, buyer: Shopper) -> None:
    """One more order is accepted, and no second one."""
    shop.order(buyer, shop.active(shop.shopper()))
    assert_full(shop, buyer)


class TestSubmitOrder:
    def test_refuses_one_unpaid_order_too_many_and_keeps_the_listing_on_sale(self, shop: World) -> None:
        buyer = shop.shopper()
        partners = Partners(Books(ask_action=True))  # never proves who they are
        for order in fill(shop, buyer):
            assert [shop.advance(order, partners) for _ in range(2)][-1].status == OrderStatus.PAYMENT_PENDING
        assert_full(shop, buyer)

    def test_five_are_permitted_by_default(self, world: World) -> None:
        buyer = world.shopper()
        for _ in range(5):
            world.order(buyer, world.active(world.shopper()))
        assert_full(world, buyer)

    def test_bounds_each_buyer_alone(self, shop: World) -> None:
        fill(shop, shop.shopper())
        assert len(fill(shop, shop.shopper())) == LIMIT

    def test_bounds_orders_at_the_same_moment(self, shop: World) -> None:
        buyer = shop.shopper()
        shop.order(buyer, shop.active(shop.shopper()))
        late, early = shop.active(shop.shopper()), shop.active(shop.shopper())
        slow = Interrupted(shop.uow(), lambda: shop.order(buyer, early))
        with pytest.raises(TooManyOpenOrders):
            submit_order(slow, shopper=buyer, new=a_new_order(late.id))  # type: ignore[arg-type]  # a unit of work, interrupted
        assert shop.listing(late.id).status == ListingStatus.ACTIVE

    def test_says_of_a_sold_listing_that_it_is_not_for_sale(self, shop: World) -> None:
        buyer, listing = shop.shopper(), shop.active(shop.shopper())
        fill(shop, buyer)
        slow = Interrupted(shop.uow(), lambda: shop.order(shop.shopper(), listing))
        with pytest.raises(ListingNotForSale):
            submit_order(slow, shopper=buyer, new=a_new_order(listing.id))  # type: ignore[arg-type]  # as above

    def test_forgets_a_hold_that_nobody_released(self, shop: World) -> None:
        buyer = shop.shopper()
        ends_at = max(order.hold_expires_at for order in fill(shop, buyer))
        listing = shop.active(shop.shopper())
        with pytest.raises(TooManyOpenOrders):
            shop.order(buyer, listing, now=ends_at + FORGOTTEN_AFTER - timedelta(seconds=1))
        assert shop.order(buyer, listing, now=ends_at + FORGOTTEN_AFTER).listing_id == listing.id


class TestRelease:
    def test_follows_the_payment(self, shop: World) -> None:
        buyer = shop.shopper()
        first, _ = fill(shop, buyer)
        assert shop.run(first, Partners()).status == OrderStatus.CONFIRMED
        assert_free(shop, buyer)

    def test_follows_a_declined_payment_and_the_bound_stays(self, shop: World) -> None:
        buyer, declined = shop.shopper(), Partners(Books(decline=True))
        for _ in range(LIMIT + 1):
            shop.run(shop.order(buyer, shop.active(shop.shopper())), declined)
        fill(shop, buyer)
        assert_full(shop, buyer)

    def test_follows_an_abandoned_payment(self, shop: World) -> None:
        buyer, abandoned = shop.shopper(), Partners(Books(ask_action=True))
        first, _ = fill(shop, buyer)
        shop.advance(first, abandoned)
        over = NOW + timedelta(minutes=16)
        assert shop.run(first, abandoned, now=over).cancel_reason == "hold_expired"
        assert_free(shop, buyer)

    def test_follows_the_cancellation(self, shop: World) -> None:
        buyer = shop.shopper()
        first, _ = fill(shop, buyer)
        cancel_order(shop.uow(principal=Principal(customer_id=first.buyer_id)), order_id=first.id)
        assert_free(shop, buyer)

    def test_leaves_one_that_begins_meanwhile(self, shop: World) -> None:
        buyer = shop.shopper()
        first = shop.order(buyer, shop.active(shop.shopper()))
        slow = Interrupted(
            shop.uow(principal=Principal(customer_id=first.buyer_id)),
            lambda: shop.order(buyer, shop.active(shop.shopper())),
        )
        cancel_order(slow, order_id=first.id)  # type: ignore[arg-type]  # as above
        assert_free(shop, buyer)

    def test_is_none_too_few_for_an_order_of_before_there_were_bounds(self, shop: World) -> None:
        buyer = shop.shopper()
        order = shop.order(buyer, shop.active(shop.shopper()))
        tables = shop.tenant.resources.tables
        lane = shop.container.sessions.for_tenant(shop.tenant).dynamodb
        empty: Item = {"pk": f"holds#{order.buyer_id}", "holds": "[]"}
        lane.put_item(table=tables.idempotency, item=empty, condition=None)
        assert shop.run(order, Partners()).status == OrderStatus.CONFIRMED

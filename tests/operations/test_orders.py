"""Operations on orders, on the real engine, with a payment provider that keeps books of its own."""

import pytest

from resale.application.operations.idempotency import command_key
from resale.application.operations.orders import submit_order
from resale.application.ports import IdempotencyConflict
from resale.domain.listings import ListingNotForSale, ListingNotFound, ListingStatus
from resale.domain.orders import (
    Order,
    OwnListing,
)
from tests.operations.partners import Books, Partners
from tests.operations.world import World, a_new_order
from tests.unit.builders import NOW


@pytest.fixture
def submitted(world: World) -> Order:
    return world.order(world.shopper(), world.active(world.shopper()))


class TestSubmitOrder:
    def test_reserves_the_listing_and_waits_with_a_wake_up(self, world: World, submitted: Order) -> None:
        listing = world.listing(submitted.listing_id)
        assert listing.status == ListingStatus.RESERVED
        assert listing.order_id == submitted.id
        assert world.stored_order(submitted).due_at is not None

    def test_parts_sum_to_the_total_and_the_commission_is_frozen(self, submitted: Order) -> None:
        amounts = submitted.amounts
        assert amounts.item_total + amounts.shipping_total + amounts.tax_total == amounts.grand_total == 12_000
        assert submitted.commission.base == 12_000

    def test_a_second_buyer_is_told_it_is_not_for_sale(self, world: World, submitted: Order) -> None:
        with pytest.raises(ListingNotForSale):
            world.order(world.shopper(), world.listing(submitted.listing_id))

    def test_a_race_lost_at_the_commit_is_told_the_same(self, world: World) -> None:
        listing = world.active(world.shopper())
        slow = world.uow()
        slow.listings.get(listing.id)
        world.order(world.shopper(), listing)
        with pytest.raises(ListingNotForSale):
            submit_order(uow=slow, shopper=world.shopper(), new=a_new_order(listing.id), key=None, now=NOW)

    def test_nobody_buys_their_own(self, world: World) -> None:
        seller = world.shopper()
        with pytest.raises(OwnListing):
            world.order(seller, world.active(seller))

    def test_what_is_in_review_is_not_there_for_a_buyer(self, world: World) -> None:
        with pytest.raises(ListingNotFound):
            world.order(world.shopper(), world.pending(world.shopper()))

    def test_the_address_is_nowhere_in_the_clear(self, world: World, submitted: Order) -> None:
        item = world.container.sessions.for_tenant(world.tenant).dynamodb.get_item(
            table=world.tenant.resources.tables.orders, key={"pk": submitted.id, "sk": "order"}
        )
        assert "Okafor" not in str(item)

    def test_the_same_key_makes_one_order(self, world: World) -> None:
        listing, buyer = world.active(world.shopper()), world.shopper()
        key = command_key(caller=buyer.subject, command="order", client_key="k", body=b"{}")
        new = a_new_order(listing.id)
        made = submit_order(uow=world.uow(), shopper=buyer, new=new, key=key, now=NOW)
        world.advance(made, Partners(Books(decline=True)))
        other = world.active(world.shopper())
        with pytest.raises(IdempotencyConflict):
            submit_order(uow=world.uow(), shopper=buyer, new=a_new_order(other.id), key=key, now=NOW)
        assert world.listing(other.id).status == ListingStatus.ACTIVE

"""A shop's bounds of prices, on the real engine: where a listing goes to review, and again where it goes on sale."""

from collections.abc import Callable

import msgspec
import pytest

from resale.application.operations.customers import Shopper
from resale.application.operations.listings import (
    Decision,
    Moderation,
    edit_listing,
    moderate_listing,
    submit_listing,
)
from resale.domain.listings import Listing, ListingEdit, ListingStatus, PriceInput, PriceRefused
from resale.domain.policies import Policies
from tests.operations.world import BRAND, World

LOW, HIGH = 1_000, 20_000
BOUNDS = Policies(min_price_minor=LOW, max_price_minor=HIGH)
APPROVE = Moderation(decision=Decision.APPROVE)
OUTSIDE = [(LOW - 1, "below 10.00 GBP"), (HIGH + 1, "above 200.00 GBP")]


@pytest.fixture
def shop(world: World) -> World:
    """The same tenant, with bounds."""
    return World(world.container, msgspec.structs.replace(world.tenant, policies=BOUNDS))


@pytest.fixture
def seller(world: World) -> Shopper:
    return world.shopper()


def priced(amount: int) -> PriceInput:
    return PriceInput(amount=amount, currency="GBP")


def refused(action: Callable[[], object]) -> str:
    with pytest.raises(PriceRefused) as outcome:
        action()
    return outcome.value.detail


def edit(world: World, seller: Shopper, listing: Listing, amount: int) -> Listing:
    return edit_listing(
        world.uow(principal=world.principal(seller)), listing_id=listing.id, edit=ListingEdit(price=priced(amount))
    )[0]


def approve(world: World, listing: Listing) -> Listing:
    return moderate_listing(world.uow(principal=BRAND), listing_id=listing.id, moderation=APPROVE)


@pytest.mark.parametrize(("amount", "said"), OUTSIDE)
class TestOutsideTheBounds:
    def test_a_draft_is_not_submitted(self, shop: World, seller: Shopper, amount: int, said: str) -> None:
        listing, slots = shop.draft(seller, price=priced(amount))
        shop.make_ready(slots[0])
        by_seller = shop.principal(seller)
        detail = refused(lambda: submit_listing(shop.uow(principal=by_seller), listing_id=listing.id))
        assert said in detail
        assert shop.listing(listing.id) == listing

    def test_what_is_on_sale_is_not_edited_to_it(self, shop: World, seller: Shopper, amount: int, said: str) -> None:
        listing = shop.active(seller)
        assert said in refused(lambda: edit(shop, seller, listing, amount))
        assert shop.listing(listing.id) == listing

    def test_what_was_submitted_before_the_bounds_moved_is_not_approved(
        self, world: World, shop: World, seller: Shopper, amount: int, said: str
    ) -> None:
        listing = world.pending(seller, price=priced(amount))
        assert said in refused(lambda: approve(shop, listing))
        assert shop.listing(listing.id) == listing
        assert approve(shop, edit(shop, seller, listing, LOW)).status == ListingStatus.ACTIVE

    def test_a_draft_may_wait_at_it(self, shop: World, seller: Shopper, amount: int, said: str) -> None:
        listing, _ = shop.draft(seller)
        assert edit(shop, seller, listing, amount).price.amount == amount, said


class TestWithinTheBounds:
    @pytest.mark.parametrize("amount", [LOW, HIGH])
    def test_a_price_at_either_end_is_taken(self, shop: World, seller: Shopper, amount: int) -> None:
        assert shop.active(seller, price=priced(amount)).status == ListingStatus.ACTIVE

    @pytest.mark.parametrize("amount", [30, 10**11])
    def test_without_bounds_every_price_that_can_be_charged_is_taken(
        self, world: World, seller: Shopper, amount: int
    ) -> None:
        assert world.active(seller, price=priced(amount)).status == ListingStatus.ACTIVE

    def test_a_rejection_asks_for_no_price(self, world: World, shop: World, seller: Shopper) -> None:
        listing = world.pending(seller, price=priced(30))
        reject = Moderation(decision=Decision.REJECT)
        gone = moderate_listing(shop.uow(principal=BRAND), listing_id=listing.id, moderation=reject)
        assert gone.status == ListingStatus.REJECTED

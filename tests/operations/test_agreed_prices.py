"""What the buyer agreed to: an order names the total and the version it was shown, and is refused for another one."""

import msgspec
import pytest

from resale.application.operations.listings import Decision, Moderation, edit_listing, moderate_listing
from resale.application.operations.orders import submit_order
from resale.domain.listings import Listing, ListingEdit, ListingStatus, PriceInput
from resale.domain.orders import ExpectedTotal
from resale.domain.policies import Policies
from resale.domain.quotes import ListingVersionChanged, PriceChanged
from resale.errors import Invalid
from tests.operations.world import BRAND, World, a_new_order
from tests.unit.builders import NOW

SEEN = ExpectedTotal(12_000, "GBP")


def raised(world: World) -> tuple[Listing, Listing]:
    """A listing as a buyer saw it, and after its seller raised the price."""
    seller = world.shopper()
    seen = world.active(seller)
    edit = ListingEdit(price=PriceInput(amount=99_000, currency="GBP"))
    edit_listing(world.uow(principal=world.principal(seller)), listing_id=seen.id, edit=edit)
    approve = Moderation(decision=Decision.APPROVE)
    return seen, moderate_listing(world.uow(principal=BRAND), listing_id=seen.id, moderation=approve)


class TestSubmitOrder:
    def test_refuses_a_price_that_the_buyer_did_not_see_and_quotes_the_new_one(self, world: World) -> None:
        seen, now = raised(world)
        new = msgspec.structs.replace(a_new_order(seen.id), expected_total=SEEN)
        with pytest.raises(PriceChanged) as refusal:
            submit_order(world.uow(), shopper=world.shopper(), new=new)
        quote = refusal.value.members["quote"]
        assert (quote.listing_id, quote.listing_version) == (seen.id, now.version)
        assert (quote.amounts.grand_total, quote.amounts.currency) == (99_000, "GBP")
        assert world.listing(seen.id).status == ListingStatus.ACTIVE

    def test_accepts_the_quote_of_the_refusal(self, world: World) -> None:
        seen, now = raised(world)
        agreed = ExpectedTotal(99_000, "GBP")
        new = msgspec.structs.replace(a_new_order(seen.id), expected_total=agreed, listing_version=now.version)
        order = submit_order(world.uow(), shopper=world.shopper(), new=new)
        assert (order.amounts.grand_total, order.listing.version) == (99_000, now.version)

    def test_refuses_a_lower_price_as_well(self, world: World) -> None:
        seen = world.active(world.shopper())
        new = msgspec.structs.replace(a_new_order(seen.id), expected_total=ExpectedTotal(12_001, "GBP"))
        with pytest.raises(PriceChanged):
            submit_order(world.uow(), shopper=world.shopper(), new=new)

    def test_refuses_the_same_number_in_another_currency(self, world: World) -> None:
        seen = world.active(world.shopper())
        new = msgspec.structs.replace(a_new_order(seen.id), expected_total=ExpectedTotal(12_000, "JPY"))
        with pytest.raises(PriceChanged):
            submit_order(world.uow(), shopper=world.shopper(), new=new)

    def test_refuses_another_version_of_the_listing(self, world: World) -> None:
        seen, now = raised(world)
        new = msgspec.structs.replace(a_new_order(seen.id), listing_version=seen.version)
        with pytest.raises(ListingVersionChanged) as refusal:
            submit_order(world.uow(), shopper=world.shopper(), new=new)
        assert refusal.value.members["quote"].listing_version == now.version

    def test_needs_no_total_by_default(self, world: World) -> None:
        order = world.order(world.shopper(), world.active(world.shopper()))
        assert order.amounts.grand_total == 12_000

    def test_needs_the_total_where_the_shop_requires_it(self, world: World) -> None:
        policies = Policies(expected_total_required=True)
        strict = World(world.container, msgspec.structs.replace(world.tenant, policies=policies))
        listing = strict.active(strict.shopper())
        with pytest.raises(Invalid) as refusal:
            submit_order(strict.uow(), shopper=strict.shopper(), new=a_new_order(listing.id))
        assert [wrong.pointer for wrong in refusal.value.errors] == ["/expected_total"]
        new = msgspec.structs.replace(a_new_order(listing.id), expected_total=SEEN)
        assert submit_order(strict.uow(), shopper=strict.shopper(), new=new).created_at == NOW

"""Two commands at once, one of which reads half of what the other wrote: it reads again, and never fails by it."""

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from apps.core.execution import run_with_attempts, run_with_retries
from resale.application.operations.claims import open_claim, withdraw_claim
from resale.application.operations.customers import Shopper
from resale.application.operations.listings import create_listing, expire_listing, submit_listing, withdraw_listing
from resale.application.ports import UnitOfWork
from resale.domain.access import Principal
from resale.domain.claims import Claim, ClaimReason, ClaimStatus, NewClaim
from resale.domain.listings import Listing, ListingStatus, ListingTransitionRefused
from resale.domain.purchases import PurchaseExhausted
from resale.errors import Conflict
from tests.operations.partners import Partners
from tests.operations.world import BRAND, World, a_new_listing
from tests.unit.builders import NOW

END = NOW + timedelta(days=90)  # of a listing's time on sale


class Overtaken:
    """A unit of work that is overtaken between two of its reads: when ``part`` is first asked for."""

    def __init__(self, uow: UnitOfWork, part: str, overtake: Callable[[], object]) -> None:
        self._uow, self._part, self._overtake = uow, part, overtake

    def __getattr__(self, name: str) -> object:
        if name == self._part:
            self._part = ""
            self._overtake()
        return getattr(self._uow, name)


def overtaken_once(world: World, part: str, overtake: Callable[[], object], **opening: Any) -> Callable[[], Any]:
    """Open a unit of work that is overtaken, and after it only such that are not."""
    opened: list[Any] = [Overtaken(world.uow(**opening), part, overtake)]
    return lambda: opened.pop() if opened else world.uow(**opening)


def withdraw(uow: UnitOfWork, listing: Listing) -> Listing:
    return withdraw_listing(uow, listing_id=listing.id)


def an_open_claim(world: World) -> Claim:
    order = world.delivered(Partners())
    new = NewClaim(reason=ClaimReason.NOT_AS_DESCRIBED, description="A sleeve is torn.")
    buyer = Principal(customer_id=order.buyer_id)
    return open_claim(world.uow(principal=buyer), order_id=order.id, new=new)


class TestAListingAndItsPurchase:
    def test_withdrawn_twice_at_once_releases_one_unit(self, world: World) -> None:
        seller = world.shopper()
        purchase = world.bought(seller)
        listing, _ = world.draft(seller, purchase_id=purchase.id)
        opened = overtaken_once(
            world, "purchases", lambda: withdraw(world.uow(principal=BRAND), listing), principal=BRAND
        )
        assert run_with_retries(opened, lambda uow: withdraw(uow, listing)).status == ListingStatus.WITHDRAWN
        assert world.purchase(purchase.id).claimed_quantity == 0

    def test_submitted_again_twice_at_once_claims_one_unit(self, world: World) -> None:
        seller = world.shopper()
        purchase = world.bought(seller)
        listing, owner = world.active(seller, purchase_id=purchase.id), world.principal(seller)
        expire_listing(world.uow(now=END), listing_id=listing.id)

        def submit(uow: UnitOfWork) -> Listing:
            return submit_listing(uow, listing_id=listing.id)

        opening: dict[str, Any] = {"now": END, "principal": owner}
        opened = overtaken_once(world, "purchases", lambda: submit(world.uow(**opening)), **opening)
        assert run_with_retries(opened, submit).status == ListingStatus.PENDING_REVIEW
        assert world.purchase(purchase.id).claimed_quantity == 1


class TestAClaimAndItsOrder:
    def test_withdrawn_twice_at_once_is_withdrawn_once(self, world: World) -> None:
        claim = an_open_claim(world)
        buyer = Principal(customer_id=claim.buyer_id)

        def withdraw_it(uow: UnitOfWork) -> Claim:
            return withdraw_claim(uow, claim_id=claim.id)

        opened = overtaken_once(world, "orders", lambda: withdraw_it(world.uow(principal=buyer)), principal=buyer)
        assert run_with_retries(opened, withdraw_it).status == ClaimStatus.WITHDRAWN


class TestWhatIsNotTorn:
    def test_a_fault_of_ours_stays_one(self, world: World) -> None:
        listing, slots = world.draft(world.shopper())
        tries = []

        def break_down(uow: UnitOfWork) -> None:
            tries.append(uow.listings.get(listing.id))
            uow.media.get(listing.id, slots[0].id)
            raise ValueError("a fault of ours")

        with pytest.raises(ValueError, match="a fault of ours"):
            run_with_retries(world.uow, break_down)
        assert len(tries) == 1

    def test_a_refusal_stays_one(self, world: World) -> None:
        seller = world.shopper()
        purchase = world.bought(seller)
        world.draft(seller, purchase_id=purchase.id)
        with pytest.raises(PurchaseExhausted):
            run_with_retries(world.uow, lambda uow: _list(uow, seller, purchase.id))

    def test_the_client_that_named_a_version_is_told_of_the_other_writer(self, world: World) -> None:
        seller = world.shopper()
        purchase = world.bought(seller)
        listing, _ = world.draft(seller, purchase_id=purchase.id)
        opened = overtaken_once(
            world, "purchases", lambda: withdraw(world.uow(principal=BRAND), listing), principal=BRAND
        )
        with pytest.raises(Conflict):
            run_with_attempts(1, opened, lambda uow: withdraw(uow, listing))

    def test_one_read_cannot_be_torn(self, world: World) -> None:
        listing = world.active(world.shopper())
        withdraw(world.uow(principal=BRAND), listing)
        with pytest.raises(ListingTransitionRefused):
            run_with_retries(
                partial(world.uow, principal=Principal(customer_id=listing.seller_id)),
                submit_listing,
                listing_id=listing.id,
            )


def _list(uow: UnitOfWork, seller: Shopper, purchase_id: str) -> None:
    create_listing(uow, shopper=seller, new=a_new_listing(purchase_id=purchase_id))

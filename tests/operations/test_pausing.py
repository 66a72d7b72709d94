"""A listing that is off for a while, on the real engine: who may, what is hidden, the lost race, the second time."""

from typing import Any

import msgspec
import pytest

from resale.application.operations.customers import Shopper
from resale.application.operations.listings import edit_listing, pause_listing, resume_listing, withdraw_listing
from resale.application.operations.orders import cancel_order, submit_order
from resale.application.ports import UnitOfWork
from resale.application.queries.listings import get_listing, list_seller_listings
from resale.domain.access import Principal, Role
from resale.domain.ids import ListingId
from resale.domain.listings import (
    MAX_EDITED_VERSION,
    EditedTooOften,
    Listing,
    ListingChanged,
    ListingEdit,
    ListingNotForSale,
    ListingNotFound,
    ListingStatus,
    ListingTransitionRefused,
)
from resale.errors import Forbidden
from tests.operations.world import BRAND, Interrupted, World, a_new_order, customer_of, later

ON_SALE_AGAIN = (ListingStatus.ACTIVE, 5)


@pytest.fixture
def seller(world: World) -> Shopper:
    return world.shopper()


@pytest.fixture
def active(world: World, seller: Shopper) -> Listing:
    return world.active(seller)


def pause(world: World, listing: Listing, by: Principal) -> Listing:
    return pause_listing(world.uow(principal=by), listing_id=listing.id)


def resume(world: World, listing: Listing, by: Principal) -> Listing:
    return resume_listing(world.uow(now=later(60), principal=by), listing_id=listing.id)


def listed(world: World, listing: Listing) -> list[str]:
    """Ids that the product's page shows."""
    page = world.reader.list_product_listings(product=listing.product, limit=10, cursor=None)
    return [document.id for document in page.documents]


class TestPauseListing:
    def test_hides_it_from_all_but_its_seller_and_the_brand(
        self, world: World, seller: Shopper, active: Listing
    ) -> None:
        paused = pause(world, active, world.principal(seller))
        assert (world.listing(active.id), paused.status) == (paused, ListingStatus.PAUSED)
        assert listed(world, active) == []
        for principal, sees in ((world.principal(seller), True), (BRAND, True), (Principal(), False)):
            page = list_seller_listings(
                reader=world.reader, principal=principal, seller_id=active.seller_id, limit=10, cursor=None
            )
            assert [view.id for view in page.data] == [active.id] * sees
        with pytest.raises(ListingNotFound):
            get_listing(reader=world.reader, principal=Principal(), listing_id=active.id)

    def test_it_cannot_be_bought(self, world: World, seller: Shopper, active: Listing) -> None:
        pause(world, active, world.principal(seller))
        with pytest.raises(ListingNotFound):
            world.order(world.shopper(), active)

    def test_a_buyer_who_read_it_before_is_told_that_it_is_not_for_sale(
        self, world: World, seller: Shopper, active: Listing
    ) -> None:
        slow: Any = Interrupted(world.uow(), lambda: pause(world, active, world.principal(seller)))
        with pytest.raises(ListingNotForSale):
            submit_order(slow, shopper=world.shopper(), new=a_new_order(active.id))
        assert world.listing(active.id).status == ListingStatus.PAUSED

    def test_what_an_order_holds_is_not_paused(self, world: World, seller: Shopper, active: Listing) -> None:
        world.order(world.shopper(), active)
        with pytest.raises(ListingTransitionRefused):
            pause(world, active, world.principal(seller))
        assert world.listing(active.id).status == ListingStatus.RESERVED

    def test_said_again_it_is_a_no_op(self, world: World, seller: Shopper, active: Listing) -> None:
        paused = pause(world, active, world.principal(seller))
        assert pause(world, active, BRAND) == paused == world.listing(active.id)

    def test_of_two_writers_one_loses(self, world: World, seller: Shopper, active: Listing) -> None:
        uow = world.uow(principal=world.principal(seller))
        slow: Any = Interrupted(uow, lambda: world.order(world.shopper(), active))
        with pytest.raises(ListingChanged):
            pause_listing(slow, listing_id=active.id)
        assert world.listing(active.id).status == ListingStatus.RESERVED

    def test_refuses_another_version_than_was_read(self, world: World, seller: Shopper, active: Listing) -> None:
        with pytest.raises(ListingChanged):
            pause_listing(
                world.uow(principal=world.principal(seller), expected_version=active.version - 1), listing_id=active.id
            )

    @pytest.mark.parametrize("role", [Role.BRAND, Role.MODERATOR, Role.MANAGER])
    def test_staff_may(self, world: World, active: Listing, role: Role) -> None:
        assert pause(world, active, Principal(standing=role)).status == ListingStatus.PAUSED

    def test_others_may_not(self, world: World, active: Listing) -> None:
        for principal in (Principal(), Principal(standing=Role.VIEWER)):
            with pytest.raises(Forbidden):
                pause(world, active, principal)

    def test_has_an_end_where_a_listing_has_too_many_versions(
        self, world: World, seller: Shopper, active: Listing
    ) -> None:
        old: Any = OfVersion(world.uow(principal=world.principal(seller)), MAX_EDITED_VERSION)
        with pytest.raises(EditedTooOften):
            pause_listing(old, listing_id=active.id)

    def test_is_another_tenants(self, other_world: World, active: Listing) -> None:
        with pytest.raises(ListingNotFound):
            pause(other_world, active, BRAND)


class TestResumeListing:
    def test_puts_it_back_where_it_was(self, world: World, seller: Shopper, active: Listing) -> None:
        pause(world, active, world.principal(seller))
        resumed = resume(world, active, world.principal(seller))
        assert (resumed.status, resumed.version) == ON_SALE_AGAIN
        assert resumed.published_at == active.published_at
        assert listed(world, active) == [active.id]
        assert world.order(world.shopper(), active).listing_id == active.id

    def test_said_again_it_is_a_no_op(self, world: World, seller: Shopper, active: Listing) -> None:
        assert resume(world, active, world.principal(seller)) == active

    def test_refuses_what_is_not_paused(self, world: World, seller: Shopper) -> None:
        with pytest.raises(ListingTransitionRefused):
            resume(world, world.pending(seller), world.principal(seller))

    def test_others_may_not(self, world: World, seller: Shopper, active: Listing) -> None:
        pause(world, active, world.principal(seller))
        with pytest.raises(ListingNotFound):
            resume(world, active, Principal())
        with pytest.raises(Forbidden):
            resume(world, active, Principal(standing=Role.VIEWER))


class TestWhilePaused:
    def test_it_can_be_edited_and_goes_to_review(self, world: World, seller: Shopper, active: Listing) -> None:
        pause(world, active, world.principal(seller))
        edited, _ = edit_listing(
            world.uow(now=later(5), principal=world.principal(seller)),
            listing_id=active.id,
            edit=ListingEdit(title="Shorter"),
        )
        assert (edited.status, edited.submitted_at) == (ListingStatus.PENDING_REVIEW, later(5))

    def test_it_can_be_withdrawn(self, world: World, seller: Shopper, active: Listing) -> None:
        pause(world, active, world.principal(seller))
        gone = withdraw_listing(world.uow(principal=world.principal(seller)), listing_id=active.id)
        assert gone.status == ListingStatus.WITHDRAWN

    def test_an_order_that_ended_before_leaves_it_as_it_is(
        self, world: World, seller: Shopper, active: Listing
    ) -> None:
        buyer = world.shopper()
        order = world.order(buyer, active)
        by_buyer = Principal(customer_id=customer_of(world, buyer))
        for _ in range(2):
            cancel_order(world.uow(principal=by_buyer), order_id=order.id)
            pause(world, active, world.principal(seller))
        assert world.listing(active.id).status == ListingStatus.PAUSED


class OfVersion:
    """A unit of work in which every listing has had many versions."""

    def __init__(self, uow: UnitOfWork, version: int) -> None:
        self._uow, self._version = uow, version

    def __getattr__(self, name: str) -> object:
        return getattr(self._uow, name)

    @property
    def listings(self) -> "OfVersion":
        return self

    def get(self, listing_id: ListingId) -> Listing:
        return msgspec.structs.replace(self._uow.listings.get(listing_id), version=self._version)

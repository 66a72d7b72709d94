"""The end of a listing's time on sale, on the real engine: when it comes, what it spares, what can be done then."""

from datetime import timedelta
from typing import Any

import msgspec
import pytest
from msgspec import UNSET

from apps.workers.tasks.handlers import TASK_HANDLERS, Delivery
from resale.application.operations.customers import Shopper
from resale.application.operations.listings import (
    Decision,
    Moderation,
    edit_listing,
    expire_listing,
    moderate_listing,
    pause_listing,
    resume_listing,
    submit_listing,
    withdraw_listing,
)
from resale.application.operations.orders import cancel_order
from resale.application.queries.listings import get_listing
from resale.domain.access import Principal
from resale.domain.changes import ChangeType
from resale.domain.listings import Listing, ListingChanged, ListingEdit, ListingNotFound, ListingStatus
from resale.domain.policies import Policies
from resale.domain.task_names import EXPIRE_LISTING
from tests.operations.partners import Partners
from tests.operations.test_listings import SLOT
from tests.operations.world import BRAND, Interrupted, World, a_new_listing, later
from tests.unit.builders import LISTING, NOW, a_listing

END = NOW + timedelta(days=90)
BEFORE = END - timedelta(microseconds=1)
APPROVE = Moderation(decision=Decision.APPROVE)


@pytest.fixture
def seller(world: World) -> Shopper:
    return world.shopper()


@pytest.fixture
def active(world: World, seller: Shopper) -> Listing:
    return world.active(seller)


@pytest.fixture
def expired(world: World, active: Listing) -> Listing:
    return expire(world, active)


def expire(world: World, listing: Listing, *, now: Any = END) -> Listing:
    return expire_listing(world.uow(now=now), listing_id=listing.id)


def is_due(world: World, listing: Listing, *, now: Any = END) -> bool:
    return listing.id in {item.entity_id for item in world.reader.iter_due(now=now)}


class TestItsTime:
    def test_begins_with_the_approval(self, world: World, active: Listing) -> None:
        assert (active.expires_at, active.due_at) == (END, END)
        assert not is_due(world, active, now=BEFORE)
        assert is_due(world, active)

    def test_is_the_shops_policy(self, world: World, seller: Shopper) -> None:
        tenant = msgspec.structs.replace(world.tenant, policies=Policies(listing_days=7))
        listing = World(world.container, tenant).active(seller)
        assert listing.expires_at == NOW + timedelta(days=7)

    def test_begins_anew_when_it_is_approved_again(self, world: World, seller: Shopper, active: Listing) -> None:
        by_seller = world.principal(seller)
        edit = ListingEdit(title="Shorter")
        edited, _ = edit_listing(world.uow(principal=by_seller), listing_id=active.id, edit=edit)
        assert (edited.expires_at, edited.due_at) == (UNSET, UNSET)
        at = later(86_400)
        again = moderate_listing(world.uow(now=at, principal=BRAND), listing_id=active.id, moderation=APPROVE)
        assert again.expires_at == at + timedelta(days=90)

    def test_runs_on_while_it_is_paused(self, world: World, seller: Shopper, active: Listing) -> None:
        by_seller = world.principal(seller)
        paused = pause_listing(world.uow(principal=by_seller), listing_id=active.id)
        assert (paused.expires_at, paused.due_at) == (END, END)
        resumed = resume_listing(world.uow(now=later(60), principal=by_seller), listing_id=active.id)
        assert (resumed.expires_at, resumed.due_at) == (END, END)

    def test_one_that_was_published_before_there_was_such_a_time_has_none(self, world: World) -> None:
        old = a_listing(id=world.uow().ids("lst"), order_id=None, status=ListingStatus.ACTIVE)
        uow = world.uow()
        uow.listings.add(old, change_type=ChangeType.LISTING_APPROVED)
        uow.commit()
        assert not is_due(world, old, now=END + timedelta(days=3650))
        assert expire(world, old, now=END + timedelta(days=3650)) == world.listing(old.id)
        assert world.listing(old.id).status == ListingStatus.ACTIVE

    def test_a_withdrawn_one_waits_for_nothing(self, world: World, seller: Shopper, active: Listing) -> None:
        gone = withdraw_listing(world.uow(principal=world.principal(seller)), listing_id=active.id)
        assert gone.due_at is UNSET
        assert not is_due(world, active)


class TestExpireListing:
    @pytest.mark.parametrize("paused", [False, True])
    def test_takes_it_off_sale(self, world: World, seller: Shopper, active: Listing, *, paused: bool) -> None:
        if paused:
            pause_listing(world.uow(principal=world.principal(seller)), listing_id=active.id)
        expired = expire(world, active)
        assert (expired.status, expired.due_at) == (ListingStatus.EXPIRED, UNSET)
        assert world.listing(active.id) == expired
        assert not is_due(world, active)
        page = world.reader.list_product_listings(product=active.product, limit=10, cursor=None)
        assert page.documents == ()
        with pytest.raises(ListingNotFound):
            get_listing(reader=world.reader, principal=Principal(), listing_id=active.id)
        with pytest.raises(ListingNotFound):
            world.order(world.shopper(), active)

    def test_before_its_time_it_is_a_no_op(self, world: World, active: Listing) -> None:
        assert expire(world, active, now=BEFORE) == active == world.listing(active.id)

    def test_said_again_it_is_a_no_op(self, world: World, active: Listing) -> None:
        expired = expire(world, active)
        assert expire(world, active, now=END + timedelta(days=1)) == expired

    def test_spares_what_an_order_holds(self, world: World, active: Listing) -> None:
        world.order(world.shopper(), active, now=BEFORE)
        reserved = world.listing(active.id)
        assert reserved.due_at is UNSET
        assert not is_due(world, active)
        assert expire(world, active) == reserved

    def test_spares_what_is_sold(self, world: World) -> None:
        order = world.sold(Partners())
        assert expire(world, world.listing(order.listing_id)).status == ListingStatus.SOLD

    def test_comes_for_what_an_order_held_past_its_time(self, world: World, active: Listing) -> None:
        order = world.order(world.shopper(), active, now=BEFORE)
        after = END + timedelta(minutes=5)
        cancel_order(world.uow(now=after, principal=BRAND), order_id=order.id)
        released = world.listing(active.id)
        assert (released.status, released.due_at) == (ListingStatus.ACTIVE, END)
        assert is_due(world, active, now=after)
        assert expire(world, active, now=after).status == ListingStatus.EXPIRED

    def test_a_buyer_who_is_faster_wins(self, world: World, active: Listing) -> None:
        slow: Any = Interrupted(world.uow(now=END), lambda: world.order(world.shopper(), active, now=END))
        with pytest.raises(ListingChanged):
            expire_listing(slow, listing_id=active.id)
        assert world.listing(active.id).status == ListingStatus.RESERVED

    def test_the_tenant_that_is_asked_decides(self, world: World, other_world: World, active: Listing) -> None:
        with pytest.raises(ListingNotFound):
            expire(other_world, active)
        assert world.listing(active.id) == active

    def test_is_what_its_message_does(self, world: World, active: Listing) -> None:
        partners: Any = Partners()
        delivery = Delivery(
            open_uow=lambda now: world.uow(now=now), partners=partners, now=lambda: END, receive_count=1
        )
        for _ in range(2):
            TASK_HANDLERS[EXPIRE_LISTING](delivery, listing_id=active.id)
        stored = world.listing(active.id)
        assert (stored.status, stored.version) == (ListingStatus.EXPIRED, active.version + 1)
        with pytest.raises(ListingNotFound):
            TASK_HANDLERS[EXPIRE_LISTING](delivery, listing_id=LISTING)


class TestOnceItIsOver:
    def test_its_seller_submits_it_again(self, world: World, seller: Shopper, expired: Listing) -> None:
        again = submit_listing(world.uow(now=END, principal=world.principal(seller)), listing_id=expired.id)
        assert (again.status, again.submitted_at, again.expires_at) == (ListingStatus.PENDING_REVIEW, END, UNSET)
        assert again.photos == expired.photos
        at = END + timedelta(hours=1)
        shown = moderate_listing(world.uow(now=at, principal=BRAND), listing_id=expired.id, moderation=APPROVE)
        assert (shown.status, shown.due_at) == (ListingStatus.ACTIVE, at + timedelta(days=90))

    def test_its_seller_edits_it_and_adds_images_before(self, world: World, seller: Shopper, expired: Listing) -> None:
        edited, slots = edit_listing(
            world.uow(now=END, principal=world.principal(seller)),
            listing_id=expired.id,
            edit=ListingEdit(price=a_new_listing().price, title="Cheaper", images=(SLOT,)),
        )
        assert (edited.status, edited.submitted_at) == (ListingStatus.EXPIRED, expired.submitted_at)
        world.make_ready(slots[0])
        again = submit_listing(world.uow(now=END, principal=world.principal(seller)), listing_id=expired.id)
        assert len(again.photos) == 2

    def test_its_seller_withdraws_it(self, world: World, seller: Shopper, expired: Listing) -> None:
        gone = withdraw_listing(world.uow(now=END, principal=world.principal(seller)), listing_id=expired.id)
        assert gone.status == ListingStatus.WITHDRAWN

"""Photos of a listing that is approved: everybody sees them from then on, and nobody sees one that nobody approved."""

import uuid
from collections.abc import Callable, Sequence

import msgspec
import pytest
import urllib3

from resale.application.operations.listings import (
    Decision,
    expire_listing,
    pause_listing,
    relist_listing,
    resume_listing,
    withdraw_listing,
)
from resale.application.operations.media import retire_photos
from resale.application.ports import MediaStore
from resale.domain.access import Principal
from resale.domain.changes import ChangeType
from resale.domain.ids import ListingId, OrderId
from resale.domain.listings import ListingNotFound, ListingStatus
from resale.domain.media import Media, is_public, retired_key
from resale.errors import Unavailable
from tests.operations.photographs import (
    UNSEEN,
    add_photo,
    decide,
    drafted,
    keys,
    on_show,
    publish,
    statuses,
    store_of,
    submit,
    submitted,
)
from tests.operations.world import BRAND, World, later
from tests.unit.builders import an_order


class Interrupted:
    """The real bucket, in which something happens before or after photos become public."""

    def __init__(
        self,
        store: MediaStore,
        *,
        before: Callable[[], object] | None = None,
        after: Callable[[], object] | None = None,
    ) -> None:
        self._store = store
        self._before, self._after = before, after
        self.find_first_version, self.read = store.find_first_version, store.read
        self.put_rendition, self.list_pending = store.put_rendition, store.list_pending
        self.retire = store.retire

    def publish(self, keys: Sequence[str]) -> None:
        for happens in (self._before, lambda: self._store.publish(keys), self._after):
            if happens is not None:
                happens()
        self._before = self._after = None


def take_down(world: World, listing_id: ListingId) -> None:
    """Remove a listing, and run the task that follows."""
    decide(world, listing_id, Decision.REMOVE)
    retire_photos(world.uow(), store=store_of(world), listing_id=listing_id)


class TestBeforeApproval:
    def test_nobody_sees_them(self, world: World) -> None:
        media = drafted(world)
        assert statuses(world, media) <= UNSEEN
        submit(world, media)
        assert publish(world, media.listing_id) == 0
        assert statuses(world, media) <= UNSEEN

    def test_who_may_see_them_opens_a_link(self, world: World) -> None:
        media = submitted(world)
        links = world.container.private_links(world.tenant)
        for rendition in media.renditions:
            response = urllib3.request("GET", links.sign(rendition.key), retries=False)
            assert (response.status, len(response.data)) == (200, rendition.bytes)
            assert response.headers["Cache-Control"] == "private, max-age=900"

    def test_of_a_rejected_listing_they_are_kept_with_the_retired_ones(self, world: World) -> None:
        media = submitted(world)
        decide(world, media.listing_id, Decision.REJECT)
        assert publish(world, media.listing_id) == 0
        assert statuses(world, media) <= UNSEEN
        links = world.container.private_links(world.tenant)
        kept = {urllib3.request("GET", links.sign(retired_key(key)), retries=False).status for key in keys(media)}
        assert kept == {200}


class TestPublishPhotos:
    def test_shows_those_of_an_approved_listing(self, world: World) -> None:
        media, other = submitted(world), submitted(world)  # the same photo, in another listing
        assert decide(world, media.listing_id, Decision.APPROVE) == ListingStatus.ACTIVE
        assert statuses(world, media) <= UNSEEN
        assert publish(world, media.listing_id) == len(keys(media))
        assert statuses(world, media) == {200}
        assert statuses(world, other) <= UNSEEN
        assert publish(world, media.listing_id) == 0  # a second delivery
        assert statuses(world, media) == {200}

    def test_the_listing_names_the_public_objects(self, world: World) -> None:
        media = submitted(world)
        decide(world, media.listing_id, Decision.APPROVE)
        (photo,) = world.listing(media.listing_id).photos
        assert {one.key for one in photo.renditions} == keys(media)
        assert [msgspec.structs.replace(one, key="") for one in photo.renditions] == [
            msgspec.structs.replace(one, key="") for one in media.renditions
        ]

    def test_a_new_photo_waits_for_its_own_approval(self, world: World) -> None:
        media = on_show(world)
        added = add_photo(world, media)
        assert publish(world, media.listing_id) == 0  # a late delivery of the first approval
        assert statuses(world, media) == {200}
        assert statuses(world, added) <= UNSEEN
        decide(world, media.listing_id, Decision.APPROVE)
        assert publish(world, media.listing_id) == len(keys(added))
        assert statuses(world, media) == statuses(world, added) == {200}

    def test_one_that_expired_keeps_what_was_approved(self, world: World) -> None:
        media = on_show(world)
        over = later(90 * 86_400)
        expire_listing(world.uow(now=over), listing_id=media.listing_id)
        submit(world, media)
        assert statuses(world, media) == {200}
        (photo,) = world.listing(media.listing_id).photos
        assert all(is_public(one.key) for one in photo.renditions)

    def test_a_pause_leaves_them(self, world: World) -> None:
        media = on_show(world)
        for command in (pause_listing, resume_listing):
            command(world.uow(principal=BRAND), listing_id=media.listing_id)
            assert publish(world, media.listing_id) == 0
            assert statuses(world, media) == {200}

    def test_of_a_relisted_item_they_are_its_first_listings(self, world: World) -> None:
        media = on_show(world)
        uow = world.uow()
        order = an_order(id=OrderId(f"ord_{uuid.uuid4().hex}"), listing_id=media.listing_id, status="refunded")
        uow.orders.add(order, change_type=ChangeType.ORDER_REFUNDED)
        listing = uow.listings.get(media.listing_id)
        sold = msgspec.structs.replace(listing, status=ListingStatus.SOLD, order_id=order.id)
        uow.listings.save(sold, change_type=ChangeType.LISTING_SOLD)
        uow.commit()
        seller = Principal(customer_id=media.seller_id)
        again = relist_listing(world.uow(principal=seller), listing_id=media.listing_id)
        decide(world, again.id, Decision.APPROVE)
        assert publish(world, again.id) == 0
        assert {one.key for photo in world.listing(again.id).photos for one in photo.renditions} == keys(media)
        assert statuses(world, media) == {200}

    def test_those_that_a_former_release_stored_are_public_already(self, world: World) -> None:
        listing = world.active(world.shopper())  # its renditions lie in no folder of their listing
        assert publish(world, listing.id) == 0

    def test_of_another_tenant_is_not_found(self, world: World, other_world: World) -> None:
        media = submitted(world)
        decide(world, media.listing_id, Decision.APPROVE)
        with pytest.raises(ListingNotFound):
            publish(other_world, media.listing_id)
        assert statuses(world, media) <= UNSEEN


class TestTakenDownMeanwhile:
    """Whatever comes first, last or twice: of a listing that is taken down nobody sees a photo."""

    def approved(self, world: World) -> Media:
        media = submitted(world)
        decide(world, media.listing_id, Decision.APPROVE)
        return media

    def test_a_late_message_publishes_nothing(self, world: World) -> None:
        media = self.approved(world)
        take_down(world, media.listing_id)
        assert publish(world, media.listing_id) == 0
        assert statuses(world, media) <= UNSEEN

    def test_a_late_message_publishes_nothing_for_a_moment_either(self, world: World) -> None:
        media = self.approved(world)
        decide(world, media.listing_id, Decision.REMOVE)  # whose own message comes later
        seen: list[set[int]] = []
        store = Interrupted(store_of(world), after=lambda: seen.append(statuses(world, media)))
        assert publish(world, media.listing_id, store=store) == 0
        assert [one <= UNSEEN for one in seen] == [True]

    def test_a_message_before_the_other_ones_retires_them_itself(self, world: World) -> None:
        media = on_show(world)
        withdraw_listing(world.uow(principal=BRAND), listing_id=media.listing_id)
        assert publish(world, media.listing_id) == 0
        assert statuses(world, media) <= UNSEEN

    @pytest.mark.parametrize("moment", ["before", "after"])
    def test_between_its_look_and_its_end(self, world: World, moment: str) -> None:
        media = self.approved(world)
        happens = {moment: lambda: take_down(world, media.listing_id)}
        publish(world, media.listing_id, store=Interrupted(store_of(world), **happens))
        assert world.listing(media.listing_id).status == ListingStatus.REMOVED
        assert statuses(world, media) <= UNSEEN

    def test_after_the_other_task_has_listed_what_is_public(self, world: World) -> None:
        media = self.approved(world)

        def remove() -> None:
            decide(world, media.listing_id, Decision.REMOVE)

        def retire_too_early() -> None:
            remove()
            retire_photos(world.uow(), store=store_of(world), listing_id=media.listing_id)
            for key in {one.key for one in media.renditions}:  # as if that task had not reached them
                store_of(world).put_rendition(key, body=b"photo", content_type="image/webp")

        publish(world, media.listing_id, store=Interrupted(store_of(world), before=retire_too_early))
        assert statuses(world, media) <= UNSEEN
        assert store_of(world).list_pending(media.listing_id) == ()

    def test_while_its_process_died(self, world: World) -> None:
        media = self.approved(world)

        def die() -> None:
            raise Unavailable("planted")

        with pytest.raises(Unavailable, match="planted"):
            publish(world, media.listing_id, store=Interrupted(store_of(world), after=die))
        assert statuses(world, media) == {200}
        decide(world, media.listing_id, Decision.REMOVE)  # whose own message is lost
        assert publish(world, media.listing_id) == 0  # the message comes again
        assert statuses(world, media) <= UNSEEN

"""Photos of a listing that is taken down: nobody sees them any more, and no other listing's go with them."""

import logging
from typing import Any

import msgspec
import pytest

from apps.workers.tasks.handlers import retire_listing_photos
from resale.application.operations.listings import Decision, pause_listing, withdraw_listing
from resale.application.operations.media import retire_photos
from resale.domain.changes import ChangeType
from resale.domain.ids import ListingId
from resale.domain.listings import ListingNotFound, ListingStatus
from tests.operations.photographs import (
    PHOTO,
    UNSEEN,
    decide,
    delivery,
    edit,
    keys,
    on_show,
    process,
    statuses,
    store_of,
    submitted,
)
from tests.operations.test_lost_answers import uploaded
from tests.operations.world import BRAND, World


def retire(world: World, listing_id: ListingId) -> int:
    return retire_photos(world.uow(), store=store_of(world), listing_id=listing_id)


def end(world: World, listing_id: ListingId, status: ListingStatus) -> None:
    if status == ListingStatus.WITHDRAWN:
        withdraw_listing(world.uow(principal=BRAND), listing_id=listing_id)
    elif status == ListingStatus.REJECTED:
        decide(world, listing_id, Decision.REJECT)
    else:
        decide(world, listing_id, Decision.REMOVE)
    assert world.listing(listing_id).status == status


class TestRetirePhotos:
    @pytest.mark.parametrize("status", [ListingStatus.WITHDRAWN, ListingStatus.REJECTED, ListingStatus.REMOVED])
    def test_hides_those_of_a_listing_that_is_taken_down(self, world: World, status: ListingStatus) -> None:
        media, other = on_show(world), on_show(world)  # the same photo, in another listing
        assert statuses(world, media) == {200}
        if status == ListingStatus.REJECTED:  # approved once, and edited since
            edit(world, media, title="Better described")
        end(world, media.listing_id, status)
        assert retire(world, media.listing_id) == len(keys(media))
        assert statuses(world, media) <= UNSEEN
        assert statuses(world, other) == {200}
        assert retire(world, media.listing_id) == 0  # a second delivery

    def test_leaves_those_of_a_listing_that_may_come_back(self, world: World) -> None:
        media = on_show(world)
        assert retire(world, media.listing_id) == 0
        pause_listing(world.uow(principal=BRAND), listing_id=media.listing_id)
        assert retire(world, media.listing_id) == 0
        assert statuses(world, media) == {200}

    def test_of_a_listing_that_ended_before_its_photo_was_processed(self, world: World) -> None:
        media = uploaded(world, PHOTO)
        withdraw_listing(world.uow(principal=BRAND), listing_id=media.listing_id)
        assert retire(world, media.listing_id) == 0
        processed = process(world, media)
        assert statuses(world, processed) <= UNSEEN
        assert store_of(world).list_pending(media.listing_id) == ()

    def test_tells_of_those_that_are_stored_as_by_former_releases(
        self, world: World, caplog: pytest.LogCaptureFixture
    ) -> None:
        former, today, never = on_show(world), on_show(world), submitted(world)
        uow = world.uow()
        listing = uow.listings.get(former.listing_id)
        moved = msgspec.to_builtins(listing.photos)
        for rendition in (one for photo in moved for one in photo["renditions"]):
            rendition["$key"] = rendition["$key"].replace(f"{listing.id}/", "")
        photos = msgspec.convert(moved, type(listing).__annotations__["photos"])
        changed = msgspec.structs.replace(listing, photos=photos, version=listing.version + 1)
        uow.listings.save(changed, change_type=ChangeType.LISTING_EDITED)
        uow.commit()
        for media in (former, today, never):
            end(world, media.listing_id, ListingStatus.WITHDRAWN)
            with caplog.at_level(logging.ERROR):
                retire_listing_photos(delivery(world), store=store_of(world), listing_id=media.listing_id)
        told: list[Any] = [record for record in caplog.records if getattr(record, "event", "") == "photos.left_public"]
        assert [(record.listing_id, record.tenant, record.count) for record in told] == [
            (former.listing_id, world.tenant.slug, len(keys(former)))
        ]

    def test_of_another_tenant_is_not_found(self, world: World, other_world: World) -> None:
        media = on_show(world)
        end(world, media.listing_id, ListingStatus.WITHDRAWN)
        with pytest.raises(ListingNotFound):
            retire(other_world, media.listing_id)
        assert statuses(world, media) == {200}

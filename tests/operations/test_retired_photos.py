"""Photos of a listing that is taken down: nobody sees them any more, and no other listing's go with them."""

import logging
from typing import Any

import msgspec
import pytest
import urllib3

from apps.workers.tasks.handlers import Delivery, retire_listing_photos
from resale.application.operations.listings import (
    Decision,
    Moderation,
    moderate_listing,
    pause_listing,
    submit_listing,
    withdraw_listing,
)
from resale.application.operations.media import process_image, retire_photos
from resale.domain.access import Principal
from resale.domain.changes import ChangeType
from resale.domain.ids import ListingId
from resale.domain.listings import ListingNotFound, ListingStatus
from resale.domain.media import Media
from tests.fixtures.pictures import jpeg, scene
from tests.operations.test_lost_answers import uploaded
from tests.operations.world import BRAND, World
from tests.unit.builders import NOW

PHOTO = jpeg(scene(64, 48))
REASONS = ("Not of this brand.",)


def process(world: World, media: Media) -> Media:
    return process_image(
        world.uow(),
        store=world.container.media_store(world.tenant),
        codec=world.container.codec,
        listing_id=media.listing_id,
        media_id=media.id,
    )


def retire(world: World, listing_id: ListingId) -> int:
    return retire_photos(world.uow(), store=world.container.media_store(world.tenant), listing_id=listing_id)


def delivery(world: World) -> Delivery:
    return Delivery(
        open_uow=lambda now: world.uow(now=now),
        partners=world.container.partners(world.tenant),
        now=lambda: NOW,
        receive_count=1,
    )


def statuses(world: World, media: Media) -> set[int]:
    """What anybody gets who asks for the renditions."""
    base_url = world.tenant.resources.media_base_url
    return {urllib3.request("GET", f"{base_url}/{one.key}", retries=False).status for one in media.renditions}


def decide(world: World, listing_id: ListingId, decision: Decision) -> ListingStatus:
    reasons = () if decision == Decision.APPROVE else REASONS
    moderation = Moderation(decision=decision, reasons=reasons)
    return moderate_listing(world.uow(principal=BRAND), listing_id=listing_id, moderation=moderation).status


def submitted(world: World) -> Media:
    """The one photo of a listing that waits for review."""
    media = process(world, uploaded(world, PHOTO))
    seller = Principal(customer_id=media.seller_id)
    submit_listing(world.uow(principal=seller), listing_id=media.listing_id)
    return media


def end(world: World, listing_id: ListingId, status: ListingStatus) -> None:
    if status == ListingStatus.WITHDRAWN:
        withdraw_listing(world.uow(principal=BRAND), listing_id=listing_id)
    elif status == ListingStatus.REJECTED:
        decide(world, listing_id, Decision.REJECT)
    else:
        decide(world, listing_id, Decision.APPROVE)
        decide(world, listing_id, Decision.REMOVE)
    assert world.listing(listing_id).status == status


class TestRetirePhotos:
    @pytest.mark.parametrize("status", [ListingStatus.WITHDRAWN, ListingStatus.REJECTED, ListingStatus.REMOVED])
    def test_hides_those_of_a_listing_that_is_taken_down(self, world: World, status: ListingStatus) -> None:
        media, other = submitted(world), submitted(world)  # the same photo, in another listing
        assert statuses(world, media) == {200}
        end(world, media.listing_id, status)
        assert retire(world, media.listing_id) == len({one.key for one in media.renditions})
        assert statuses(world, media) <= {403, 404}
        assert statuses(world, other) == {200}
        assert retire(world, media.listing_id) == 0  # a second delivery

    def test_leaves_those_of_a_listing_that_may_come_back(self, world: World) -> None:
        media = submitted(world)
        assert retire(world, media.listing_id) == 0
        decide(world, media.listing_id, Decision.APPROVE)
        assert retire(world, media.listing_id) == 0
        pause_listing(world.uow(principal=BRAND), listing_id=media.listing_id)
        assert retire(world, media.listing_id) == 0
        assert statuses(world, media) == {200}

    def test_of_a_listing_that_ended_before_its_photo_was_processed(self, world: World) -> None:
        media = uploaded(world, PHOTO)
        withdraw_listing(world.uow(principal=BRAND), listing_id=media.listing_id)
        assert retire(world, media.listing_id) == 0
        assert statuses(world, process(world, media)) <= {403, 404}

    def test_tells_of_those_that_are_stored_as_by_former_releases(
        self, world: World, caplog: pytest.LogCaptureFixture
    ) -> None:
        former, today = submitted(world), submitted(world)
        uow = world.uow()
        listing = uow.listings.get(former.listing_id)
        moved = msgspec.to_builtins(listing.photos)
        for rendition in (one for photo in moved for one in photo["renditions"]):
            rendition["$key"] = rendition["$key"].replace(f"{listing.id}/", "")
        photos = msgspec.convert(moved, type(listing).__annotations__["photos"])
        changed = msgspec.structs.replace(listing, photos=photos, version=listing.version + 1)
        uow.listings.save(changed, change_type=ChangeType.LISTING_EDITED)
        uow.commit()
        for media in (former, today):
            end(world, media.listing_id, ListingStatus.WITHDRAWN)
            with caplog.at_level(logging.ERROR):
                retire_listing_photos(
                    delivery(world), store=world.container.media_store(world.tenant), listing_id=media.listing_id
                )
        told: list[Any] = [record for record in caplog.records if getattr(record, "event", "") == "photos.left_public"]
        assert [(record.listing_id, record.tenant, record.count) for record in told] == [
            (former.listing_id, world.tenant.slug, len({one.key for one in former.renditions}))
        ]

    def test_of_another_tenant_is_not_found(self, world: World, other_world: World) -> None:
        media = submitted(world)
        end(world, media.listing_id, ListingStatus.WITHDRAWN)
        with pytest.raises(ListingNotFound):
            retire(other_world, media.listing_id)
        assert statuses(world, media) == {200}

"""Listings with real photos in the bucket: uploaded, processed, decided on, and looked at by anybody."""

from typing import Any

import urllib3

from apps.workers.tasks.handlers import Delivery, publish_listing_photos
from resale.application.operations.customers import Shopper
from resale.application.operations.listings import Decision, Moderation, edit_listing, moderate_listing, submit_listing
from resale.application.operations.media import process_image
from resale.application.ports import MediaStore
from resale.domain.access import Principal
from resale.domain.ids import ListingId
from resale.domain.listings import ListingEdit, ListingStatus, SlotInput
from resale.domain.media import Media, original_key, public_key
from tests.fixtures.pictures import jpeg, scene
from tests.operations.test_lost_answers import uploaded
from tests.operations.world import BRAND, World
from tests.unit.builders import NOW

PHOTO = jpeg(scene(64, 48))
ANOTHER = jpeg(scene(64, 48, seed=9))
REASONS = ("Not of this brand.",)
UNSEEN = {403, 404}


def store_of(world: World) -> MediaStore:
    return world.container.media_store(world.tenant)


def process(world: World, media: Media) -> Media:
    return process_image(
        world.uow(),
        store=store_of(world),
        codec=world.container.codec,
        listing_id=media.listing_id,
        media_id=media.id,
    )


def delivery(world: World) -> Delivery:
    return Delivery(
        open_uow=lambda now: world.uow(now=now),
        partners=world.container.partners(world.tenant),
        now=lambda: NOW,
        receive_count=1,
    )


def submit(world: World, media: Media) -> None:
    seller = Principal(customer_id=media.seller_id)
    submit_listing(world.uow(principal=seller), listing_id=media.listing_id)


def edit(world: World, media: Media, **fields: Any) -> tuple[Media, ...]:
    """Change the listing of a photo as its seller; return the slots added."""
    seller = Principal(customer_id=media.seller_id)
    _, slots = edit_listing(world.uow(principal=seller), listing_id=media.listing_id, edit=ListingEdit(**fields))
    return slots


def add_photo(world: World, media: Media) -> Media:
    """Add a photo to an approved listing: its seller edits it, staff ask for changes, and it is submitted again."""
    edit(world, media, title="Better described")
    decide(world, media.listing_id, Decision.REQUEST_CHANGES)
    (slot,) = edit(world, media, images=(SlotInput(content_type="image/jpeg", bytes=len(ANOTHER)),))
    s3: Any = world.container.sessions.for_tenant(world.tenant).client("s3")
    key = original_key(media.listing_id, slot.id)
    s3.put_object(Bucket=world.tenant.resources.media_bucket, Key=key, Body=ANOTHER)
    added = process(world, slot)
    submit(world, media)
    return added


def drafted(world: World, *, seller: Shopper | None = None) -> Media:
    """The one photo of a draft."""
    return process(world, uploaded(world, PHOTO, seller=seller))


def submitted(world: World, *, seller: Shopper | None = None) -> Media:
    """The one photo of a listing that waits for review."""
    media = drafted(world, seller=seller)
    submit(world, media)
    return media


def decide(world: World, listing_id: ListingId, decision: Decision) -> ListingStatus:
    reasons = () if decision == Decision.APPROVE else REASONS
    moderation = Moderation(decision=decision, reasons=reasons)
    return moderate_listing(world.uow(principal=BRAND), listing_id=listing_id, moderation=moderation).status


def publish(world: World, listing_id: ListingId, *, store: MediaStore | None = None) -> int:
    """Do what the task does."""
    return publish_listing_photos(delivery(world), store=store or store_of(world), listing_id=listing_id)


def on_show(world: World, *, seller: Shopper | None = None) -> Media:
    """The one photo of an approved listing."""
    media = submitted(world, seller=seller)
    decide(world, media.listing_id, Decision.APPROVE)
    publish(world, media.listing_id)
    return media


def keys(media: Media) -> set[str]:
    """The objects of its renditions, once they are public; sizes with the same bytes share one."""
    return {public_key(one.key) for one in media.renditions}


def statuses(world: World, media: Media) -> set[int]:
    """What anybody gets who asks for the renditions."""
    base_url = world.tenant.resources.media_base_url
    return {urllib3.request("GET", f"{base_url}/{key}", retries=False).status for key in keys(media)}

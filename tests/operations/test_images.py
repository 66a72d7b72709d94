"""Images that nobody can settle: attempts are counted where they survive, and the last one ends the slot."""

from collections.abc import Callable
from typing import Any

import pytest

from apps.workers.tasks.handlers import Delivery, process_image_slot
from resale.application.operations.listings import withdraw_listing
from resale.application.ports import ImageCodec, MediaStore, UnitOfWork
from resale.domain.ids import ListingId
from resale.domain.media import (
    ImageNotRendered,
    Media,
    MediaStatus,
    RefusalReason,
    RenderedImage,
    original_key,
)
from resale.errors import Unavailable
from tests.fixtures.pictures import flat, png
from tests.operations.world import BRAND, World
from tests.unit.builders import NOW


class StuckCodec:
    """Stands for a process that never answers in time."""

    def __init__(self) -> None:
        self.asked = 0

    def render(self, data: bytes) -> RenderedImage:
        assert data
        self.asked += 1
        raise ImageNotRendered("planted")


class FullStore:
    """The real bucket, but nothing can be put into it."""

    def __init__(self, store: MediaStore) -> None:
        self.find_first_version = store.find_first_version
        self.read = store.read
        self.list_pending = store.list_pending
        self.publish = store.publish
        self.retire = store.retire

    def put_rendition(self, key: str, *, body: bytes, content_type: str) -> None:
        raise Unavailable(f"planted: {key} {content_type} {len(body)}")


class LockedStore(FullStore):
    """The real bucket, but nothing in it can be made private."""

    def __init__(self, store: MediaStore) -> None:
        super().__init__(store)
        self.retire = self._refuse  # over the attribute that the other one sets
        self._put = store.put_rendition

    def put_rendition(self, key: str, *, body: bytes, content_type: str) -> None:
        self._put(key, body=body, content_type=content_type)

    def _refuse(self, listing_id: ListingId) -> int:
        raise Unavailable(f"planted: {listing_id}")


class Outage:
    """The real codec and store; the first commit after a picture was rendered does not come through."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._is_due = False

    def render(self, data: bytes) -> RenderedImage:
        image = self._world.container.codec.render(data)
        self._is_due = True
        return image

    def open_uow(self) -> UnitOfWork:
        uow: Any = self._world.uow()
        commit = uow.commit

        def commit_or_fail() -> None:
            if self._is_due:
                self._is_due = False
                raise Unavailable("planted")
            commit()

        uow.commit = commit_or_fail
        opened: UnitOfWork = uow
        return opened


@pytest.fixture
def media(world: World) -> Media:
    """A slot with a good PNG in it, which was said to be a JPEG."""
    photo = png(flat([9, 9, 9]))
    _, (media,) = world.draft(world.shopper(), images=({"content_type": "image/JPG; q=1", "bytes": len(photo)},))
    s3: Any = world.container.sessions.for_tenant(world.tenant).client("s3")
    key = original_key(media.listing_id, media.id)
    s3.put_object(Bucket=world.tenant.resources.media_bucket, Key=key, Body=photo)
    return media


def deliver(
    world: World,
    media: Media,
    receive_count: int,
    *,
    codec: ImageCodec | None = None,
    store: MediaStore | None = None,
    open_uow: Callable[[], UnitOfWork] | None = None,
) -> Media:
    """Do what the task does with a message that was handed out so often."""
    store = store or world.container.media_store(world.tenant)
    delivery = Delivery(
        open_uow=lambda _: (open_uow or world.uow)(),
        partners=world.container.partners(world.tenant),
        now=lambda: NOW,
        receive_count=receive_count,
    )
    codec = codec or world.container.codec
    return process_image_slot(delivery, store=store, codec=codec, listing_id=media.listing_id, media_id=media.id)


def stored(world: World, media: Media) -> Media:
    return world.uow().media.get(media.listing_id, media.id)


class TestAttempts:
    def test_that_never_end_are_three_and_then_the_slot_is_rejected(self, world: World, media: Media) -> None:
        codec = StuckCodec()
        for receive_count in (1, 2, 3):
            with pytest.raises(ImageNotRendered):
                deliver(world, media, receive_count, codec=codec)
        ended = deliver(world, media, 4, codec=codec)
        assert (ended.status, ended.rejection_reason) == (MediaStatus.REJECTED, RefusalReason.UNPROCESSABLE)
        assert (ended.due_at, codec.asked) == (None, 3)
        assert deliver(world, media, 5, codec=codec) == ended

    def test_are_counted_over_messages_as_the_sweep_sends_new_ones(self, world: World, media: Media) -> None:
        codec = StuckCodec()
        for receive_count in (1, 2, 1, 2, 1):
            with pytest.raises(ImageNotRendered):
                deliver(world, media, receive_count, codec=codec)
        assert deliver(world, media, 2, codec=codec).status == MediaStatus.REJECTED

    def test_count_from_the_start_after_a_fault_of_the_store(self, world: World, media: Media) -> None:
        full = FullStore(world.container.media_store(world.tenant))
        for receive_count in range(1, 7):
            with pytest.raises(Unavailable, match="planted"):
                deliver(world, media, receive_count, store=full)
            assert stored(world, media).attempt_count == 0
        assert deliver(world, media, 7).status == MediaStatus.READY

    def test_count_from_the_start_after_a_commit_that_failed(self, world: World, media: Media) -> None:
        outage = Outage(world)
        for receive_count in range(1, 7):
            with pytest.raises(Unavailable, match="planted"):
                deliver(world, media, receive_count, codec=outage, open_uow=outage.open_uow)
            assert stored(world, media).attempt_count == 0
        assert deliver(world, media, 7).status == MediaStatus.READY

    def test_count_from_the_start_after_photos_could_not_be_made_private(self, world: World, media: Media) -> None:
        withdraw_listing(world.uow(principal=BRAND), listing_id=media.listing_id)
        locked = LockedStore(world.container.media_store(world.tenant))
        for receive_count in range(1, 7):
            with pytest.raises(Unavailable, match="planted"):
                deliver(world, media, receive_count, store=locked)
            assert stored(world, media).attempt_count == 0
        assert deliver(world, media, 7).status == MediaStatus.READY

    def test_are_not_counted_of_a_slot_that_waits_for_its_upload(self, world: World) -> None:
        _, (empty,) = world.draft(world.shopper())[0:2]
        for receive_count in range(1, 6):
            deliver(world, empty, receive_count)
        assert stored(world, empty).attempt_count == 0

    def test_that_succeed_late_are_ready(self, world: World, media: Media) -> None:
        with pytest.raises(ImageNotRendered):
            deliver(world, media, 1, codec=StuckCodec())
        assert deliver(world, media, 2).status == MediaStatus.READY


class TestTypes:
    def test_of_the_bytes_win_over_what_was_said(self, world: World, media: Media) -> None:
        assert media.slot.content_type == "image/jpeg"
        ready = deliver(world, media, 1)
        assert (ready.status, ready.original_content_type) == (MediaStatus.READY, "image/png")

    def test_of_a_refusal_are_not_blamed(self, world: World) -> None:
        text = b"not a picture"
        _, (media,) = world.draft(world.shopper(), images=({"content_type": "image/heic", "bytes": len(text)},))
        s3: Any = world.container.sessions.for_tenant(world.tenant).client("s3")
        key = original_key(media.listing_id, media.id)
        s3.put_object(Bucket=world.tenant.resources.media_bucket, Key=key, Body=text)
        assert deliver(world, media, 1).rejection_reason == RefusalReason.NOT_AN_IMAGE

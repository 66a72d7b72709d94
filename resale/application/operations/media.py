"""Processing of uploads into renditions without metadata, or a refusal; publishing and hiding of renditions."""

import hashlib

import msgspec

from resale.application.ports import ImageCodec, MediaStore, StoredObject, UnitOfWork
from resale.domain.changes import ChangeType
from resale.domain.ids import LISTING_ID, ListingId, MediaId
from resale.domain.image_formats import MAX_IMAGE_BYTES
from resale.domain.listings import TAKEN_DOWN, find_unpublished, object_key
from resale.domain.media import (
    MAX_ATTEMPTS,
    ImageRefused,
    Media,
    MediaStatus,
    RefusalReason,
    RenderedImage,
    Rendition,
    is_public,
    original_key,
    rendition_key,
    upload_deadline_of,
)
from resale.domain.reasons import Reason, ReasonCode
from resale.domain.versions import next_version


def process_image(
    uow: UnitOfWork, *, store: MediaStore, codec: ImageCodec, listing_id: ListingId, media_id: MediaId
) -> Media:
    """Render the first upload of a slot, or refuse it with a reason.

    Shape: reads 2 items and 1 object; stores up to 6 private objects by content hash; commits 1 (``image.ready``,
    ``image.rejected``, ``image.expired`` or, when nothing came yet, ``image.awaited``). A used slot is a no-op. An
    image that was tried ``MAX_ATTEMPTS`` times again without an outcome is rejected as ``unprocessable``.

    Args:
        uow: Fresh; committed here once.
        store: The same tenant's media bucket.
        codec: Decodes and encodes.
        listing_id: Whose image.
        media_id: Which slot.

    Returns:
        The image as it stands.

    Raises:
        MediaNotFound: No such slot.
        ImageNotRendered: No outcome in time; nothing was committed, the message comes again.
        Unavailable: Store or bucket did not respond, which says nothing of the image: ``forget_attempts`` follows.
        Conflict: Another worker was faster; a retry is a no-op.
    """
    media = uow.media.get(listing_id, media_id)
    if media.status != MediaStatus.AWAITING_UPLOAD:
        return media
    upload = store.find_first_version(original_key(listing_id, media_id))
    if upload is None:
        return _await_upload(uow, media=media)
    pinned = msgspec.structs.replace(media, original_version=upload.version_id)
    try:
        settled = _inspect(store=store, codec=codec, media=pinned, upload=upload)
    except ImageRefused as refusal:
        settled = msgspec.structs.replace(pinned, status=MediaStatus.REJECTED, rejection_reason=refusal.reason)
    if settled.status == MediaStatus.READY and LISTING_ID.matches(listing_id):
        # Of a listing that was taken down, photos lie in one place: its own task may have run before these were stored.
        retire_photos(uow, store=store, listing_id=listing_id)
    return _settle(
        uow,
        media=settled,
        change_type=ChangeType.IMAGE_READY if settled.status == MediaStatus.READY else ChangeType.IMAGE_REJECTED,
        reason_code=settled.rejection_reason,
    )


def count_attempt(uow: UnitOfWork, *, store: MediaStore, listing_id: ListingId, media_id: MediaId) -> Media:
    """Count a repeated attempt before it starts, because one that ends the process leaves no other trace.

    Shape: reads 1 item and the upload's versions; commits 1 (``image.retried``), or nothing for a slot that is used,
    waits for its upload, or has been tried often enough.

    Raises:
        MediaNotFound: No such slot.
        Unavailable: Store or bucket did not respond; nothing was committed.
        Conflict: Another worker was faster.
    """
    media = uow.media.get(listing_id, media_id)
    is_over = media.status != MediaStatus.AWAITING_UPLOAD or media.attempt_count > MAX_ATTEMPTS
    if is_over or store.find_first_version(original_key(listing_id, media_id)) is None:
        return media
    return _save_attempts(uow, media=media, count=media.attempt_count + 1)


def forget_attempts(uow: UnitOfWork, *, listing_id: ListingId, media_id: MediaId) -> Media:
    """Reset the attempts after a fault of the store, which is not caused by the image.

    Shape: reads 1 item; commits 1 (``image.retried``), or nothing for a slot that is used or has no attempt counted.

    Raises:
        MediaNotFound: No such slot.
        Unavailable: The store did not respond; the count stands.
        Conflict: Another worker was faster.
    """
    media = uow.media.get(listing_id, media_id)
    if media.status != MediaStatus.AWAITING_UPLOAD or not media.attempt_count:
        return media
    return _save_attempts(uow, media=media, count=0)


def _inspect(*, store: MediaStore, codec: ImageCodec, media: Media, upload: StoredObject) -> Media:
    if media.attempt_count > MAX_ATTEMPTS:
        raise ImageRefused(RefusalReason.UNPROCESSABLE)
    rendered = _render(store=store, codec=codec, media=media, upload=upload)
    return msgspec.structs.replace(
        media,
        status=MediaStatus.READY,
        original_sha256=rendered.sha256,
        original_content_type=rendered.content_type,
        perceptual_hash=rendered.perceptual_hash,
        width_px=rendered.width_px,
        height_px=rendered.height_px,
        renditions=_store_renditions(store, rendered, media.listing_id),
    )


def _save_attempts(uow: UnitOfWork, *, media: Media, count: int) -> Media:
    counted = next_version(msgspec.structs.replace(media, attempt_count=count), now=uow.now)
    uow.media.save(counted, change_type=ChangeType.IMAGE_RETRIED)
    uow.commit()
    return counted


def publish_photos(uow: UnitOfWork, *, store: MediaStore, listing_id: ListingId) -> int:
    """Make the approved photos of a listing public.

    Shape: reads 1 item twice; moves up to 6 objects a photo; commits nothing. Repeating it has no effect. Run late, it
    publishes what is approved by now; of a listing that is taken down, nothing.

    Args:
        uow: Fresh; only read from.
        store: The same tenant's media bucket.
        listing_id: Whose photos.

    Returns:
        How many renditions became public.

    Raises:
        ListingNotFound: No such listing.
        Unavailable: Store or bucket did not respond; some of them may be public.
        Conflict: The listing changed meanwhile; repeating it makes the photos private if it was taken down.
    """
    keys = find_unpublished(uow.listings.get(listing_id), store.list_pending(listing_id))
    store.publish(keys)
    # Its own task may have run before these were public, or this one was interrupted here before.
    retire_photos(uow, store=store, listing_id=listing_id)
    return len(keys)


def retire_photos(uow: UnitOfWork, *, store: MediaStore, listing_id: ListingId) -> int:
    """Make the photos of a rejected, withdrawn or removed listing private.

    Shape: reads 1 item; moves up to 6 objects an image; commits nothing. Repeating it has no effect.

    Args:
        uow: Fresh; only read from.
        store: The same tenant's media bucket.
        listing_id: Whose photos.

    Returns:
        How many renditions were public until now; 0 for a listing that is not taken down.

    Raises:
        ListingNotFound: No such listing.
        Unavailable: Store or bucket did not respond; some of them may still be public.
    """
    if uow.listings.get(listing_id).status not in TAKEN_DOWN:
        return 0
    return store.retire(listing_id)


def find_photos_left(uow: UnitOfWork, *, listing_id: ListingId) -> tuple[str, ...]:
    """Return the public renditions of such a listing that cannot be made private.

    Releases before folders of listings stored a rendition under its hash alone: other listings may show the same
    object, so it is not moved.

    Shape: reads 1 item; commits nothing.

    Raises:
        ListingNotFound: No such listing.
        Unavailable: The store did not respond.
    """
    listing = uow.listings.get(listing_id)
    if listing.status not in TAKEN_DOWN:
        return ()
    keys = {rendition.key for photo in listing.photos for rendition in photo.renditions}
    stored = {object_key(key, listing_id=listing_id, status=listing.status) for key in keys}
    return tuple(sorted(key for key in stored if is_public(key)))


def _await_upload(uow: UnitOfWork, *, media: Media) -> Media:
    last_look = upload_deadline_of(media)
    if uow.now >= last_look:
        expired = msgspec.structs.replace(media, status=MediaStatus.EXPIRED)
        return _settle(uow, media=expired, change_type=ChangeType.IMAGE_EXPIRED, reason_code=ReasonCode.UPLOAD_MISSING)
    if media.due_at == last_look:
        return media
    awaited = next_version(msgspec.structs.replace(media, due_at=last_look), now=uow.now)
    uow.media.save(awaited, change_type=ChangeType.IMAGE_AWAITED)
    uow.commit()
    return awaited


def _render(*, store: MediaStore, codec: ImageCodec, media: Media, upload: StoredObject) -> RenderedImage:
    if upload.bytes == 0:
        raise ImageRefused(RefusalReason.EMPTY)
    if upload.bytes > MAX_IMAGE_BYTES:
        raise ImageRefused(RefusalReason.TOO_LARGE)
    if upload.bytes != media.slot.bytes:
        raise ImageRefused(RefusalReason.SIZE_MISMATCH)
    data = store.read(upload.key, version_id=upload.version_id, max_bytes=MAX_IMAGE_BYTES)
    if media.slot.sha256 is not None and hashlib.sha256(data).hexdigest() != media.slot.sha256:
        raise ImageRefused(RefusalReason.DIGEST_MISMATCH)
    return codec.render(data)


def _store_renditions(store: MediaStore, rendered: RenderedImage, listing_id: ListingId) -> tuple[Rendition, ...]:
    renditions = []
    for made in rendered.renditions:
        key = rendition_key(listing_id, made.sha256, made.content_type)
        store.put_rendition(key, body=made.body, content_type=made.content_type)
        renditions.append(
            Rendition(
                edge_px=made.edge_px,
                width_px=made.width_px,
                height_px=made.height_px,
                content_type=made.content_type,
                bytes=len(made.body),
                sha256=made.sha256,
                key=key,
            )
        )
    return tuple(renditions)


def _settle(uow: UnitOfWork, *, media: Media, change_type: ChangeType, reason_code: Reason | None) -> Media:
    settled = next_version(msgspec.structs.replace(media, due_at=None), now=uow.now)
    uow.media.save(settled, change_type=change_type, reason_code=reason_code)
    uow.commit()
    return settled

"""Photos as pages show them: which rendition where, and what became of an image that is none yet."""

from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from resale.application.queries.listings import BrandListing, ImageView, PhotoView, PublicListing, RenditionView
from resale.domain.ids import MediaId
from resale.domain.media import MediaStatus

THUMBNAIL_PX: Final = 320
DETAIL_PX: Final = 800
LARGE_PX: Final = 1600


class Picture(msgspec.Struct, frozen=True, kw_only=True):
    """A photo in the three sizes pages use, each the nearest there is."""

    id: MediaId
    thumbnail: str
    detail: str
    large: str
    width_px: int
    height_px: int


class UnreadyImage(msgspec.Struct, frozen=True, kw_only=True):
    """An image slot without a photo, and why."""

    id: MediaId
    status: MediaStatus
    reason: str


def list_pictures(listing: PublicListing, *, base_url: str) -> tuple[Picture, ...]:
    """List the photos frozen for review; of a listing never submitted, the images that are ready."""
    if listing.photos:
        return _pictures(listing.photos, base_url)
    if isinstance(listing, BrandListing):
        return _pictures([image for image in listing.images if image.status == MediaStatus.READY], base_url)
    return ()


def list_unready(listing: BrandListing) -> tuple[UnreadyImage, ...]:
    """List the image slots that hold no photo."""
    return tuple(
        UnreadyImage(id=image.id, status=image.status, reason=image.rejection_reason or "")
        for image in listing.images
        if image.status != MediaStatus.READY
    )


def find_cover(listing: PublicListing, *, base_url: str) -> Picture | None:
    """Find the first photo."""
    return next(iter(list_pictures(listing, base_url=base_url)), None)


def _pictures(photos: Iterable[PhotoView | ImageView], base_url: str) -> tuple[Picture, ...]:
    return tuple(_picture(photo, base_url) for photo in photos if photo.renditions)


def _picture(photo: PhotoView | ImageView, base_url: str) -> Picture:
    large = _nearest(photo.renditions, LARGE_PX)
    return Picture(
        id=photo.id,
        thumbnail=_url(base_url, _nearest(photo.renditions, THUMBNAIL_PX)),
        detail=_url(base_url, _nearest(photo.renditions, DETAIL_PX)),
        large=_url(base_url, large),
        width_px=large.width_px,
        height_px=large.height_px,
    )


def _nearest(renditions: Sequence[RenditionView], edge_px: int) -> RenditionView:
    """Take the nearest size, WebP before JPEG: every browser that staff may use shows it."""
    return min(renditions, key=lambda one: (abs(one.edge_px - edge_px), one.content_type != "image/webp"))


def _url(base_url: str, rendition: RenditionView) -> str:
    return f"{base_url}/{rendition.key}"

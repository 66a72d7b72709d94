"""Photos as pages show them: which rendition where, and what became of an image that is none yet."""

from collections.abc import Callable, Iterable, Sequence
from typing import Final

import msgspec

from apps.backoffice.staff_context import StaffContext
from apps.core.container import get_container
from resale.application.queries.listings import BrandListing, ImageView, PhotoView, PublicListing, RenditionView
from resale.domain.ids import MediaId
from resale.domain.listings import object_key
from resale.domain.media import MediaStatus, is_public

THUMBNAIL_PX: Final = 320
DETAIL_PX: Final = 800
LARGE_PX: Final = 1600


URLOf = Callable[[str], str]  # a rendition's key → where it is shown from


class Picture(msgspec.Struct, frozen=True, kw_only=True):
    """A photo in the three sizes pages use, each the nearest there is."""

    id: MediaId
    thumbnail: str
    detail: str
    large: str
    width_px: int
    height_px: int


class PendingImage(msgspec.Struct, frozen=True, kw_only=True):
    """An image slot without a photo, and why."""

    id: MediaId
    status: MediaStatus
    reason: str


def url_of(context: StaffContext, listing: PublicListing) -> URLOf:
    """Return how a page finds the URL of a rendition: its public one, or a link for the tenant's staff alone."""
    links = get_container().private_links(context.tenant)

    def url(key: str) -> str:
        stored_as = object_key(key, listing_id=listing.id, status=listing.status)
        return f"{context.media_base_url}/{stored_as}" if is_public(stored_as) else links.sign(stored_as)

    return url


def list_pictures(listing: PublicListing, *, url_of: URLOf) -> tuple[Picture, ...]:
    """List the photos frozen for review; of a listing never submitted, the images that are ready."""
    if listing.photos:
        return _pictures(listing.photos, url_of)
    if isinstance(listing, BrandListing):
        return _pictures([image for image in listing.images if image.status == MediaStatus.READY], url_of)
    return ()


def list_pending_images(listing: BrandListing) -> tuple[PendingImage, ...]:
    """List the image slots that hold no photo."""
    return tuple(
        PendingImage(id=image.id, status=image.status, reason=image.rejection_reason or "")
        for image in listing.images
        if image.status != MediaStatus.READY
    )


def find_cover(listing: PublicListing, *, url_of: URLOf) -> Picture | None:
    """Find the first photo."""
    return next(iter(list_pictures(listing, url_of=url_of)), None)


def _pictures(photos: Iterable[PhotoView | ImageView], url_of: URLOf) -> tuple[Picture, ...]:
    return tuple(_picture(photo, url_of) for photo in photos if photo.renditions)


def _picture(photo: PhotoView | ImageView, url_of: URLOf) -> Picture:
    large = _nearest(photo.renditions, LARGE_PX)
    return Picture(
        id=photo.id,
        thumbnail=url_of(_nearest(photo.renditions, THUMBNAIL_PX).key),
        detail=url_of(_nearest(photo.renditions, DETAIL_PX).key),
        large=url_of(large.key),
        width_px=large.width_px,
        height_px=large.height_px,
    )


def _nearest(renditions: Sequence[RenditionView], edge_px: int) -> RenditionView:
    """Take the nearest size, WebP before JPEG: every browser that staff may use shows it."""
    return min(renditions, key=lambda one: (abs(one.edge_px - edge_px), one.content_type != "image/webp"))

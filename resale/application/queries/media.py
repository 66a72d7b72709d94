"""Private photos, for callers with permission: where an original is stored, and links to unpublished renditions."""

import functools
from collections.abc import Iterable, Iterator
from typing import TypeGuard

import msgspec

from resale.application.ports import PrivateLinks, Reader
from resale.application.queries.listings import (
    ListingPage,
    OwnerListing,
    PublicListing,
    RenditionView,
    get_listing,
)
from resale.domain.access import Action, Principal, permits
from resale.domain.ids import ListingId, MediaId
from resale.domain.listings import object_key
from resale.domain.media import MediaNotFound, MediaStatus, is_public, original_key
from resale.errors import Forbidden


class OriginalView(msgspec.Struct, frozen=True, kw_only=True):
    """The upload that was used: a later one under the same key is another version."""

    key: str
    version_id: str
    content_type: str


def get_original(*, reader: Reader, principal: Principal, listing_id: ListingId, media_id: MediaId) -> OriginalView:
    """Return the original of a photo, which still contains its metadata: location, camera, time.

    Shape: reads 1 listing and its images.

    Raises:
        ListingNotFound: None that the caller may see.
        Forbidden: The caller may see the listing, not its originals.
        MediaNotFound: No such image, or it was never accepted.
    """
    listing = get_listing(reader=reader, principal=principal, listing_id=listing_id)
    if not permits(Action.VIEW_LISTING_ORIGINALS, principal.standing, listing.status):
        raise Forbidden("Only reviewers of listings can see original images.")
    for image in reader.list_media(listing_id):
        if image.id == media_id and image.status == MediaStatus.READY and image.original_version is not None:
            return OriginalView(
                key=original_key(listing_id, media_id),
                version_id=image.original_version,
                content_type=image.original_content_type or image.slot.content_type,
            )
    raise MediaNotFound


def has_private_photos(view: PublicListing) -> TypeGuard[OwnerListing]:
    """Return whether the caller is shown a rendition that is not public: its link changes with each response."""
    if not isinstance(view, OwnerListing):
        return False
    return any(not is_public(_stored_as(view, rendition)) for rendition in _iter_renditions(view))


def link_private_photos(view: OwnerListing, *, links: PrivateLinks) -> OwnerListing:
    """Replace the key of each rendition that is not public by a signed link.

    Raises:
        Unavailable: No credentials that outlive a link.
    """

    @functools.cache  # a photo and the image it was made from show the same renditions
    def link(rendition: RenditionView) -> RenditionView:
        key = _stored_as(view, rendition)
        return rendition if is_public(key) else msgspec.structs.replace(rendition, key=links.sign(key))

    def with_links(renditions: Iterable[RenditionView]) -> tuple[RenditionView, ...]:
        return tuple(link(rendition) for rendition in renditions)

    return msgspec.structs.replace(
        view,
        photos=tuple(msgspec.structs.replace(each, renditions=with_links(each.renditions)) for each in view.photos),
        images=tuple(msgspec.structs.replace(each, renditions=with_links(each.renditions)) for each in view.images),
    )


def link_private_page(page: ListingPage, *, links: PrivateLinks) -> ListingPage:
    """Link the photos of a page of listings, those that are not public by their smallest renditions alone.

    A page would otherwise hold thousands of links of one or two kilobytes each.

    Raises:
        Unavailable: No credentials that outlive a link.
    """
    data = tuple(
        link_private_photos(_with_smallest(view), links=links) if has_private_photos(view) else view
        for view in page.data
    )
    return msgspec.structs.replace(page, data=data)


def _iter_renditions(view: OwnerListing) -> Iterator[RenditionView]:
    for photo in view.photos:
        yield from photo.renditions
    for image in view.images:
        yield from image.renditions


def _with_smallest(view: OwnerListing) -> OwnerListing:
    def smallest(renditions: tuple[RenditionView, ...]) -> tuple[RenditionView, ...]:
        edge_px = min((one.edge_px for one in renditions), default=0)
        return tuple(one for one in renditions if one.edge_px == edge_px or is_public(_stored_as(view, one)))

    photos = tuple(msgspec.structs.replace(photo, renditions=smallest(photo.renditions)) for photo in view.photos)
    return msgspec.structs.replace(view, photos=photos)


def _stored_as(view: PublicListing, rendition: RenditionView) -> str:
    return object_key(rendition.key, listing_id=view.id, status=view.status)

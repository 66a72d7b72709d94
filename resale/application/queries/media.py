"""Private original images, for callers with permission."""

import msgspec

from resale.application.ports import Reader
from resale.application.queries.listings import get_listing
from resale.domain.access import Action, Principal, permits
from resale.domain.ids import ListingId, MediaId
from resale.domain.media import MediaNotFound, MediaStatus, original_key
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

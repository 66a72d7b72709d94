"""Images of listings, stored beside their listing."""

from typing import Protocol

from resale.application.ports.repositories import WriteRepository
from resale.domain.ids import ListingId, MediaId
from resale.domain.media import Media


class MediaRepository(WriteRepository[Media], Protocol):
    """The repository of images."""

    def get(self, listing_id: ListingId, media_id: MediaId) -> Media:
        """Return an image, from a consistent read. Raises MediaNotFound."""

    def list_of(self, listing_id: ListingId) -> tuple[Media, ...]:
        """Return all images of a listing, in the order in which they were requested."""


class MediaReads(Protocol):
    """Reads of images."""

    def list_media(self, listing_id: ListingId) -> tuple[Media, ...]:
        """Return all images of a listing, from a consistent read."""

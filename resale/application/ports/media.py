"""Images of listings: they lie beside their listing."""

from typing import Protocol

from resale.application.ports.repositories import WriteRepository
from resale.domain.ids import ListingId, MediaId
from resale.domain.media import Media


class MediaRepository(WriteRepository[Media], Protocol):
    """Images of listings."""

    def get(self, listing_id: ListingId, media_id: MediaId) -> Media:
        """Read one, consistently. Raises MediaNotFound."""

    def list_of(self, listing_id: ListingId) -> tuple[Media, ...]:
        """Read all images of a listing, in the order they were asked for."""


class MediaReads(Protocol):
    """Reads of images."""

    def list_media(self, listing_id: ListingId) -> tuple[Media, ...]:
        """Read all images of a listing, consistently."""

"""What an order keeps of its listing: as it was shown, and what carriers and customs need, frozen at the sale."""

import msgspec

from resale.domain.ids import ListingId
from resale.domain.shipping_data import ShippingData


class ListingSnapshot(msgspec.Struct, frozen=True, kw_only=True):
    """The listing as it was shown when it was bought."""

    listing_id: ListingId
    version: int
    title: str
    product: str
    condition: str
    photo_sha256s: tuple[str, ...]
    shipping: ShippingData | None = None  # None: of before it was frozen

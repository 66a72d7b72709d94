"""Reads of listings."""

from typing import Protocol

from resale.application.ports.records import Page
from resale.domain.ids import CustomerId
from resale.domain.listings import ListingStatus


class ListingReads(Protocol):
    """Lists of listings."""

    def list_active_listings(self, *, market: str, limit: int, cursor: str | None) -> Page:
        """Active listings of a market, newest first. Raises InvalidCursor."""

    def list_product_listings(self, *, product: str, limit: int, cursor: str | None) -> Page:
        """Active listings of a product, newest first."""

    def list_seller_listings(self, *, seller_id: CustomerId, limit: int, cursor: str | None) -> Page:
        """All listings of a seller, newest first."""

    def list_review_queue(self, *, limit: int, cursor: str | None) -> Page:
        """Listings waiting for review, oldest first."""

    def list_off_sale(self, *, status: ListingStatus, limit: int, cursor: str | None) -> Page:
        """Listings that are off sale in one state (``OFF_SALE``), newest first."""

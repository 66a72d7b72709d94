"""Reads of listings."""

from typing import Protocol

from resale.application.ports.records import Page
from resale.domain.ids import CustomerId
from resale.domain.listings import ListingStatus


class ListingReads(Protocol):
    """Lists of listings."""

    def list_active_listings(self, *, market: str, limit: int, cursor: str | None) -> Page:
        """List the active listings of a market, newest first. Raises InvalidCursor."""

    def list_product_listings(self, *, product: str, limit: int, cursor: str | None) -> Page:
        """List the active listings of a product, newest first."""

    def list_seller_listings(self, *, seller_id: CustomerId, limit: int, cursor: str | None) -> Page:
        """List all listings of a seller, newest first."""

    def list_review_queue(self, *, limit: int, cursor: str | None) -> Page:
        """List the listings that wait for review, oldest first."""

    def list_off_sale(self, *, status: ListingStatus, limit: int, cursor: str | None) -> Page:
        """List the listings of one status that are not on sale (``OFF_SALE``), newest first."""

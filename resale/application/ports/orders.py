"""Reads of orders."""

from datetime import datetime
from typing import Protocol

from resale.application.ports.records import Page
from resale.domain.ids import CustomerId


class OrderReads(Protocol):
    """Lists of orders."""

    def list_buyer_orders(self, *, buyer_id: CustomerId, limit: int, cursor: str | None) -> Page:
        """List a buyer's orders, newest first."""

    def list_seller_orders(self, *, seller_id: CustomerId, limit: int, cursor: str | None) -> Page:
        """List a seller's sales, newest first."""

    def list_recent_orders(self, *, limit: int, cursor: str | None) -> Page:
        """List all orders, newest first."""

    def find_first_order_time(self) -> datetime | None:
        """Return when the oldest order was created; None if there is none. Eventually consistent."""

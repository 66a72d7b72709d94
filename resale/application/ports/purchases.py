"""Reads of past purchases."""

from typing import Protocol

from resale.application.ports.records import Page
from resale.domain.ids import CustomerId


class PurchaseReads(Protocol):
    """Lists of purchases."""

    def list_customer_purchases(self, *, customer_id: CustomerId, limit: int, cursor: str | None) -> Page:
        """List a customer's past purchases, newest first."""

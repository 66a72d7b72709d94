"""Reads of payouts."""

from typing import Protocol

from resale.application.ports.records import Page
from resale.domain.ids import CustomerId


class PayoutReads(Protocol):
    """Lists of payouts."""

    def list_seller_payouts(self, *, seller_id: CustomerId, limit: int, cursor: str | None) -> Page:
        """A seller's payouts, newest first."""

    def list_recent_payouts(self, *, limit: int, cursor: str | None) -> Page:
        """All payouts, newest first."""

"""Reads of claims."""

from typing import Protocol

from resale.application.ports.records import Page
from resale.domain.ids import CustomerId


class ClaimReads(Protocol):
    """Lists of claims."""

    def list_open_claims(self, *, limit: int, cursor: str | None) -> Page:
        """Claims that are not closed, newest first."""

    def list_buyer_claims(self, *, buyer_id: CustomerId, limit: int, cursor: str | None) -> Page:
        """A buyer's claims, newest first."""

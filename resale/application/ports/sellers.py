"""Reads of seller accounts."""

from typing import Protocol

from resale.application.ports.records import Page


class SellerReads(Protocol):
    """Lists of seller accounts."""

    def list_recent_sellers(self, *, limit: int, cursor: str | None) -> Page:
        """List all seller accounts, the most recently changed first; eventually consistent. Raises InvalidCursor.

        An account that was not written since this list exists is not in it.
        """

"""Reads of payouts."""

from typing import Protocol

from resale.application.ports.records import Page


class PayoutReads(Protocol):
    """Lists of payouts."""

    def list_recent_payouts(self, *, limit: int, cursor: str | None) -> Page:
        """List all payouts, newest first."""

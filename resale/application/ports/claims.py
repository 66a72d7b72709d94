"""Reads of claims."""

from typing import Protocol

from resale.application.ports.records import Page


class ClaimReads(Protocol):
    """Lists of claims."""

    def list_open_claims(self, *, limit: int, cursor: str | None) -> Page:
        """List the claims that are not closed, newest first."""

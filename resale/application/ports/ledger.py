"""The double-entry ledger: what is posted, and how it is read."""

from collections.abc import Iterator
from datetime import date
from typing import Protocol

from resale.application.ports.records import LedgerPage
from resale.domain.ledger import LedgerEntry, LedgerTransaction


class LedgerRepository(Protocol):
    """The double-entry ledger: nothing but new bookings."""

    def post(self, transaction: LedgerTransaction) -> None:
        """Buffer a balanced booking into the commit of what it books; booked before, that fails with AlreadyBooked."""


class LedgerReads(Protocol):
    """Reads of the ledger."""

    def iter_ledger_account(self, name: str) -> Iterator[LedgerEntry]:
        """Go through all entries of an account, consistently."""

    def iter_ledger_source(self, source_id: str) -> Iterator[LedgerEntry]:
        """Go through what was booked for an order or a payout, oldest first; eventually consistent."""

    def iter_ledger_day(self, day: str) -> Iterator[LedgerEntry]:
        """Go through what was booked on a day (``YYYY-MM-DD``, UTC); eventually consistent."""

    def list_ledger_source(self, source_id: str, *, limit: int, cursor: str | None) -> LedgerPage:
        """Bookings of an order or a payout, oldest first; eventually consistent. Raises InvalidCursor."""

    def list_ledger_days(self, *, first: date, last: date, limit: int, cursor: str | None) -> LedgerPage:
        """Bookings of some days in UTC, both included, oldest first; eventually consistent. Raises InvalidCursor."""

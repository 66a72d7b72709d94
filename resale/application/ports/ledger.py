"""The double-entry ledger: posting and reads."""

from collections.abc import Iterator
from datetime import date
from typing import Protocol

from resale.application.ports.records import LedgerPage
from resale.domain.ledger import LedgerEntry, LedgerTransaction


class LedgerRepository(Protocol):
    """Posts ledger transactions. They are never changed."""

    def post(self, transaction: LedgerTransaction) -> None:
        """Buffer a balanced transaction in the commit of its step; if posted before, that fails with AlreadyPosted."""


class LedgerReads(Protocol):
    """Reads of the ledger."""

    def iter_ledger_account(self, name: str) -> Iterator[LedgerEntry]:
        """Iterate over all entries of an account, from consistent reads."""

    def iter_ledger_source(self, source_id: str) -> Iterator[LedgerEntry]:
        """Iterate over the entries of an order or a payout, oldest first; eventually consistent."""

    def iter_ledger_day(self, day: str) -> Iterator[LedgerEntry]:
        """Iterate over the entries of a day (``YYYY-MM-DD``, UTC); eventually consistent."""

    def list_ledger_source(self, source_id: str, *, limit: int, cursor: str | None) -> LedgerPage:
        """List the transactions of an order or a payout, oldest first; eventually consistent. Raises InvalidCursor."""

    def list_ledger_days(self, *, first: date, last: date, limit: int, cursor: str | None) -> LedgerPage:
        """List the transactions of a range of UTC days, oldest first; eventually consistent. Raises InvalidCursor."""

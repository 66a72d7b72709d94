"""The test clock of a sandbox tenant. A live tenant has none: every read raises SandboxOnly and reads no table."""

from typing import Protocol

from resale.application.ports.repositories import WriteRepository
from resale.domain.clocks import Clock
from resale.domain.ids import ClockId


class ClockRepository(WriteRepository[Clock], Protocol):
    """The repository of the test clock. A second one fails the commit with ClockChanged (Conflict)."""

    def find(self) -> Clock | None:
        """Return the test clock, from a consistent read; None if there is none."""

    def get(self, clock_id: ClockId) -> Clock:
        """Return the test clock with this id, from a consistent read. Raises ClockNotFound."""


class ClockReads(Protocol):
    """Reads of the test clock."""

    def find_test_clock(self) -> Clock | None:
        """Return a sandbox tenant's test clock, from a consistent read; None if there is none.

        Raises:
            SandboxOnly: A live tenant; nothing is read.
            Unavailable: The data store did not respond in time. Retry later.
        """

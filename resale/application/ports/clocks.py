"""The test clock of a sandbox tenant. A live tenant has none: every read raises SandboxOnly and reads no table."""

from typing import Protocol

from resale.application.ports.repositories import WriteRepository
from resale.domain.clocks import Clock
from resale.domain.ids import ClockId


class ClockRepository(WriteRepository[Clock], Protocol):
    """The one test clock. A second one fails the commit with ClockChanged (Conflict)."""

    def find(self) -> Clock | None:
        """Read it, consistently; None when there is none."""

    def get(self, clock_id: ClockId) -> Clock:
        """Read it by its id, consistently. Raises ClockNotFound."""


class ClockReads(Protocol):
    """Reads of the test clock."""

    def find_test_clock(self) -> Clock | None:
        """Read a sandbox tenant's test clock, consistently; None when it has none.

        Raises:
            SandboxOnly: A live tenant; nothing is read.
            Unavailable: The data store did not respond in time. Retry later.
        """

"""What is asked of a tenant's change pipeline: how it gets on, and that it is tried."""

from datetime import datetime
from typing import Protocol

from resale.domain.pipeline import PipelineState, TableChanges


class Pipeline(Protocol):
    """One tenant's way of changes from the tables to history."""

    def read_state(self) -> PipelineState:
        """Read the newest heartbeats, which of them history has, and count what was set aside. Raises Unavailable."""

    def read_tables(self) -> tuple[TableChanges, ...]:
        """The same of the tables alone: asks no queue. Raises Unavailable."""

    def write_heartbeats(self, *, now: datetime) -> PipelineState:
        """Look, and write a heartbeat into each table whose newest is old enough; returns what was seen before.

        Several may do so at once: of two that write the same heartbeat, one is stored. Raises Unavailable.
        """

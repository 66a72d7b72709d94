"""The change pipeline of a tenant: its state and its heartbeats."""

from datetime import datetime
from typing import Protocol

from resale.domain.pipeline import PipelineState, TableChanges


class Pipeline(Protocol):
    """The pipeline of one tenant's changes from the tables to history."""

    def read_state(self) -> PipelineState:
        """Return the newest heartbeats, whether history has them, and the changes set aside. Raises Unavailable."""

    def read_tables(self) -> tuple[TableChanges, ...]:
        """Return the state of the tables without calls to queues. Raises Unavailable."""

    def write_heartbeats(self, *, now: datetime) -> PipelineState:
        """Return the state, and write a heartbeat into each table whose newest one is old enough.

        Several may do so at once: of two that write the same heartbeat, one is stored. Raises Unavailable.
        """

"""A tenant's change pipeline as it is looked at: heartbeats in the tables, counts of the queues."""

from datetime import datetime

from resale.adapters.dynamodb.heartbeats import DynamoDBHeartbeats
from resale.application.ports import Queues
from resale.domain.pipeline import PipelineState, TableChanges
from resale.domain.tenants import Resources


class TenantPipeline:
    """Keeps ``resale.application.ports.Pipeline``."""

    def __init__(self, resources: Resources, *, heartbeats: DynamoDBHeartbeats, queues: Queues) -> None:
        self._resources = resources
        self._heartbeats = heartbeats
        self._queues = queues

    def read_state(self) -> PipelineState:
        """Read the newest heartbeats, which of them history has, and count what was set aside."""
        set_aside_url = self._resources.pipes_dlq_url
        return PipelineState(
            tables=self.read_tables(),
            set_aside_count=self._queues.count(set_aside_url) if set_aside_url else 0,
            dead_count=self._queues.count(self._resources.queues.changes.dlq_url),
        )

    def read_tables(self) -> tuple[TableChanges, ...]:
        """The same of the tables alone: asks no queue."""
        return self._heartbeats.read()

    def write_heartbeats(self, *, now: datetime) -> PipelineState:
        """Look, and write a heartbeat into each table whose newest is old enough."""
        state = self.read_state()
        for table in state.tables:
            heartbeat = table.next_heartbeat(now=now)
            if heartbeat is not None:
                self._heartbeats.write(table.table, heartbeat)
        return state

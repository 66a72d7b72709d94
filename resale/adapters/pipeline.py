"""The state of a tenant's change pipeline: heartbeats in the tables, counts of the queues."""

from datetime import datetime

from resale.adapters.dynamodb.heartbeats import DynamoDBHeartbeats
from resale.application.ports import Queues
from resale.domain.pipeline import PipelineState, TableChanges
from resale.domain.tenants import Resources


class TenantPipeline:
    """Implements ``resale.application.ports.Pipeline``."""

    def __init__(self, resources: Resources, *, heartbeats: DynamoDBHeartbeats, queues: Queues) -> None:
        self._resources = resources
        self._heartbeats = heartbeats
        self._queues = queues

    def read_state(self) -> PipelineState:
        """Return the newest heartbeats, whether history has them, and the number of changes set aside."""
        set_aside_url = self._resources.pipes_dlq_url
        return PipelineState(
            tables=self.read_tables(),
            set_aside_count=self._queues.count(set_aside_url) if set_aside_url else 0,
            dead_count=self._queues.count(self._resources.queues.changes.dlq_url),
        )

    def read_tables(self) -> tuple[TableChanges, ...]:
        """Return the state of the tables without calls to queues."""
        return self._heartbeats.read()

    def write_heartbeats(self, *, now: datetime) -> PipelineState:
        """Return the state, and write a heartbeat into each table whose newest one is old enough."""
        state = self.read_state()
        for table in state.tables:
            heartbeat = table.next_heartbeat(now=now)
            if heartbeat is not None:
                self._heartbeats.write(table.table, heartbeat)
        return state

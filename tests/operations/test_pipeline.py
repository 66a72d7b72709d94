"""Heartbeats on the real engines: carried as any change is, missed when nothing carries them, one row of each table."""

import json
import logging
from datetime import datetime, timedelta
from typing import Any

import pytest

from apps.core.logs import Formatter
from apps.workers.changes.consumer import ChangesConsumer
from apps.workers.changes.pipeline_watch import AGE, DEAD, SET_ASIDE, PipelineWatch
from apps.workers.changes.reconciliation import reconcile_tenant
from resale.application.ports import Pipeline
from resale.domain.pipeline import BEAT_EVERY, HEARTBEAT, AuditedTable, PipelineState, PipelineStatus
from tests.fixtures.graveyard import Graveyard
from tests.fixtures.streams import find_end
from tests.operations.world import World
from tests.unit.builders import NOW


class Line:
    """A tenant's pipeline whose Pipes and changes worker run when they are told to."""

    def __init__(self, world: World, start: datetime) -> None:
        self.world = world
        self.now = start
        self.pipeline: Pipeline = world.container.pipeline(world.tenant)
        self.watch = PipelineWatch(tenant=world.tenant, pipeline=self.pipeline)
        self._queues = world.container.queues(world.tenant)
        self._began = find_end(world.container.streams(world.tenant))

    def beat(self) -> None:
        self.now += BEAT_EVERY
        self.pipeline.write_heartbeats(now=self.now)

    def carry(self, *, only: AuditedTable | None = None) -> None:
        """Do what Pipes and changes worker do, for heartbeats alone."""
        bodies = [
            body
            for batch in self.world.container.streams(self.world.tenant).read(self._began)
            for body in batch.bodies
            if HEARTBEAT in body and (only is None or f"heartbeat_{only}" in body)
        ]
        assert self._queues.send(self.world.tenant.resources.queues.changes.url, bodies) == {}
        consumer = ChangesConsumer(
            tenant=self.world.tenant,
            queues=self._queues,
            history=self.world.container.history(self.world.tenant),
            read_row=self.world.container.history_row,
        )
        while consumer.run_once(wait_seconds=0):
            pass

    def look(self, after: timedelta = timedelta()) -> tuple[PipelineStatus, int | None]:
        state = self.pipeline.read_state()
        return state.status(now=self.now + after), state.age_seconds(now=self.now + after)


@pytest.fixture
def line(world: World, graveyard: Graveyard) -> Line:
    """All that was written before has arrived."""
    graveyard.empty()
    state = world.container.pipeline(world.tenant).read_state()
    latest = max((table.heartbeat.at for table in state.tables if table.heartbeat), default=NOW)
    made = Line(world, latest)
    made.beat()
    made.carry()
    return made


MINUTES = timedelta(minutes=10)


class TestPipeline:
    def test_is_well_when_heartbeats_arrive(self, line: Line) -> None:
        for _ in range(2):
            line.beat()
            line.carry()
            assert line.look() == (PipelineStatus.OK, 0)

    def test_that_carries_nothing_shows_by_the_age_of_the_oldest(self, line: Line) -> None:
        line.beat()
        first_lost_at = line.now
        assert line.look(timedelta(seconds=60)) == (PipelineStatus.OK, 60)
        line.beat()
        line.beat()
        assert line.look() == (PipelineStatus.LATE, (line.now - first_lost_at).total_seconds())

    def test_that_lost_heartbeats_is_well_once_the_newest_arrives(self, line: Line) -> None:
        line.beat()
        line.beat()
        line.carry()
        assert line.look() == (PipelineStatus.OK, 0)

    def test_is_late_when_one_table_alone_is_not_carried(self, line: Line) -> None:
        line.beat()
        for table in (AuditedTable.LISTINGS, AuditedTable.CUSTOMERS):
            line.carry(only=table)
        assert line.look(MINUTES) == (PipelineStatus.LATE, MINUTES.total_seconds())

    def test_that_nobody_watches_says_so(self, line: Line) -> None:
        assert line.look(timedelta(hours=1)) == (PipelineStatus.UNWATCHED, 3600)

    def test_keeps_one_row_a_table_the_newest_whatever_arrives_last(self, line: Line) -> None:
        line.beat()
        line.carry()
        line.carry()  # all of the stream's, the oldest last if the queue likes
        before = [table.recorded_version for table in line.pipeline.read_state().tables]
        line.beat()
        line.carry()
        assert [table.recorded_version for table in line.pipeline.read_state().tables] == [one + 1 for one in before]

    def test_two_that_beat_at_once_write_one(self, line: Line) -> None:
        line.now += BEAT_EVERY
        before = line.pipeline.read_state()
        for _ in range(2):
            line.world.container.pipeline(line.world.tenant).write_heartbeats(now=line.now)
        versions = [table.heartbeat.version for table in line.pipeline.read_state().tables if table.heartbeat]
        assert versions == [table.heartbeat.version + 1 for table in before.tables if table.heartbeat]

    def test_is_no_entity_to_reconcile(self, other_world: World) -> None:
        container, tenant = other_world.container, other_world.tenant  # the one with less to reconcile
        container.pipeline(tenant).write_heartbeats(now=NOW)
        found = reconcile_tenant(
            reader=other_world.reader,
            history=container.history(tenant),
            streams=container.streams(tenant),
            read_row=container.history_row,
        )
        assert not [entity_id for entity_id in found.open if "heartbeat" in entity_id]

    def test_counts_what_was_set_aside_and_dead_letters(self, line: Line, graveyard: Graveyard) -> None:
        before = line.pipeline.read_state()
        graveyard.bury("no record", "changes")
        graveyard.owner.send_message(QueueUrl=line.world.tenant.resources.pipes_dlq_url, MessageBody="a letter")
        after: PipelineState = line.pipeline.read_state()
        assert (after.dead_count, after.set_aside_count) == (before.dead_count + 1, before.set_aside_count + 1)

    def test_of_another_tenant_is_another(self, line: Line, other_world: World) -> None:
        before = other_world.container.pipeline(other_world.tenant).read_state()
        line.beat()
        assert other_world.container.pipeline(other_world.tenant).read_state() == before


class TestWatch:
    def test_writes_a_metric_without_dimensions_and_an_error_when_late(
        self, line: Line, caplog: pytest.LogCaptureFixture
    ) -> None:
        line.beat()
        line.now += MINUTES
        with caplog.at_level(logging.INFO):
            line.watch.run_once(now=line.now)
        (metric,) = [self.decoded(record) for record in caplog.records if record.name == "resale.metrics"]
        assert (metric[AGE], metric["tenant"]) == (MINUTES.total_seconds(), line.world.tenant.slug)
        assert {SET_ASIDE, DEAD} <= set(metric)
        (directive,) = metric["_aws"]["CloudWatchMetrics"]
        assert directive["Dimensions"] == [[]]
        assert {one["Name"] for one in directive["Metrics"]} == {AGE, SET_ASIDE, DEAD}
        (late,) = [record for record in caplog.records if getattr(record, "event", "") == "pipeline.late"]
        assert late.levelno == logging.ERROR

    def test_looks_every_two_minutes_however_often_it_is_asked(self, line: Line) -> None:
        seen = [line.watch.run_once(now=line.now + timedelta(seconds=seconds)) for seconds in (0, 5, 119, 120)]
        assert [one is not None for one in seen] == [True, False, False, True]

    def decoded(self, record: logging.LogRecord) -> Any:
        return json.loads(Formatter().format(record))

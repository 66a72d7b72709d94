"""How old the oldest change is that is not in history, as heartbeats show it."""

from datetime import timedelta

import pytest

from resale.domain.pipeline import (
    BEAT_EVERY,
    LATE_AFTER,
    UNWATCHED_AFTER,
    AuditedTable,
    Heartbeat,
    PipelineState,
    PipelineStatus,
    TableChanges,
)
from tests.unit.builders import NOW

SECOND = timedelta(seconds=1)


def changes(*, recorded: int, version: int = 3, waiting: timedelta = timedelta()) -> TableChanges:
    """A table whose newest heartbeat was written now."""
    heartbeat = Heartbeat(version=version, at=NOW, waiting_since=NOW - waiting)
    return TableChanges(table=AuditedTable.ORDERS, heartbeat=heartbeat, recorded_version=recorded)


NEVER = TableChanges(table=AuditedTable.LISTINGS, heartbeat=None, recorded_version=0)


class TestAge:
    def test_is_unknown_before_the_first_heartbeat(self) -> None:
        assert NEVER.age(now=NOW) is None
        assert NEVER.status(now=NOW) == PipelineStatus.UNKNOWN

    @pytest.mark.parametrize(
        ("after", "status"), [(LATE_AFTER, PipelineStatus.OK), (LATE_AFTER + SECOND, PipelineStatus.LATE)]
    )
    def test_is_counted_from_the_oldest_one_that_has_not_arrived(
        self, after: timedelta, status: PipelineStatus
    ) -> None:
        on_the_way = changes(recorded=2, waiting=timedelta())
        assert on_the_way.age(now=NOW + after) == after
        assert on_the_way.status(now=NOW + after) == status
        assert changes(recorded=2, waiting=3 * BEAT_EVERY).age(now=NOW) == 3 * BEAT_EVERY

    def test_is_nothing_when_the_newest_arrived_although_one_before_it_is_lost(self) -> None:
        arrived = changes(recorded=3, waiting=3 * BEAT_EVERY)
        assert (arrived.age(now=NOW), arrived.status(now=NOW)) == (timedelta(), PipelineStatus.OK)

    def test_is_counted_from_the_last_one_when_nobody_wrote_another(self) -> None:
        arrived = changes(recorded=3)
        assert arrived.age(now=NOW + UNWATCHED_AFTER) == timedelta()
        silent = UNWATCHED_AFTER + SECOND
        assert arrived.age(now=NOW + silent) == silent
        assert arrived.status(now=NOW + silent) == PipelineStatus.UNWATCHED


class TestNextHeartbeat:
    def test_is_written_when_the_last_one_is_old_enough(self) -> None:
        assert NEVER.next_heartbeat(now=NOW) == Heartbeat(version=1, at=NOW, waiting_since=NOW)
        assert changes(recorded=3).next_heartbeat(now=NOW + BEAT_EVERY - SECOND) is None
        then = NOW + BEAT_EVERY
        assert changes(recorded=3).next_heartbeat(now=then) == Heartbeat(version=4, at=then, waiting_since=then)

    def test_remembers_since_when_none_arrived(self) -> None:
        then = NOW + BEAT_EVERY
        assert changes(recorded=2).next_heartbeat(now=then) == Heartbeat(version=4, at=then, waiting_since=NOW)


class TestState:
    def test_is_that_of_the_worst_table(self) -> None:
        late, fine = changes(recorded=0, waiting=BEAT_EVERY), changes(recorded=3)
        state = PipelineState(tables=(fine, NEVER, late), set_aside_count=0, dead_count=0)
        assert state.age_seconds(now=NOW) == BEAT_EVERY.total_seconds()
        assert state.status(now=NOW) == PipelineStatus.LATE
        nothing = PipelineState(tables=(NEVER,), set_aside_count=0, dead_count=0)
        assert (nothing.age_seconds(now=NOW), nothing.status(now=NOW)) == (None, PipelineStatus.UNKNOWN)

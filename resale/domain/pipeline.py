"""The way of a change from its table's stream to history, and how old the oldest change is that is not there yet.

A queue that is empty and a way that is dead look alike. So the sweep writes a heartbeat into each audited table, an
item with a change like any other's, and looks whether history has it.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

import msgspec

HEARTBEAT: Final = "pipeline.heartbeat"  # the type of a heartbeat's change
BEAT_EVERY: Final = timedelta(minutes=5)
LATE_AFTER: Final = timedelta(minutes=2)  # a change takes a second or two
UNWATCHED_AFTER: Final = timedelta(minutes=15)  # three heartbeats that nobody wrote


class AuditedTable(StrEnum):
    """The tables whose changes are carried, as the tenant's resource map calls them; each has a Pipe of its own."""

    LISTINGS = "listings"
    ORDERS = "orders"
    CUSTOMERS = "customers"


class PipelineStatus(StrEnum):
    """How the changes of a table, or of a tenant, get on."""

    OK = "ok"
    UNKNOWN = "unknown"  # no heartbeat was written yet
    UNWATCHED = "unwatched"  # the last heartbeat arrived, and none was written since: the sweep is not there
    LATE = "late"


_WORST_LAST: Final = tuple(PipelineStatus)


class Heartbeat(msgspec.Struct, frozen=True, kw_only=True):
    """The newest heartbeat of a table. ``waiting_since`` is when the oldest one was written that is not in history."""

    version: int
    at: datetime
    waiting_since: datetime


class TableChanges(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of one table's changes: its newest heartbeat, and the version of it that history has."""

    table: AuditedTable
    heartbeat: Heartbeat | None
    recorded_version: int

    @property
    def has_arrived(self) -> bool:
        """Say whether history has the newest heartbeat."""
        return self.heartbeat is not None and self.recorded_version >= self.heartbeat.version

    def age(self, *, now: datetime) -> timedelta | None:
        """How old the oldest change is that is not in history; None while nothing was written.

        While the newest heartbeat is there, nothing older waits behind it. When none was written for long, nothing is
        known since the last one: the age is counted from it.
        """
        if self.heartbeat is None:
            return None
        if not self.has_arrived:
            return max(now - self.heartbeat.waiting_since, timedelta())
        silent = now - self.heartbeat.at
        return silent if silent > UNWATCHED_AFTER else timedelta()

    def status(self, *, now: datetime) -> PipelineStatus:
        """Name the age."""
        age = self.age(now=now)
        if age is None:
            return PipelineStatus.UNKNOWN
        if self.has_arrived:
            return PipelineStatus.UNWATCHED if age else PipelineStatus.OK
        return PipelineStatus.LATE if age > LATE_AFTER else PipelineStatus.OK

    def next_heartbeat(self, *, now: datetime) -> Heartbeat | None:
        """Return the heartbeat to write now; None while the newest one is young enough."""
        known = self.heartbeat
        if known is None:
            return Heartbeat(version=1, at=now, waiting_since=now)
        if now - known.at < BEAT_EVERY:
            return None
        waiting_since = now if self.has_arrived else known.waiting_since
        return Heartbeat(version=known.version + 1, at=now, waiting_since=waiting_since)


class PipelineState(msgspec.Struct, frozen=True, kw_only=True):
    """A tenant's changes: its tables', what a Pipe set aside, and the dead letters of the changes queue."""

    tables: tuple[TableChanges, ...]
    set_aside_count: int
    dead_count: int

    def age_seconds(self, *, now: datetime) -> int | None:
        """How old the oldest change is that is not in history, over all tables; None while nothing is known."""
        return age_seconds_of(self.tables, now=now)

    def status(self, *, now: datetime) -> PipelineStatus:
        """Name the worst table's."""
        return status_of(self.tables, now=now)


def age_seconds_of(tables: Sequence[TableChanges], *, now: datetime) -> int | None:
    """How old the oldest change is that is not in history, over some tables; None while nothing is known."""
    ages = [age for table in tables if (age := table.age(now=now)) is not None]
    return int(max(ages).total_seconds()) if ages else None


def status_of(tables: Sequence[TableChanges], *, now: datetime) -> PipelineStatus:
    """Name the worst table's."""
    return max((table.status(now=now) for table in tables), key=_WORST_LAST.index)

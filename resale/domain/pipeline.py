"""The change pipeline from a table's stream to history, and the age of its oldest missing change.

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
    """The tables with a Pipe, named as in the tenant's resource map."""

    LISTINGS = "listings"
    ORDERS = "orders"
    CUSTOMERS = "customers"


class PipelineStatus(StrEnum):
    """Whether changes of a table, or of a tenant, arrive in time."""

    OK = "ok"
    UNKNOWN = "unknown"  # no heartbeat was written yet
    UNWATCHED = "unwatched"  # the last heartbeat arrived, and none was written since: the sweep is not there
    LATE = "late"


_WORST_LAST: Final = tuple(PipelineStatus)


class Heartbeat(msgspec.Struct, frozen=True, kw_only=True):
    """The newest heartbeat of a table. ``waiting_since`` is the time of the oldest one that is not in history."""

    version: int
    at: datetime
    waiting_since: datetime


class TableChanges(msgspec.Struct, frozen=True, kw_only=True):
    """The changes of one table: its newest heartbeat, and the version of it in history."""

    table: AuditedTable
    heartbeat: Heartbeat | None
    recorded_version: int

    @property
    def has_arrived(self) -> bool:
        """Whether history has the newest heartbeat."""
        return self.heartbeat is not None and self.recorded_version >= self.heartbeat.version

    def age(self, *, now: datetime) -> timedelta | None:
        """Return the age of the oldest change that is not in history; None before the first heartbeat.

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
        """Return the status for the age."""
        age = self.age(now=now)
        if age is None:
            return PipelineStatus.UNKNOWN
        if self.has_arrived:
            return PipelineStatus.UNWATCHED if age else PipelineStatus.OK
        return PipelineStatus.LATE if age > LATE_AFTER else PipelineStatus.OK

    def next_heartbeat(self, *, now: datetime) -> Heartbeat | None:
        """Return the heartbeat to write now; None while the newest one is recent."""
        known = self.heartbeat
        if known is None:
            return Heartbeat(version=1, at=now, waiting_since=now)
        if now - known.at < BEAT_EVERY:
            return None
        waiting_since = now if self.has_arrived else known.waiting_since
        return Heartbeat(version=known.version + 1, at=now, waiting_since=waiting_since)


class PipelineState(msgspec.Struct, frozen=True, kw_only=True):
    """The changes of a tenant: of its tables, those set aside, and the dead letters of the changes queue."""

    tables: tuple[TableChanges, ...]
    set_aside_count: int
    dead_count: int

    def age_seconds(self, *, now: datetime) -> int | None:
        """Return the age of the oldest change that is not in history, over all tables; None if unknown."""
        return age_seconds_of(self.tables, now=now)

    def status(self, *, now: datetime) -> PipelineStatus:
        """Return the worst status of all tables."""
        return status_of(self.tables, now=now)


def age_seconds_of(tables: Sequence[TableChanges], *, now: datetime) -> int | None:
    """Return the age of the oldest change that is not in history, over some tables; None if unknown."""
    ages = [age for table in tables if (age := table.age(now=now)) is not None]
    return int(max(ages).total_seconds()) if ages else None


def status_of(tables: Sequence[TableChanges], *, now: datetime) -> PipelineStatus:
    """Return the worst status of some tables."""
    return max((table.status(now=now) for table in tables), key=_WORST_LAST.index)

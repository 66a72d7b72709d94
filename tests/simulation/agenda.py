"""The clock of a run, and what the world will do by itself: partners' own moves and their webhooks."""

from collections.abc import Callable
from datetime import datetime, timedelta

import msgspec

from tests.simulation.chance import Chance


class Entry(msgspec.Struct, kw_only=True):
    """Something that happens at a moment."""

    at: datetime
    what: str
    act: Callable[[], object]


class Agenda:
    """The run's clock, and the entries that are still to come."""

    def __init__(self, chance: Chance, begin: datetime) -> None:
        self._chance = chance
        self._entries: list[Entry] = []
        self.now = begin

    def add(self, what: str, act: Callable[[], object], *, after: timedelta = timedelta()) -> None:
        self._entries.append(Entry(at=self.now + after, what=what, act=act))

    def add_within(self, what: str, act: Callable[[], object], *, low: timedelta, high: timedelta) -> None:
        seconds = self._chance.between(int(low.total_seconds()), int(high.total_seconds()))
        self.add(what, act, after=timedelta(seconds=seconds))

    def pop_due(self) -> Entry | None:
        """Take one that is due, whichever."""
        due = [entry for entry in self._entries if entry.at <= self.now]
        if not due:
            return None
        entry = self._chance.pick(due)
        self._entries.remove(entry)
        return entry

    def next_at(self) -> datetime | None:
        return min((entry.at for entry in self._entries), default=None)

    def due_count(self) -> int:
        return sum(entry.at <= self.now for entry in self._entries)

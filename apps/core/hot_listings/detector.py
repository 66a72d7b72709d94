"""Detection of keys whose events come at a high rate: bounded counters in two windows that follow each other."""

import threading
import time
from collections.abc import Callable, Hashable
from typing import Final

Clock = Callable[[], float]

WINDOW_SECONDS: Final = 1.0
MOST_COUNTERS: Final = 1024  # about 0.3 MiB; see ``HotKeys``


class HotKeys:
    """The keys whose events come at a high rate in this process. Used by all of its threads.

    A key's rate is its events in the current window and, of the window before, the part that lies within the last
    second. It is hot from ``hot_per_second`` on, until a whole window had fewer than ``cool_per_second`` of its events.

    There are at most ``most`` counters. A key beyond them takes 1 from all counters, and those at zero end (Misra and
    Gries, "Finding repeated elements", 1982): a key is underestimated by at most a ``most``-th of all events of a
    window, so what is hot is found whatever else is read, and ids that are made up cost no memory.

    Args:
        hot_per_second: Events in a second at which a key becomes hot.
        cool_per_second: Events in a second below which it is hot no longer.
        most: Counters.
        clock: Monotonic seconds.
    """

    def __init__(
        self,
        *,
        hot_per_second: float,
        cool_per_second: float,
        most: int = MOST_COUNTERS,
        clock: Clock = time.monotonic,
    ) -> None:
        self._hot_count = hot_per_second * WINDOW_SECONDS
        self._cool_count = cool_per_second * WINDOW_SECONDS
        self._most = most
        self._clock = clock
        self._lock = threading.Lock()
        self._before: dict[Hashable, int] = {}
        self._counts: dict[Hashable, int] = {}
        self._hot: set[Hashable] = set()
        self._ends_at = clock() + WINDOW_SECONDS

    def count(self, key: Hashable) -> bool:
        """Count an event of a key; return whether the key is hot."""
        now = self._clock()
        with self._lock:
            if now >= self._ends_at:
                self._rotate(now)
            counts = self._counts
            found = counts[key] = counts.get(key, 0) + 1
            if key in self._hot:
                return True
            if len(counts) > self._most:
                self._decrement()
            part = (self._ends_at - now) / WINDOW_SECONDS
            if found + self._before.get(key, 0) * part < self._hot_count:
                return False
            self._hot.add(key)
            return True

    def is_hot(self, key: Hashable) -> bool:
        """Return whether a key was hot at its last event."""
        return key in self._hot

    def __len__(self) -> int:
        return len(self._counts)

    def _rotate(self, now: float) -> None:
        """Begin a window, and release the keys that were quiet in the one that ended."""
        is_next = now < self._ends_at + WINDOW_SECONDS
        self._before = self._counts if is_next else {}
        self._counts = {}
        self._ends_at = self._ends_at + WINDOW_SECONDS if is_next else now + WINDOW_SECONDS
        if self._hot:
            self._hot = {key for key in self._hot if self._before.get(key, 0) >= self._cool_count}

    def _decrement(self) -> None:
        self._counts = {key: count - 1 for key, count in self._counts.items() if count > 1}

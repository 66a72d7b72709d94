"""The order in which requests get a thread: in turn by API key, so that one shop's queue is not everybody's."""

from collections import Counter, OrderedDict, deque
from enum import Enum, auto
from typing import Final, Generic, TypeVar

T = TypeVar("T")

_SPARE_THREADS: Final = 2  # that one key never takes, when there are enough
_WAITING_PER_THREAD: Final = 40  # more than orders may wait: before, the priorities decide (``fair_shares.priorities``)


class Place(Enum):
    """What becomes of a request that asks for a thread."""

    RUN = auto()
    WAIT = auto()
    FULL = auto()


class FairLine(Generic[T]):
    """Requests that run and wait, by API key. Used by the poll loop alone.

    A key runs at most all threads but two, and waits with a bounded number of requests. Requests without a key (admin,
    webhooks) have one line together, of any length. A free thread goes to the next key that waits.

    Args:
        threads: Number of threads.
    """

    def __init__(self, threads: int) -> None:
        self._threads = threads
        self.most_running = max(threads - _SPARE_THREADS, 1)
        self._most_waiting = threads * _WAITING_PER_THREAD
        self._running: Counter[bytes] = Counter()
        self._running_count = 0
        self._waiting: OrderedDict[bytes, deque[T]] = OrderedDict()

    def enter(self, key: bytes, item: T) -> Place:
        """Return whether a request can run now; if it must wait, ``leave`` returns it in its turn."""
        if self._running_count < self._threads and self._running[key] < self.most_running:
            self._start(key)
            return Place.RUN
        waiting = self._waiting.setdefault(key, deque())
        if key and len(waiting) >= self._most_waiting:
            return Place.FULL
        waiting.append(item)
        return Place.WAIT

    def leave(self, key: bytes) -> T | None:
        """End a running request; return the next one to run, if any."""
        self._running_count -= 1
        self._running[key] -= 1
        if not self._running[key]:
            del self._running[key]
        following = next((one for one in self._waiting if self._running[one] < self.most_running), None)
        if following is None:
            return None
        waiting = self._waiting[following]
        item = waiting.popleft()
        if waiting:
            self._waiting.move_to_end(following)
        else:
            del self._waiting[following]
        self._start(following)
        return item

    def _start(self, key: bytes) -> None:
        self._running_count += 1
        self._running[key] += 1

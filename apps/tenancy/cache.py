"""A bounded read-through cache that survives its source: fresh for seconds, served stale while the source is down."""

import threading
import time
from collections.abc import Callable, Hashable
from typing import Final, Generic, TypeVar

import msgspec

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

Clock = Callable[[], float]
_STRIPES: Final = 64
_PATIENCE_SECONDS: Final = 1.0  # with another thread that loads the same key


class SourceDown(Exception):  # noqa: N818 - it says what is the case
    """Raised when the source does not respond and no recent enough value is cached."""


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """Limits of a cache in time and size."""

    fresh_seconds: float = 30.0
    absent_seconds: float = 5.0  # a new key works everywhere this soon
    stale_seconds: float = 3600.0
    max_entries: int = 10_000
    max_absent: int = 10_000


class Source:
    """The health of the source behind several caches. It is shared, so that one failure saves the others a timeout."""

    def __init__(self, clock: Clock = time.monotonic, retry_seconds: float = 5.0) -> None:
        self.clock = clock
        self._retry_seconds = retry_seconds
        self._lock = threading.Lock()
        self.failing = False
        self._next_try_at = 0.0

    def is_call_due(self) -> bool:
        """Return whether to call the source: always while it is healthy, else one caller in ``retry_seconds``."""
        if not self.failing:
            return True
        with self._lock:
            now = self.clock()
            if now < self._next_try_at:
                return False
            self._next_try_at = now + self._retry_seconds
            return True

    def record_failure(self) -> None:
        """Record that the source failed."""
        with self._lock:
            self.failing = True
            self._next_try_at = self.clock() + self._retry_seconds

    def record_success(self) -> None:
        """Record that the source responded."""
        self.failing = False


class ReadThroughCache(Generic[K, V]):
    """Values by key, each loaded by one thread at a time. Absent keys have their own limit and evict no values.

    Reading a fresh value takes no lock: dict operations are atomic, entries are never changed in place.
    """

    def __init__(
        self,
        load: Callable[[K], V | None],
        *,
        source: Source,
        down: type[Exception],
        limits: Limits | None = None,
        stale_seconds_of: Callable[[V], float] | None = None,
    ) -> None:
        """Store the parts. ``stale_seconds_of`` bounds how long one value is served stale, within the limits."""
        self._stale_seconds_of = stale_seconds_of
        self._load = load
        self._source = source
        self._down = down
        self._limits = limits or Limits()
        self._present: dict[K, tuple[V, float]] = {}
        self._absent: dict[K, float] = {}
        self._stripes = tuple(threading.Lock() for _ in range(_STRIPES))

    def get(self, key: K) -> V | None:
        """Return a value; None if there is none.

        Raises:
            SourceDown: Not known, or known too long ago, and the source is down.
        """
        entry = self._present.get(key)
        if entry is not None and self._source.clock() - entry[1] < self._limits.fresh_seconds:
            return entry[0]
        return self._refresh(key)

    def age_seconds(self, key: K) -> float:
        """Return how long ago the value of a key was loaded; 0 if none is known."""
        entry = self._present.get(key)
        return 0.0 if entry is None else self._source.clock() - entry[1]

    def forget(self, key: K) -> None:
        """Forget a key, so that the next read loads it."""
        self._present.pop(key, None)
        self._absent.pop(key, None)

    def has_values(self) -> bool:
        """Return whether a value is cached that can be served while the source is down."""
        youngest = [*self._present.values()][-1:]  # a copy: other threads change it
        return any(self._source.clock() - loaded_at <= self._stale_seconds(value) for value, loaded_at in youngest)

    def clear(self) -> None:
        """Forget all keys."""
        self._present.clear()
        self._absent.clear()

    def __len__(self) -> int:
        return len(self._present) + len(self._absent)

    def _refresh(self, key: K) -> V | None:
        stripe = self._stripes[hash(key) % _STRIPES]
        # While the source is down only one thread spends its time on trying; the others take what is there. So they do
        # when it stands still, which the thread that waits for it notices last.
        if not stripe.acquire(timeout=0 if self._source.failing else _PATIENCE_SECONDS):
            return self._stale(key)
        try:
            now = self._source.clock()
            entry = self._present.get(key)  # another thread may have loaded it while this one waited
            if entry is not None and now - entry[1] < self._limits.fresh_seconds:
                return entry[0]
            if now - self._absent.get(key, float("-inf")) < self._limits.absent_seconds:
                return None
            return self._load_or_stale(key)
        finally:
            stripe.release()

    def _load_or_stale(self, key: K) -> V | None:
        if not self._source.is_call_due():
            return self._stale(key)
        try:
            value = self._load(key)
        except self._down:
            self._source.record_failure()
            return self._stale(key)
        self._source.record_success()
        self._keep(key, value)
        return value

    def _stale(self, key: K) -> V:
        entry = self._present.get(key)
        if entry is None or self._source.clock() - entry[1] > self._stale_seconds(entry[0]):
            raise SourceDown
        return entry[0]

    def _stale_seconds(self, value: V) -> float:
        own = self._limits.stale_seconds if self._stale_seconds_of is None else self._stale_seconds_of(value)
        return min(own, self._limits.stale_seconds)

    def _keep(self, key: K, value: V | None) -> None:
        self.forget(key)  # what is kept anew becomes the youngest
        now = self._source.clock()
        if value is None:
            self._absent[key] = now
            _drop_oldest(self._absent, self._limits.max_absent)
        else:
            self._present[key] = (value, now)
            _drop_oldest(self._present, self._limits.max_entries)


def _drop_oldest(entries: dict[K, V], most: int) -> None:
    while len(entries) > most:
        try:
            entries.pop(next(iter(entries)), None)
        except (StopIteration, RuntimeError):  # another thread changed it: it drops as well
            return

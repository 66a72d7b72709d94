"""Copies of what many requests read at the same time: short-lived, read by one of them for all."""

import threading
import time
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from typing import Final, Generic, NamedTuple, TypeVar

T = TypeVar("T")

COPY_SECONDS: Final = 1.0  # the age at which nobody receives a copy any more
MOST_COPIES: Final = 256  # of at most 100 KB each (``MAX_ITEM_BYTES``)


class _Copy(NamedTuple, Generic[T]):
    """A value and the moment (monotonic seconds) until which it is current enough."""

    value: T
    until: float


class _Read(NamedTuple, Generic[T]):
    """A read that is under way; who begins before ``until`` can share its result."""

    result: Future[T]
    until: float


class Copies(Generic[T]):
    """Values by key, each read by one thread and shared by the others. Used by all threads of a process.

    The age of a copy counts from the beginning of its read, so that a value is never older than ``seconds`` when it is
    handed out, however long the read took. ``invalidate`` also detaches a read that is under way: its value reaches
    those who waited for it already, and is kept for nobody after.

    Args:
        seconds: Age at which a copy ends.
        most: Copies; the oldest ends first.
        clock: Monotonic seconds.
    """

    def __init__(
        self, *, seconds: float = COPY_SECONDS, most: int = MOST_COPIES, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._seconds = seconds
        self._most = most
        self._clock = clock
        self._lock = threading.Lock()
        self._copies: dict[Hashable, _Copy[T]] = {}  # the oldest first
        self._reads: dict[Hashable, _Read[T]] = {}

    def get(self, key: Hashable, read: Callable[[], T]) -> T:
        """Return the copy of a key, or read it, or wait for the thread that reads it.

        Args:
            key: Of the value.
            read: Reads it; called by at most one thread at a time, unless the read takes longer than a copy lives.

        Raises:
            Exception: Whatever ``read`` raises, to all who wait for it. Nothing is kept then.
        """
        now = self._clock()
        copy = self._copies.get(key)
        if copy is not None and now < copy.until:
            return copy.value
        with self._lock:
            copy = self._copies.get(key)
            if copy is not None and now < copy.until:
                return copy.value
            under_way = self._reads.get(key)
            if is_mine := under_way is None or now >= under_way.until:
                under_way = self._reads[key] = _Read(Future(), now + self._seconds)
        return self._read(key, under_way, read) if is_mine else under_way.result.result()

    def invalidate(self, key: Hashable) -> None:
        """End the copy of a key that has changed; the next request reads it."""
        with self._lock:  # always: between the end of a read and its copy, neither shows the key
            self._copies.pop(key, None)
            self._reads.pop(key, None)

    def __len__(self) -> int:
        return len(self._copies)

    def _read(self, key: Hashable, mine: _Read[T], read: Callable[[], T]) -> T:
        try:
            value = read()
        except BaseException as error:
            with self._lock:
                self._end(key, mine)
            mine.result.set_exception(error)
            raise
        with self._lock:
            if self._end(key, mine):
                self._copies.pop(key, None)  # to its place at the end
                self._copies[key] = _Copy(value, mine.until)
                if len(self._copies) > self._most:
                    del self._copies[next(iter(self._copies))]
        mine.result.set_result(value)
        return value

    def _end(self, key: Hashable, mine: _Read[T]) -> bool:
        """End a read; return whether its value may be kept: no change and no later read has taken its place."""
        if self._reads.get(key) is not mine:
            return False
        del self._reads[key]
        return True

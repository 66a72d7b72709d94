"""A limit on concurrent work in this process, with a short bounded queue in front of it."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class ConcurrencyLimitError(Exception):
    """Raised when the limit and its queue are full; retry after ``retry_after_seconds``."""

    retry_after_seconds = 2


class ConcurrencyLimit:
    """Limits how many threads run something and how many wait for it, so that the other threads stay free."""

    def __init__(self, *, running: int, waiting: int, wait_seconds: float) -> None:
        self._places = threading.BoundedSemaphore(running + waiting)
        self._running = threading.BoundedSemaphore(running)
        self._wait_seconds = wait_seconds

    @contextmanager
    def enter(self) -> Iterator[None]:
        """Run the block within the limit. Raises ConcurrencyLimitError.

        Raises:
            ConcurrencyLimitError: Too many run and wait already, or the turn did not come in time.
        """
        if not self._places.acquire(blocking=False):
            raise ConcurrencyLimitError
        try:
            if not self._running.acquire(timeout=self._wait_seconds):
                raise ConcurrencyLimitError
            try:
                yield
            finally:
                self._running.release()
        finally:
            self._places.release()

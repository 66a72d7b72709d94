"""A lane: work that may run a few at a time in this process, with a short line before it and no more."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class LaneBusyError(Exception):
    """The lane and the line before it are full; ask again in ``retry_after_seconds``."""

    retry_after_seconds = 2


class Lane:
    """Bounds how many threads run something and how many wait for it, so that the other threads stay free."""

    def __init__(self, *, running: int, waiting: int, wait_seconds: float) -> None:
        self._places = threading.BoundedSemaphore(running + waiting)
        self._running = threading.BoundedSemaphore(running)
        self._wait_seconds = wait_seconds

    @contextmanager
    def enter(self) -> Iterator[None]:
        """Run the block in the lane.

        Raises:
            LaneBusyError: Too many run and wait already, or the turn did not come in time.
        """
        if not self._places.acquire(blocking=False):
            raise LaneBusyError
        try:
            if not self._running.acquire(timeout=self._wait_seconds):
                raise LaneBusyError
            try:
                yield
            finally:
                self._running.release()
        finally:
            self._places.release()

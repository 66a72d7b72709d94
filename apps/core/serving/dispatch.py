"""Threads for requests: each in its turn, health checks in a thread of their own."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

from apps.core.fair_shares.process import LOAD
from apps.core.serving.connections import Connection
from apps.core.serving.fair_line import FairLine, Place
from apps.core.serving.request_handling import HandledRequest

Handled = Future[HandledRequest]


class Dispatcher:
    """Runs requests in threads, by their turn. Used by the poll loop alone.

    Args:
        threads: Number of threads.
        handle: Handles a request, in a thread.
        finished: Is called in that thread when a request was handled.
    """

    def __init__(
        self,
        *,
        threads: int,
        handle: Callable[[Connection], HandledRequest],
        finished: Callable[[Connection, Handled], object],
    ) -> None:
        self._handle = handle
        self._finished = finished
        self._health_thread = ThreadPoolExecutor(max_workers=1)
        self.line: FairLine[Connection] = FairLine(threads)
        LOAD.set_threads(threads)

    def start(self, conn: Connection, pool: ThreadPoolExecutor) -> bool:
        """Run a request, now or in its turn; return False if too many with its API key wait already."""
        if conn.received.whole and conn.received.is_health_check:
            conn.share = None
            self._submit(conn, self._health_thread)
            return True
        conn.share = conn.received.api_key
        place = self.line.enter(conn.share, conn)
        if place is Place.FULL:
            return False
        LOAD.enter(conn.share)
        if place is Place.RUN:
            self._submit(conn, pool)
        return True

    def finish(self, conn: Connection, pool: ThreadPoolExecutor) -> None:
        """End a request that was handled, and run the next one."""
        if conn.share is None:
            return
        LOAD.leave(conn.share)
        following = self.line.leave(conn.share)
        if following is not None:
            self._submit(following, pool)

    def shutdown(self) -> None:
        """End the thread of health checks."""
        self._health_thread.shutdown(wait=False)

    def _submit(self, conn: Connection, pool: ThreadPoolExecutor) -> None:
        pool.submit(self._handle, conn).add_done_callback(lambda done: self._finished(conn, done))

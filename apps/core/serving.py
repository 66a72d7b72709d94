"""Gunicorn's threaded worker, with an end to how long a request may take to arrive."""

import socket
import time
from contextlib import suppress
from typing import Any, Final

from gunicorn import util
from gunicorn.http.errors import NoMoreData
from gunicorn.http.unreader import SocketUnreader
from gunicorn.workers import gthread


class DeadlineUnreader(SocketUnreader):  # type: ignore[misc]  # gunicorn ships no types
    """Reads a connection until ``deadline`` (monotonic seconds): headers, body and what is thrown away, all in one.

    A read past it ends as one from a client that hung up: gunicorn closes without a word while it reads headers, and
    the application meets an OSError while it reads the body.
    """

    deadline = 0.0

    def chunk(self, size_hint: int | None = None) -> bytes:
        """Receive what is there, or wait for more for as long as there is time, and the socket has patience."""
        size = min(max(size_hint or 0, self.mxchunk), self.max_body_chunk)
        try:
            if time.monotonic() < self.deadline:
                return self._receive(size)
        except TimeoutError:
            pass
        raise NoMoreData(b"")

    def _receive(self, size: int) -> bytes:
        connection: socket.socket = self.sock
        patience = connection.gettimeout()
        if patience is None:
            with suppress(BlockingIOError):
                return connection.recv(size, socket.MSG_DONTWAIT)  # as a rule all of a request is there already
        left = max(self.deadline - time.monotonic(), 0.001)
        connection.settimeout(left if patience is None else min(left, patience))
        try:
            return connection.recv(size)
        finally:
            connection.settimeout(patience)


class DeadlineWorker(gthread.ThreadWorker):  # type: ignore[misc]  # as above
    """Lends a thread to a connection that says something, and for no longer than ``read_seconds``.

    The stock worker lends one for 5 s to a connection that says nothing, and for ever to one that stops in the middle;
    and its loop, which accepts for all, waits up to 2 s for a client to hang up. A few of those, and ``/healthz``
    answers no more.
    """

    read_seconds: float = 10.0
    _notified_at = 0.0

    def notify(self) -> None:
        """Tell the master that this process lives: once a second, where the loop would at both its turns a request."""
        now = time.monotonic()
        if now - self._notified_at >= _NOTIFY_SECONDS:
            self._notified_at = now
            super().notify()

    def handle(self, conn: Any) -> Any:
        """Answer one request, which has until its deadline to arrive."""
        if not conn.initialized:
            if not conn.wait_for_data(0):
                return _WAIT_IN_POLLER
            conn.init()
            conn.parser.unreader = DeadlineUnreader(conn.sock)
        conn.parser.unreader.deadline = time.monotonic() + self.read_seconds
        kept = super().handle(conn)
        if not kept:
            _hang_up(conn)
        return kept


def _hang_up(conn: Any) -> None:
    """Close here, not in the loop: lingering is for those who are still sending and have time left (RFC 9112 9.6)."""
    left = conn.parser.unreader.deadline - time.monotonic()
    if left > 0:
        util.close_graceful(conn.sock, timeout=min(left, _LINGER_SECONDS))
    else:
        util.close(conn.sock)
    conn.close = _nothing_left


def _nothing_left(*, graceful: bool = False) -> None:
    """Stand in for the close of a connection that is closed."""


_LINGER_SECONDS: Final = 1.0
_NOTIFY_SECONDS: Final = 1.0  # gunicorn's loop turns at least as often; its master waits for ``timeout``, 30 s
_WAIT_IN_POLLER: Final = gthread._DEFER  # noqa: SLF001 - gunicorn (27.0.1) names it nowhere else

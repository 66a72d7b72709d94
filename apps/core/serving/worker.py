"""Gunicorn's threaded worker. Its poll loop reads requests and sends responses: threads never wait for clients."""

import errno
import math
import selectors
import socket
import time
from collections import Counter
from concurrent.futures import Future
from contextlib import suppress
from functools import partial
from typing import Any, Final

from gunicorn.http import wsgi
from gunicorn.workers import gthread

from apps.core.fair_shares.limiter import refuse_concurrent
from apps.core.problems import BodyTimeout, BodyTooLarge, HTTPError, InternalError
from apps.core.serving.connections import Connection, Limits, Stage, find_evictable
from apps.core.serving.dispatch import Dispatcher
from apps.core.serving.early_refusals import refuse_early
from apps.core.serving.refusals import (
    MalformedRequest,
    Overloaded,
    RequestTimeout,
    TooManyUnfinished,
    render_refusal,
)
from apps.core.serving.request_handling import BodyPending, HandledRequest, drive, logger, method_of, parse


class DeadlineWorker(gthread.ThreadWorker):  # type: ignore[misc]  # gunicorn ships no types
    """Runs a thread only for a request that has arrived completely.

    The stock worker lends one to a connection, for as long as it takes to send its request and to take its response:
    as many slow clients as there are threads stop the service. Here each costs a buffer in the poll loop, bounded by
    ``limits``. ``/healthz`` has a thread of its own, so that it answers while all others wait for a tenant's account.
    """

    limits = Limits()
    _notified_at = 0.0
    _swept_at = 0.0
    _paused_until = 0.0
    _complained_at = -math.inf

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._held: dict[Connection, None] = {}  # those the loop has, longest first
        self._held_bytes = 0
        self._unfinished: Counter[str] = Counter()  # requests by address that have begun and not arrived
        finished = partial(self.method_queue.defer, self.finish_request)
        self._dispatcher = Dispatcher(threads=self.cfg.threads, handle=self.handle, finished=finished)

    def notify(self) -> None:
        """Report to the master that this process is alive, at most once a second."""
        now = time.monotonic()
        if now - self._notified_at >= _NOTIFY_SECONDS:
            self._notified_at = now
            super().notify()

    # ------------------------------------------------------------ gunicorn's loop calls these
    def accept(self, listener: socket.socket) -> None:
        """Accept a connection and read the bytes that it has already sent."""
        try:
            plain, client = listener.accept()
        except OSError as error:
            if error.errno in _NO_MEANS_TO_ACCEPT:
                self._handle_accept_error(error)
            elif error.errno not in _NOTHING_TO_ACCEPT:
                raise
            return
        plain.settimeout(0)
        self.nr_conns += 1
        if self.nr_conns >= self.worker_connections:
            self._evict_one()
        now = time.monotonic()
        conn = Connection(plain, client=client, server=listener.getsockname(), limits=self.limits, now=now)
        self._read(conn)

    def _handle_accept_error(self, error: OSError) -> None:
        """Handle a failed accept: close another connection to free a descriptor, or wait a moment."""
        now = time.monotonic()
        if now >= self._complained_at + _COMPLAINT_SECONDS:
            self._complained_at = now
            logger.warning("cannot accept connections (%s): closing others to free file descriptors", error.strerror)
        if not self._evict_one():
            self._paused_until = now + _SWEEP_SECONDS
            self.set_accept_enabled(False)

    def set_accept_enabled(self, enabled: bool) -> None:  # noqa: FBT001 - gunicorn's signature
        """Start or stop accepting connections; gunicorn's loop calls this whenever that changes."""
        super().set_accept_enabled(enabled and time.monotonic() >= self._paused_until)

    def wait_for_and_dispatch_events(self, timeout: float) -> None:
        """Wait for events, at most until the next check of deadlines."""
        super().wait_for_and_dispatch_events(timeout=min(timeout, _SWEEP_SECONDS))

    def murder_pending(self) -> None:
        """Close the connections that exceeded a deadline; gunicorn's loop calls this in every iteration."""
        now = time.monotonic()
        if now - self._swept_at < _SWEEP_SECONDS:
            return
        self._swept_at = now
        for conn in [*self._held]:
            if conn.overdue(now):
                self._close_overdue(conn)
            elif conn.stage is Stage.READING and self._should_start_early(conn, now):
                self._run_application(conn)

    def murder_keepalived(self, force: bool = False) -> None:  # noqa: FBT001, FBT002 - gunicorn's signature
        """Close the remaining connections when the worker ends."""
        if force:
            for conn in [*self._held]:
                self._drop(conn)
            self._dispatcher.shutdown()

    def _cap_keepalive(self, deadline: float) -> None:
        """Limit idle connections to the deadline of the shutdown; a new connection can still send one request."""
        for conn in self._held:
            if conn.stage is Stage.IDLE:
                conn.until = min(conn.until, deadline)

    def finish_request(self, conn: Connection, future: "Future[HandledRequest]") -> None:
        """Take a connection back from its thread."""
        self._dispatcher.finish(conn, self.tpool)
        handled = HandledRequest.CLOSE if future.cancelled() or future.exception() else future.result()
        if handled is not HandledRequest.BODY_WANTED:
            conn.is_kept = handled is HandledRequest.KEEP
            self._write(conn)
        elif conn.received.is_oversize:
            self._refuse(
                conn,
                BodyTooLarge(f"The body is larger than {self.limits.max_body_bytes // 1024} KiB. Send a smaller one."),
            )
        else:
            self._await_body(conn)

    def _await_body(self, conn: Connection) -> None:
        """Wait for a body that the application reads; the request counts as incomplete again."""
        self._hold(conn)
        if refusal := self._limit_exceeded(conn):
            self._refuse(conn, refusal)
            return
        if conn.received.expects_continue:
            conn.outbox.sendall(_CONTINUE)
            with suppress(OSError):
                conn.outbox.flush()
        self._read(conn)

    # ------------------------------------------------------------ reading
    def _on_event(self, conn: Connection, _: object) -> None:
        if conn not in self._held:
            return  # another event of the same ``select`` ended it
        if conn.stage is Stage.WRITING:
            self._write(conn)
        elif conn.stage is Stage.LINGERING:
            self._discard(conn)
        else:
            self._read(conn)

    def _read(self, conn: Connection) -> None:
        data = self._receive(conn)
        if data is None:
            return
        if conn.stage is Stage.IDLE:
            conn.enter(Stage.READING, time.monotonic())
        conn.taken_bytes += len(data)
        conn.received.feed(data)
        self._advance(conn)

    def _receive(self, conn: Connection) -> bytes | None:
        """Return the received bytes; None if there are none yet, or the connection has ended."""
        try:
            data = conn.sock.recv(_RECEIVE_BYTES)
        except BlockingIOError:
            self._hold(conn)
            return None
        except OSError:
            self._drop(conn)
            return None
        if data:
            return data
        if conn.started and conn.stage is Stage.READING:
            self._refuse(conn, MalformedRequest("The request ended before it was complete."))
        else:
            self._drop(conn)
        return None

    def _advance(self, conn: Connection) -> None:
        """Handle the received bytes: run the request, refuse it, or wait for more."""
        received = conn.received
        if received.whole:
            self._run_application(conn)
        elif received.refusal is not None:
            self._refuse(conn, received.refusal())
        elif received.head_bytes and not conn.was_shown and (received.expects_continue or received.is_oversize):
            self._run_application(conn)
        else:
            self._hold(conn)
            if refusal := self._limit_exceeded(conn):
                self._refuse(conn, refusal)

    def _should_start_early(self, conn: Connection, now: float) -> bool:
        """Return whether to run the application before a slow body is complete: it may refuse by the headers."""
        return bool(conn.received.head_bytes) and not conn.was_shown and now - conn.since > _SHOW_SECONDS

    def _limit_exceeded(self, conn: Connection) -> HTTPError | None:
        """Return the refusal if the connection exceeds a limit of incomplete requests."""
        if self._held_bytes > self.limits.max_held_bytes:
            return Overloaded()
        if conn.address is None and (address := conn.client_address()):
            conn.address = address
            self._unfinished[address] += 1
            if self._unfinished[address] > self.limits.max_unfinished_per_address:
                return TooManyUnfinished()
        return None

    # ------------------------------------------------------------ answering
    def _run_application(self, conn: Connection) -> None:
        """Run the application in a thread as soon as it is the request's turn, or refuse the request here."""
        if conn.received.is_clean and self._refuse_early(conn):
            return
        self._release(conn)
        conn.was_shown = not conn.received.whole
        if not self._dispatcher.start(conn, self.tpool):
            self._refuse(conn, refuse_concurrent(self._dispatcher.line.most_running))

    def _refuse_early(self, conn: Connection) -> bool:
        """Refuse a read of an API key that is above a limit; return whether it was one."""
        is_kept = self.alive and bool(self.cfg.keepalive) and self.nr_conns < self.worker_connections
        refusal = refuse_early(conn.received, started=conn.since, now=time.monotonic(), is_kept=is_kept)
        if refusal is not None:
            conn.outbox.sendall(refusal)
            conn.is_kept = is_kept
            self._write(conn)
        return refusal is not None

    def handle(self, conn: Connection) -> HandledRequest:
        """Handle one request in a thread, or report that its body is needed."""
        received = conn.received
        data = received.request() if received.whole else received.head()
        conn.requests += 1
        try:
            request, is_exact = parse(
                data, cfg=self.cfg, client=conn.client, number=conn.requests, is_whole=received.whole
            )
            return self._respond(conn, request, is_last=not (received.whole and is_exact) or received.is_broken)
        except BodyPending:
            conn.outbox.clear()
            return HandledRequest.BODY_WANTED
        except HTTPError as refusal:
            conn.outbox.sendall(render_refusal(refusal, method=method_of(data), started=conn.since))
        except OSError:
            logger.debug("the client closed the connection")
        except Exception:  # noqa: BLE001 - the edge: whatever it is, it is handled, and logged
            logger.exception("the application raised")
            if not conn.outbox.sent_bytes:
                conn.outbox.clear()
                conn.outbox.sendall(render_refusal(InternalError(), method=method_of(data), started=conn.since))
        return HandledRequest.CLOSE

    def _respond(self, conn: Connection, request: Any, *, is_last: bool) -> HandledRequest:
        response, environ = wsgi.create(request, conn.outbox, conn.client, conn.server, self.cfg)
        environ["wsgi.multithread"] = True
        is_full = self.nr_conns >= self.worker_connections  # all are in threads: none could be ended for the next
        if is_last or is_full or not self.alive or not self.cfg.keepalive:
            response.force_close()
        drive(self.wsgi, response, environ)
        return HandledRequest.CLOSE if response.should_close() else HandledRequest.KEEP

    def _refuse(self, conn: Connection, refusal: HTTPError) -> None:
        """Send a refusal from the loop, without the application."""
        method = method_of(bytes(conn.received.data[:20]))
        conn.outbox.sendall(render_refusal(refusal, method=method, started=conn.since))
        conn.is_kept = False
        self._write(conn)

    # ------------------------------------------------------------ writing, and what follows
    def _write(self, conn: Connection) -> None:
        try:
            is_sent = conn.outbox.flush()
        except OSError:
            self._drop(conn)
            return
        if is_sent:
            self._follow(conn)
            return
        conn.enter(Stage.WRITING, time.monotonic())
        self._hold(conn)
        if self._held_bytes > self.limits.max_held_bytes:
            self._drop(conn)

    def _follow(self, conn: Connection) -> None:
        """Continue with the next request, or close the connection after the client has read its response."""
        now = time.monotonic()
        received = conn.received
        self._release(conn)
        if not conn.is_kept:
            if received.is_clean:
                self._drop(conn)
            else:
                self._linger(conn, now)
            return
        received.next()
        conn.was_shown = False
        conn.enter(Stage.IDLE, now)
        conn.until = now + (self.cfg.keepalive if self.alive else gthread.STOP_KEEPALIVE_LINGER)
        if received.data:
            conn.enter(Stage.READING, now)
            received.scan()
            self._advance(conn)
        else:
            self._hold(conn)

    def _linger(self, conn: Connection, now: float) -> None:
        conn.received.discard()
        conn.enter(Stage.LINGERING, now)
        try:
            conn.sock.shutdown(socket.SHUT_WR)
        except OSError:
            self._drop(conn)
        else:
            self._hold(conn)

    def _discard(self, conn: Connection) -> None:
        """Discard further bytes of a client, so that it reads the response before the connection closes."""
        try:
            data = conn.sock.recv(_RECEIVE_BYTES)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        conn.taken_bytes += len(data)
        if not data or conn.taken_bytes > _DISCARDED_BYTES:
            self._drop(conn)

    # ------------------------------------------------------------ what the loop has
    def _hold(self, conn: Connection) -> None:
        """Register the connection with the poller."""
        self._held[conn] = None  # one that is held already keeps its place
        self._held_bytes += conn.held_bytes - conn.counted_bytes
        conn.counted_bytes = conn.held_bytes
        wanted = selectors.EVENT_WRITE if conn.stage is Stage.WRITING else selectors.EVENT_READ
        if conn.watched == wanted:
            return
        if conn.watched:
            self.poller.unregister(conn.sock)
        self.poller.register(conn.sock, wanted, partial(self._on_event, conn))
        conn.watched = wanted

    def _release(self, conn: Connection) -> None:
        """Unregister the connection from the poller."""
        self._held.pop(conn, None)
        self._held_bytes -= conn.counted_bytes
        conn.counted_bytes = 0
        if conn.watched:
            self.poller.unregister(conn.sock)
            conn.watched = 0
        if conn.address is not None:
            self._unfinished[conn.address] -= 1
            if not self._unfinished[conn.address]:
                del self._unfinished[conn.address]
            conn.address = None

    def _drop(self, conn: Connection) -> None:
        if conn.is_closed:
            return
        self._release(conn)
        self.nr_conns -= 1
        conn.close()

    def _close_overdue(self, conn: Connection) -> None:
        if conn.stage is not Stage.READING:
            self._drop(conn)
        elif conn.received.head_bytes:
            self._refuse(conn, BodyTimeout())
        else:
            self._refuse(conn, RequestTimeout())

    def _evict_one(self) -> bool:
        """Close one connection of the loop; return whether there was one."""
        conn = find_evictable(self._held, spared_seconds=self.limits.spared_seconds, now=time.monotonic())
        if conn is None:
            return False
        if conn.stage is Stage.READING:
            self._refuse(conn, Overloaded())
        self._drop(conn)
        return True


_CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"
_RECEIVE_BYTES: Final = 64 * 1024
_DISCARDED_BYTES: Final = 16 * 1024 * 1024
_SWEEP_SECONDS: Final = 0.25
_SHOW_SECONDS: Final = 1.0
_NOTIFY_SECONDS: Final = 1.0  # gunicorn's loop turns at least as often; its master waits for ``timeout``, 30 s
_NOTHING_TO_ACCEPT: Final = (errno.EAGAIN, errno.ECONNABORTED, errno.EWOULDBLOCK)
_NO_MEANS_TO_ACCEPT: Final = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
_COMPLAINT_SECONDS: Final = 10.0

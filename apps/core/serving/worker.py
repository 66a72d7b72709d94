"""Gunicorn's threaded worker, whose poll loop reads requests and sends responses: threads never wait for a client."""

import errno
import math
import selectors
import socket
import time
from collections import Counter
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import Any, Final

from gunicorn.http import wsgi
from gunicorn.workers import gthread

from apps.core.problems import BodyTimeout, BodyTooLarge, HTTPError, InternalError
from apps.core.serving.answering import Answered, BodyPending, drive, logger, method_of, parse
from apps.core.serving.connections import Connection, Limits, Stage
from apps.core.serving.refusals import (
    MalformedRequest,
    Overloaded,
    RequestTimeout,
    TooManyUnfinished,
    rendered,
)


class DeadlineWorker(gthread.ThreadWorker):  # type: ignore[misc]  # gunicorn ships no types
    """Lends a thread to a request that has arrived, and to nothing else.

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
        self._health_thread = ThreadPoolExecutor(max_workers=1)

    def notify(self) -> None:
        """Tell the master that this process lives: once a second, where the loop would at both its turns a request."""
        now = time.monotonic()
        if now - self._notified_at >= _NOTIFY_SECONDS:
            self._notified_at = now
            super().notify()

    # ------------------------------------------------------------ gunicorn's loop calls these
    def accept(self, listener: socket.socket) -> None:
        """Take a new connection, and read what it has sent already."""
        try:
            plain, client = listener.accept()
        except OSError as error:
            if error.errno in _NO_MEANS_TO_ACCEPT:
                self._endure(error)
            elif error.errno not in _NOTHING_TO_ACCEPT:
                raise
            return
        plain.settimeout(0)
        self.nr_conns += 1
        if self.nr_conns >= self.worker_connections:
            self._make_room()
        now = time.monotonic()
        conn = Connection(plain, client=client, server=listener.getsockname(), limits=self.limits, now=now)
        self._read(conn)

    def _endure(self, error: OSError) -> None:
        """Go on without means for another connection: end one for it, or let it wait a moment."""
        now = time.monotonic()
        if now >= self._complained_at + _COMPLAINT_SECONDS:
            self._complained_at = now
            logger.warning("cannot accept connections (%s): closing others to free file descriptors", error.strerror)
        if not self._make_room():
            self._paused_until = now + _SWEEP_SECONDS
            self.set_accept_enabled(False)

    def set_accept_enabled(self, enabled: bool) -> None:  # noqa: FBT001 - gunicorn's signature
        """Accept connections, or let them wait; gunicorn's loop calls this at every turn that changes it."""
        super().set_accept_enabled(enabled and time.monotonic() >= self._paused_until)

    def wait_for_and_dispatch_events(self, timeout: float) -> None:
        """Wait for events, at most until the next sweep."""
        super().wait_for_and_dispatch_events(timeout=min(timeout, _SWEEP_SECONDS))

    def murder_pending(self) -> None:
        """End the connections that took too long; gunicorn's loop calls this at every turn."""
        now = time.monotonic()
        if now - self._swept_at < _SWEEP_SECONDS:
            return
        self._swept_at = now
        for conn in [*self._held]:
            if conn.overdue(now):
                self._end_overdue(conn)
            elif conn.stage is Stage.READING and self._should_show(conn, now):
                self._answer(conn)

    def murder_keepalived(self, force: bool = False) -> None:  # noqa: FBT001, FBT002 - gunicorn's signature
        """Close what is left when the worker ends."""
        if force:
            for conn in [*self._held]:
                self._drop(conn)
            self._health_thread.shutdown(wait=False)

    def _cap_keepalive(self, deadline: float) -> None:
        """Let clients that wait between requests go when the worker stops; a new connection may still send its one."""
        for conn in self._held:
            if conn.stage is Stage.IDLE:
                conn.until = min(conn.until, deadline)

    def finish_request(self, conn: Connection, future: "Future[Answered]") -> None:
        """Take a connection back from its thread."""
        answered = Answered.CLOSE if future.cancelled() or future.exception() else future.result()
        if answered is not Answered.BODY_WANTED:
            conn.is_kept = answered is Answered.KEEP
            self._write(conn)
        elif conn.arrival.is_oversize:
            self._refuse(
                conn,
                BodyTooLarge(f"The body is larger than {self.limits.max_body_bytes // 1024} KiB. Send a smaller one."),
            )
        else:
            self._want_body(conn)

    def _want_body(self, conn: Connection) -> None:
        """Wait for a body that the application reads: the request counts among the unfinished again."""
        self._hold(conn)
        if refusal := self._excess(conn):
            self._refuse(conn, refusal)
            return
        if conn.arrival.expects_continue:
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
        conn.arrival.feed(data)
        self._advance(conn)

    def _receive(self, conn: Connection) -> bytes | None:
        """Return what has arrived; None when the connection waits on, or ended."""
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
        """Decide what becomes of a request, or of its beginning."""
        arrival = conn.arrival
        if arrival.whole:
            self._answer(conn)
        elif arrival.refusal is not None:
            self._refuse(conn, arrival.refusal())
        elif arrival.head_bytes and not conn.was_shown and (arrival.expects_continue or arrival.is_oversize):
            self._answer(conn)
        else:
            self._hold(conn)
            if refusal := self._excess(conn):
                self._refuse(conn, refusal)

    def _should_show(self, conn: Connection, now: float) -> bool:
        """Whether a body is so slow that the application is asked whether it wants it: it may refuse by the headers."""
        return bool(conn.arrival.head_bytes) and not conn.was_shown and now - conn.since > _SHOW_SECONDS

    def _excess(self, conn: Connection) -> HTTPError | None:
        """Say whether a request may not be waited for."""
        if self._held_bytes > self.limits.max_held_bytes:
            return Overloaded()
        if conn.address is None and (address := conn.client_address()):
            conn.address = address
            self._unfinished[address] += 1
            if self._unfinished[address] > self.limits.max_unfinished_per_address:
                return TooManyUnfinished()
        return None

    # ------------------------------------------------------------ answering
    def _answer(self, conn: Connection) -> None:
        self._release(conn)
        conn.was_shown = not conn.arrival.whole
        pool = self._health_thread if conn.arrival.whole and conn.arrival.is_health_check else self.tpool
        future = pool.submit(self.handle, conn)
        future.add_done_callback(lambda done: self.method_queue.defer(self.finish_request, conn, done))

    def handle(self, conn: Connection) -> Answered:
        """Answer one request, or say that its body is wanted. Runs in a thread."""
        arrival = conn.arrival
        data = arrival.request() if arrival.whole else arrival.head()
        conn.requests += 1
        try:
            request, is_exact = parse(
                data, cfg=self.cfg, client=conn.client, number=conn.requests, is_whole=arrival.whole
            )
            return self._respond(conn, request, is_last=not (arrival.whole and is_exact) or arrival.is_broken)
        except BodyPending:
            conn.outbox.clear()
            return Answered.BODY_WANTED
        except HTTPError as refusal:
            conn.outbox.sendall(rendered(refusal, method=method_of(data), started=conn.since))
        except OSError:
            logger.debug("the client closed the connection")
        except Exception:  # noqa: BLE001 - the edge: whatever it is, it is answered, and logged
            logger.exception("the application raised")
            if not conn.outbox.sent_bytes:
                conn.outbox.clear()
                conn.outbox.sendall(rendered(InternalError(), method=method_of(data), started=conn.since))
        return Answered.CLOSE

    def _respond(self, conn: Connection, request: Any, *, is_last: bool) -> Answered:
        response, environ = wsgi.create(request, conn.outbox, conn.client, conn.server, self.cfg)
        environ["wsgi.multithread"] = True
        is_full = self.nr_conns >= self.worker_connections  # all are in threads: none could be ended for the next
        if is_last or is_full or not self.alive or not self.cfg.keepalive:
            response.force_close()
        drive(self.wsgi, response, environ)
        return Answered.CLOSE if response.should_close() else Answered.KEEP

    def _refuse(self, conn: Connection, refusal: HTTPError) -> None:
        """Answer in the loop: the application has no part in it."""
        conn.outbox.sendall(rendered(refusal, method=method_of(bytes(conn.arrival.data[:20])), started=conn.since))
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
        """Go on to the next request, or end the connection so that the client can read its response."""
        now = time.monotonic()
        arrival = conn.arrival
        self._release(conn)
        if not conn.is_kept:
            if arrival.is_clean:
                self._drop(conn)
            else:
                self._linger(conn, now)
            return
        arrival.next()
        conn.was_shown = False
        conn.enter(Stage.IDLE, now)
        conn.until = now + (self.cfg.keepalive if self.alive else gthread.STOP_KEEPALIVE_LINGER)
        if arrival.data:
            conn.enter(Stage.READING, now)
            arrival.look()
            self._advance(conn)
        else:
            self._hold(conn)

    def _linger(self, conn: Connection, now: float) -> None:
        conn.arrival.discard()
        conn.enter(Stage.LINGERING, now)
        try:
            conn.sock.shutdown(socket.SHUT_WR)
        except OSError:
            self._drop(conn)
        else:
            self._hold(conn)

    def _discard(self, conn: Connection) -> None:
        """Throw away what a client still sends; it reads its response when it is done."""
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
        """Wait for the connection in the poller."""
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
        """Stop to wait for the connection."""
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

    def _end_overdue(self, conn: Connection) -> None:
        if conn.stage is not Stage.READING:
            self._drop(conn)
        elif conn.arrival.head_bytes:
            self._refuse(conn, BodyTimeout())
        else:
            self._refuse(conn, RequestTimeout())

    def _make_room(self) -> bool:
        """End one connection, if the loop has any."""
        conn = self._least_missed(time.monotonic())
        if conn is None:
            return False
        if conn.stage is Stage.READING:
            self._refuse(conn, Overloaded())
        self._drop(conn)
        return True

    def _least_missed(self, now: float) -> Connection | None:
        """Return a slow sender; else who waits, at the address that has most such; else the one held longest.

        Behind a proxy, the addresses are the proxy's: then it is the one that has waited longest.
        """
        for conn in self._held:
            if conn.stage in _SENDING and now - conn.since > self.limits.spared_seconds:
                return conn
        waiting = [conn for conn in self._held if conn.stage not in _SENDING]
        if not waiting:
            return next(iter(self._held), None)
        peer = Counter(conn.peer for conn in waiting).most_common(1)[0][0]
        theirs = [conn for conn in waiting if conn.peer == peer]
        return next((conn for conn in theirs if conn.stage is Stage.IDLE), theirs[0])


_CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"
_RECEIVE_BYTES: Final = 64 * 1024
_DISCARDED_BYTES: Final = 16 * 1024 * 1024
_SWEEP_SECONDS: Final = 0.25
_SHOW_SECONDS: Final = 1.0
_NOTIFY_SECONDS: Final = 1.0  # gunicorn's loop turns at least as often; its master waits for ``timeout``, 30 s
_NOTHING_TO_ACCEPT: Final = (errno.EAGAIN, errno.ECONNABORTED, errno.EWOULDBLOCK)
_NO_MEANS_TO_ACCEPT: Final = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
_COMPLAINT_SECONDS: Final = 10.0
_SENDING: Final = (Stage.READING, Stage.LINGERING)

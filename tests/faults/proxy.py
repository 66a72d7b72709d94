"""A proxy before an engine that does what engines on one machine never do by themselves.

    with FaultProxy(engines.dynamodb_endpoints[ACCOUNT_A], seed=7) as proxy:
        proxy.inject(Fault.TRANSACTION_CONFLICT, "TransactWriteItems", probability=0.3)
        ...                                     # a client of proxy.url
        assert proxy.injected("TransactWriteItems")

It passes the Host header on, so signatures made for ``proxy.url`` hold at the engine.
"""

import http.client
import random
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from enum import Enum, auto
from fnmatch import fnmatchcase
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Lock, Thread
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

from tests.faults import answers
from tests.faults.requests import HOP_HEADERS, Request, Response

_UPSTREAM_SECONDS = 60
_IDLE_SECONDS = 2  # then the connection to the engine is opened anew: ministack closes one after five


class Fault(Enum):
    """What can be done to a request."""

    TRANSACTION_CONFLICT = auto()  # refused with reasons; not forwarded
    THROTTLE = auto()  # refused; not forwarded
    UNAVAILABLE = auto()  # 503; not forwarded
    FORBIDDEN = auto()  # 403, token unknown; not forwarded
    INVALID_CONTENTS = auto()  # SQS refuses what a body holds; not forwarded
    DROP_REQUEST = auto()  # connection closed; not forwarded
    DROP_ANSWER = auto()  # done by the engine, then the connection closed without a byte
    TRUNCATE_ANSWER = auto()  # done by the engine, half of the response, then closed
    STALL = auto()  # not forwarded, no response until stall_seconds are over or the proxy closes
    STALL_ANSWER = auto()  # done by the engine, then as STALL


_FORWARDED = {Fault.DROP_ANSWER, Fault.TRUNCATE_ANSWER, Fault.STALL_ANSWER}


@dataclass
class Rule:
    """A fault for operations that match a pattern, from the ``skip``-th match on, at most ``count`` times."""

    fault: Fault
    operation: str
    probability: float
    count: int | None
    skip: int
    rng: random.Random
    stall_seconds: float

    def strikes(self, operation: str) -> bool:
        """Decide for one request; to be called under the proxy's lock."""
        if not fnmatchcase(operation, self.operation) or self.count == 0:
            return False
        if self.skip > 0:
            self.skip -= 1
            return False
        if self.rng.random() >= self.probability:
            return False
        if self.count is not None:
            self.count -= 1
        return True


@dataclass(frozen=True)
class Seen:
    """One request that came by, and what was done to it."""

    operation: str
    fault: Fault | None


@dataclass
class _State:
    """What the handler threads share."""

    upstream: tuple[str, int]
    lock: Lock = field(default_factory=Lock)
    closing: Event = field(default_factory=Event)
    rules: list[Rule] = field(default_factory=list)
    seen: list[Seen] = field(default_factory=list)
    observe: Callable[[Request, Response], None] | None = None

    def judge(self, request: Request) -> Rule | None:
        """Return the first rule that strikes, and note the request."""
        with self.lock:
            rule = next((rule for rule in self.rules if rule.strikes(request.operation)), None)
            self.seen.append(Seen(request.operation, rule.fault if rule else None))
            return rule


class FaultProxy:
    """Listens on a loopback port and forwards to one engine; a context manager."""

    def __init__(
        self, upstream_url: str, *, seed: int = 1, observe: Callable[[Request, Response], None] | None = None
    ) -> None:
        """Listen; serving begins on entry. Draws come from ``seed``, in the order in which requests arrive.

        ``observe`` is told each request that the engine answered, with its response, before the client is.
        """
        parts = urlsplit(upstream_url)
        self._seed = seed
        self._state = _State(upstream=(parts.hostname or "127.0.0.1", parts.port or 80), observe=observe)
        self._server = _Server(self._state)
        self._thread = Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, name="fault-proxy")
        self.url = f"http://{parts.hostname}:{self._server.server_address[1]}"

    def inject(
        self,
        fault: Fault,
        operation: str = "*",
        *,
        probability: float = 1.0,
        count: int | None = None,
        skip: int = 0,
        stall_seconds: float = 30.0,
    ) -> Rule:
        """Add a rule; the first one that strikes decides. ``operation`` is a shell pattern (``PUT /bucket/*``)."""
        with self._state.lock:
            rng = random.Random(self._seed + len(self._state.rules))  # noqa: S311 - wanted: the same every time
            rule = Rule(fault, operation, probability, count, skip, rng, stall_seconds)
            self._state.rules.append(rule)
        return rule

    def clear(self) -> None:
        """Drop all rules and what was seen."""
        with self._state.lock:
            self._state.rules.clear()
            self._state.seen.clear()

    @contextmanager
    def injecting(self, fault: Fault, operation: str = "*", *, count: int | None = None) -> Iterator[None]:
        """Add a rule for the length of a block."""
        rule = self.inject(fault, operation, count=count)
        try:
            yield
        finally:
            with self._state.lock, suppress(ValueError):
                self._state.rules.remove(rule)

    def seen(self, operation: str = "*") -> list[Seen]:
        """Return what came by, oldest first."""
        with self._state.lock:
            return [seen for seen in self._state.seen if fnmatchcase(seen.operation, operation)]

    def injected(self, operation: str = "*") -> int:
        """Count the requests that met a fault."""
        return sum(seen.fault is not None for seen in self.seen(operation))

    def close(self) -> None:
        """End stalls and connections, and return when no thread is left."""
        self._state.closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class _Server(ThreadingHTTPServer):
    daemon_threads = False  # joined on close
    request_queue_size = 256

    def __init__(self, state: _State) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.state = state
        self._open: set[socket.socket] = set()
        self._open_lock = Lock()

    def opened(self, connection: socket.socket) -> None:
        with self._open_lock:
            self._open.add(connection)
        if self.state.closing.is_set():
            _hang_up(connection)

    def closed(self, connection: socket.socket) -> None:
        with self._open_lock:
            self._open.discard(connection)

    def server_close(self) -> None:
        with self._open_lock:
            for connection in self._open:
                _hang_up(connection)
        super().server_close()


class _Handler(BaseHTTPRequestHandler):
    """One client connection and its own connection to the engine, so that a restart breaks both, as without a proxy."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def setup(self) -> None:
        super().setup()
        self.server.opened(self.connection)
        host, port = self.server.state.upstream
        self._upstream = http.client.HTTPConnection(host, port, timeout=_UPSTREAM_SECONDS)
        self._used_at = time.monotonic()

    def handle(self) -> None:
        with suppress(OSError):  # the client went away
            super().handle()

    def finish(self) -> None:
        self._upstream.close()
        self.server.closed(self.connection)
        with suppress(OSError):
            super().finish()

    def handle_any(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        request = Request(self.command, self.path, self.headers, body)  # type: ignore[arg-type]  # Message reads like a Mapping
        rule = self.server.state.judge(request)
        if rule is None or rule.fault in _FORWARDED:
            self._forward(request, rule)
        else:
            self._refuse(request, rule)

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = do_OPTIONS = handle_any  # noqa: N815 - http.server's names

    def _refuse(self, request: Request, rule: Rule) -> None:
        if rule.fault is Fault.TRANSACTION_CONFLICT:
            self._send(answers.transaction_conflict(request, rule.rng))
        elif rule.fault is Fault.THROTTLE:
            self._send(answers.throttled(request))
        elif rule.fault is Fault.UNAVAILABLE:
            self._send(answers.unavailable(request))
        elif rule.fault is Fault.FORBIDDEN:
            self._send(answers.forbidden(request))
        elif rule.fault is Fault.INVALID_CONTENTS:
            self._send(answers.invalid_contents(request))
        else:
            self._lose(rule)

    def _forward(self, request: Request, rule: Rule | None) -> None:
        try:
            response = self._ask(request)
        except (OSError, http.client.HTTPException):  # the engine is down or died: the client sees what it would see
            self.close_connection = True
            return
        if self.server.state.observe is not None:
            self.server.state.observe(request, response)
        if rule is None:
            self._send(response)
        elif rule.fault is Fault.TRUNCATE_ANSWER:
            self.wfile.write(self._wire(response)[: -max(1, len(response.body) // 2)])
            self.close_connection = True
        else:
            self._lose(rule)

    def _lose(self, rule: Rule) -> None:
        if rule.fault in {Fault.STALL, Fault.STALL_ANSWER}:
            self.server.state.closing.wait(rule.stall_seconds)
        self.close_connection = True

    def _ask(self, request: Request) -> Response:
        if time.monotonic() - self._used_at > _IDLE_SECONDS:
            self._upstream.close()
        self._upstream.putrequest(request.method, request.path, skip_host=True, skip_accept_encoding=True)
        for name, value in self.headers.items():
            if name.lower() not in {"expect", "connection"}:
                self._upstream.putheader(name, value)
        self._upstream.endheaders(request.body)
        got = self._upstream.getresponse()
        headers = [(name, value) for name, value in got.getheaders() if name.lower() not in HOP_HEADERS]
        if request.method == "HEAD" and got.getheader("Content-Length"):
            headers.append(("Content-Length", str(got.getheader("Content-Length"))))
        body = got.read()
        self._used_at = time.monotonic()
        return Response(got.status, headers, body)

    def _send(self, response: Response) -> None:
        self.wfile.write(self._wire(response))

    def _wire(self, response: Response) -> bytes:
        """Return head and body in one piece: two writes would wait for each other's acknowledgement."""
        headers = [*response.headers]
        if self.command != "HEAD":
            headers.append(("Content-Length", str(len(response.body))))
        lines = [f"HTTP/1.1 {response.status} {http.client.responses.get(response.status, 'Fault')}"]
        lines += [f"{name}: {value}" for name, value in headers]
        return "\r\n".join([*lines, "", ""]).encode("latin-1") + response.body

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's name
        """Stay silent."""


def _hang_up(connection: socket.socket) -> None:
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)

"""The places of a worker, which are its connections: each is counted once, and who gives one up when none is left.

A real worker with real sockets, turned by hand: a test decides what one ``select`` returns together.
"""

import os
import resource
import selectors
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest
from gunicorn.config import Config
from msgspec.structs import replace

from apps.core.serving import DeadlineWorker
from apps.core.serving.connections import Stage

_GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
_HALF_A_HEAD = b"GET / HTTP/1.1\r\nHost: "
_HALF_A_BODY = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n{"
_SECONDS = 20


class Application:
    """Reads every body; answers when it may."""

    def __init__(self) -> None:
        self.asked = 0
        self.may_answer = threading.Event()
        self.may_answer.set()

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        self.asked += 1
        self.may_answer.wait(_SECONDS)
        environ["wsgi.input"].read()
        start_response("200 OK", [("Content-Length", "2")])
        return [b"ok"]


class Bench:
    """One worker and its clients."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack
        self.listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        self.application = Application()
        config = Config()
        config.set("threads", 1)
        config.set("keepalive", 65)
        self.worker = DeadlineWorker(1, os.getppid(), [self.listener], None, 30, config, None)
        self.worker.wsgi = self.application
        self.worker.tpool = self.worker.get_thread_pool()
        self.worker.method_queue.init()
        self.worker.poller = stack.enter_context(selectors.DefaultSelector())
        self.worker.poller.register(
            self.worker.method_queue.fileno(), selectors.EVENT_READ, self.worker.method_queue.run_callbacks
        )
        stack.callback(self.worker.tmp.close)
        stack.callback(self.worker.method_queue.close)
        stack.callback(self.worker.tpool.shutdown)
        stack.callback(self.worker.murder_keepalived, force=True)
        self.worker.set_accept_enabled(enabled=True)

    def limit(self, **values: Any) -> None:
        self.worker.limits = replace(self.worker.limits, **values)

    def knock(self, address: str = "127.0.0.1") -> socket.socket:
        """Connect; the worker has not looked yet."""
        client = self._stack.enter_context(socket.socket())
        client.settimeout(_SECONDS)
        client.bind((address, 0))
        client.connect(self.listener.getsockname())
        return client

    def connect(self, said: bytes = b"", address: str = "127.0.0.1") -> socket.socket:
        """Have a connection that the worker holds."""
        client = self.knock(address)
        self.turn_until(lambda: client.getsockname() in self.clients())
        if said:
            client.sendall(said)
            self.turn_until(lambda: self.stage(client) is not Stage.IDLE)
        return client

    def turn(self) -> None:
        """Do what gunicorn's loop does at each turn."""
        worker = self.worker
        can_accept = worker.nr_conns < worker.worker_connections
        if can_accept != worker._accepting:
            worker.set_accept_enabled(can_accept)
        worker.wait_for_and_dispatch_events(timeout=1.0)
        worker.murder_keepalived()
        worker.murder_pending()

    def turn_until(self, is_so: Callable[[], bool]) -> None:
        deadline = time.monotonic() + _SECONDS
        while not is_so():
            assert time.monotonic() < deadline
            self.turn()

    def clients(self) -> set[object]:
        return {conn.client for conn in self.worker._held}

    def stage(self, client: socket.socket) -> Stage | None:
        return next((conn.stage for conn in self.worker._held if conn.client == client.getsockname()), None)

    def has(self, client: socket.socket) -> bool:
        return self.stage(client) is not None


@pytest.fixture
def bench() -> Iterator[Bench]:
    with ExitStack() as stack:
        yield Bench(stack)


@contextmanager
def _full_process() -> Iterator[None]:
    """Let this process open nothing more."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    lowest = os.dup(0)
    os.close(lowest)
    resource.setrlimit(resource.RLIMIT_NOFILE, (lowest, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


class TestPlaces:
    def test_of_who_was_ended_and_sent_something_at_once_is_given_back_once(self, bench: Bench) -> None:
        bench.worker.worker_connections = 2
        oldest = bench.connect()
        newcomer = bench.knock()
        oldest.sendall(_GET)
        bench.worker.wait_for_and_dispatch_events(timeout=1.0)  # the newcomer, then the oldest
        assert (bench.has(oldest), bench.has(newcomer)) == (False, True)
        assert bench.worker.nr_conns == 1

    def test_are_given_back_once_however_often_a_connection_ends(self, bench: Bench) -> None:
        bench.connect()
        (conn,) = bench.worker._held
        bench.worker._drop(conn)
        bench.worker._drop(conn)
        assert bench.worker.nr_conns == 0

    def test_come_free_when_all_were_occupied_by_requests(self, bench: Bench) -> None:
        bench.worker.worker_connections = 3
        bench.application.may_answer.clear()
        occupied = [bench.knock() for _ in range(3)]
        for client in occupied:
            client.sendall(_GET)
        bench.turn_until(lambda: bench.worker.nr_conns == 3 and not bench.clients())
        stranger = bench.knock()
        bench.application.may_answer.set()
        bench.turn_until(lambda: bench.has(stranger))
        bench.turn_until(lambda: len(bench.clients()) == bench.worker.nr_conns)
        assert b"Connection: close" in occupied[1].recv(1000)  # it began when none could be ended


class TestOutOfFileDescriptors:
    def test_the_next_gets_the_place_of_another(self, bench: Bench) -> None:
        idle = bench.connect()
        newcomer = bench.knock()
        with _full_process():
            bench.turn_until(lambda: bench.has(newcomer))
        assert (bench.has(idle), bench.worker.nr_conns) == (False, 1)

    def test_the_next_waits_when_nobody_can_be_ended(self, bench: Bench) -> None:
        newcomer = bench.knock()
        with _full_process():
            bench.turn()
            assert not bench.worker._accepting  # else the loop would turn without end
            bench.turn()
            assert not bench.has(newcomer)
        bench.turn_until(lambda: bench.has(newcomer))


class TestWhoMakesRoom:
    def test_a_slow_request_before_all_others(self, bench: Bench) -> None:
        bench.limit(spared_seconds=0)
        idle, slow = bench.connect(), bench.connect(_HALF_A_HEAD)
        bench.worker.worker_connections = 3
        bench.connect()
        assert (bench.has(idle), bench.has(slow)) == (True, False)

    def test_who_waits_between_requests_before_a_request_under_way(self, bench: Bench) -> None:
        bench.limit(spared_seconds=_SECONDS)
        young, idle = bench.connect(_HALF_A_HEAD), bench.connect()
        bench.worker.worker_connections = 3
        bench.connect()
        assert (bench.has(idle), bench.has(young)) == (False, True)

    def test_a_request_under_way_when_there_is_nobody_else(self, bench: Bench) -> None:
        bench.limit(spared_seconds=_SECONDS)
        oldest, other = bench.connect(_HALF_A_HEAD), bench.connect(_HALF_A_HEAD)
        bench.worker.worker_connections = 3
        bench.connect()
        assert (bench.has(oldest), bench.has(other)) == (False, True)

    def test_the_address_that_occupies_most_places(self, bench: Bench) -> None:
        other = bench.connect(address="127.0.0.2")
        hoarded = [bench.connect(address="127.0.0.3") for _ in range(3)]
        bench.worker.worker_connections = 5
        hoarded += [bench.connect(address="127.0.0.3") for _ in range(2)]
        assert bench.has(other)
        assert [bench.has(client) for client in hoarded] == [False, False, True, True, True]


class TestUnfinishedRequests:
    def test_count_again_when_the_application_wants_their_body(self, bench: Bench) -> None:
        bench.limit(max_unfinished_per_address=1)
        patient = bench.connect(_HALF_A_BODY)
        bench.turn_until(lambda: bench.application.asked == 1 and bench.has(patient))  # it was asked by the headers
        another = bench.knock()
        another.sendall(_HALF_A_BODY)
        bench.turn_until(lambda: bench.stage(another) is Stage.LINGERING)
        assert b" 429 " in another.recv(1000)
        patient.sendall(b"x" * 8)
        bench.turn_until(lambda: bench.stage(patient) is Stage.IDLE)
        assert b" 200 " in patient.recv(1000)
        assert not bench.worker._unfinished

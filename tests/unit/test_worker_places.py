"""The places of a worker, which are its connections: each is counted once, and who gives one up when none is left.

A real worker with real sockets, turned by hand: a test decides what one ``select`` returns together.
"""

import os
import resource
import select
import selectors
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import msgspec
import pytest
from gunicorn.config import Config
from msgspec.structs import replace

from apps.core.fair_shares.fence import FENCE, Closed
from apps.core.fair_shares.priorities import Priority
from apps.core.fair_shares.process import LOAD
from apps.core.fair_shares.refusals import RateLimited
from apps.core.serving import DeadlineWorker
from apps.core.serving.connections import Stage
from resale.domain.entitlements import UNLIMITED

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

    def ask(self, client: socket.socket, said: bytes) -> bytes:
        """Send a request; return what comes back first."""
        client.sendall(said)
        self.turn_until(lambda: bool(select.select([client], [], [], 0)[0]))
        return client.recv(1_000_000)

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


class Shop:
    """A tenant as a refusal needs it."""

    id = "ten_1"
    slug = "loud"
    limits = UNLIMITED

    def allows_origin(self, origin: str) -> bool:
        return origin == "https://shop.example"


def read_of(key: bytes, headers: bytes = b"", start: bytes = b"GET /v1/listings") -> bytes:
    return start + b" HTTP/1.1\r\nHost: a\r\nX-API-Key: " + key + b"\r\n" + headers + b"\r\n"


def close_fence(*, wait_seconds: float = 60, policy: str = "tenant", priority: Priority = Priority.READ) -> None:
    refusal = RateLimited(policy=policy, policy_item=f'"{policy}";q=5;w=1', wait_seconds=wait_seconds)
    FENCE.close(b"pk_loud", Closed(time.monotonic() + wait_seconds, Shop(), "key_1", refusal), priority)


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


class TestEarlyRefusals:
    @pytest.fixture(autouse=True)
    def _fenced(self) -> Iterator[None]:
        close_fence(wait_seconds=3600)
        yield
        FENCE.clear()

    def test_answer_reads_of_a_closed_key_without_a_thread(self, bench: Bench) -> None:
        bench.application.may_answer.clear()  # nothing else would
        client = bench.knock()
        for _ in range(3):  # on one connection
            head, _, body = bench.ask(client, read_of(b"pk_loud")).partition(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 429 Too Many Requests\r\n")
            for line in (b"Connection: keep-alive", b"Retry-After: 3600", b'RateLimit: "tenant";r=0;t=3600'):
                assert b"\r\n" + line + b"\r\n" in head + b"\r\n"
            assert msgspec.json.decode(body)["code"] == "rate_limited"
        assert bench.application.asked == 0

    @pytest.mark.parametrize(("origin", "allowed"), [(b"https://shop.example", 1), (b"https://evil.example", 0)])
    def test_can_be_read_by_the_shops_own_pages(self, bench: Bench, origin: bytes, allowed: int) -> None:
        head = bench.ask(bench.knock(), read_of(b"pk_loud", b"Origin: " + origin + b"\r\n"))
        assert head.count(b"Access-Control-Allow-Origin: " + origin) == allowed
        assert b"Vary: origin" in head

    @pytest.mark.parametrize(
        ("start", "key"),
        [(b"POST /v1/orders", b"pk_loud"), (b"GET /v1/listings", b"pk_quiet"), (b"GET /readyz", b"pk_loud")],
    )
    def test_leave_all_others_to_the_application(self, bench: Bench, start: bytes, key: bytes) -> None:
        assert bench.ask(bench.knock(), read_of(key, start=start)).startswith(b"HTTP/1.1 200 OK")

    def test_leave_requests_that_came_together_to_the_application(self, bench: Bench) -> None:
        client = bench.knock()
        received = bench.ask(client, read_of(b"pk_loud") * 200)
        while received.count(b"HTTP/1.1 ") < 200:
            received += bench.ask(client, b"")
        assert bench.application.asked >= 150  # each read into the buffer ends with one that is alone in it

    def test_end_when_there_is_a_token(self, bench: Bench) -> None:
        close_fence(wait_seconds=0)
        assert bench.ask(bench.knock(), read_of(b"pk_loud")).startswith(b"HTTP/1.1 200 OK")

    def test_are_for_limits_of_shop_and_key_that_reads_exceed(self) -> None:
        FENCE.clear()
        close_fence(policy="shopper")
        close_fence(policy="concurrent")
        close_fence(priority=Priority.BATCH)
        assert FENCE.find(b"pk_loud", time.monotonic()) is None


class TestTurns:
    def test_a_key_with_too_many_waiting_is_refused_and_another_is_next(self, bench: Bench) -> None:
        bench.application.may_answer.clear()
        loud = [bench.knock() for _ in range(41)]  # one runs, 40 wait
        for number, client in enumerate(loud, start=1):
            client.sendall(read_of(b"pk_loud"))
            bench.turn_until(lambda number=number: LOAD.in_flight == number)  # type: ignore[misc]  # bound at once
        quiet = bench.knock()
        quiet.sendall(read_of(b"pk_quiet"))
        bench.turn_until(lambda: LOAD.in_flight == 42)
        refused = bench.ask(bench.knock(), read_of(b"pk_loud"))
        assert refused.startswith(b"HTTP/1.1 429 ")
        assert b'RateLimit-Policy: "concurrent";q=1;qu="concurrent-requests"' in refused
        bench.application.may_answer.set()
        assert bench.ask(quiet, b"").startswith(b"HTTP/1.1 200 OK")
        assert all(bench.ask(client, b"").startswith(b"HTTP/1.1 200 OK") for client in loud)
        assert LOAD.in_flight == 0


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

"""A load generator with a constant rate: a separate process that sends each request at its own moment.

``python -m bench.steady_load PLAN`` prints the latencies and statuses as JSON. A latency counts from the moment at
which the request was due, so that a slow server cannot hide its delay by delaying the next request.
"""

import itertools
import selectors
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter, deque
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec

from bench.load import Request, WrongResponse, encode

_HOST: Final = "127.0.0.1"
_CHUNK_BYTES: Final = 64 * 1024
_PATIENCE_SECONDS: Final = 30.0
_LENGTH: Final = b"content-length:"


class SteadyPlan(msgspec.Struct, frozen=True, kw_only=True):
    """Requests to one server, repeated in turn at a rate, from a moment on (monotonic seconds).

    Of several ``turns``, each of ``turn_seconds``, requests are sent in one, and again after all others.
    """

    port: int
    begins_at: float
    connection_count: int
    requests_per_second: float
    seconds: float
    turn: int = 0
    turns: int = 1
    turn_seconds: float = 1.0
    requests: tuple[Request, ...]


class Sample(msgspec.Struct, frozen=True, array_like=True):
    """An expected response: when its request was due, in seconds from the beginning, and its latency."""

    due_seconds: float
    latency_ms: float


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """The responses: how many of each status, and those that were expected."""

    statuses: dict[int, int]
    samples: list[Sample]


def start(plan: SteadyPlan) -> "Running":
    """Start to send a plan in a separate process."""
    return Running(plan)


class Running:
    """A plan that is being sent."""

    def __init__(self, plan: SteadyPlan) -> None:
        with tempfile.NamedTemporaryFile(suffix=".json", delete=False) as file:
            file.write(msgspec.json.encode(plan))
        self._path = Path(file.name)
        command = [sys.executable, "-m", "bench.steady_load", file.name]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE)

    def wait(self) -> Outcome:
        """Return the outcome when all responses are there. Raises WrongResponse."""
        output, _ = self._process.communicate()
        self._path.unlink()
        if self._process.returncode:
            raise WrongResponse(f"the load generator ended with {self._process.returncode}")
        return msgspec.json.decode(output, type=Outcome)


class _Connection:
    """One socket with at most one request in flight."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection((_HOST, port), _PATIENCE_SECONDS)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.request: Request
        self.due_at = 0.0
        self._received = b""

    def send(self, request: Request, due_at: float) -> None:
        """Send a request that was due at a moment."""
        self.request, self.due_at, self._received = request, due_at, b""
        self.socket.sendall(encode(request))

    def receive(self) -> int | None:
        """Read the available bytes; return the status of a complete response. Raises WrongResponse."""
        data = self.socket.recv(_CHUNK_BYTES)
        if not data:
            raise WrongResponse("the server closed a connection in use")
        self._received += data
        head, end, rest = self._received.partition(b"\r\n\r\n")
        if not end:
            return None
        length = int(head.lower().partition(_LENGTH)[2].partition(b"\r\n")[0] or 0)
        return int(head[9:12]) if len(rest) >= length else None


class _Sender:
    """Sends each request when it is due, on a free connection; it waits for one if all are in use."""

    def __init__(self, plan: SteadyPlan) -> None:
        self._plan = plan
        self._statuses: Counter[int] = Counter()
        self._samples: list[Sample] = []
        self._free = deque(_Connection(plan.port) for _ in range(plan.connection_count))
        self._selector = selectors.DefaultSelector()
        self._in_flight = 0

    def run(self) -> Outcome:
        """Send the plan."""
        waiting: deque[float] = deque()
        requests = itertools.cycle(self._plan.requests)
        due = _moments(self._plan)
        following = next(due, None)
        while following is not None or waiting or self._in_flight:
            now = time.monotonic()
            while following is not None and following <= now:
                waiting.append(following)
                following = next(due, None)
            while waiting and self._free:
                self._send(next(requests), waiting.popleft())
            timeout = _PATIENCE_SECONDS if following is None else max(following - time.monotonic(), 0)
            self._receive(timeout)
        return Outcome(statuses=dict(self._statuses), samples=self._samples)

    def _send(self, request: Request, due_at: float) -> None:
        connection = self._free.popleft()
        self._selector.register(connection.socket, selectors.EVENT_READ, connection)
        self._in_flight += 1
        connection.send(request, due_at)

    def _receive(self, timeout: float) -> None:
        for key, _ in self._selector.select(timeout):
            connection: _Connection = key.data
            status = connection.receive()
            if status is None:
                continue
            self._statuses[status] += 1
            if status == connection.request.expected:
                latency_ms = (time.monotonic() - connection.due_at) * 1000
                self._samples.append(Sample(connection.due_at - self._plan.begins_at, latency_ms))
            self._selector.unregister(connection.socket)
            self._in_flight -= 1
            self._free.append(connection)


def _moments(plan: SteadyPlan) -> Iterator[float]:
    """Iterate over the moments at which requests are due."""
    for number in range(int(plan.seconds * plan.requests_per_second)):
        seconds = number / plan.requests_per_second
        if int(seconds / plan.turn_seconds) % plan.turns == plan.turn:
            yield plan.begins_at + seconds


def main() -> int:
    """Send the plan and print its outcome."""
    plan = msgspec.json.decode(Path(sys.argv[1]).read_bytes(), type=SteadyPlan)
    sys.stdout.buffer.write(msgspec.json.encode(_Sender(plan).run()))
    return 0


if __name__ == "__main__":
    sys.exit(main())

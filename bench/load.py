"""The load generator: a separate process that sends prepared requests over persistent connections.

``python -m bench.load PLAN`` reads a plan, ends with 0 when every response had the expected status. It does as little
as it can (plain sockets on one thread), or it would take the two cores from what is measured.
"""

import selectors
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import msgspec

_HOST: Final = "127.0.0.1"
_TIMEOUT_SECONDS: Final = 60
_CHUNK_BYTES: Final = 256 * 1024
_LENGTH: Final = b"content-length:"


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """A request, and the required status of its response."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: str = ""
    expected: int


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """Requests to one server, distributed over connections."""

    port: int
    connection_count: int
    requests: tuple[Request, ...]


class WrongResponse(Exception):  # noqa: N818 - named for what happened
    """Raised when a response is not the required one, so that there is nothing to measure."""


def drive(plan: Plan) -> None:
    """Send a plan from a separate process. Raises WrongResponse."""
    with tempfile.NamedTemporaryFile(suffix=".json") as file:
        file.write(msgspec.json.encode(plan))
        file.flush()
        command = [sys.executable, "-m", "bench.load", file.name]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise WrongResponse(done.stdout.strip() or f"the load generator ended with {done.returncode}")


def response_to(port: int, request: Request) -> bytes:
    """Send one request and return the body of its response. Raises WrongResponse."""
    connection = Connection(port)
    connection.send(request)
    while connection.body is None:
        connection.receive()
    return connection.body


class Connection:
    """One socket with one request in flight; ``body`` is None until the response is complete."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection((_HOST, port), _TIMEOUT_SECONDS)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def send(self, request: Request) -> None:
        """Send a request."""
        self._request, self._received = request, b""
        self.body: bytes | None = None
        self.socket.sendall(encode(request))

    def receive(self) -> None:
        """Read the available bytes. Raises WrongResponse."""
        data = self.socket.recv(_CHUNK_BYTES)
        if not data:
            raise WrongResponse(f"{self._request.method} {self._request.path}: closed")
        self._received += data
        head, _, rest = self._received.partition(b"\r\n\r\n")
        if not rest:
            return
        after = head.lower().partition(_LENGTH)[2]
        if len(rest) < int(after.partition(b"\r\n")[0]):
            return
        self.body = rest
        if int(head[9:12]) != self._request.expected:
            raise WrongResponse(f"{self._request.method} {self._request.path}: {head[9:12].decode()} {rest[:300]!r}")


def main() -> int:
    """Send the plan; print the first wrong response."""
    plan = msgspec.json.decode(Path(sys.argv[1]).read_bytes(), type=Plan)
    try:
        _send_all(plan)
    except (OSError, WrongResponse) as error:
        print(f"{type(error).__name__}: {error}")
        return 1
    return 0


def _send_all(plan: Plan) -> None:
    requests = iter(plan.requests)
    with selectors.DefaultSelector() as selector:
        for _ in range(plan.connection_count):
            _send_next(selector, Connection(plan.port), requests, is_new=True)
        while selector.get_map():
            ready = selector.select(_TIMEOUT_SECONDS)
            if not ready:
                raise WrongResponse(f"no response for {_TIMEOUT_SECONDS} s")
            for key, _ in ready:
                connection: Connection = key.data
                connection.receive()
                if connection.body is not None:
                    _send_next(selector, connection, requests)


def _send_next(
    selector: selectors.BaseSelector, connection: Connection, requests: Iterator[Request], *, is_new: bool = False
) -> None:
    request = next(requests, None)
    if request is None:
        if not is_new:
            selector.unregister(connection.socket)
        connection.socket.close()
        return
    if is_new:
        selector.register(connection.socket, selectors.EVENT_READ, connection)
    connection.send(request)


def encode(request: Request) -> bytes:
    """Return the bytes of a request."""
    body = request.body.encode()
    length = {"Content-Length": str(len(body))} if body else {}
    headers = {"Host": _HOST, **request.headers, **length}
    lines = [f"{request.method} {request.path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + body


if __name__ == "__main__":
    sys.exit(main())

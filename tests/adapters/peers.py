"""Servers that respond to each request on a socket as a test says, byte for byte."""

import socket
import ssl
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from threading import Thread
from types import TracebackType
from typing import Self

Response = bytes | Callable[[socket.socket], None]


def ok(body: bytes, *headers: str) -> bytes:
    """A response with a length."""
    head = "\r\n".join(["HTTP/1.1 200 OK", *headers, f"Content-Length: {len(body)}"])
    return f"{head}\r\n\r\n".encode() + body


class Peer:
    """Gives the answers in turn, the last one for ever; counts connections and requests."""

    def __init__(self, answers: Sequence[Response], *, tls: ssl.SSLContext | None = None) -> None:
        self.connection_count = 0
        self.request_count = 0
        self._answers = list(answers)
        self._tls = tls
        self._server = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = []
        self._threads = [Thread(target=self._accept)]
        scheme = "https" if tls else "http"
        self.url = f"{scheme}://localhost:{self._server.getsockname()[1]}"

    def hang_up(self) -> None:
        """Close every connection, as an engine that dies does."""
        for connection in self._open:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def __enter__(self) -> Self:
        self._threads[0].start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        self.hang_up()
        for thread in self._threads:
            thread.join()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._server.accept()
                self.connection_count += 1
                self._open.append(connection)
                thread = Thread(target=self._serve, args=(connection,))
                self._threads.append(thread)
                thread.start()

    def _serve(self, raw: socket.socket) -> None:
        connection = raw
        with suppress(OSError):
            if self._tls is not None:
                connection = self._open[-1] = self._tls.wrap_socket(raw, server_side=True)
            for _ in _requests(connection):
                self.request_count += 1
                response = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
                if callable(response):
                    response(connection)
                    break
                connection.sendall(response)
        connection.close()


def _requests(connection: socket.socket) -> Iterator[bytes]:
    """Read whole requests: a head with a length, and a body."""
    got = b""
    while data := connection.recv(65536):
        got += data
        head, end, body = got.partition(b"\r\n\r\n")
        if not end:
            continue
        lengths = (int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.startswith(b"Content-Length"))
        if len(body) >= next(lengths, 0):
            yield got
            got = b""


@contextmanager
def closed_port() -> Iterator[int]:
    """A port that nobody listens on."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]

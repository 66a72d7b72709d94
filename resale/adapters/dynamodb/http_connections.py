"""HTTP/1.1 over persistent connections to one endpoint, without retries or interpretation.

Safe for threads (a connection is in one exchange at a time) and for fork (a child never touches its parent's sockets).
"""

import collections
import functools
import os
import select
import socket
import ssl
import time
import zlib
from typing import Final
from urllib.parse import urlsplit

import botocore.session
import httptools
import msgspec
from botocore.httpsession import get_cert_path

_MAX_IDLE: Final = 32  # sockets kept for later; more than the threads of one process are never idle at once
_MAX_IDLE_SECONDS: Final = 50.0  # below the 60 s and more after which peers and NAT gateways forget a connection
_MAX_RESPONSE_BYTES: Final = 32 * 1024 * 1024  # BatchGetItem answers at most 16 MB of items
_CHUNK_BYTES: Final = 64 * 1024
_MAX_REQUEST_ID_CHARS: Final = 64  # DynamoDB's have 52


class TransportFailed(Exception):  # noqa: N818 - named for what happened
    """Raised when no complete response arrived. It is unknown whether the request was executed."""


class Response(msgspec.Struct, frozen=True):
    """A complete response."""

    status: int
    body: bytes
    request_id: str = ""  # DynamoDB's, which AWS Support asks for


@functools.cache
def default_tls() -> ssl.SSLContext:
    """Return the TLS settings of the process, created once: the certificates that botocore trusts, TLS 1.2 or newer.

    ``AWS_CA_BUNDLE`` and ``ca_bundle`` of the SDK's settings replace botocore's certificates, as for its own clients.
    """
    configured = botocore.session.Session().get_config_variable("ca_bundle")
    context = ssl.create_default_context(cafile=get_cert_path(verify=configured or True))
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


class Connection:
    """One connection, which is also the callback object of the parser (httptools calls the ``on_`` methods)."""

    def __init__(self, opened: socket.socket, *, read_timeout_seconds: float) -> None:
        self._socket = opened
        self._read_timeout_seconds = read_timeout_seconds
        self._readable = select.poll()
        self._readable.register(opened, select.POLLIN)
        self._idle_since = 0.0
        self._parser: httptools.HttpResponseParser | None = None

    def exchange(self, request: bytes) -> tuple[Response, bool]:
        """Send a request and return its response, and whether the connection can be used again.

        Raises:
            TransportFailed: Refused, closed, reset, cut short, garbled or too late.
        """
        self._parts: list[bytes] = []
        self._size_bytes = 0
        self._checksum: int | None = None
        self._request_id = ""
        self._is_complete = self._is_reusable = False
        parser = self._parser = httptools.HttpResponseParser(self)
        try:
            self._socket.sendall(request)
            self._receive(parser)
        except (OSError, httptools.HttpParserError) as error:
            raise TransportFailed(f"{type(error).__name__}: {error}") from error
        finally:
            self._parser = None  # or the two would keep each other alive
        body = self._parts[0] if len(self._parts) == 1 else b"".join(self._parts)
        if self._checksum is not None and zlib.crc32(body) != self._checksum:
            raise TransportFailed("The response does not match its checksum.")
        return Response(parser.get_status_code(), body, self._request_id), self._is_reusable

    def rest(self) -> None:
        """Mark the connection as idle."""
        self._idle_since = time.monotonic()

    def is_usable(self) -> bool:
        """Return whether an idle connection can be used: not too old, and no data or end has arrived."""
        return time.monotonic() - self._idle_since < _MAX_IDLE_SECONDS and not self._readable.poll(0)

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()

    def _receive(self, parser: httptools.HttpResponseParser) -> None:
        deadline = None
        while True:
            data = self._socket.recv(_CHUNK_BYTES)
            if not data:
                raise ConnectionResetError("closed before the response was complete")
            parser.feed_data(data)
            if self._is_complete:
                break
            # Only long answers come here: the timeout is for the response, not for each of its pieces.
            now = time.monotonic()
            deadline = deadline or now + self._read_timeout_seconds
            if now >= deadline or self._size_bytes > _MAX_RESPONSE_BYTES:
                raise TimeoutError("the response is too slow or too long")
            self._socket.settimeout(deadline - now)
        if deadline is not None:
            self._socket.settimeout(self._read_timeout_seconds)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Store the CRC-32 of the body and the request id."""
        name = name.lower()
        if name == b"x-amz-crc32":
            self._checksum = int(value)
        elif name == b"x-amzn-requestid":
            self._request_id = value.decode("ascii", "replace")[:_MAX_REQUEST_ID_CHARS]

    def on_body(self, data: bytes) -> None:
        """Store a part of the body."""
        self._parts.append(data)
        self._size_bytes += len(data)

    def on_message_complete(self) -> None:
        """Mark the response as complete; only now does the parser know whether the peer will close."""
        self._is_complete = True
        self._is_reusable = self._parser is not None and self._parser.should_keep_alive()


class ConnectionPool:
    """Connections to one endpoint, opened when needed and reused when idle. Shared by all tenants of that endpoint."""

    def __init__(
        self,
        url: str,
        *,
        connect_timeout_seconds: float,
        read_timeout_seconds: float,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        parts = urlsplit(url)
        self.host = parts.netloc
        self._tls = (tls or default_tls()) if parts.scheme == "https" else None
        self._name = parts.hostname or ""
        self._address = (self._name, parts.port or (443 if self._tls else 80))
        self._connect_timeout_seconds = connect_timeout_seconds
        self._read_timeout_seconds = read_timeout_seconds
        # Newest first: the rest grow old and are closed. A deque's ends need no lock.
        self._idle: collections.deque[Connection] = collections.deque()
        self._process_id = os.getpid()

    def send(self, request: bytes) -> Response:
        """Send a complete request on any connection and return its response.

        Raises:
            TransportFailed: No whole response came; a connection found dead before the send is not counted.
        """
        connection = self._take()
        try:
            response, is_reusable = connection.exchange(request)
        except BaseException:
            connection.close()
            raise
        if is_reusable and len(self._idle) < _MAX_IDLE:
            connection.rest()
            self._idle.append(connection)
        else:
            connection.close()
        return response

    def close(self) -> None:
        """Close the idle connections; those in use are closed when they are returned."""
        while self._idle:
            self._idle.pop().close()

    def _take(self) -> Connection:
        if self._process_id != os.getpid():
            self._process_id = os.getpid()
            self._idle = collections.deque()  # dropped here, alive in the parent: the kernel counts its holders
        while True:
            try:
                connection = self._idle.pop()
            except IndexError:
                return self._connect()
            if connection.is_usable():
                return connection
            connection.close()

    def _connect(self) -> Connection:
        try:
            opened = socket.create_connection(self._address, self._connect_timeout_seconds)
            opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            if self._tls is not None:
                opened = self._tls.wrap_socket(opened, server_hostname=self._name)
            opened.settimeout(self._read_timeout_seconds)
        except OSError as error:
            raise TransportFailed(f"{type(error).__name__}: {error}") from error
        return Connection(opened, read_timeout_seconds=self._read_timeout_seconds)

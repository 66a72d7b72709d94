"""A client connection of the web role: received and pending bytes, its stage and its deadlines."""

import socket
from collections import Counter
from collections.abc import Collection
from contextlib import suppress
from enum import Enum, auto
from typing import Any, Final

import msgspec
from django.conf import settings

from apps.core.client_ip import address_of
from apps.core.serving.framing import RequestBuffer


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """Limits on time and memory of one client.

    After ``grace_seconds`` a client has to have sent, or taken, ``bytes_per_second`` on average; a request may take
    ``total_seconds`` to arrive.
    """

    total_seconds: float = 10.0
    grace_seconds: float = 5.0
    bytes_per_second: int = 500  # as Apache's mod_reqtimeout; a phone on a bad network has 5,000
    max_body_bytes: int = 256 * 1024  # of a body that is read at all: ``apps.core.requests``
    max_unfinished_per_address: int = 32  # a browser opens 6 connections; whole requests do not count
    max_held_bytes: int = 64 * 1024 * 1024  # of requests that have not arrived, in one process
    spared_seconds: float = 2.0  # a younger request is not ended to make room while another can be


class Stage(Enum):
    """The event that the poll loop waits for."""

    IDLE = auto()  # the first byte of a request
    READING = auto()  # the rest of it
    WRITING = auto()  # room for the rest of a response
    LINGERING = auto()  # the client to stop sending, so that it can read the response (RFC 9112 9.6)


class Outbox:
    """Replaces the socket that gunicorn writes to: buffers the bytes that the socket does not accept immediately."""

    __slots__ = ("_socket", "sent_bytes", "waiting")

    def __init__(self, plain: socket.socket) -> None:
        self._socket = plain
        self.waiting = bytearray()
        self.sent_bytes = 0

    def sendall(self, data: bytes) -> None:
        """Buffer a part of a response; ``flush`` sends small parts together."""
        self.waiting += data
        if len(self.waiting) > _EAGER_BYTES:
            self.flush()

    def flush(self) -> bool:
        """Send the bytes that the socket accepts without blocking; return whether all were sent. Raises OSError."""
        while self.waiting:
            try:
                sent = self._socket.send(self.waiting)
            except BlockingIOError:
                return False
            self.sent_bytes += sent
            del self.waiting[:sent]
        return True

    def clear(self) -> None:
        """Discard the unsent bytes."""
        self.waiting.clear()


class Connection:
    """A client's connection. Either the poll loop owns it or one thread, never both."""

    __slots__ = (
        "address",
        "client",
        "counted_bytes",
        "is_kept",
        "limits",
        "outbox",
        "received",
        "requests",
        "server",
        "share",
        "since",
        "sock",
        "stage",
        "taken_bytes",
        "until",
        "was_shown",
        "watched",
    )

    def __init__(self, plain: socket.socket, *, client: Any, server: Any, limits: Limits, now: float) -> None:
        self.sock = plain
        self.client = client
        self.server = server
        self.limits = limits
        self.received = RequestBuffer(max_body_bytes=limits.max_body_bytes)
        self.outbox = Outbox(plain)
        self.stage = Stage.IDLE
        self.since = now  # monotonic seconds
        self.until = now + limits.total_seconds
        self.taken_bytes = 0  # in this stage
        self.requests = 0
        self.is_kept = False  # after the response
        self.was_shown = False  # to the application, without its body
        self.address: str | None = None  # whose unfinished requests this one counts among
        self.watched = 0  # the poller's mask
        self.share: bytes | None = None  # the API key whose turn the request takes; None: it has a thread of its own
        self.counted_bytes = 0  # of held_bytes, in the worker's sum

    @property
    def started(self) -> bool:
        """Whether a request has begun to arrive."""
        return bool(self.received.data)

    @property
    def held_bytes(self) -> int:
        """Memory that the connection occupies while it waits."""
        return len(self.received.data) + len(self.outbox.waiting)

    def enter(self, stage: Stage, now: float) -> None:
        """Start another stage."""
        if stage is not self.stage:
            self.stage = stage
            self.since = now
            self.taken_bytes = 0
            self.outbox.sent_bytes = 0
            self.until = now + self.limits.total_seconds

    def overdue(self, now: float) -> bool:
        """Return whether the client exceeded the deadline of the stage. A response has a minimum rate instead."""
        if self.stage is Stage.IDLE:
            return now > self.until
        moved_bytes = self.outbox.sent_bytes if self.stage is Stage.WRITING else self.taken_bytes
        is_slow = now > self.since + self.limits.grace_seconds + moved_bytes / self.limits.bytes_per_second
        return is_slow or (now > self.until and self.stage is not Stage.WRITING)

    def client_address(self) -> str | None:
        """Return the client's address; None while only a trusted proxy is known.

        Behind a proxy the peer is the proxy, which carries everybody: it is never counted itself. The load balancer
        forwards a request when its headers are whole, so that nothing is missed meanwhile.
        """
        forwarded = self.received.read_forwarded_for()
        if settings.PROXY_HOPS and not forwarded:
            return None
        return address_of(peer=self.peer, forwarded=forwarded) or None

    @property
    def peer(self) -> str:
        """The address of the peer; empty on a Unix socket."""
        return str(self.client[0]) if isinstance(self.client, tuple) else ""

    @property
    def is_closed(self) -> bool:
        """Whether the socket was closed."""
        return self.sock.fileno() < 0

    def close(self) -> None:
        """Close the socket."""
        with suppress(OSError):
            self.sock.close()


def find_evictable(held: Collection[Connection], *, spared_seconds: float, now: float) -> Connection | None:
    """Return the connection to close for a new one; None if there is none.

    It is a slow sender; else an idle connection of the address with most of them; else the oldest one. Behind a proxy,
    the addresses are the proxy's: then it is the one that has waited longest.

    Args:
        held: The connections of the poll loop, oldest first.
        spared_seconds: A request is not slow before this time.
        now: Monotonic seconds.
    """
    for conn in held:
        if conn.stage in _SENDING and now - conn.since > spared_seconds:
            return conn
    waiting = [conn for conn in held if conn.stage not in _SENDING]
    if not waiting:
        return next(iter(held), None)
    peer = Counter(conn.peer for conn in waiting).most_common(1)[0][0]
    theirs = [conn for conn in waiting if conn.peer == peer]
    return next((conn for conn in theirs if conn.stage is Stage.IDLE), theirs[0])


_SENDING: Final = (Stage.READING, Stage.LINGERING)
_EAGER_BYTES: Final = 64 * 1024

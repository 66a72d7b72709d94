"""Token buckets in Valkey, which all web processes share: one round trip takes from several of them, or from none.

A thread of its own opens the connections, so that no request waits for a name, a handshake or a lost server. A request
that finds no connection, or whose server does not respond in time, gets ``BucketsUnavailable`` at once.
"""

import logging
import random
import threading
import time
from collections.abc import Sequence
from typing import Any, Final, TypeAlias

import msgspec
from valkey import ConnectionPool
from valkey.backoff import NoBackoff
from valkey.connection import AbstractConnection
from valkey.exceptions import ValkeyError
from valkey.retry import Retry

from apps.core.fair_shares.bucket_scripts import REFUND, TAKE, Script

logger = logging.getLogger("resale.limits")

Argument: TypeAlias = int | str

RESPONSE_SECONDS: Final = 0.02  # a response takes about 0.2 ms within a Region; a request waits for no slow server
_CONNECT_SECONDS: Final = 1.0
_MIN_RETRY_SECONDS: Final = 0.25
_MAX_RETRY_SECONDS: Final = 5.0
_STABLE_SECONDS: Final = 30.0  # after so long without a failure, the next one is retried soon
_MAX_CONNECTIONS: Final = 64
_PROBE: Final = ("resale:limit:{probe}:tenant",)  # written by each new connection: a read-only replica refuses that


class BucketsUnavailable(Exception):  # noqa: N818 - named for what happened, as outcomes are
    """Valkey is gone, slow or does not accept writes."""


class Taken(msgspec.Struct, frozen=True, gc=False):
    """What became of taking a token from each bucket.

    Attributes:
        refused_by: Index of the first bucket without a token; None: one was taken from each.
        seconds: What is left of the last bucket; of a refusal: until the bucket has a token.
    """

    refused_by: int | None
    seconds: float


class ValkeyBuckets:
    """The buckets, and the connections of one process to them. Used by all its threads.

    Args:
        url: ``valkey://``, or ``valkeys://`` with TLS.
        connections: How many to open at first; more are opened as threads need them, up to 64.
        response_seconds: The timeout of a response.
    """

    def __init__(self, url: str, *, connections: int, response_seconds: float = RESPONSE_SECONDS) -> None:
        self._pool = ConnectionPool.from_url(
            url,
            socket_timeout=response_seconds,
            socket_connect_timeout=_CONNECT_SECONDS,
            retry=Retry(NoBackoff(), 0),
        )
        self._first = connections
        self._lock = threading.Lock()
        self._idle: list[AbstractConnection] = []
        self._generation = 0  # of the connections: each failure ends one
        self._opened = 0  # of this generation
        self._available = threading.Event()
        self._wanted = threading.Event()
        self._closed = threading.Event()
        self._available_since = 0.0  # monotonic seconds
        self._retry_seconds = _MIN_RETRY_SECONDS
        self._is_reported = False
        self._opener = threading.Thread(target=self._keep_open, name="valkey-connections", daemon=True)
        self._opener.start()

    @property
    def is_available(self) -> bool:
        """Whether Valkey responded when it was last used."""
        return self._available.is_set()

    def wait(self, *, seconds: float) -> bool:
        """Wait until Valkey is available. Returns whether it is."""
        return self._available.wait(seconds)

    def take(self, keys: Sequence[str], arguments: Sequence[Argument]) -> Taken:
        """Take a token from each bucket, or from none.

        Args:
            keys: Of the buckets, all of one tenant.
            arguments: Of each bucket its interval, and the part of its window that can be used, in microseconds.

        Raises:
            BucketsUnavailable: It is not known what the buckets hold; tokens may have been taken.
        """
        refused_by, microseconds = self._run(TAKE, keys, arguments)
        return Taken(refused_by=refused_by - 1 if refused_by else None, seconds=microseconds / 1e6)

    def refund(self, keys: Sequence[str], intervals: Sequence[Argument]) -> None:
        """Put a token back into each bucket; ``intervals`` in microseconds. Raises BucketsUnavailable."""
        self._run(REFUND, keys, intervals)

    def close(self) -> None:
        """Close all connections, and end the thread that opens them."""
        self._closed.set()
        self._wanted.set()
        self._opener.join()
        self._end_generation()

    def _run(self, script: Script, keys: Sequence[str], arguments: Sequence[Argument]) -> Any:
        with self._lock:
            generation = self._generation
            connection = self._idle.pop() if self._idle else None
        if connection is None:
            self._wanted.set()
            raise BucketsUnavailable
        try:
            response = _send(connection, script, keys, arguments)
        except (ValkeyError, OSError) as error:
            connection.disconnect()
            self._fail(error, generation)
            raise BucketsUnavailable from error
        self._put(connection, generation)
        return response

    def _put(self, connection: AbstractConnection, generation: int) -> None:
        with self._lock:
            if generation == self._generation:
                self._idle.append(connection)
                return
        connection.disconnect()

    def _fail(self, error: Exception, generation: int) -> None:
        """End the generation of a connection that failed; all others that are in use see the same failure."""
        if generation == self._generation:
            self._end_generation()
            self._report(error)
            self._wanted.set()

    def _end_generation(self) -> None:
        with self._lock:
            self._available.clear()
            self._generation += 1
            self._opened = 0
            old, self._idle = self._idle, []
        for connection in old:
            connection.disconnect()

    def _report(self, error: Exception) -> None:
        """Log a failure, if it is the first since Valkey was available."""
        if not self._is_reported:
            self._is_reported = True
            cause = type(error).__name__
            logger.warning("shared limits unavailable: each process enforces its part", extra={"reason": cause})

    def _keep_open(self) -> None:
        """Open connections as they are wanted, until the buckets are closed."""
        while not self._closed.is_set():
            try:
                self._open_missing()
            except (ValkeyError, OSError) as error:
                if not self.is_available:  # else the connections that there are do their work
                    self._end_generation()
                    self._report(error)
                self._pause()
                continue
            self._wanted.wait()
            self._wanted.clear()
            if not self.is_available:
                self._pause()

    def _pause(self) -> None:
        """Back off before the next attempt; after a long time without a failure, only briefly."""
        if time.monotonic() - self._available_since > _STABLE_SECONDS and self._available_since:
            self._retry_seconds, self._available_since = _MIN_RETRY_SECONDS, 0.0
        self._closed.wait(self._retry_seconds * random.uniform(0.8, 1.2))  # noqa: S311 - spreads retries, no secret
        self._retry_seconds = min(2 * self._retry_seconds, _MAX_RETRY_SECONDS)

    def _open_missing(self) -> None:
        """Open the first connections, or one more. Raises ValkeyError or OSError."""
        generation = self._generation
        for _ in range(1 if self.is_available else self._first):
            if self._opened < _MAX_CONNECTIONS:
                self._put(self._connect(), generation)
                self._opened += 1
        with self._lock:
            if self.is_available or generation != self._generation:
                return
            self._available_since = time.monotonic()
            self._available.set()
        if self._is_reported:
            self._is_reported = False
            logger.warning("shared limits available again")

    def _connect(self) -> AbstractConnection:
        """Open a connection to a server that has the scripts and accepts writes. Raises ValkeyError or OSError."""
        connection: AbstractConnection = self._pool.make_connection()
        try:
            connection.connect()
            for script in (TAKE, REFUND):
                connection.send_command("SCRIPT", "LOAD", script.text)
                connection.read_response()
            _send(connection, TAKE, _PROBE, (1, 1_000_000))
        except (ValkeyError, OSError):
            connection.disconnect()
            raise
        return connection


def _send(connection: AbstractConnection, script: Script, keys: Sequence[str], arguments: Sequence[Argument]) -> Any:
    connection.send_command("EVALSHA", script.sha1, len(keys), *keys, *arguments)
    return connection.read_response()

"""Readiness probes."""

import http.client
import socket
from collections.abc import Callable

from deploy.local.supervisor.ports import LOOPBACK

_TIMEOUT_SECONDS = 2.0


def http_ready(port: int, path: str = "/") -> Callable[[], bool]:
    """Return a probe that succeeds when ``GET path`` returns a status below 500."""

    def probe() -> bool:
        connection = http.client.HTTPConnection(LOOPBACK, port, timeout=_TIMEOUT_SECONDS)
        try:
            connection.request("GET", path)
            return connection.getresponse().status < http.client.INTERNAL_SERVER_ERROR
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    return probe


def tcp_ready(port: int) -> Callable[[], bool]:
    """Return a probe that succeeds when the port accepts a connection."""

    def probe() -> bool:
        try:
            socket.create_connection((LOOPBACK, port), timeout=_TIMEOUT_SECONDS).close()
        except OSError:
            return False
        return True

    return probe

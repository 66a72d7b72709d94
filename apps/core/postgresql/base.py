"""The backend. Its option ``deadline_seconds`` bounds each wait for the server; the rest is Django's.

``statement_timeout`` is the server's own, so a server that stands still does not enforce it, nor does a network that
swallows packets. Without a limit here, each thread that uses such a connection would wait until the server returns.
"""

from typing import Any, TypeVar

import psycopg
from django.db.backends.postgresql import base
from psycopg import errors
from psycopg.abc import PQGen

T = TypeVar("T")

DEADLINE_OPTION = "deadline_seconds"


class BoundedConnection(psycopg.Connection[Any]):
    """A connection that is given up, for good, when the server does not respond within ``deadline_seconds``."""

    deadline_seconds: float | None = None

    def wait(self, gen: PQGen[T], interval: float = 0.1, timeout: float | None = None) -> T:
        """Wait for a response. Raises OperationalError at the deadline."""
        if timeout is not None or self.deadline_seconds is None:
            return super().wait(gen, interval=interval, timeout=timeout)
        try:
            return super().wait(gen, interval=interval, timeout=self.deadline_seconds)
        except errors._WaitTimeout:  # noqa: SLF001 - psycopg raises it and names no public parent
            self.pgconn.finish()  # a late response would be taken for that of the next statement
            raise psycopg.OperationalError(f"no response within {self.deadline_seconds:g} s") from None


class DatabaseWrapper(base.DatabaseWrapper):
    """Opens connections with a deadline."""

    def get_new_connection(self, conn_params: dict[str, Any]) -> BoundedConnection:
        """Connect, within ``connect_timeout``."""
        seconds = conn_params.pop(DEADLINE_OPTION, None)
        self.isolation_level = psycopg.IsolationLevel.READ_COMMITTED
        connection: BoundedConnection = BoundedConnection.connect(**conn_params)
        connection.deadline_seconds = seconds
        return connection

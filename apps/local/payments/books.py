"""The provider's books: one row an attempt, in SQLite, kept through kill -9."""

import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS charges (
    attempt_id TEXT PRIMARY KEY,
    order_id TEXT NOT NULL,
    amount INTEGER NOT NULL,
    currency TEXT NOT NULL,
    state TEXT NOT NULL,
    reason TEXT,
    booked_at REAL NOT NULL
);
CREATE TABLE IF NOT EXISTS tries (attempt_id TEXT PRIMARY KEY, count INTEGER NOT NULL);
"""

Row = dict[str, Any]


class Books:
    """What was charged and given back. Calls for one attempt go one after another."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._connection.row_factory = sqlite3.Row
        self._connection.execute("PRAGMA journal_mode=WAL")
        self._connection.executescript(_SCHEMA)
        self._lock = threading.Lock()
        self._attempts: dict[str, threading.Lock] = {}

    @contextmanager
    def alone(self, attempt_id: str) -> Iterator[None]:
        """Hold everybody else who means this attempt."""
        with self._lock:
            lock = self._attempts.setdefault(attempt_id, threading.Lock())
        with lock:
            yield

    def find(self, attempt_id: str) -> Row | None:
        """Find what became of an attempt."""
        return self._one("SELECT * FROM charges WHERE attempt_id = ?", attempt_id)

    def book(self, charge: Row) -> Row:
        """Write an attempt down; what is written stays as it is."""
        self._write(
            "INSERT OR IGNORE INTO charges VALUES (:attempt_id, :order_id, :amount, :currency, :state, :reason, :at)",
            {**charge, "at": time.time()},
        )
        return self.find(charge["attempt_id"]) or charge

    def give_back(self, attempt_id: str) -> Row:
        """Refund a captured attempt; close one that was never booked, so that a late charge takes nothing."""
        self.book(
            {
                "attempt_id": attempt_id,
                "order_id": "",
                "amount": 0,
                "currency": "",
                "state": "voided",
                "reason": "closed_unbooked",
            }
        )
        self._write(
            "UPDATE charges SET state = 'refunded' WHERE attempt_id = :attempt_id AND state = 'captured'",
            {"attempt_id": attempt_id},
        )
        return self.find(attempt_id) or {}

    def count_try(self, attempt_id: str) -> int:
        """Count one more try of an attempt; returns how many there were."""
        self._write(
            "INSERT INTO tries VALUES (:attempt_id, 1) ON CONFLICT (attempt_id) DO UPDATE SET count = count + 1",
            {"attempt_id": attempt_id},
        )
        row = self._one("SELECT count FROM tries WHERE attempt_id = ?", attempt_id)
        return 0 if row is None else int(row["count"])

    def all(self) -> list[Row]:
        """Read everything, oldest first."""
        with self._lock:
            return [dict(row) for row in self._connection.execute("SELECT * FROM charges ORDER BY booked_at")]

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def _one(self, sql: str, *values: str) -> Row | None:
        with self._lock:
            row = self._connection.execute(sql, values).fetchone()
        return None if row is None else dict(row)

    def _write(self, sql: str, values: Row) -> None:
        with self._lock:
            self._connection.execute(sql, values)

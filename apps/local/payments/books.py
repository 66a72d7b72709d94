"""The provider's books: one row an attempt, in SQLite, and how often an attempt was tried."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import msgspec

_SCHEMA = """
CREATE TABLE IF NOT EXISTS attempts (
    attempt_id TEXT PRIMARY KEY, order_id TEXT NOT NULL, amount INTEGER NOT NULL, currency TEXT NOT NULL,
    token TEXT NOT NULL, state TEXT NOT NULL, reference TEXT NOT NULL, reason TEXT
);
CREATE TABLE IF NOT EXISTS tries (attempt_id TEXT PRIMARY KEY, count INTEGER NOT NULL);
"""


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One attempt as booked. ``amount`` in minor units."""

    attempt_id: str
    order_id: str
    amount: int
    currency: str
    token: str
    state: str
    reference: str
    reason: str | None = None


class Books:
    """Every call is a transaction of its own on a connection of its own, so threads may share one object."""

    def __init__(self, path: Path) -> None:
        """Make the file when it is missing; an old one is kept."""
        self._path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        with self._connection() as connection:
            connection.execute("PRAGMA journal_mode=WAL")
            connection.executescript(_SCHEMA)

    def find(self, attempt_id: str) -> Row | None:
        """Return what became of an attempt."""
        with self._connection() as connection:
            found = connection.execute("SELECT * FROM attempts WHERE attempt_id = ?", (attempt_id,)).fetchone()
        return None if found is None else _row(found)

    def book(self, row: Row) -> None:
        """Write a new attempt; it must not be there yet."""
        with self._connection() as connection:
            connection.execute("INSERT INTO attempts VALUES (?, ?, ?, ?, ?, ?, ?, ?)", msgspec.structs.astuple(row))

    def set_state(self, attempt_id: str, state: str) -> None:
        """Change what became of an attempt."""
        with self._connection() as connection:
            connection.execute("UPDATE attempts SET state = ? WHERE attempt_id = ?", (state, attempt_id))

    def count_try(self, attempt_id: str) -> int:
        """Count one more try of an attempt; returns how many there were with it."""
        with self._connection() as connection:
            (count,) = connection.execute(
                "INSERT INTO tries VALUES (?, 1) ON CONFLICT DO UPDATE SET count = count + 1 RETURNING count",
                (attempt_id,),
            ).fetchone()
        return int(count)

    def rows(self) -> list[Row]:
        """Return everything booked, oldest first."""
        with self._connection() as connection:
            return [_row(found) for found in connection.execute("SELECT * FROM attempts ORDER BY rowid")]

    @contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        with closing(sqlite3.connect(self._path, timeout=10.0)) as connection, connection:
            yield connection


def _row(found: tuple[object, ...]) -> Row:
    return msgspec.convert(dict(zip(Row.__struct_fields__, found, strict=True)), Row)

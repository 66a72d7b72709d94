"""The records of the provider in SQLite: attempts, refunds, payouts, disputes, and all entries."""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec

from deploy.local.payments.rows import Attempt, Dispute, Entry, Kind, Payout, Refund, Sums

Row = Attempt | Refund | Payout | Dispute
T = TypeVar("T", Attempt, Refund, Payout, Dispute)

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS payments (
    account TEXT, attempt_id TEXT, order_id TEXT, amount INTEGER, currency TEXT, token TEXT, state TEXT,
    reference TEXT, reason TEXT, return_url TEXT, PRIMARY KEY (account, attempt_id)
);
CREATE TABLE IF NOT EXISTS refunds (
    account TEXT, refund_id TEXT, attempt_id TEXT, order_id TEXT, amount INTEGER, currency TEXT, state TEXT,
    reference TEXT, reason TEXT, PRIMARY KEY (account, refund_id)
);
CREATE TABLE IF NOT EXISTS payouts (
    account TEXT, payout_id TEXT, amount INTEGER, currency TEXT, destination TEXT, state TEXT,
    reference TEXT, reason TEXT, PRIMARY KEY (account, payout_id)
);
CREATE TABLE IF NOT EXISTS disputes (
    account TEXT, dispute_id TEXT, attempt_id TEXT, order_id TEXT, amount INTEGER, currency TEXT, state TEXT,
    reason TEXT, PRIMARY KEY (account, dispute_id)
);
CREATE TABLE IF NOT EXISTS entries (
    id INTEGER PRIMARY KEY AUTOINCREMENT, account TEXT, kind TEXT, reference TEXT, our_id TEXT, attempt_id TEXT,
    order_id TEXT, amount INTEGER, currency TEXT, booked_at REAL
);
CREATE INDEX IF NOT EXISTS entries_of ON entries (account, attempt_id);
CREATE INDEX IF NOT EXISTS entries_by_reference ON entries (account, reference);
CREATE TABLE IF NOT EXISTS calls (account TEXT, name TEXT, count INTEGER, PRIMARY KEY (account, name));
"""
_TABLES: Final[dict[type, str]] = {Attempt: "payments", Refund: "refunds", Payout: "payouts", Dispute: "disputes"}
#: Money that left or came and was not taken back since.
_BOOKINGS: Final = """
SELECT id, CASE kind WHEN 'capture' THEN 'charge' ELSE kind END AS kind, our_id, order_id, reference, amount, currency
FROM entries AS entry
WHERE account = ? AND booked_at >= ? AND id > ? AND kind IN ('capture', 'refund', 'chargeback', 'payout')
AND NOT EXISTS (
    SELECT 1 FROM entries AS back
    WHERE back.account = entry.account AND back.reference = entry.reference AND back.kind = entry.kind || '_reversal'
)
ORDER BY id LIMIT ?
"""
#: What the provider charges for: a payment, and a dispute that it lost.
_FEES: Final = """
SELECT id, kind, amount, currency, booked_at FROM entries
WHERE account = ? AND booked_at >= ? AND booked_at < ? AND id > ? AND kind IN ('capture', 'chargeback')
ORDER BY id LIMIT ?
"""
_SIGNS: Final = {
    Kind.AUTHORIZATION: ("authorized", 1),
    Kind.RELEASE: ("authorized", -1),
    Kind.CAPTURE: ("captured", 1),
    Kind.REFUND: ("refunded", 1),
    Kind.REFUND_REVERSAL: ("refunded", -1),
    Kind.WITHHOLDING: ("withheld", 1),
    Kind.WITHHOLDING_END: ("withheld", -1),
    Kind.CHARGEBACK: ("charged_back", 1),
    Kind.CHARGEBACK_REVERSAL: ("charged_back", -1),
}


class PaymentRecords:
    """The records. Every call has its own transaction and connection, so that threads can share the object."""

    def __init__(self, path: Path) -> None:
        """Open the file; create it if it is missing."""
        self._path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        with self._connection() as connection:
            connection.execute("PRAGMA journal_mode=WAL")
            connection.executescript(_SCHEMA)
            _add_missing_columns(connection)

    def find(self, kind: type[T], account: str, name: str) -> T | None:
        """Return a record; None if it is unknown."""
        table, key = _TABLES[kind], kind.__struct_fields__[1]
        with self._connection() as connection:
            found = connection.execute(
                f"SELECT * FROM {table} WHERE account = ? AND {key} = ?",  # noqa: S608 - names of ours
                (account, name),
            ).fetchone()
        return None if found is None else msgspec.convert(dict(found), kind)

    def list_of(self, kind: type[T], account: str, attempt_id: str) -> list[T]:
        """Return the refunds or disputes of an attempt, the oldest first."""
        with self._connection() as connection:
            found = connection.execute(
                f"SELECT * FROM {_TABLES[kind]} WHERE account = ? AND attempt_id = ? ORDER BY rowid",  # noqa: S608 - names of ours
                (account, attempt_id),
            ).fetchall()
        return [msgspec.convert(dict(row), kind) for row in found]

    def write(self, row: Row, *entries: Entry) -> None:
        """Write a record and its entries in one transaction."""
        values = msgspec.structs.astuple(row)
        marks = ", ".join("?" * len(values))
        with self._connection() as connection:
            connection.execute(
                f"INSERT INTO {_TABLES[type(row)]} VALUES ({marks})"  # noqa: S608 - names of ours
                " ON CONFLICT DO UPDATE SET state = excluded.state, reason = excluded.reason",
                values,
            )
            connection.executemany(
                "INSERT INTO entries"
                " (account, kind, reference, our_id, attempt_id, order_id, amount, currency, booked_at)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                [(*msgspec.structs.astuple(entry), time.time()) for entry in entries],
            )

    def count_call(self, account: str, name: str) -> int:
        """Count a call of a name; return the number of calls."""
        with self._connection() as connection:
            (count,) = connection.execute(
                "INSERT INTO calls VALUES (?, ?, 1) ON CONFLICT DO UPDATE SET count = count + 1 RETURNING count",
                (account, name),
            ).fetchone()
        return int(count)

    def sums(self, account: str, attempt_id: str) -> Sums:
        """Return the sums of an attempt's entries."""
        with self._connection() as connection:
            return _sums(connection, account, attempt_id)

    def rows(self, account: str | None) -> dict[str, list[dict[str, Any]]]:
        """Return all records of an account, or of all, oldest first; attempts have their sums."""
        with self._connection() as connection:
            tables = {table: _all(connection, table, account) for table in _TABLES.values()}
            attempts = [
                row | msgspec.to_builtins(_sums(connection, row["account"], row["attempt_id"]))
                for row in tables.pop("payments")
            ]
        return {"attempts": attempts, **tables}

    def entries(self, account: str, *, since: float, after: int, limit: int) -> list[dict[str, Any]]:
        """Return the movements that were not reversed, by ``id``."""
        with self._connection() as connection:
            return [dict(row) for row in connection.execute(_BOOKINGS, (account, since, after, limit))]

    def entries_with_fee(
        self, account: str, *, since: float, until: float, after: int, limit: int
    ) -> list[dict[str, Any]]:
        """Return the entries for which there is a fee, by ``id``."""
        with self._connection() as connection:
            return [dict(row) for row in connection.execute(_FEES, (account, since, until, after, limit))]

    @contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        with closing(sqlite3.connect(self._path, timeout=10.0)) as connection, connection:
            connection.row_factory = sqlite3.Row
            connection.execute("PRAGMA synchronous=NORMAL")  # with WAL it outlives the process, if not the machine
            yield connection


def _add_missing_columns(connection: sqlite3.Connection) -> None:
    """Add the columns that an older file lacks."""
    names = {row["name"] for row in connection.execute("PRAGMA table_info(payments)")}
    if "return_url" not in names:
        connection.execute("ALTER TABLE payments ADD COLUMN return_url TEXT")


def _sums(connection: sqlite3.Connection, account: str, attempt_id: str) -> Sums:
    sums: dict[str, int] = {}
    for kind, amount in connection.execute(
        "SELECT kind, SUM(amount) FROM entries WHERE account = ? AND attempt_id = ? GROUP BY kind",
        (account, attempt_id),
    ):
        name, sign = _SIGNS[Kind(kind)]
        sums[name] = sums.get(name, 0) + sign * amount
    return Sums(**sums)


def _all(connection: sqlite3.Connection, table: str, account: str | None) -> list[dict[str, Any]]:
    where, values = ("", ()) if account is None else (" WHERE account = ?", (account,))
    return [dict(row) for row in connection.execute(f"SELECT * FROM {table}{where} ORDER BY rowid", values)]  # noqa: S608 - names of ours

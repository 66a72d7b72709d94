"""The records of the carrier in SQLite: labels, tracking events, and planned failures.

No address is ever written: what a parcel's label says is kept by whoever asked for it.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path

import msgspec

_SCHEMA = """
CREATE TABLE IF NOT EXISTS labels (
    account TEXT NOT NULL, shipment_id TEXT NOT NULL, order_id TEXT NOT NULL, carrier TEXT NOT NULL,
    service TEXT NOT NULL, amount INTEGER NOT NULL, currency TEXT NOT NULL, state TEXT NOT NULL,
    reference TEXT NOT NULL, tracking_number TEXT NOT NULL, reason TEXT,
    PRIMARY KEY (account, shipment_id)
);
CREATE TABLE IF NOT EXISTS tries (
    account TEXT NOT NULL, shipment_id TEXT NOT NULL, count INTEGER NOT NULL, PRIMARY KEY (account, shipment_id)
);
CREATE TABLE IF NOT EXISTS events (
    account TEXT NOT NULL, shipment_id TEXT NOT NULL, id TEXT NOT NULL, status TEXT NOT NULL, occurred_at TEXT NOT NULL,
    PRIMARY KEY (account, shipment_id, id)
);
CREATE TABLE IF NOT EXISTS faults (
    account TEXT NOT NULL, shipment_id TEXT NOT NULL, call TEXT NOT NULL, fault TEXT NOT NULL, times INTEGER NOT NULL,
    PRIMARY KEY (account, shipment_id, call)
);
"""


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """A label. ``amount`` is in minor units."""

    account: str
    shipment_id: str
    order_id: str
    carrier: str
    service: str
    amount: int
    currency: str
    state: str
    reference: str
    tracking_number: str
    reason: str | None = None


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """A tracking event of a parcel."""

    id: str
    status: str
    occurred_at: datetime


class LabelRecords:
    """The records. Every call has its own transaction and connection, so that threads can share the object."""

    def __init__(self, path: Path) -> None:
        """Open the file; create it if it is missing."""
        self._path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        with self._connection() as connection:
            connection.execute("PRAGMA journal_mode=WAL")
            connection.executescript(_SCHEMA)

    def find(self, account: str, shipment_id: str) -> Row | None:
        """Return a label; None if it is unknown."""
        rows = self._rows("WHERE account = ? AND shipment_id = ?", account, shipment_id)
        return rows[0] if rows else None

    def find_reference(self, reference: str) -> Row | None:
        """Return a label by the carrier's reference."""
        rows = self._rows("WHERE reference = ?", reference)
        return rows[0] if rows else None

    def rows(self, account: str | None = None) -> list[Row]:
        """Return all labels of one account or of all, oldest first."""
        return self._rows("ORDER BY rowid") if account is None else self._rows("WHERE account = ?", account)

    def write(self, row: Row) -> None:
        """Write a new label; only a refusal may exist."""
        marks = ", ".join("?" * len(Row.__struct_fields__))
        refused = "DELETE FROM labels WHERE account = ? AND shipment_id = ? AND state = 'refused'"
        with self._connection() as connection:
            connection.execute(refused, (row.account, row.shipment_id))
            connection.execute(f"INSERT INTO labels VALUES ({marks})", msgspec.structs.astuple(row))  # noqa: S608 - marks only

    def set_state(self, account: str, shipment_id: str, state: str) -> None:
        """Change the state of a label."""
        with self._connection() as connection:
            connection.execute(
                "UPDATE labels SET state = ? WHERE account = ? AND shipment_id = ?", (state, account, shipment_id)
            )

    def count_try(self, account: str, shipment_id: str) -> int:
        """Count an attempt to buy a label; return the number of attempts."""
        with self._connection() as connection:
            (count,) = connection.execute(
                "INSERT INTO tries VALUES (?, ?, 1) ON CONFLICT DO UPDATE SET count = count + 1 RETURNING count",
                (account, shipment_id),
            ).fetchone()
        return int(count)

    def events(self, account: str, shipment_id: str) -> list[Event]:
        """Return the tracking events of a parcel in the order of their arrival."""
        with self._connection() as connection:
            found = connection.execute(
                "SELECT id, status, occurred_at FROM events WHERE account = ? AND shipment_id = ? ORDER BY rowid",
                (account, shipment_id),
            ).fetchall()
        return [msgspec.convert({"id": id_, "status": status, "occurred_at": at}, Event) for id_, status, at in found]

    def report(self, account: str, shipment_id: str, event: Event) -> None:
        """Record a tracking event."""
        with self._connection() as connection:
            connection.execute(
                "INSERT INTO events VALUES (?, ?, ?, ?, ?)",
                (account, shipment_id, event.id, event.status, event.occurred_at.isoformat()),
            )

    def plan_fault(self, account: str, shipment_id: str, *, call: str, fault: str, times: int) -> None:
        """Plan failures of the next calls; an empty shipment id means all of the account."""
        with self._connection() as connection:
            connection.execute(
                "INSERT OR REPLACE INTO faults VALUES (?, ?, ?, ?, ?)", (account, shipment_id, call, fault, times)
            )

    def take_fault(self, account: str, shipment_id: str, call: str) -> str | None:
        """Return the planned failure of a call and count it; a plan of the shipment comes before one of its account."""
        with self._connection() as connection:
            for planned_for in (shipment_id, ""):
                found = connection.execute(
                    "UPDATE faults SET times = times - 1"
                    " WHERE account = ? AND shipment_id = ? AND call = ? AND times > 0 RETURNING fault",
                    (account, planned_for, call),
                ).fetchone()
                if found is not None:
                    return str(found[0])
        return None

    def _rows(self, condition: str, *values: str) -> list[Row]:
        with self._connection() as connection:
            found = connection.execute(f"SELECT * FROM labels {condition}", values).fetchall()  # noqa: S608 - ours, above
        return [msgspec.convert(dict(zip(Row.__struct_fields__, values, strict=True)), Row) for values in found]

    @contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        with closing(sqlite3.connect(self._path, timeout=10.0)) as connection, connection:
            yield connection

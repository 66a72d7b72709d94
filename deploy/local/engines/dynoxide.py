"""dynoxide: the DynamoDB API on SQLite, one process and one file per tenant account."""

import os
import sqlite3
from contextlib import closing
from pathlib import Path

from deploy.local.supervisor import ProcessSpec, Supervisor, SupervisorError
from deploy.local.supervisor.ports import LOOPBACK
from deploy.local.supervisor.probes import http_ready

# Without them every write to a table with a stream reads all stream records: 6 ms instead of 0.3 ms at 20,000 of them.
_INDEXES = (
    "CREATE INDEX IF NOT EXISTS zz_seq ON _stream_records(table_name, CAST(sequence_number AS INTEGER))",
    "CREATE INDEX IF NOT EXISTS zz_shard ON _stream_records(table_name, shard_id, sequence_number)",
)
_EXPECTED_COLUMNS = {"table_name", "sequence_number", "shard_id"}


def name_of(account: str) -> str:
    """Return the process name of an account's engine."""
    return f"dynoxide-{account}"


def spec(binary: Path, *, account: str, data_file: Path, port: int) -> ProcessSpec:
    """Describe the engine process of one account. It checks no credentials: the port identifies the account."""
    return ProcessSpec(
        name=name_of(account),
        argv=(str(binary), "serve", "--host", LOOPBACK, "--port", str(port), "--db-path", str(data_file)),
        env={"PATH": os.defpath},
        ports=(port,),
        locks=(data_file,),
        ready=http_ready(port),
        stop_seconds=5.0,
    )


def start(supervisor: Supervisor, described: ProcessSpec, data_file: Path) -> None:
    """Start the engine; with a new file, start it again after adding the indexes to the file."""
    is_new = not data_file.exists()
    supervisor.start(described)
    if is_new or not has_indexes(data_file):
        supervisor.stop_one(described.name)
        add_indexes(data_file)
        supervisor.start(described)


def has_indexes(data_file: Path) -> bool:
    """Return whether both indexes are there."""
    with closing(_connect(data_file)) as connection:
        rows = connection.execute(
            "SELECT name FROM sqlite_master WHERE type = 'index' AND name LIKE 'zz!_%' ESCAPE '!'"
        )
        return len(rows.fetchall()) == len(_INDEXES)


def add_indexes(data_file: Path) -> None:
    """Add both indexes to a file that no engine has open.

    Raises:
        SupervisorError: The file is not the pinned version's: its stream table has other columns.
    """
    with closing(_connect(data_file)) as connection:
        columns = {str(row[1]) for row in connection.execute("PRAGMA table_info(_stream_records)")}
        if not columns >= _EXPECTED_COLUMNS:
            raise SupervisorError(f"{data_file}: unexpected stream table {sorted(columns)}; made by another dynoxide?")
        with connection:
            for statement in _INDEXES:
                connection.execute(statement)


def _connect(data_file: Path) -> sqlite3.Connection:
    return sqlite3.connect(data_file, timeout=5.0)

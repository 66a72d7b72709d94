"""Snapshots of the engines' files, which replace point-in-time recovery on one machine.

A snapshot is one consistent copy of all tables of an account. DynamoDB restores each table by itself, to the second;
here the moments are those at which a copy was made.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

_NAME: Final = "%Y%m%dT%H%M%S.%fZ"


class Snapshots:
    """The snapshots of all accounts of one data folder. ``keep_count``: of each account, the newest ones."""

    def __init__(self, folder: Path, *, keep_count: int = 360) -> None:
        """Store the folder; nothing is read."""
        self._folder = folder
        self._keep_count = keep_count

    def take(self, account_id: str, data_file: Path) -> datetime:
        """Copy an account's file while its engine runs; return the moment. Nothing in the copy is younger."""
        folder = self._folder / account_id
        folder.mkdir(parents=True, exist_ok=True)
        draft = folder / "draft"
        draft.unlink(missing_ok=True)
        source = sqlite3.connect(f"file:{data_file}?mode=ro", uri=True, timeout=5.0)
        with closing(source), closing(sqlite3.connect(draft)) as copy:
            source.backup(copy)  # in one step: one read transaction
        moment = datetime.now(UTC)
        draft.replace(folder / f"{moment.strftime(_NAME)}.sqlite")
        for old in sorted(folder.glob("*.sqlite"))[: -self._keep_count]:
            old.unlink()
        return moment

    def moments(self, account_id: str) -> tuple[datetime, ...]:
        """Return the moments of an account's snapshots, oldest first."""
        return tuple(moment for moment, _ in self._iter_files(account_id))

    def find(self, account_id: str, at: datetime) -> tuple[datetime, Path] | None:
        """Return the newest snapshot that has nothing after ``at``, and its moment."""
        return max((one for one in self._iter_files(account_id) if one[0] <= at), default=None)

    def _iter_files(self, account_id: str) -> Iterator[tuple[datetime, Path]]:
        for file in sorted((self._folder / account_id).glob("*.sqlite")):
            yield datetime.strptime(file.stem, _NAME).replace(tzinfo=UTC), file

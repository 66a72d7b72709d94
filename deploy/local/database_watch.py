"""Detection of writes to a database file, so that its streams are read only then (a check costs 2 µs)."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

_Stamp = tuple[tuple[int, int], ...]

#: A file's time stands still within a tick of the kernel's clock (10 ms at most): a look this soon proves nothing.
_UNSETTLED_NS: Final = 50_000_000
_NO_FILE_NS: Final = 1_000_000_000


class DatabaseWatch:
    """A SQLite file with its write-ahead log. Without one (another engine), it counts as changed once a second."""

    def __init__(self, path: Path, *, clock_ns: Callable[[], int] = time.time_ns) -> None:
        self._paths = (path, path.with_name(path.name + "-wal"))
        self._clock_ns = clock_ns
        self._seen: _Stamp = ()
        self._looked_at_ns = 0

    def has_changed(self) -> bool:
        """Return whether the file may have changed since this last returned True."""
        now_ns, stamp = self._clock_ns(), self._stamp()
        has_moved = stamp != self._seen if stamp else now_ns - self._looked_at_ns >= _NO_FILE_NS
        if has_moved:
            self._looked_at_ns = now_ns
            newest_ns = max((mtime_ns for mtime_ns, _ in stamp), default=0)
            is_settled = now_ns - newest_ns > _UNSETTLED_NS
            self._seen = stamp if is_settled else ()
        return has_moved

    def forget(self) -> None:
        """Make the next check return True, because the result of the last one could not be used."""
        self._seen, self._looked_at_ns = (), 0

    def _stamp(self) -> _Stamp:
        found = []
        for path in self._paths:
            try:
                status = path.stat()
            except FileNotFoundError:
                continue
            found.append((status.st_mtime_ns, status.st_size))
        return tuple(found)

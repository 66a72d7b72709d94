"""The supervisor's side of the guard's pipe: the process groups that must end with this process."""

import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from threading import Lock

_GUARD = Path(__file__).with_name("guard.py")


class Groups:
    """Registers groups with a guard process, which is started with the first one and restarted if it is dead."""

    def __init__(self) -> None:
        """Create an empty registry."""
        self._lock = Lock()
        self._noted: set[int] = set()
        self._guard: subprocess.Popen[bytes] | None = None

    def note(self, group: int) -> None:
        """Register a group to be killed if this process dies."""
        with self._lock:
            self._noted.add(group)
            self._send(f"+{group}\n")

    def forget(self, group: int) -> None:
        """Unregister a group, while its id cannot be reused yet."""
        with self._lock:
            self._noted.discard(group)
            self._send(f"-{group}\n")

    def close(self) -> None:
        """End the guard, which kills the groups that are still registered."""
        with self._lock:
            if self._guard is not None:
                _close(self._guard)
            self._guard = None

    def _send(self, line: str) -> None:
        if self._guard is not None and self._guard.poll() is None:
            with suppress(BrokenPipeError):
                _write(self._guard, line)
                return
        if self._guard is not None:
            _close(self._guard)
        self._guard = _start()
        for group in self._noted:
            _write(self._guard, f"+{group}\n")


def _start() -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        (sys.executable, "-I", "-S", str(_GUARD)),
        env={},
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        bufsize=0,
        start_new_session=True,
    )


def _write(guard: subprocess.Popen[bytes], line: str) -> None:
    assert guard.stdin is not None  # noqa: S101 - opened above; for the type checker
    guard.stdin.write(line.encode())


def _close(guard: subprocess.Popen[bytes]) -> None:
    assert guard.stdin is not None  # noqa: S101 - same
    with suppress(BrokenPipeError):
        guard.stdin.close()
    guard.wait()

"""One run of a program: start, probe, wait, end of its process group. No policy."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import IO

from deploy.local.supervisor.specs import ProcessSpec

_LAUNCH = Path(__file__).with_name("launch.py")
_CAN_PEEK = hasattr(os, "waitid")  # not on macOS before Python 3.13; there an ended leader is reaped when seen
_LOG_LIMIT_BYTES = 5_000_000  # one older log is kept beside the present one


class Run:
    """A running program, the leader of its own process group.

    The thread that makes it must live as long as it: the kernel ends it with that thread.
    """

    def __init__(self, spec: ProcessSpec, *, log_path: Path, lock_descriptors: tuple[int, ...]) -> None:
        """Start it; its output is appended to ``log_path``."""
        self._log_path = log_path
        with _open_log(log_path) as log:
            self._log_start = log.tell()
            self._process = subprocess.Popen(
                (sys.executable, "-I", "-S", str(_LAUNCH), str(os.getpid()), "--", *spec.argv),
                env=dict(spec.env),
                cwd=spec.cwd,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                pass_fds=lock_descriptors,
                start_new_session=True,
            )
        self.pid = self._process.pid

    def is_alive(self) -> bool:
        """Return whether it runs, without reaping, so that the group id stays reserved."""
        if not _CAN_PEEK:
            return self._process.poll() is None
        return os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOWAIT | os.WNOHANG) is None

    def wait(self) -> None:
        """Wait until the leader has ended; it is not reaped yet."""
        if not _CAN_PEEK:
            self._process.wait()
            return
        os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOWAIT)

    def send(self, number: signal.Signals) -> None:
        """Send a signal to the leader only; it informs its own workers."""
        with suppress(ProcessLookupError):
            os.kill(self.pid, number)

    def kill_group(self) -> None:
        """Kill the leader and everything that it started."""
        # macOS says "not permitted" when only the unreaped leader is left.
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)

    def reap(self, before_release: Callable[[], None]) -> int:
        """Kill the rest of the group, call ``before_release`` while the id is reserved, return the exit code."""
        self.kill_group()
        before_release()
        return self._process.wait()

    def log_tail(self, limit_bytes: int = 1500) -> str:
        """Return the end of the output of this run."""
        with self._log_path.open("rb") as log:
            end = log.seek(0, os.SEEK_END)
            log.seek(max(self._log_start, end - limit_bytes))
            return log.read().decode(errors="replace").strip()


def describe_exit(code: int) -> str:
    """Describe how a process ended."""
    if code >= 0:
        return f"exit code {code}"
    with suppress(ValueError):
        return f"killed by {signal.Signals(-code).name}"
    return f"killed by signal {-code}"


def _open_log(path: Path) -> IO[bytes]:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists() and path.stat().st_size > _LOG_LIMIT_BYTES:
        path.replace(path.with_name(path.name + ".1"))
    log = path.open("ab")
    log.seek(0, os.SEEK_END)
    return log

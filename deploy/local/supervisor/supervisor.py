"""A set of supervised processes, started in order and stopped in reverse."""

import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Self

from deploy.local.supervisor.child import Child
from deploy.local.supervisor.groups import Groups
from deploy.local.supervisor.specs import ProcessSpec, SupervisorError


def say_line(line: str) -> None:
    """Print one line immediately."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


class Supervisor:
    """Supervises processes until :meth:`stop`; they end too if this process is killed.

    Use it as a context manager. Methods may be called from any one thread at a time.
    """

    def __init__(self, *, log_dir: Path, say: Callable[[str], None] = say_line) -> None:
        """Store the parts; ``say`` receives one line per restart, a child's output goes to ``log_dir/<name>.log``."""
        self._log_dir = log_dir
        self._say = say
        self._groups = Groups()
        self._children: dict[str, Child] = {}

    def start(self, spec: ProcessSpec) -> None:
        """Start a process and wait until it is ready.

        Raises:
            PortTaken: Somebody listens on one of its ports.
            LockRefused: Somebody holds one of its data files.
            StartFailed: It ended, or did not respond in time.
        """
        if spec.name in self._children:
            raise SupervisorError(f"{spec.name} is running already")
        child = Child(spec, log_dir=self._log_dir, groups=self._groups, say=self._say)
        self._children[spec.name] = child
        try:
            child.start()
        except BaseException:  # an interrupt while it starts, too
            self.stop_one(spec.name)
            raise

    def stop_one(self, name: str) -> None:
        """Stop one process and remove it."""
        self._child(name).stop()
        del self._children[name]

    def stop_together(self, names: Sequence[str]) -> None:
        """Stop independent processes concurrently."""
        with ThreadPoolExecutor(len(names) or 1) as pool:
            for stopping in [pool.submit(self._child(name).stop) for name in names]:
                stopping.result()
        for name in names:
            del self._children[name]

    def restart(self, name: str) -> None:
        """Stop one process cleanly and start it again on the same ports."""
        self._child(name).restart()

    def kill(self, name: str) -> None:
        """Kill one process with SIGKILL; it is restarted (:meth:`wait_ready`)."""
        self._child(name).kill()

    def wait_ready(self, name: str, timeout_seconds: float = 20.0) -> None:
        """Wait until the process responds."""
        self._child(name).wait_ready(timeout_seconds)

    def pid(self, name: str) -> int | None:
        """Return the process id; None between two runs."""
        return self._child(name).pid

    def start_count(self, name: str) -> int:
        """Return the number of times it became ready."""
        return self._child(name).start_count

    def names(self) -> tuple[str, ...]:
        """Return the names in the order of start."""
        return tuple(self._children)

    def stop(self) -> None:
        """Stop everything, last started first. Idempotent."""
        for name in reversed(self.names()):
            self.stop_one(name)
        self._groups.close()

    def _child(self, name: str) -> Child:
        try:
            return self._children[name]
        except KeyError:
            raise SupervisorError(f"no process called {name}") from None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

"""Specifications of processes, and the errors of a refused start."""

import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal


class SupervisorError(Exception):
    """Raised when a process could not be started or supervised; the message has the remedy."""


class PortTaken(SupervisorError):  # noqa: N818 - named for what happened
    """Raised when another program listens on the port."""


class LockRefused(SupervisorError):  # noqa: N818 - same
    """Raised when another process has the data file."""


class StartFailed(SupervisorError):  # noqa: N818 - same
    """Raised when the process ended or was silent before it was ready; has the end of its log."""


@dataclass(frozen=True, kw_only=True)
class ProcessSpec:
    """The specification of a process.

    ``env`` is the whole environment of the process: nothing is inherited, so no credential slips through.
    ``ports`` are bind-tested before every start; ``locks`` are held from the first start until the last holder
    (supervisor or child) is gone.
    """

    name: str
    argv: tuple[str, ...]
    env: Mapping[str, str]
    cwd: Path | None = None
    ports: tuple[int, ...] = ()
    locks: tuple[Path, ...] = ()
    lock_seconds: float = 5.0  # patience with a child of a killed supervisor that is still ending
    ready: Callable[[], bool] | None = None  # None: ready when it runs
    ready_seconds: float = 15.0
    stop_signal: signal.Signals = signal.SIGTERM
    stop_seconds: float = 10.0
    restart: Literal["always", "never"] = "always"
    before_start: Callable[[], None] = field(default=lambda: None)
    after_exit: Callable[[bool], None] = field(default=lambda _clean: None)  # True: asked to stop, and did so in time

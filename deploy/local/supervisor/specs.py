"""What the supervisor is told of a process, and the ways a start is refused."""

import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal


class SupervisorError(Exception):
    """A process could not be started or kept; the message says what to do about it."""


class PortTaken(SupervisorError):  # noqa: N818 - named for what happened
    """Somebody else listens on the port."""


class LockRefused(SupervisorError):  # noqa: N818 - same
    """Another process holds the data file."""


class StartFailed(SupervisorError):  # noqa: N818 - same
    """The process ended or stayed silent before it was ready; carries the end of its log."""


@dataclass(frozen=True, kw_only=True)
class ProcessSpec:
    """One process to keep running.

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

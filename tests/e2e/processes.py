"""The processes of a running platform, as an operator sees them: by command line, parent and folder."""

import os
import signal
from dataclasses import dataclass
from pathlib import Path

import pytest

from deploy.local.engines.install import has_dynoxide

#: What the command line of each supervised process has in it.
ROLES = {
    "ministack": " -m ministack",
    "dynoxide-111111111111": "111111111111.sqlite",
    "dynoxide-222222222222": "222222222222.sqlite",
    "issuer": " -m deploy.local.issuer ",
    "payments": "manage.py sandbox_payments ",
    "shipping": "manage.py sandbox_shipping ",
    "relay": "manage.py relay ",
    "changes": "manage.py changes ",
    "orders": " -n orders ",
    "images": " -n images ",
    "sweep": "manage.py sweep ",
    "web": "gunicorn config.wsgi",
}
#: For tests that kill engines: ministack keeps its own tables only on a clean stop, so a kill empties the shops.
outlives_kills = pytest.mark.skipif(not has_dynoxide(), reason="dynoxide's stand-in loses its tables when it is killed")
_BEFORE_EXEC = "supervisor/launch.py"  # becomes the program, and has its command line already
_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Process:
    """One process. ``began`` tells it from a later one with the same id."""

    pid: int
    parent: int
    began: int
    command: str

    @property
    def is_alive(self) -> bool:
        found = _read(self.pid)
        return found is not None and found.began == self.began

    def kill(self) -> None:
        os.kill(self.pid, signal.SIGKILL)

    def freeze(self) -> None:
        """Stop its clock: what is sent to it lies where it is."""
        os.kill(self.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """Let its clock go on."""
        os.kill(self.pid, signal.SIGCONT)

    def cpu_seconds(self) -> float:
        """CPU time used so far; 0 once it has ended."""
        fields = _stat(self.pid)
        return (int(fields[11]) + int(fields[12])) / _TICKS_PER_SECOND if fields else 0.0


def children_of(pid: int) -> list[Process]:
    return [process for process in _all() if process.parent == pid]


def descendants_of(pid: int) -> list[Process]:
    found = children_of(pid)
    for child in found:  # grows while it is read
        found += children_of(child.pid)
    return found


def find_leader(parent: int, role: str) -> Process | None:
    """The process of a role, which is a child of the supervisor."""
    named = ROLES[role]
    return next((one for one in children_of(parent) if named in one.command and _BEFORE_EXEC not in one.command), None)


def naming(folder: Path) -> list[Process]:
    """Every process, but this one, whose command line or environment names a folder."""
    named = os.fsencode(folder)
    return [one for one in _all() if one.pid != os.getpid() and named in _cmdline(one.pid) + _environ(one.pid)]


def _all() -> list[Process]:
    pids = (int(entry.name) for entry in Path("/proc").glob("[0-9]*"))
    return [process for pid in pids if (process := _read(pid)) is not None]


def _read(pid: int) -> Process | None:
    fields = _stat(pid)
    if not fields or fields[0] in {"Z", "X"}:  # ended; only its entry is left
        return None
    command = _cmdline(pid).replace(b"\0", b" ").decode(errors="replace")
    return Process(pid=pid, parent=int(fields[1]), began=int(fields[19]), command=command)


def _stat(pid: int) -> list[str]:
    """The fields after the command's name: state, parent, …"""
    return _content(pid, "stat").rpartition(b")")[2].decode().split()


def _cmdline(pid: int) -> bytes:
    return _content(pid, "cmdline")


def _environ(pid: int) -> bytes:
    return _content(pid, "environ")


def _content(pid: int, name: str) -> bytes:
    try:
        return Path(f"/proc/{pid}/{name}").read_bytes()
    except OSError:  # it ended meanwhile, or is somebody else's
        return b""

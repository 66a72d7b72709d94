"""CPU time of processes with their children, and resident memory, from /proc."""

import os
from pathlib import Path
from typing import Final

_MS_PER_TICK: Final = 1000 / os.sysconf("SC_CLK_TCK")
_UTIME, _STIME = 11, 12  # fields after the name in /proc/<pid>/stat (proc(5): 14 and 15)


def cpu_ms(pid: int) -> float:
    """Return user and system time of a process and its living children."""
    return sum(_ticks(each) for each in (pid, *children(pid))) * _MS_PER_TICK


def rss_mib(pid: int) -> float:
    """Return the resident memory of the largest child (a worker), including pages shared with its parent."""
    return max(_rss_kib(child) for child in children(pid)) / 1024


def children(pid: int) -> tuple[int, ...]:
    """List the children of a process, of all its threads."""
    files = Path(f"/proc/{pid}/task").glob("*/children")
    return tuple(int(child) for file in files for child in file.read_text().split())


def _ticks(pid: int) -> int:
    # The name may hold anything, blanks and brackets too, so fields count from its last bracket.
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[_UTIME]) + int(fields[_STIME])


def _rss_kib(pid: int) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS"))

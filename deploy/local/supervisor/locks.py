"""Exclusive locks of data files: an flock that the child inherits, so that it survives a killed supervisor."""

import fcntl
import os
import time
from pathlib import Path

from deploy.local.supervisor.specs import LockRefused

PLATFORM = "run"  # what is locked in a data folder for as long as `make run` runs there


def file_of(data_path: Path) -> Path:
    """Return the lock file of ``data_path``."""
    return data_path.with_name(data_path.name + ".lock")


def acquire(data_path: Path, wait_seconds: float) -> int:
    """Lock ``data_path`` (by a file beside it) and return the descriptor that has the lock.

    Raises:
        LockRefused: Another process has held it for the whole wait.
    """
    data_path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(file_of(data_path), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    deadline = time.monotonic() + wait_seconds
    while not _try_lock(descriptor):
        if time.monotonic() > deadline:
            holder = _read(descriptor)
            os.close(descriptor)
            raise LockRefused(f"{data_path} is in use by another run (process {holder}); stop that one first")
        time.sleep(0.05)
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
    return descriptor


def holder(lock_file: Path) -> str | None:
    """Return the id of the process that has the lock; None if it is free or missing."""
    try:
        descriptor = os.open(lock_file, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        return None if _try_lock(descriptor) else _read(descriptor)
    finally:
        os.close(descriptor)


def _read(descriptor: int) -> str:
    return os.pread(descriptor, 20, 0).decode(errors="replace").strip() or "unknown"


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def release(descriptors: tuple[int, ...]) -> None:
    """Release locks; a child that still runs keeps its share."""
    for descriptor in descriptors:
        os.close(descriptor)

"""Files that the processes of one worker share: locks, and small records changed under a lock.

A lock is flock(2) on a file, so the kernel frees it when its holder ends, however it ends. A record is one JSON object,
written in one piece while its lock is held; one that cannot be decoded counts as missing.
"""

import errno
import fcntl
import os
import random
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Generic, TypeVar

import msgspec

R = TypeVar("R", bound=msgspec.Struct)

_PAUSE_FIRST_SECONDS: Final = 0.001
_PAUSE_MAX_SECONDS: Final = 0.02
_RECORD_BYTES: Final = 512
_RECORD_WAIT_SECONDS: Final = 1.0  # a record is held for microseconds
_encode: Final = msgspec.json.Encoder().encode


def take_lock(paths: Sequence[Path], *, wait_seconds: float) -> int | None:
    """Acquire one of several locks; None if none is free in time.

    Args:
        paths: One file per lock; created, with its folder, when it is missing.
        wait_seconds: 0 for one try.

    Returns:
        What ``free_lock`` takes; None when all stayed locked for ``wait_seconds``.

    Raises:
        OSError: The files cannot be used.
    """
    deadline = time.monotonic() + wait_seconds
    pause = _PAUSE_FIRST_SECONDS
    while True:
        for path in random.sample(paths, len(paths)):  # else all would queue up at the first
            if (lock := _try(path)) is not None:
                return lock
        left = deadline - time.monotonic()
        if left <= 0:
            return None
        time.sleep(min(left, pause * random.uniform(0.5, 1.0)))  # noqa: S311 - jitter, not a secret
        pause = min(pause * 2, _PAUSE_MAX_SECONDS)


def free_lock(lock: int) -> None:
    """Release a lock, also if a process forked since then has a copy of it."""
    try:
        fcntl.flock(lock, fcntl.LOCK_UN)
    finally:
        os.close(lock)


class SharedRecord(Generic[R]):
    """One record in one file."""

    def __init__(self, path: Path, kind: type[R]) -> None:
        self._path = path
        self._kind = kind
        self._decode = msgspec.json.Decoder(kind).decode

    def read(self) -> R:
        """Return the record. Raises OSError."""
        with self._hold() as lock:
            return self._load(lock)

    @contextmanager
    def changing(self) -> Iterator[R]:
        """Lock the record for changes in place, and write it at the end. Raises OSError."""
        with self._hold() as lock:
            record = self._load(lock)
            before = _encode(record)
            yield record
            after = _encode(record)
            if after != before:
                os.pwrite(lock, after.ljust(_RECORD_BYTES), 0)  # padded: a shorter one leaves no rest of a longer

    @contextmanager
    def _hold(self) -> Iterator[int]:
        lock = take_lock((self._path,), wait_seconds=_RECORD_WAIT_SECONDS)
        if lock is None:
            raise BlockingIOError(errno.EAGAIN, "held for longer than it takes to write")
        try:
            yield lock
        finally:
            free_lock(lock)

    def _load(self, lock: int) -> R:
        raw = os.pread(lock, _RECORD_BYTES, 0)
        try:
            return self._decode(raw) if raw else self._kind()
        except msgspec.MsgspecError:  # cut short by a power failure, or of another release
            return self._kind()


def _try(path: Path) -> int | None:
    lock = _open(path)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        return None
    except BaseException:
        os.close(lock)
        raise
    return lock


def _open(path: Path) -> int:
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
    try:
        return os.open(path, flags, 0o600)
    except FileNotFoundError:  # the first time, or a cleaner of temporary files was here
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        return os.open(path, flags, 0o600)

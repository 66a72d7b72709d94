"""``make clean-data``: delete the data of ``make run``, unless it is in use. Standard library only."""

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from deploy.local.supervisor import locks

ROOT = Path(__file__).resolve().parents[2]
_OURS = ("secrets.json", "ports.json")  # a folder with neither, and with something in it, is somebody else's


class InUse(Exception):  # noqa: N818 - named for what is so
    """Raised when the folder cannot be deleted; the message has the reason and the remedy."""


def clean(var: Path) -> bool:
    """Delete the folder; return whether it existed.

    Raises:
        InUse: A platform or one of its engines runs on it, or it is not a folder that ``make run`` made.
    """
    if not var.exists():
        return False
    if any(var.iterdir()) and not any((var / name).exists() for name in _OURS):
        raise InUse(f"{var} does not look like a folder of `make run`: it has no {_OURS[0]}; nothing was deleted")
    for lock_file in _lock_files(var):
        holder = locks.holder(lock_file)
        if holder is not None:
            raise InUse(
                f"{var} is in use by `make run` (process {holder}); nothing was deleted.\n"
                f"Stop it first: Ctrl-C where it runs, or kill {holder}"
            )
    shutil.rmtree(var)
    return True


def _lock_files(var: Path) -> Iterator[Path]:
    """List the lock of the platform, whose holder must be stopped, then those of the engines."""
    own = locks.file_of(var / locks.PLATFORM)
    yield own
    yield from sorted(path for path in var.rglob("*.lock") if path != own)


def main() -> int:
    """Delete this checkout's folder; return the exit code."""
    var = ROOT / (os.environ.get("RESALE_VAR_DIR", "").strip() or "var")
    try:
        was_there = clean(var)
    except InUse as refusal:
        sys.stderr.write(f"error: {refusal}\n")
        return 1
    sys.stdout.write(f"{var} is gone\n" if was_there else f"there is no {var}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())

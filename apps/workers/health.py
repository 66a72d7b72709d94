"""The health file of a worker, rewritten by its event loop, with the time of each queue's last successful poll.

The age of the file is the worker's health (a process can be alive and its loop stuck). A queue that does not respond is
an alarm and never the worker's illness: restarting it would only take the other tenants down too.
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

BEAT_SECONDS: Final = 5.0
STALE_SECONDS: Final = 30.0  # six beats; the loop's longest blocking step is well below


def write(path: Path, queues: Mapping[str, Mapping[str, Any]]) -> None:
    """Replace the health file."""
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    draft.write_text(json.dumps({"pid": os.getpid(), "beat_at": time.time(), "queues": queues}, indent=1))
    draft.replace(path)


def is_alive(path: Path, *, now: float, stale_seconds: float = STALE_SECONDS) -> bool:
    """Return whether the file was rewritten recently; False if it is missing."""
    try:
        return now - path.stat().st_mtime <= stale_seconds
    except OSError:
        return False


def main() -> int:
    """Run as the container's health check: ``python -m apps.workers.health FILE``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("path", type=Path)
    parser.add_argument("--stale-seconds", type=float, default=STALE_SECONDS)
    arguments = parser.parse_args()
    return 0 if is_alive(arguments.path, now=time.time(), stale_seconds=arguments.stale_seconds) else 1


if __name__ == "__main__":
    sys.exit(main())

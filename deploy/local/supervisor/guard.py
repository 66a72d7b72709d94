"""The guard: reads process groups from a pipe, and at its end kills those still registered.

The kernel's parent-death signal reaches children on Linux only, and never grandchildren; this reaches both everywhere.
Run as a file (``python -I -S guard.py``); imports only the stdlib.
"""

import os
import signal
import sys


def main() -> None:
    """Read registrations until the pipe closes, then kill the remaining groups."""
    for ignored in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(ignored, signal.SIG_IGN)
    groups: set[int] = set()
    for line in sys.stdin:
        sign, group = line[0], int(line[1:])
        (groups.add if sign == "+" else groups.discard)(group)
    for group in groups:
        try:
            os.killpg(group, signal.SIGKILL)
        except OSError:  # gone already
            continue


if __name__ == "__main__":
    main()

"""Executes another program that ends with its parent; imports only the standard library.

Run as a file: ``python -I -S launch.py PARENT -- argv…``.

A separate step, because ``preexec_fn`` may deadlock in a parent that has threads.
"""

import os
import signal
import sys

_PR_SET_PDEATHSIG = 1  # <linux/prctl.h>; the signal comes when the *thread* that started us ends (prctl(2))


def main() -> None:
    """Register the end with the parent, then execute the program."""
    parent, _, *argv = sys.argv[1:]
    if sys.platform == "linux":
        import ctypes  # noqa: PLC0415 - costs 10 ms, and only Linux has the call

        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != int(parent):  # it died before the call above
        sys.exit(1)
    os.execvp(argv[0], argv)  # noqa: S606 - no shell wanted


if __name__ == "__main__":
    main()

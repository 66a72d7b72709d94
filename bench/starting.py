"""The time until ``make run`` is ready with an empty folder."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Final

from bench.figures import Figure
from deploy.local.supervisor.ports import pick

_READY: Final = re.compile(r"ready after ([\d.]+) s")


class NeverReady(Exception):  # noqa: N818 - named for what happened
    """Raised when it ended before it was ready."""


def measure(folder: Path) -> Figure:
    """Start everything, read the printed time, and stop. Raises NeverReady."""
    command = [sys.executable, "manage.py", "run"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=_environment(folder)) as process:
        try:
            seconds = _read_seconds(process)
        finally:
            process.send_signal(signal.SIGINT)
            process.communicate()
    return Figure(name="`make run` ready, from nothing", unit="s", gate=20, samples=(seconds,), digits=1)


def _environment(folder: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "RESALE_", "DJANGO_"))}
    kept.pop("DATABASE_URL", None)
    return {**kept, "PORT": str(pick()), "RESALE_VAR_DIR": str(folder)}


def _read_seconds(process: subprocess.Popen[str]) -> float:
    said = []
    for line in process.stdout or ():
        said.append(line)
        if found := _READY.search(line):
            return float(found[1])
    raise NeverReady("".join(said)[-2000:])

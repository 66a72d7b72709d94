"""The whole platform as ``make run`` keeps it up, in a folder and on ports of its own, and what an operator can do."""

import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from deploy.local.journey.client import Client
from deploy.local.private_files import Demo
from tests.e2e.processes import Process, children_of, descendants_of, find_leader, naming
from tests.local.clients import client

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS = 120  # 20 s are promised on a machine with nothing else to do
STOP_SECONDS = 45
_RUNNING = "running; Ctrl-C stops it"
_REGIONS = {"111111111111": "eu-west-2", "222222222222": "us-east-1"}

T = TypeVar("T")


def eventually(
    read: Callable[[], T], done: Callable[[T], bool], *, until: str, seconds: float = 60.0, pause: float = 0.05
) -> T:
    """Read again and again until it is as wanted, and return it."""
    deadline = time.monotonic() + seconds
    while not done(state := read()):
        assert time.monotonic() < deadline, f"waited {seconds:g} s until {until}; last seen: {str(state)[:2000]}"
        time.sleep(pause)
    return state


class Machine:
    """One platform. Everything it keeps is in ``var``; what it prints is in ``printed``, beside."""

    def __init__(self, folder: Path) -> None:
        self.var = folder / "var"
        self._output = folder / "output.txt"
        self._port = _free_port()
        self._parent: subprocess.Popen[bytes] | None = None
        self._known: set[Process] = set()

    # ------------------------------------------------------------ life
    def start(self) -> None:
        """Start it, journey included, and return when it stays up."""
        had_printed = len(self.printed)
        with self._output.open("ab") as output:
            self._parent = subprocess.Popen(
                [sys.executable, ROOT / "manage.py", "run"],
                env=self.environment,
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        eventually(
            lambda: self.printed[had_printed:],
            lambda printed: _RUNNING in printed or not self.is_up,
            until="the platform is up",
            seconds=START_SECONDS,
        )
        assert self.is_up, self.printed[had_printed:]
        assert Client(self.demo.base_url).get("/readyz").status == 200
        self.note_processes()

    def ensure_up(self) -> None:
        if not self.is_up:
            self.start()

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Ask it to stop, as Ctrl-C or a service manager does; return its exit code."""
        self.note_processes()
        assert self._parent is not None
        self._parent.send_signal(number)
        return self._parent.wait(STOP_SECONDS)

    def crash(self) -> None:
        """Kill the supervisor itself."""
        self.note_processes()
        assert self._parent is not None
        self._parent.kill()
        self._parent.wait(STOP_SECONDS)

    def close(self) -> None:
        """Stop it as a service manager does, and hold it to leaving nothing."""
        try:
            if self.is_up:
                assert self.stop() == 128 + signal.SIGTERM, self.printed
            assert self.processes_left() == []
        finally:
            for process in self.processes_left():
                process.kill()

    @property
    def is_up(self) -> bool:
        return self._parent is not None and self._parent.poll() is None

    # ------------------------------------------------------------ processes
    def note_processes(self) -> None:
        """Remember every process there is now, the guard too, which names no folder."""
        self._known |= {*descendants_of(self._pid)}

    def processes_left(self) -> list[Process]:
        return [process for process in {*self._known, *naming(self.var)} if process.is_alive]

    def leader(self, role: str) -> Process:
        found = eventually(lambda: find_leader(self._pid, role), bool, until=f"{role} runs")
        assert found is not None
        return found

    def children(self, role: str) -> list[Process]:
        """The pool of a worker or of the web server."""
        leader = self.leader(role)
        return eventually(lambda: children_of(leader.pid), bool, until=f"{role} has children")

    def kill(self, role: str) -> Process:
        """``kill -9`` a process of the platform; return what it was."""
        leader = self.leader(role)
        self._known |= {leader, *descendants_of(leader.pid)}
        leader.kill()
        return leader

    # ------------------------------------------------------------ what it keeps
    @property
    def demo(self) -> Demo:
        return msgspec.json.decode((self.var / "demo.json").read_bytes(), type=Demo)

    @property
    def printed(self) -> str:
        return self._output.read_text() if self._output.exists() else ""

    def books(self) -> list[dict[str, Any]]:
        """The attempts in the payment provider's books, of all tenants."""
        response = Client(f"http://127.0.0.1:{self._ports['payments']}").get("/books")
        rows: list[dict[str, Any]] = response.json["attempts"]
        return rows

    def payment_tries(self, attempt_id: str) -> int:
        """How often the provider was asked for a payment, booked or not."""
        with closing(sqlite3.connect(self.var / "payments" / "books.sqlite", timeout=10.0)) as books:
            name = f"authorise {attempt_id}"
            counts = books.execute("SELECT count FROM calls WHERE name = ?", (name,)).fetchall()
        return sum(count for (count,) in counts)

    def queue_depths(self) -> dict[str, int]:
        """How many messages every queue holds, those in flight included, by name."""
        return queue_depths(f"http://localhost:{self._ports['ministack']}")

    @property
    def _ports(self) -> dict[str, int]:
        ports: dict[str, int] = json.loads((self.var / "ports.json").read_text())
        return ports

    @property
    def _pid(self) -> int:
        assert self._parent is not None
        return self._parent.pid

    @property
    def environment(self) -> dict[str, str]:
        """What a command beside it needs, too."""
        unwanted = {"ONCE", "DATABASE_URL"}
        inherited = {name: value for name, value in os.environ.items() if name not in unwanted}
        own = {
            "DJANGO_SETTINGS_MODULE": "config.settings.local",
            "RESALE_VAR_DIR": str(self.var),
            "PORT": str(self._port),
        }
        return {**inherited, **own}


def queue_depths(aws_url: str) -> dict[str, int]:
    """How many messages every queue of the brands holds, those in flight included, by name."""
    depths: dict[str, int] = {}
    for account, region in _REGIONS.items():
        sqs = client("sqs", aws_url, key=account, region=region)
        for queue_url in sqs.list_queues()["QueueUrls"]:
            names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
            counts = sqs.get_queue_attributes(QueueUrl=queue_url, AttributeNames=names)["Attributes"]
            depths[queue_url.rsplit("/", 1)[1]] = sum(int(counts[name]) for name in names)
    return depths


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])

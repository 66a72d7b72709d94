"""HAProxy as the load balancer before the web role: two groups of targets, of which one is live.

It does what an Application Load Balancer does and no more: it checks targets, sends no request twice, and lets the
requests of a target that leaves end.
"""

import csv
import shutil
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from deploy.local.supervisor import ProcessSpec
from deploy.local.supervisor.ports import LOOPBACK
from deploy.local.supervisor.probes import tcp_ready
from tests.rehearsal.task_definitions import HealthCheck

GROUPS: Final = ("blue", "green")
_SLOTS: Final = 4  # targets that a group can have at once
_PAUSE_SECONDS: Final = 0.1
#: HAProxy's names of the algorithms; it has no weights that follow the errors of a target.
_ALGORITHMS: Final = {
    "round_robin": "roundrobin",
    "least_outstanding_requests": "leastconn",
    "weighted_random": "random(1)",
}

_CONFIGURATION: Final = """
global
    stats socket {socket} level admin
defaults
    mode http
    timeout connect 5s
    timeout client 60s
    timeout server 60s
    timeout http-keep-alive 60s
    retries 0
    option forwardfor
frontend public
    bind {host}:{port}
    http-request set-header X-Forwarded-Proto http
    use_backend %[str(live),map({live})]
"""
_GROUP: Final = """
backend {group}
    balance {algorithm}
    option httpchk GET {check.path}
    http-check expect status 200
    timeout check {check.timeout_seconds}s
    default-server check inter {check.interval_seconds}s rise {check.healthy_count} fall {check.unhealthy_count}
    default-server disabled
"""


@dataclass(frozen=True)
class Counts:
    """What the balancer counted since its start: requests, and those that a client saw fail."""

    requests: int = 0
    failed: int = 0

    def __sub__(self, earlier: "Counts") -> "Counts":
        return Counts(self.requests - earlier.requests, self.failed - earlier.failed)


def find_binary() -> str | None:
    """Find HAProxy, also where only root has it on the search path."""
    return shutil.which("haproxy") or shutil.which("haproxy", path="/usr/sbin")


class Balancer:
    """One HAProxy. Targets are in slots, whose addresses are set while it runs."""

    def __init__(self, folder: Path, *, port: int, check: HealthCheck) -> None:
        """Write the configuration."""
        folder.mkdir(parents=True)
        self._folder, self._port, self._check = folder, port, check
        self._socket, self._live = folder / "admin.sock", folder / "live.map"
        self._slots: dict[str, str] = {}  # target: group/slot
        self.live = GROUPS[0]
        self._write()

    @property
    def spec(self) -> ProcessSpec:
        """The specification of its process."""
        return ProcessSpec(
            name="balancer",
            argv=(str(find_binary()), "-db", "-f", str(self._folder / "haproxy.cfg")),
            env={},
            ports=(self._port,),
            ready=tcp_ready(self._port),
        )

    @property
    def noticed_seconds(self) -> float:
        """The longest that a dead target gets requests."""
        return self._check.noticed_seconds

    # ------------------------------------------------------------ targets
    def register(self, target: str, port: int, *, group: str | None = None) -> None:
        """Add a target that is ready to a group, by default the live one."""
        place = self._free_slot(group or self.live)
        self._slots[target] = place
        self._ask(f"set server {place} addr {LOOPBACK} port {port}")
        self._ask(f"set server {place} state ready")

    def deregister(self, target: str) -> None:
        """Send a target nothing new, and return when its requests have ended or the time for it is over."""
        place = self._slots[target]
        self._ask(f"set server {place} state drain")
        deadline = time.monotonic() + self._check.drain_seconds
        while int(self._row(place)["scur"]) and time.monotonic() < deadline:
            time.sleep(_PAUSE_SECONDS)
        self._ask(f"set server {place} state maint")
        del self._slots[target]

    def is_up(self, target: str) -> bool:
        """Return whether a target gets requests."""
        return self._row(self._slots[target])["status"].startswith("UP")

    def switch(self, group: str) -> None:
        """Send all requests from now on to another group."""
        self._ask(f"set map {self._live} live {group}")
        self.live = group

    # ------------------------------------------------------------ figures
    def counts(self) -> Counts:
        """Count requests, and failures: responses of 5xx, and responses that were cut."""
        rows = self._stat()
        public = rows["public/FRONTEND"]
        groups = [rows[f"{group}/BACKEND"] for group in GROUPS]
        cut = sum(int(row["srv_abrt"]) for row in groups)  # after its headers; without headers it is a 502
        return Counts(int(public["req_tot"]), int(public["hrsp_5xx"]) + cut)

    # ------------------------------------------------------------ parts
    def _write(self) -> None:
        self._live.write_text(f"live {self.live}\n")
        public = _CONFIGURATION.format(socket=self._socket, host=LOOPBACK, port=self._port, live=self._live)
        groups = "".join(self._group(group) + _servers() for group in GROUPS)
        (self._folder / "haproxy.cfg").write_text(public + groups)

    def _group(self, group: str) -> str:
        return _GROUP.format(group=group, check=self._check, algorithm=_ALGORITHMS[self._check.algorithm])

    def _free_slot(self, group: str) -> str:
        places = (f"{group}/{number}" for number in range(_SLOTS))
        return next(place for place in places if place not in self._slots.values())

    def _row(self, place: str) -> Mapping[str, str]:
        return self._stat()[place]

    def _stat(self) -> dict[str, dict[str, str]]:
        lines = self._send("show stat").removeprefix("# ").splitlines()
        return {f"{row['pxname']}/{row['svname']}": row for row in csv.DictReader(lines)}

    def _ask(self, command: str) -> None:
        """Send a command that has nothing to report unless it fails."""
        response = self._send(command)
        if response and "changed" not in response and "no need to change" not in response:
            raise RuntimeError(f"HAProxy refused {command!r}: {response}")

    def _send(self, command: str) -> str:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(10)
            connection.connect(str(self._socket))
            connection.sendall(f"{command}\n".encode())
            received = b"".join(iter(lambda: connection.recv(65536), b""))
        return received.decode().strip()


def _servers() -> str:
    return "".join(f"    server {number} {LOOPBACK}:1\n" for number in range(_SLOTS))

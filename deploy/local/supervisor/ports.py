"""Ports on loopback: tested by binding, remembered by name, so that stored URLs stay valid."""

import errno
import json
import random
import socket
from pathlib import Path

from deploy.local.supervisor.specs import PortTaken

LOOPBACK = "127.0.0.1"
# Below the ephemeral ranges (Linux 32768 up, macOS 49152 up): no outgoing connection takes one during a restart.
_CHOICE = range(20_000, 32_000)
_RANDOM = random.SystemRandom()  # whoever seeds the module's own source would give two processes the same ports


def is_free(port: int) -> bool:
    """Return whether a server could listen on ``port`` now."""
    return find_port_conflict(port) is None


def find_port_conflict(port: int) -> str | None:
    """Return why no server can listen on ``port`` now; None if one can."""
    with socket.socket() as probe:
        # As servers do: a port with only closing connections is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except PermissionError:
            return f"port {port} needs an administrator's rights, as most below 1024 do"
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return f"port {port} is taken by another program; stop that one first"
            return f"port {port} cannot be used: {error.strerror}"
    return None


def pick() -> int:
    """Return a free port.

    Raises:
        PortTaken: None was found in a hundred tries.
    """
    for _ in range(100):
        port = _RANDOM.choice(_CHOICE)
        if is_free(port):
            return port
    raise PortTaken(f"no free port found between {_CHOICE.start} and {_CHOICE.stop}")


class PortRegistry:
    """Ports by name in a JSON file, so that a name has the same port in every run."""

    def __init__(self, path: Path) -> None:
        """Read the file at ``path``; a missing or unreadable one is empty."""
        self._path = path
        self._ports = _read(path)

    def port(self, name: str, preferred: int | None = None) -> int:
        """Return a free port of a name: the remembered one, else ``preferred``, else any."""
        candidates = [self._ports.get(name), preferred]
        others = {port for other, port in self._ports.items() if other != name}
        free = (port for port in candidates if port is not None and port not in others and is_free(port))
        self._ports[name] = next(free, None) or pick()
        return self._ports[name]

    def claim(self, name: str, port: int) -> None:
        """Assign a port to a name; another name that had it gets another one."""
        self._ports = {other: its for other, its in self._ports.items() if its != port} | {name: port}

    def find(self, name: str) -> int | None:
        """Return the last port of a name."""
        return self._ports.get(name)

    def save(self) -> None:
        """Store the ports for the next run; call it after all processes started: a refused run changes nothing."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        draft = self._path.with_suffix(".draft")
        draft.write_text(json.dumps(self._ports, indent=1, sort_keys=True))
        draft.replace(self._path)


def _read(path: Path) -> dict[str, int]:
    try:
        data = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    if not isinstance(data, dict):
        return {}
    return {str(name): port for name, port in data.items() if isinstance(port, int)}

"""Leases of step runs: at most one process works on a tenant, and a process that ended gives way at once."""

import os
import secrets
import socket
from datetime import timedelta
from typing import Final

#: Longer than a provider's call or a smoke test takes; renewed before each step and at each poll.
LEASE: Final = timedelta(minutes=3)
_PARTS: Final = 3


def new_owner() -> str:
    """Return the name of this process as a holder of leases: host, process id and a random part."""
    return f"{socket.gethostname()[:80]}|{os.getpid()}|{secrets.token_hex(8)}"


def is_gone(owner: str) -> bool:
    """Return whether a holder is a process of this host that has ended. Of another host nobody can know."""
    parts = owner.split("|")
    if len(parts) != _PARTS or parts[0] != socket.gethostname()[:80]:
        return False
    try:
        os.kill(int(parts[1]), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False

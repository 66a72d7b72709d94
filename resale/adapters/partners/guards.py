"""The guards of one process, one for each tenant and connection, in a folder that a worker's processes share."""

import hashlib
import os
import shutil
import tempfile
import threading
import weakref
from collections import OrderedDict
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from resale.adapters.partners.breaker import Clock
from resale.adapters.partners.guard import Guard
from resale.adapters.partners.rules import GuardRules
from resale.application.ports import ConnectionStates
from resale.domain.ids import TenantId
from resale.domain.partners import Connection
from resale.domain.tenants import Tenant

_KEPT_MAX: Final = 4_096  # a few KB each

#: Opens the recorded state of one tenant's connections.
OpenStates = Callable[[Tenant], ConnectionStates]


def wall_clock() -> datetime:
    """Return the current time of the machine."""
    return datetime.now(UTC)


class Guards:
    """Creates guards and caches them. Safe for threads and fork."""

    def __init__(
        self,
        folder: str | None,
        *,
        open_states: OpenStates,
        rules: GuardRules | None = None,
        clock: Clock = wall_clock,
    ) -> None:
        """Store the parts of guards; nothing is opened.

        Args:
            folder: Shared by the processes of one worker; None: this process is a worker by itself.
            open_states: Called again for each new tenant record.
            rules: None for the usual ones.
            clock: Tests choose the moment.
        """
        self._folder = None if folder is None else Path(folder)
        self._temporary: tuple[int, Path] | None = None
        self._open_states = open_states
        self._rules = rules or GuardRules()
        self._clock = clock
        self._begin()
        # In a fork's child, locks may be held by threads that are not there.
        begin = weakref.WeakMethod(self._begin)
        os.register_at_fork(after_in_child=lambda: _call_if_alive(begin))

    def for_connection(self, tenant: Tenant, connection: Connection) -> Guard:
        """Return the guard of a tenant's connection; a new one when the connection or the tenant's record changed."""
        key = (tenant.id, connection.id)
        with self._lock:
            known = self._known.get(key)
            if known is None or known[0] is not tenant or known[1] != connection:
                known = self._known[key] = (tenant, connection, self._make(tenant, connection))
            self._known.move_to_end(key)
            while len(self._known) > _KEPT_MAX:
                self._known.popitem(last=False)
            return known[2]

    def close(self) -> None:
        """Delete the folder if this process made it."""
        with self._lock:
            self._known.clear()
            own, self._temporary = self._temporary, None
        if own is not None and own[0] == os.getpid():
            shutil.rmtree(own[1], ignore_errors=True)

    def _begin(self) -> None:
        self._lock = threading.Lock()
        self._known: OrderedDict[tuple[TenantId, str], tuple[Tenant, Connection, Guard]] = OrderedDict()

    def _make(self, tenant: Tenant, connection: Connection) -> Guard:
        # A digest: an id is whatever the registry holds, and never names a path.
        name = hashlib.sha256(f"{tenant.id}/{connection.id}".encode()).hexdigest()[:32]
        return Guard(
            connection,
            folder=self._place() / name,
            states=self._open_states(tenant),
            rules=self._rules,
            clock=self._clock,
        )

    def _place(self) -> Path:
        if self._folder is not None:
            return self._folder
        if self._temporary is None:
            self._temporary = (os.getpid(), Path(tempfile.mkdtemp(prefix="resale-guards-")))
        return self._temporary[1]


def _call_if_alive(method: "weakref.WeakMethod[Callable[[], None]]") -> None:
    call = method()
    if call is not None:
        call()

"""One thread for each tenant, each with its own interval and back-off; tenants are added and removed at run time."""

import logging
import random
import threading
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from resale.domain.tenants import Tenant
from resale.struct_types import build_struct_types

logger = logging.getLogger(__name__)

REFRESH_SECONDS: Final = 5.0  # a new tenant is served, and a suspended one is not, within 10 s
BACK_OFF_FIRST_SECONDS: Final = 0.5
BACK_OFF_MAX_SECONDS: Final = 30.0

#: One round of work for one tenant. Returns how long to wait before the next, in seconds.
Round = Callable[[], float]


class TenantLoops:
    """Runs ``make_round(tenant)()`` repeatedly for every tenant, until stopped."""

    def __init__(
        self,
        *,
        name: str,
        tenants: Callable[[], Iterable[Tenant]],
        make_round: Callable[[Tenant], Round],
        on_alive: Callable[[Sequence[Tenant]], None],
        refresh_seconds: float = REFRESH_SECONDS,
    ) -> None:
        """Store the callbacks; nothing starts before ``run``.

        ``on_alive`` is called once a refresh, with the tenants that are served.
        """
        self._name = name
        self._tenants = tenants
        self._make_round = make_round
        self._on_alive = on_alive
        self._refresh_seconds = refresh_seconds
        self._stopping = threading.Event()
        self._running: dict[str, tuple[Tenant, threading.Event, threading.Thread]] = {}

    def run(self) -> None:
        """Run until ``stop``; return when every tenant's current round has ended."""
        build_struct_types()
        while not self._stopping.is_set():
            try:
                self._apply({tenant.id: tenant for tenant in self._tenants()})
            except Exception:  # the registry is down beyond what it serves stale: keep whom we know
                logger.exception("tenants could not be read")
            self._write_heartbeat()
            self._stopping.wait(self._refresh_seconds)
        for _, stop, _thread in self._running.values():
            stop.set()
        for _, _stop, thread in self._running.values():
            thread.join()

    def stop(self) -> None:
        """Make ``run`` end; safe in a signal handler."""
        self._stopping.set()

    def _write_heartbeat(self) -> None:
        try:
            self._on_alive([tenant for tenant, _, _ in self._running.values()])
        except Exception:  # a full disk ends no role; whoever reads the file will say that it is old
            logger.exception("heartbeat not written")

    def _apply(self, wanted: dict[str, Tenant]) -> None:
        for tenant_id, (known, stop, _) in list(self._running.items()):
            if wanted.get(tenant_id) != known:
                stop.set()
                del self._running[tenant_id]
        for tenant_id, tenant in wanted.items():
            if tenant_id not in self._running:
                stop = threading.Event()
                thread = threading.Thread(
                    target=self._serve, args=(tenant, stop), name=f"{self._name}-{tenant.slug}", daemon=True
                )
                self._running[tenant_id] = (tenant, stop, thread)
                thread.start()

    def _serve(self, tenant: Tenant, stop: threading.Event) -> None:
        back_off = BACK_OFF_FIRST_SECONDS
        work: Round | None = None
        while not stop.is_set() and not self._stopping.is_set():
            try:
                work = work or self._make_round(tenant)
                wait = work()
                back_off = BACK_OFF_FIRST_SECONDS
            except Exception:  # this tenant's fault is this tenant's: say it, wait, try again
                logger.exception("%s failed", self._name, extra={"tenant": tenant.slug})
                wait = back_off * random.uniform(0.5, 1.0)  # noqa: S311 - jitter, not a secret
                back_off = min(back_off * 2, BACK_OFF_MAX_SECONDS)
            if wait:
                stop.wait(wait)

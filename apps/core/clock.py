"""The current time of a tenant, for operations. Signatures, tokens, TTLs and transport use the wall clock instead.

A sandbox tenant can have a test clock, which runs ahead of the wall clock. Its time and the wall clock's never mix:
who cannot learn whether there is one is told so, and not the wall clock's time.
"""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

from apps.core.container import get_container
from resale.domain.clocks import Clock
from resale.domain.ids import TenantId
from resale.domain.tenants import Tenant

ABSENCE_KNOWN_SECONDS: Final = 1.0  # a clock made in another process is seen here no later than this


class TenantClock:
    """The current time of each tenant. It caches for one second that a sandbox tenant has no test clock."""

    def __init__(self, *, find: Callable[[Tenant], Clock | None], monotonic: Callable[[], float]) -> None:
        """Store how a tenant's test clock is read, and how a second is measured."""
        self._find = find
        self._monotonic = monotonic
        self._absent_until: dict[TenantId, float] = {}  # one a sandbox tenant

    def now(self, tenant: Tenant, *, fresh: bool) -> datetime:
        """Return the current time of a tenant; see ``for_tenant``."""
        if not tenant.sandbox:
            return for_platform()
        requested_at = self._monotonic()
        if not fresh and requested_at < self._absent_until.get(tenant.id, requested_at):
            return for_platform()
        clock = self._find(tenant)
        if clock is None:
            self._absent_until[tenant.id] = requested_at + ABSENCE_KNOWN_SECONDS
            return for_platform()
        self._absent_until.pop(tenant.id, None)
        return clock.time_at(for_platform())

    def forget_absence(self, tenant: Tenant) -> None:
        """Forget that a tenant has no test clock."""
        self._absent_until.pop(tenant.id, None)


def for_tenant(tenant: Tenant, *, fresh: bool = False) -> datetime:
    """Return the current time of a tenant, aware UTC.

    Shape: reads nothing for a live tenant. For a sandbox tenant 1 item, consistently: at each call when it has a test
    clock, once a second in each process when it has none.

    Args:
        tenant: Whose time.
        fresh: Do not trust that there was no test clock a moment ago. For who acts on what is due, and on its own: a
            request sees a new clock within a second, a worker at once.

    Raises:
        Unavailable: The tenant's store does not say whether it has a test clock.
    """
    return _time.now(tenant, fresh=fresh)


def for_platform() -> datetime:
    """Return the current time of the platform: the wall clock, aware UTC."""
    return datetime.now(UTC)


def forget_absence(tenant: Tenant) -> None:
    """Forget that a tenant has no test clock, because this process created it."""
    _time.forget_absence(tenant)


def _find(tenant: Tenant) -> Clock | None:
    return get_container().reader(tenant).find_test_clock()


_time: Final = TenantClock(find=_find, monotonic=time.monotonic)  # this process's; empty until first asked

"""The limiter and the load of this process."""

import threading
from typing import Final

from django.conf import settings

from apps.core.event_counts import EventCounts
from apps.core.fair_shares.limiter import Limiter, LocalLimiter
from apps.core.fair_shares.priorities import RULES, Priority

_lock = threading.Lock()
_limiter: Limiter | None = None


def get_limiter() -> Limiter:
    """Return this process's limiter, made at first use."""
    global _limiter  # noqa: PLW0603 - one a process is the point
    if _limiter is None:
        with _lock:
            if _limiter is None:
                _limiter = _make_limiter()
    return _limiter


def _make_limiter() -> Limiter:
    local = LocalLimiter(processes=settings.WEB_PROCESSES, counts=COUNTS)
    if settings.VALKEY_URL is None:
        return local
    # Without the setting, a process does not load the client.
    from apps.core.fair_shares.shared_limiter import SharedLimiter  # noqa: PLC0415 - as above
    from apps.core.fair_shares.valkey_buckets import ValkeyBuckets  # noqa: PLC0415 - as above

    return SharedLimiter(
        buckets=ValkeyBuckets(settings.VALKEY_URL, connections=THREADS),
        local=local,
        counts=COUNTS,
        fallbacks=FALLBACKS,
        secret=settings.RESALE.lookup_secret,
    )


def set_limiter(limiter: Limiter | None) -> None:
    """Replace this process's limiter; None: the next request makes a new one."""
    global _limiter  # noqa: PLW0603 - as above
    with _lock:
        _limiter = limiter


class Load:
    """The requests that this process has received and not finished, in total and by API key.

    Threads go to API keys in turn, so that a request waits for those with its own key above all: under one shop's flood
    only that shop's requests are refused. The total bounds the wait when very many shops send at once.

    The poll loop alone counts; threads read.
    """

    def __init__(self, threads: int) -> None:
        self.in_flight = 0
        self._by_key: dict[bytes, int] = {}
        self.set_threads(threads)

    def set_threads(self, threads: int) -> None:
        """Set the number of threads, from which the limit of each priority follows."""
        self._limits = {
            priority: None if rule.load is None else int(threads * rule.load) for priority, rule in RULES.items()
        }

    def enter(self, key: bytes) -> None:
        """Count a request with an API key; empty without one."""
        self.in_flight += 1
        self._by_key[key] = self._by_key.get(key, 0) + 1

    def leave(self, key: bytes) -> None:
        """End a request that was counted."""
        self.in_flight -= 1
        self._by_key[key] -= 1
        if not self._by_key[key]:
            del self._by_key[key]

    def in_flight_of(self, key: bytes) -> int:
        """Return the number of requests with an API key."""
        return self._by_key.get(key, 0)

    def is_too_high_for(self, priority: Priority, key: bytes) -> bool:
        """Return whether a request of this priority, with this API key, is refused now."""
        limit = self._limits[priority]
        if limit is None or self.in_flight <= limit:
            return False
        return self.in_flight_of(key) > limit or self.in_flight > limit * TOTAL_FACTOR


TOTAL_FACTOR: Final = 4  # how many times the limit of one API key all of them together can have
THREADS: Final = 8  # of ``docker/gunicorn.conf.py``, until the server reports its own number
LOAD: Final = Load(THREADS)
FALLBACKS: Final = EventCounts(metric="RequestsLimitedLocally")
COUNTS: Final = EventCounts(metric="RequestsRefused")

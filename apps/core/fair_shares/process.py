"""The limiter and the load of this process."""

import threading
from typing import Final

from django.conf import settings

from apps.core.fair_shares.limiter import Limiter, LocalLimiter
from apps.core.fair_shares.priorities import RULES, Priority
from apps.core.fair_shares.refusal_counts import RefusalCounts

_lock = threading.Lock()
_limiter: Limiter | None = None


def get_limiter() -> Limiter:
    """Return this process's limiter, made at first use."""
    global _limiter  # noqa: PLW0603 - one a process is the point
    if _limiter is None:
        with _lock:
            if _limiter is None:
                _limiter = LocalLimiter(processes=settings.WEB_PROCESSES, counts=COUNTS)
    return _limiter


def set_limiter(limiter: Limiter | None) -> None:
    """Replace this process's limiter; None: the next request makes a new one."""
    global _limiter  # noqa: PLW0603 - as above
    with _lock:
        _limiter = limiter


class Load:
    """The requests that this process has received and not finished: those in threads and those that wait for one.

    The poll loop alone changes ``in_flight``; threads read it.
    """

    def __init__(self, threads: int) -> None:
        self.in_flight = 0
        self.set_threads(threads)

    def set_threads(self, threads: int) -> None:
        """Set the number of threads, from which the limit of each priority follows."""
        self._limits = {
            priority: None if rule.load is None else int(threads * rule.load) for priority, rule in RULES.items()
        }

    def is_too_high_for(self, priority: Priority) -> bool:
        """Return whether a request of this priority is refused now."""
        limit = self._limits[priority]
        return limit is not None and self.in_flight > limit


THREADS: Final = 8  # of ``docker/gunicorn.conf.py``, until the server reports its own number
LOAD: Final = Load(THREADS)
COUNTS: Final = RefusalCounts()

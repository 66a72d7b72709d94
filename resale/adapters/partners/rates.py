"""The rate limit of one worker for one partner of one tenant, shared by its processes through a file.

Calls are spaced evenly (GCRA with a burst of one): the record holds when the next one can start.
"""

import time
from typing import Final

import msgspec

from resale.adapters.partners.shared_files import SharedRecord

_CLOCK_SET_BACK_SECONDS: Final = 60.0  # nobody waits that long for a turn, so a later one is of a clock that was wrong


class RateRecord(msgspec.Struct, kw_only=True):
    """When the next call can start, by the wall clock: a monotonic one restarts with the machine."""

    next_at: float = 0.0


class CallRate:
    """Limits the number of calls in a second."""

    def __init__(self, record: SharedRecord[RateRecord], *, calls_per_second: int) -> None:
        self._record = record
        self._interval_seconds = 1 / calls_per_second

    def take(self, *, wait_seconds: float) -> bool:
        """Reserve the next slot and wait for it; return False if it is later than ``wait_seconds``. Raises OSError."""
        wait = self._reserve(wait_seconds)
        if wait is None:
            return False
        if wait > 0:
            time.sleep(wait)
        return True

    def _reserve(self, wait_seconds: float) -> float | None:
        with self._record.changing() as record:
            now = time.time()
            wait = record.next_at - now
            if wait < 0 or wait > _CLOCK_SET_BACK_SECONDS:
                wait = 0.0
            if wait > wait_seconds:
                return None
            record.next_at = now + wait + self._interval_seconds
            return wait

"""What each tenant uses, counted in this process and saved every minute by a thread of its own.

A process that ends saves them once more: by ``atexit``, and a pool process of a worker by Celery's signal
(``apps.workers.ending``). Up to a minute of counts is lost when one is killed: they explain a bill and steer limits,
they are no ledger. A database that is down delays them.
"""

import atexit
import logging
import os
import random
import threading
from collections import defaultdict
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from typing import Final, TypeAlias

from apps.core.forking import NO_FORK
from resale.domain.ids import TenantId
from resale.domain.usage import Meter

logger = logging.getLogger(__name__)

Key: TypeAlias = tuple[TenantId, date, Meter]
#: Adds counts to what is stored. Raises whatever the store raises; nothing of them is stored then.
Save: TypeAlias = Callable[[Mapping[Key, float]], None]

SAVE_EVERY_SECONDS: Final = 60.0
_JITTER: Final = 0.2  # so that not all processes save at once


class UsageCounts:
    """The unsaved counts of a process; safe for threads and across forks."""

    def __init__(self, *, today: Callable[[], date] = lambda: datetime.now(UTC).date()) -> None:
        self._today = today
        self._save: Save | None = None
        self._every_seconds = SAVE_EVERY_SECONDS
        self._counts: defaultdict[Key, float]
        self._thread: threading.Thread | None
        self._stopping: threading.Event
        self._begin()
        os.register_at_fork(after_in_child=self._begin)  # the parent saves its own

    def save_with(self, save: Save, *, every_seconds: float = SAVE_EVERY_SECONDS) -> None:
        """Set where counts are saved. Without it they are only kept; 0 seconds: only by ``flush``."""
        self._save, self._every_seconds = save, every_seconds

    def add(self, tenant_id: TenantId, meter: Meter, quantity: float = 1) -> None:
        """Add to a meter of a tenant, today."""
        key = (tenant_id, self._today(), meter)
        with self._lock:
            self._counts[key] += quantity
        if self._thread is None and self._save is not None and self._every_seconds:
            self._start()

    def flush(self) -> None:
        """Save the counts now; they are kept for the next time if that fails."""
        with self._lock:
            counts, self._counts = self._counts, defaultdict(float)
        if not counts or self._save is None:
            return
        try:
            with NO_FORK:
                self._save(counts)
        except Exception:  # whatever the database does, requests and tasks go on, and nothing is lost
            logger.exception("usage not saved; it is retried")
            with self._lock:
                for key, quantity in counts.items():
                    self._counts[key] += quantity

    def stop(self) -> None:
        """Stop the thread; what is counted later starts a new one."""
        self._stopping.set()
        with self._lock:
            thread, self._thread = self._thread, None
            self._stopping = threading.Event()
        if thread is not None:
            thread.join()

    def _begin(self) -> None:
        self._lock = threading.Lock()
        self._counts = defaultdict(float)
        self._thread = None
        self._stopping = threading.Event()

    def _start(self) -> None:
        with self._lock:
            if self._thread is not None:
                return
            self._thread = threading.Thread(target=self._run, args=(self._stopping,), name="usage", daemon=True)
        self._thread.start()
        atexit.register(self.flush)

    def _run(self, stopping: threading.Event) -> None:
        while not stopping.wait(self._every_seconds * random.uniform(1 - _JITTER, 1 + _JITTER)):  # noqa: S311 - jitter
            self.flush()


USAGE: Final = UsageCounts()

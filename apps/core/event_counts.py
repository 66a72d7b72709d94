"""Counts of events by tenant and reason, written as metrics every few seconds."""

import math
import threading
from collections import Counter
from datetime import UTC, datetime
from typing import Final

from apps.core import metrics

FLUSH_SECONDS: Final = 10.0


class EventCounts:
    """Adds up events, because a line for each would cost a flooded process more than its response.

    The counts are written by the first request that ends at least ``FLUSH_SECONDS`` after the first event.

    Args:
        metric: Name of the metric; never changed once alarms are made of it.
    """

    def __init__(self, *, metric: str) -> None:
        self._metric = metric
        self._lock = threading.Lock()
        self._counts: Counter[tuple[str, str]] = Counter()
        self._due_at = math.inf

    def add(self, tenant_slug: str, reason: str, now: float) -> None:
        """Count an event. ``reason`` is one of a few; ``now`` is in monotonic seconds."""
        with self._lock:
            self._counts[tenant_slug, reason] += 1
            if self._due_at == math.inf:
                self._due_at = now + FLUSH_SECONDS
        self.flush_if_due(now)

    def flush_if_due(self, now: float) -> None:
        """Write the counts if it is time."""
        if now >= self._due_at:
            self.flush()

    def flush(self) -> None:
        """Write a line for each tenant and reason, and count from zero."""
        with self._lock:
            counts, self._counts, self._due_at = self._counts, Counter(), math.inf
        at = datetime.now(UTC)
        for (tenant_slug, reason), count in sorted(counts.items()):
            metrics.emit({self._metric: (count, "Count")}, at=at, tenant=tenant_slug, reason=reason)

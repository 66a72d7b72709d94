"""Counts of refused requests by tenant and reason, written as metrics every few seconds."""

import math
import threading
from collections import Counter
from datetime import UTC, datetime
from typing import Final

from apps.core import metrics

FLUSH_SECONDS: Final = 10.0


class RefusalCounts:
    """Adds up refusals, because a line for each would cost a flooded process more than its refusal.

    The counts are written by the first request that ends at least ``FLUSH_SECONDS`` after the first refusal.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: Counter[tuple[str, str]] = Counter()
        self._due_at = math.inf

    def add(self, tenant_slug: str, reason: str, now: float) -> None:
        """Count a refusal. ``reason`` is ``tenant``, ``key``, ``shopper``, ``concurrent`` or ``overloaded``."""
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
            metrics.emit({"RequestsRefused": (count, "Count")}, at=at, tenant=tenant_slug, reason=reason)

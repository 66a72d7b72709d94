"""The metric ``QueueBacklog``: the messages that wait in the queues of all tenants of a process, by queue class.

Each tenant's queues are in its own account, and autoscaling reads metrics of the platform's account only. The sweep
visits every tenant already, so it counts there. Two sweeps publish the same sum: the metric's maximum is the value.
"""

import logging
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

import msgspec

from apps.core import metrics
from apps.workers.changes.consumer import queue_url
from resale.application.ports import Queues
from resale.application.reactions import Purpose
from resale.domain.tenants import Tenant

logger = logging.getLogger(__name__)

#: Names of the metric and its dimensions, never changed: autoscaling and alarms are made of them.
BACKLOG: Final = "QueueBacklog"
QUEUE_CLASS: Final = "QueueClass"
TENANTS: Final = "Tenants"
EVERY: Final = timedelta(minutes=1)
_USED_FOR: Final = timedelta(minutes=3)  # a count that is older says nothing about now; longer with slower sweeps
_NAMED_MAX: Final = 20  # tenants named in one log line


class _Count(msgspec.Struct, frozen=True):
    """How many messages waited in a tenant's queues, and when."""

    waiting: Mapping[Purpose, int]
    counted_at: datetime


class QueueBacklog:
    """Counts by tenant, each by the thread of its tenant, and publishes their sums.

    Args:
        own_tenants: Slugs of the tenants whose own processes these are; none: the pooled ones. Own processes have a
            metric of their own, because workers of the pool do not work for them.
    """

    def __init__(self, own_tenants: Sequence[str] = ()) -> None:
        self._dimensions = {TENANTS: ",".join(sorted(own_tenants))} if own_tenants else {}
        self._counts: dict[str, _Count] = {}
        self._published_at: datetime | None = None

    def count(self, tenant: Tenant, queues: Queues, *, now: datetime) -> None:
        """Count what waits in a tenant's queues, at most once a minute: a request to SQS for each queue.

        Raises:
            Unavailable: A queue does not respond; the tenant's former count is used for three minutes more.
        """
        known = self._counts.get(tenant.slug)
        if known is not None and now - known.counted_at < EVERY:
            return
        waiting = {purpose: queues.count_waiting(queue_url(tenant, purpose)) for purpose in Purpose}
        self._counts[tenant.slug] = _Count(waiting, now)

    def publish(self, tenants: Sequence[Tenant], *, now: datetime) -> None:
        """Write one line of metrics for each queue class, at most once a minute.

        A tenant without a recent count is left out and named in the log. Without any count nothing is written: a
        backlog of 0 would remove workers.

        Args:
            tenants: All tenants that are to be counted.
            now: The wall clock's time, aware UTC.
        """
        if self._published_at is None:  # the first round of each tenant is under way
            self._published_at = now
        if now - self._published_at < EVERY:
            return
        self._published_at = now
        found = {tenant.slug: self._find_recent(tenant, now) for tenant in tenants}
        counted = [waiting for waiting in found.values() if waiting is not None]
        missing = sorted(slug for slug, waiting in found.items() if waiting is None)
        if missing:
            extra = {"event": "backlog.incomplete", "count": len(missing), "tenants": ", ".join(missing[:_NAMED_MAX])}
            logger.warning("messages of some tenants are not counted", extra=extra)
        if counted or not missing:
            self._emit(counted, len(missing), now)

    def _emit(self, counted: Sequence[Mapping[Purpose, int]], missing_count: int, now: datetime) -> None:
        for purpose in Purpose:
            total = sum(waiting[purpose] for waiting in counted)
            metrics.emit(
                {BACKLOG: (total, "Count")},
                at=now,
                dimensions={QUEUE_CLASS: purpose, **self._dimensions},
                tenants_counted=len(counted),
                tenants_missing=missing_count,
            )

    def _find_recent(self, tenant: Tenant, now: datetime) -> Mapping[Purpose, int] | None:
        known = self._counts.get(tenant.slug)
        used_for = max(_USED_FOR, timedelta(seconds=2 * tenant.resources.sweep_interval_seconds))
        return None if known is None or now - known.counted_at > used_for else known.waiting

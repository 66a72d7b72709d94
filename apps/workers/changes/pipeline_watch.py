"""Monitoring of a tenant's change pipeline: writes heartbeats, measures their age, reports when it is late."""

import logging
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

from apps.core import metrics
from resale.application.ports import Pipeline
from resale.domain.pipeline import PipelineState, PipelineStatus
from resale.domain.tenants import Tenant

logger = logging.getLogger(__name__)

CHECK_EVERY: Final = timedelta(minutes=2)
#: Names of metrics, never changed: alarms are made of them.
AGE: Final = "ChangeAgeSeconds"
SET_ASIDE: Final = "ChangesSetAside"
DEAD: Final = "ChangesDead"


class PipelineWatch:
    """Monitors the pipeline of one tenant, at most every two minutes."""

    def __init__(self, *, tenant: Tenant, pipeline: Pipeline) -> None:
        """Store the tenant's own pipeline."""
        self._tenant = tenant
        self._pipeline = pipeline
        self._checked_at: datetime | None = None

    def run_once(self, *, now: datetime) -> Mapping[str, str | int] | None:
        """Write the due heartbeats; return the state of the pipeline.

        Args:
            now: The wall clock's time, aware UTC; a test clock has no part in this.

        Returns:
            What was reported; None when it was too early to look.

        Raises:
            Unavailable: The tenant's store or queues do not respond; the next round looks again.
        """
        if self._checked_at is not None and now - self._checked_at < CHECK_EVERY:
            return None
        state = self._pipeline.write_heartbeats(now=now)
        self._checked_at = now
        return self._report(state, now)

    def _report(self, state: PipelineState, now: datetime) -> Mapping[str, str | int]:
        status, age = state.status(now=now), state.age_seconds(now=now) or 0
        slug = self._tenant.slug
        metrics.emit(
            {AGE: (age, "Seconds"), SET_ASIDE: (state.set_aside_count, "Count"), DEAD: (state.dead_count, "Count")},
            at=now,
            tenant=slug,
            status=status,
        )
        if status == PipelineStatus.LATE:
            late = ", ".join(one.table for one in state.tables if one.status(now=now) == PipelineStatus.LATE)
            extra = {"event": "pipeline.late", "tenant": slug, "age_seconds": age, "tables": late}
            logger.error("changes are not recorded in history", extra=extra)
        return {
            "status": status,
            "age_seconds": age,
            "set_aside": state.set_aside_count,
            "dead": state.dead_count,
            "checked_at": now.isoformat(),
        }

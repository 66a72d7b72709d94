"""The roles other than Celery: the changes consumer and the sweep, with one loop for each tenant."""

import signal
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path

from django.conf import settings

from apps.core import clock
from apps.core.container import get_container
from apps.tenancy import registry
from apps.workers.changes.consumer import ChangesConsumer
from apps.workers.changes.pipeline_watch import PipelineWatch
from apps.workers.changes.set_aside import SetAsideChanges
from apps.workers.health import write as write_health
from apps.workers.loops import Round, TenantLoops
from apps.workers.queue_backlog import QueueBacklog
from apps.workers.sweep import Sweeper
from resale.domain.served_tenants import ServedTenants
from resale.domain.tenants import Tenant


def changes_loops(*, wait_seconds: int, health_file: Path | None) -> TenantLoops:
    """Build the loops of the changes role: each tenant's queue has its own poll and back-off.

    Args:
        wait_seconds: How long one receive waits, 0-20.
        health_file: Rewritten while the role lives; None for nowhere.
    """

    def make_round(tenant: Tenant) -> Round:
        container = get_container()
        consumer = ChangesConsumer(
            tenant=tenant,
            queues=container.queues(tenant),
            history=container.history(tenant),
            read_row=partial(container.history_row, tenant=tenant),
            failures=container.failures(tenant),
        )

        def once() -> float:
            consumer.run_once(wait_seconds=wait_seconds)
            return 0.0

        return once

    return _loops("changes", make_round, health_file, tenants=registry.polled_tenants)


def sweep_loops(*, interval_seconds: float | None, health_file: Path | None) -> TenantLoops:
    """Build the loops of the sweep role: at each tenant's interval, wake due items, count messages, monitor changes.

    Args:
        interval_seconds: Pause between two rounds of one tenant; None for what the tenant's own stack says.
        health_file: Rewritten while the role lives; None for nowhere.
    """
    reports: dict[str, Mapping[str, str | int]] = {}
    backlog = _open_backlog()

    def make_round(tenant: Tenant) -> Round:
        container = get_container()
        queues = container.queues(tenant)
        sweeper = Sweeper(reader=container.reader(tenant), queues=queues)
        set_aside = SetAsideChanges(
            tenant=tenant,
            queues=queues,
            open_streams=lambda: container.streams(tenant),
            read_range=container.stream_range,
        )
        watch = PipelineWatch(tenant=tenant, pipeline=container.pipeline(tenant))

        def once() -> float:
            try:
                _wake_and_count(tenant, sweeper, lambda: backlog.count(tenant, queues, now=clock.for_platform()))
            finally:
                more = _monitor_changes(set_aside, watch, report=lambda seen: reports.update({tenant.slug: seen}))
            if more:
                return 0.0
            return tenant.resources.sweep_interval_seconds if interval_seconds is None else interval_seconds

        return once

    def publish(tenants: Sequence[Tenant]) -> None:
        backlog.publish(tenants, now=clock.for_platform())

    return _loops("sweep", make_round, health_file, reports, tenants=registry.served_tenants, publish=publish)


def run_until_stopped(loops: TenantLoops) -> None:
    """Run until SIGTERM or SIGINT; the current rounds are completed."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: loops.stop())
    loops.run()


def _open_backlog() -> QueueBacklog:
    served: ServedTenants = settings.SERVED_TENANTS
    return QueueBacklog(() if served.are_excluded else sorted(served.slugs))


def _wake_and_count(tenant: Tenant, sweeper: Sweeper, count: Callable[[], None]) -> None:
    """Wake what is due; count messages also where that fails."""
    try:
        sweeper.run_once(now=clock.for_tenant(tenant, fresh=True))
    finally:
        count()


def _monitor_changes(
    set_aside: SetAsideChanges, watch: PipelineWatch, *, report: Callable[[Mapping[str, str | int]], None]
) -> bool:
    """Write heartbeats and redeliver changes that were set aside; return whether more of them are left."""
    try:
        seen = watch.run_once(now=clock.for_platform())
        if seen is not None:
            report(seen)
    finally:
        done = set_aside.run_once()
    return done.more


def _loops(
    name: str,
    make_round: Callable[[Tenant], Round],
    health_file: Path | None,
    reports: Mapping[str, Mapping[str, str | int]] | None = None,
    *,
    tenants: Callable[[], Iterable[Tenant]],
    publish: Callable[[Sequence[Tenant]], None] | None = None,
) -> TenantLoops:
    """Build the loops of a role; ``reports`` is the content of its health file for each tenant."""

    def alive(running: Sequence[Tenant]) -> None:
        if publish is not None:
            publish(running)
        if health_file is not None:
            write_health(health_file, dict(reports or {}))

    return TenantLoops(name=name, tenants=tenants, make_round=make_round, on_alive=alive)

"""What is wrong with one tenant: its account, its partners, its queues, and its changes on their way to history."""

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from typing import Final

from django.conf import settings

from apps.core.container import get_container
from apps.tenancy.doctor.findings import Finding, notice, problem
from apps.tenancy.models import MoveRun, RestoreRun
from apps.tenancy.models import Tenant as TenantRow
from apps.tenancy.report import ChangesHealth, TenantHealth, tenants_report
from resale.domain.dead_letters import LetterQueue
from resale.domain.pipeline import PipelineStatus
from resale.domain.tenants import SERVED, Queue, Tenant, TenantStatus
from resale.errors import Outcome

_THREADS: Final = 8
#: Messages of one queue above which somebody should look, though workers may be at it.
MANY_MESSAGES: Final = 10_000
_RUNBOOK: Final = "docs/dead-letters.md"
_OF_QUEUE: Final[Mapping[LetterQueue, str]] = {
    LetterQueue.CHANGES: "changes on their way to history",
    LetterQueue.ORDERS: "steps of orders",
    LetterQueue.IMAGES: "uploaded images",
}


def examine_tenants(tenants: tuple[Tenant, ...]) -> tuple[Finding, ...]:
    """Find what is wrong with some of the tenants that are served, all at once. Raises Unavailable."""
    health = {one.slug: one for one in tenants_report()}
    with ThreadPoolExecutor(_THREADS, thread_name_prefix="doctor") as pool:
        found = pool.map(lambda tenant: tuple(_examine(tenant, health.get(tenant.slug))), tenants)
        return tuple(chain.from_iterable(found))


def examine_rows(slugs: frozenset[str], listed: frozenset[str]) -> Iterator[Finding]:
    """Find tenants that are not served although no work explains it. No slugs: all; ``listed``: those of the registry.

    A tenant that other processes serve is theirs to examine.
    """
    rows = TenantRow.objects.order_by("slug")
    for row in rows.filter(slug__in=slugs) if slugs else rows:
        if row.status == TenantStatus.FROZEN and not _is_worked_on(row.slug):
            yield problem(
                row.slug,
                "It is frozen, and neither a restore nor a move of it is under way.",
                "Its API responds with 503 and its messages wait. Find out who froze it, then run resume_tenant.",
            )
        if row.status in SERVED and row.slug not in listed and settings.SERVED_TENANTS.lists(row.slug):
            yield problem(
                row.slug,
                "Its row in the registry is not valid, so no process serves it.",
                "The log names the field (tenant). Correct the row under /admin/tenants/.",
            )


def _is_worked_on(slug: str) -> bool:
    runs = (RestoreRun.objects.filter(slug=slug), MoveRun.objects.filter(slug=slug))
    return any(found.filter(finished_at=None).exists() for found in runs)


def _examine(tenant: Tenant, health: TenantHealth | None) -> Iterator[Finding]:
    if health is not None and health.status != "ok":
        yield _describe_account(tenant, health)
        return  # nothing else of it can be read
    if health is not None:
        for partner in health.failing:
            yield problem(
                tenant.slug,
                f"Calls to its {partner.kind} provider {partner.provider} are paused since "
                f"{partner.since:%Y-%m-%d %H:%M} UTC ({partner.reason_code or 'no reason given'}).",
                "Its steps wait and are retried by themselves. Look at the provider's status page, and at the "
                "tenant's connection under /admin/tenants/. See docs/runbook-money.md.",
            )
        if health.changes is not None:
            yield from _examine_changes(tenant, health.changes)
    yield from _examine_queues(tenant)


def _describe_account(tenant: Tenant, health: TenantHealth) -> Finding:
    if health.status == "silent":
        return problem(
            tenant.slug,
            f"Its account {tenant.account_id} in {tenant.region} did not respond in time.",
            "Look at the status of DynamoDB and STS in that Region. Other tenants are not affected.",
        )
    return problem(
        tenant.slug,
        f"Its account {tenant.account_id} in {tenant.region} cannot be used: {health.code}.",
        "Run report_drift for it: a role, an external id, a table or a key may be gone. Other tenants do not notice.",
    )


def _examine_changes(tenant: Tenant, changes: ChangesHealth) -> Iterator[Finding]:
    if changes.status == PipelineStatus.LATE:
        yield problem(
            tenant.slug,
            f"Its history is {changes.age_seconds} s behind: a Pipe, the changes queue or its worker stands still.",
            f'Nothing is lost. See "Changes that are late" in {_RUNBOOK}.',
        )
    if changes.status == PipelineStatus.UNWATCHED:
        yield problem(
            tenant.slug,
            f"Nobody watches its changes: the last heartbeat of the sweep is {changes.age_seconds} s old.",
            "Start the sweep role. Orders that wait for a time do not go on meanwhile.",
        )
    if changes.set_aside_count:
        yield problem(
            tenant.slug,
            f"{changes.set_aside_count} changes were set aside by its Pipes.",
            f"Within 24 hours: set_aside {tenant.slug} replay. Later: reconcile --tenant {tenant.slug}. "
            f"See {_RUNBOOK}.",
        )


def _examine_queues(tenant: Tenant) -> Iterator[Finding]:
    queues = get_container().queues(tenant)
    for name, kept in _OF_QUEUE.items():
        queue: Queue = getattr(tenant.resources.queues, name)
        try:
            dead, waiting = queues.count(queue.dlq_url), queues.count(queue.url)
        except Outcome as outcome:
            yield problem(
                tenant.slug,
                f"Its queue of {kept} cannot be read: {outcome.detail}",
                "Run report_drift for it, and look at the status of SQS in its Region.",
            )
            continue
        if dead:
            yield problem(
                tenant.slug,
                f"{dead} messages of its {kept} failed as often as they can.",
                f"Read them with dead_letters {tenant.slug} {name} list, remove the cause, then replay each. "
                f"See {_RUNBOOK}.",
            )
        if waiting > MANY_MESSAGES:
            yield notice(
                tenant.slug,
                f"About {waiting} messages of its {kept} wait.",
                "Workers scale by this number. If it grows, look at the log of the worker service.",
            )

"""The operator's report on tenants: whether each account and its partners respond. It reads no shop's data."""

import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from datetime import datetime
from typing import Final, Literal

import msgspec
from django.http import Http404, HttpRequest, HttpResponse

from apps.core import clock
from apps.core.container import get_container
from apps.tenancy import registry
from apps.tenancy.models import User
from resale.application.ports import Reader
from resale.domain.connections import ConnectionStatus
from resale.domain.entities import LISTING
from resale.domain.ids import LISTING_ID
from resale.domain.partners import PartnerKind, Provider
from resale.domain.pipeline import PipelineStatus
from resale.domain.tenants import Tenant, TenantStatus
from resale.errors import Outcome

_THREADS: Final = 8
_DEADLINE_SECONDS: Final = 10.0  # one tenant's stall is told, not waited for
_NOBODYS: Final = LISTING_ID.of("0" * 32)


class FailingPartner(msgspec.Struct, frozen=True, kw_only=True):
    """A partner of a tenant whose calls are paused."""

    kind: PartnerKind
    provider: Provider
    since: datetime
    reason_code: str | None


class ChangesHealth(msgspec.Struct, frozen=True, kw_only=True):
    """Whether changes of a tenant reach its history in time.

    ``age_seconds`` is the age of the oldest change that is not there yet, as heartbeats show it; None before the first.
    """

    status: PipelineStatus
    age_seconds: int | None
    set_aside_count: int
    dead_count: int


class TenantHealth(msgspec.Struct, frozen=True, kw_only=True):
    """The health of a tenant's account; ``code`` is the reason if it is not healthy."""

    slug: str
    account_id: str
    region: str
    status: Literal["ok", "failing", "silent"]
    code: str = ""
    duration_ms: int = 0
    failing: tuple[FailingPartner, ...] = ()
    changes: ChangesHealth | None = None


def tenants_report() -> tuple[TenantHealth, ...]:
    """Check all active tenants concurrently: a session, the connections, and the age of changes.

    Raises:
        Unavailable: The registry is not known.
    """
    tenants = [tenant for tenant in registry.listed_tenants() if tenant.status == TenantStatus.ACTIVE]
    pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="tenants-report")
    futures = {tenant.slug: pool.submit(_probe, tenant) for tenant in tenants}
    wait(futures.values(), timeout=_DEADLINE_SECONDS)
    pool.shutdown(wait=False, cancel_futures=True)
    return tuple(_health(tenant, futures[tenant.slug]) for tenant in tenants)


def tenants_health(request: HttpRequest) -> HttpResponse:
    """Respond with the report to an operator; 404 for anybody else."""
    user = request.user
    if not (isinstance(user, User) and user.is_operator):
        raise Http404
    return HttpResponse(msgspec.json.encode(tenants_report()), content_type="application/json")


def _health(tenant: Tenant, futures: "Future[TenantHealth]") -> TenantHealth:
    return (
        futures.result()
        if futures.done() and not futures.cancelled()
        else _build_health(tenant, "silent", "no_answer_in_time")
    )


def _probe(tenant: Tenant) -> TenantHealth:
    started = time.monotonic()
    try:
        reader = get_container().reader(tenant)
        reader.find(LISTING, _NOBODYS)
        failing = tuple(_failing(reader))
        changes = changes_health(tenant)
    except Outcome as outcome:
        return _build_health(tenant, "failing", outcome.code, started)
    except Exception as error:  # noqa: BLE001 - whatever is wrong with one tenant is part of the report
        return _build_health(tenant, "failing", type(error).__name__, started)
    return msgspec.structs.replace(_build_health(tenant, "ok", "", started), failing=failing, changes=changes)


def changes_health(tenant: Tenant) -> ChangesHealth:
    """Return whether a tenant's changes reach its history in time. Raises Unavailable."""
    state, now = get_container().pipeline(tenant).read_state(), clock.for_platform()
    return ChangesHealth(
        status=state.status(now=now),
        age_seconds=state.age_seconds(now=now),
        set_aside_count=state.set_aside_count,
        dead_count=state.dead_count,
    )


def _failing(reader: Reader) -> Iterator[FailingPartner]:
    for connection in reader.tenant.connections:
        state = reader.find_connection(connection.id)
        if state is not None and state.status == ConnectionStatus.OPEN:
            yield FailingPartner(
                kind=connection.kind, provider=connection.provider, since=state.since, reason_code=state.reason_code
            )


def _build_health(
    tenant: Tenant, status: Literal["ok", "failing", "silent"], code: str, started: float | None = None
) -> TenantHealth:
    spent = 0 if started is None else round((time.monotonic() - started) * 1000)
    return TenantHealth(
        slug=tenant.slug,
        account_id=tenant.account_id,
        region=tenant.region,
        status=status,
        code=code,
        duration_ms=spent,
    )

"""The operator's view of tenants: whether each one's account answers. Their data is not looked at."""

import time
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Final, Literal

import msgspec
from django.http import Http404, HttpRequest, HttpResponse

from apps.core.container import get_container
from apps.tenancy import registry
from apps.tenancy.models import User
from resale.domain.ids import ListingId
from resale.domain.tenants import Tenant
from resale.errors import Outcome

_THREADS: Final = 8
_DEADLINE_SECONDS: Final = 10.0  # one tenant's stall is told, not waited for
_NOBODYS: Final = ListingId("lst_" + "0" * 32)


class TenantHealth(msgspec.Struct, frozen=True, kw_only=True):
    """How one tenant's account answered: ``code`` says why not."""

    slug: str
    account_id: str
    region: str
    status: Literal["ok", "failing", "silent"]
    code: str = ""
    duration_ms: int = 0


def tenants_report() -> tuple[TenantHealth, ...]:
    """Ask every active tenant's account at once: a session by STS, and one read by DynamoDB.

    Raises:
        Unavailable: The registry is not known.
    """
    tenants = registry.active_tenants()
    pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="tenants-report")
    asked = {tenant.slug: pool.submit(_ask, tenant) for tenant in tenants}
    wait(asked.values(), timeout=_DEADLINE_SECONDS)
    pool.shutdown(wait=False, cancel_futures=True)
    return tuple(_health(tenant, asked[tenant.slug]) for tenant in tenants)


def tenants_health(request: HttpRequest) -> HttpResponse:
    """Show the report to an operator; to anybody else there is nothing here."""
    user = request.user
    if not (isinstance(user, User) and user.is_operator):
        raise Http404
    return HttpResponse(msgspec.json.encode(tenants_report()), content_type="application/json")


def _health(tenant: Tenant, asked: "Future[TenantHealth]") -> TenantHealth:
    return asked.result() if asked.done() and not asked.cancelled() else _said(tenant, "silent", "no_answer_in_time")


def _ask(tenant: Tenant) -> TenantHealth:
    started = time.monotonic()
    try:
        get_container().reader(tenant).find_listing(_NOBODYS)
    except Outcome as outcome:
        return _said(tenant, "failing", outcome.code, started)
    except Exception as error:  # noqa: BLE001 - whatever is wrong with one tenant is part of the report
        return _said(tenant, "failing", type(error).__name__, started)
    return _said(tenant, "ok", "", started)


def _said(
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

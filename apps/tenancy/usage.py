"""Usage by tenant, day and meter in the registry: added to by every process, reported with its estimated cost."""

from collections import defaultdict
from collections.abc import Mapping
from datetime import date
from decimal import Decimal

import msgspec
from django.db import IntegrityError, connection, transaction
from django.db.models import F

from apps.core.metering import Key
from apps.tenancy import models, registry
from apps.tenancy.errors import TenantNotFound
from apps.tenancy.usage_tables import TenantUsage
from resale.domain.costs import estimate_day
from resale.domain.ids import TenantId
from resale.domain.usage import Meter


class UsageDay(msgspec.Struct, frozen=True, kw_only=True):
    """What a tenant used on a day, and the USD that it is estimated to cost, by meter."""

    slug: str
    day: date
    quantities: Mapping[Meter, float]
    costs: Mapping[Meter, Decimal]

    @property
    def cost(self) -> Decimal:
        """USD of the day."""
        return sum(self.costs.values(), Decimal(0))


def save_usage(counts: Mapping[Key, float]) -> None:
    """Add counts to what is stored, all or nothing; closes the thread's database connection."""
    try:
        with transaction.atomic():
            for (tenant_id, day, meter), quantity in sorted(counts.items()):
                _add(tenant_id, day, meter, quantity)
    finally:
        if not connection.in_atomic_block:
            connection.close()


def report_usage(*, since: date, until: date, slug: str | None = None) -> tuple[UsageDay, ...]:
    """Report the usage of all tenants, or of one, by day.

    Args:
        since: The first day (UTC).
        until: The last day.
        slug: Of one tenant.

    Raises:
        TenantNotFound: No such tenant.
    """
    slugs = dict(models.Tenant.objects.values_list("id", "slug"))
    rows = TenantUsage.objects.filter(day__gte=since, day__lte=until)
    if slug is not None:
        if slug not in slugs.values():
            raise TenantNotFound("No tenant with this name exists.")
        rows = rows.filter(tenant_id=registry.by_slug(slug).id)
    quantities: defaultdict[tuple[date, str], dict[Meter, float]] = defaultdict(dict)
    for row in rows:
        quantities[row.day, slugs.get(row.tenant_id, row.tenant_id)][Meter(row.meter)] = row.quantity
    return tuple(
        UsageDay(slug=name, day=day, quantities=found, costs=estimate_day(found))
        for (day, name), found in sorted(quantities.items())
    )


def _add(tenant_id: TenantId, day: date, meter: Meter, quantity: float) -> None:
    row = TenantUsage.objects.filter(tenant_id=tenant_id, day=day, meter=meter)
    if row.update(quantity=F("quantity") + quantity):
        return
    try:
        with transaction.atomic():
            TenantUsage.objects.create(tenant_id=tenant_id, day=day, meter=meter, quantity=quantity)
    except IntegrityError:  # another process was first
        row.update(quantity=F("quantity") + quantity)

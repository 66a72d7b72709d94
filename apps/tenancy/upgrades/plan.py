"""Which tenants a rollout reaches, in which order, and what each waits for."""

from collections.abc import Sequence

import msgspec

from apps.tenancy.models import OnboardingRecord, Tenant
from apps.tenancy.onboarding.machine import Onboarding
from resale.domain.tenant_onboarding import OnboardingStep
from resale.domain.tenants import SERVED, TenantStatus
from resale.domain.waves import Wave, place_of, reach_of


class PlannedUpgrade(msgspec.Struct, frozen=True, kw_only=True):
    """A tenant of a rollout. ``former``: the template of its stacks now, empty if that is not known."""

    slug: str
    wave: Wave
    former: str
    is_current: bool
    awaits_approval: bool


def plan_upgrades(onboarding: Onboarding, *, wave: Wave, keeps_templates: bool) -> tuple[PlannedUpgrade, ...]:
    """Return the tenants of a wave and the waves before it, in the order of a rollout. Writes nothing.

    Raises:
        Unavailable: An account does not say which template its stacks have.
    """
    release = onboarding.release_template()
    return tuple(
        _plan(onboarding, tenant, wave=reached, release=release, keeps_templates=keeps_templates)
        for tenant, reached in _in_order(release)
        if _is_within(reached, wave)
    )


def _plan(onboarding: Onboarding, tenant: Tenant, *, wave: Wave, release: str, keeps_templates: bool) -> PlannedUpgrade:
    former = onboarding.applied_template(tenant.slug)
    needs_approval = tenant.approves_upgrades and not keeps_templates and tenant.approved_template != release
    is_current = not keeps_templates and onboarding.is_current(tenant.slug)
    return PlannedUpgrade(
        slug=tenant.slug,
        wave=wave,
        former=former,
        is_current=is_current,
        awaits_approval=needs_approval and not is_current,
    )


def onboarded_tenants() -> Sequence[Tenant]:
    """Return the tenants whose onboarding ended and that are not closed, by slug."""
    ended = OnboardingRecord.objects.filter(step=OnboardingStep.ACTIVE, finished_at__isnull=False)
    return list(Tenant.objects.filter(slug__in=ended.values("run_id"), status__in=(*SERVED, TenantStatus.FROZEN)))


def _in_order(subject: str) -> Sequence[tuple[Tenant, Wave]]:
    """Return all tenants that were onboarded, first the ring, then by their places in this rollout."""
    rows = onboarded_tenants()
    ring = sorted((row for row in rows if row.in_ring), key=lambda row: row.slug)
    others = sorted((row for row in rows if not row.in_ring), key=lambda row: place_of(row.slug, subject))
    places = [place_of(row.slug, subject) for row in others]
    reaches = [(wave, reach_of(wave, places)) for wave in (Wave.CANARY, Wave.TENTH, Wave.ALL)]
    waves = [next(wave for wave, reach in reaches if place < reach) for place in places]
    return [*((row, Wave.RING) for row in ring), *zip(others, waves, strict=True)]


def _is_within(reached: Wave, wave: Wave) -> bool:
    order = list(Wave)
    return order.index(reached) <= order.index(wave)

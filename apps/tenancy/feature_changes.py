"""Changes of features: how far one is released, and what a premium tenant chooses. All processes follow within 30 s."""

from datetime import date

import msgspec
from django.db import transaction

from apps.core import clock
from apps.tenancy import models, registry
from apps.tenancy.entitlement_changes import Cause, record_change
from apps.tenancy.tenants import lock_tenant
from resale.domain.entitlements import ENTITLEMENTS, Delivery, Tier
from resale.domain.feature_schedules import ReleaseMode
from resale.domain.features import Choice, Feature, Release, check_choice, check_pin
from resale.domain.tenants import SERVED
from resale.domain.waves import Wave, place_of, reach_of


def release_feature(*, feature: Feature, wave: Wave, cause: Cause) -> Release:
    """Release a feature to a wave, which can also be a smaller one than before; a schedule of it ends. Idempotent.

    Returns:
        The release; its reach is counted in the tenants that there are now.

    Raises:
        django.core.exceptions.ValidationError: The cause names no reason.
    """
    with transaction.atomic():
        release = Release(wave, reach_now(feature, wave))
        models.FeatureRelease.objects.update_or_create(
            feature=feature.value,
            defaults={
                "wave": wave.value,
                "reach": release.reach,
                "released_at": clock.for_platform(),
                "mode": ReleaseMode.MANUAL.value,
                "observed_since": None,
                "failures_before": {},
            },
        )
        value = {"wave": wave.value, "reach": release.reach, "mode": ReleaseMode.MANUAL.value}
        record_change(None, subject=f"feature:{feature}", value=value, cause=cause)
    registry.clear()
    return release


def reach_now(feature: Feature, wave: Wave) -> int:
    """Return the place below which a wave would reach the tenants that there are now."""
    return reach_of(wave, [place_of(slug, feature) for slug in _slugs_in_waves()])


def opt_in(*, slug: str, feature: Feature, cause: Cause) -> None:
    """Give a tenant a feature because its brand chose it; a pin ends. Idempotent.

    Raises:
        TenantNotFound: No such tenant.
        FeatureNotChosen: Features reach its tier in waves.
        django.core.exceptions.ValidationError: The cause names no reason.
    """
    _choose(slug, feature, Choice(opted_in=True), cause)


def pin_feature(*, slug: str, feature: Feature, until: date, cause: Cause) -> None:
    """Keep a feature from a tenant until the end of a day in UTC; then it has it if it had opted in. Idempotent.

    Raises:
        TenantNotFound: No such tenant.
        FeatureNotChosen: Features reach its tier in waves.
        FeaturePinRefused: The date is past, or not before the feature's last date.
        django.core.exceptions.ValidationError: The cause names no reason.
    """
    check_pin(feature, until=until, today=clock.for_platform().date())
    _choose(slug, feature, until, cause)


def unpin_feature(*, slug: str, feature: Feature, cause: Cause) -> None:
    """Remove a pin. Idempotent; ``opt_in`` has the errors."""
    _choose(slug, feature, None, cause)


def set_ring(*, slug: str, in_ring: bool, cause: Cause) -> None:
    """Add a tenant to the ring, which is first in every wave, or remove it. Idempotent.

    Raises:
        TenantNotFound: No such tenant.
        django.core.exceptions.ValidationError: The cause names no reason.
    """
    with lock_tenant(slug) as row:
        row.in_ring = in_ring
        row.save(update_fields=["in_ring", "updated_at"])
        record_change(row, subject="ring", value=in_ring, cause=cause)


def _choose(slug: str, feature: Feature, chosen: Choice | date | None, cause: Cause) -> None:
    """Store a choice; a date or None is that of the pin alone."""
    with lock_tenant(slug) as row:
        check_choice(Tier(row.tier))
        before = msgspec.convert(row.feature_choices.get(feature.value, {}), Choice)
        choice = chosen if isinstance(chosen, Choice) else msgspec.structs.replace(before, pinned_until=chosen)
        row.feature_choices = {**row.feature_choices, feature.value: msgspec.to_builtins(choice)}
        row.full_clean()
        row.save(update_fields=["feature_choices", "updated_at"])
        record_change(row, subject=f"feature:{feature}", value=msgspec.to_builtins(choice), cause=cause)


def _slugs_in_waves() -> list[str]:
    """Return the tenants that a wave is counted in; not sandboxes, which would be the canary and gone in a week."""
    tiers = {tier for tier, entitlement in ENTITLEMENTS.items() if entitlement.delivery == Delivery.WAVES}
    counted = models.Tenant.objects.filter(tier__in=tiers - {Tier.SANDBOX}, in_ring=False, status__in=SERVED)
    return list(counted.values_list("slug", flat=True))

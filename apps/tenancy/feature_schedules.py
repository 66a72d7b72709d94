"""Schedules of features: they advance from wave to wave by ``manage.py features advance``, which runs regularly.

Operators start, hold and resume a schedule; what it does by itself is recorded with the author ``schedule``.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TypeAlias

import msgspec
from django.db import transaction

from apps.core import clock
from apps.tenancy import models, registry
from apps.tenancy.entitlement_changes import SCHEDULE, Cause, record_change
from apps.tenancy.feature_changes import reach_now
from apps.tenancy.features import load_releases, subscriber_of
from resale.domain.entitlements import ENTITLEMENTS, Delivery, Tier
from resale.domain.feature_schedules import (
    FeatureNotScheduled,
    Progress,
    ReleaseMode,
    Verdict,
    begins_by_itself,
    change_plan,
    decide,
    due_at,
    lowest_failures,
    reason_to_advance,
    reason_to_hold,
    require_next_wave,
)
from resale.domain.features import FEATURES, Feature, Release, default_release, is_reached
from resale.domain.tenants import SERVED, Tenant
from resale.domain.waves import Wave, WavePlan
from resale.errors import Outcome

#: Returns how many messages of a tenant failed as often as they can. Raises Unavailable.
CountFailures: TypeAlias = Callable[[Tenant], int]


class Advance(msgspec.Struct, frozen=True, kw_only=True):
    """What a run did with one feature. ``detail`` is for the operator; ``needs_action``: an operator has to look."""

    feature: Feature
    detail: str
    needs_action: bool = False


class ReleaseView(msgspec.Struct, frozen=True, kw_only=True):
    """How far a feature is released, and when the next wave begins if no message fails; None: nothing is due yet."""

    feature: Feature
    wave: Wave
    mode: ReleaseMode
    observed: tuple[str, ...]  # the tenants whose failed messages decide, by slug
    due_at: datetime | None


def view_of(feature: Feature) -> ReleaseView:
    """Return how far a feature is released."""
    row = models.FeatureRelease.objects.filter(feature=feature.value).first()
    if row is None:
        return ReleaseView(
            feature=feature, wave=default_release(feature).wave, mode=ReleaseMode.MANUAL, observed=(), due_at=None
        )
    mode = ReleaseMode(row.mode)
    return ReleaseView(
        feature=feature,
        wave=Wave(row.wave),
        mode=mode,
        observed=tuple(row.failures_before),
        due_at=due_at(progress_of(row)) if mode == ReleaseMode.SCHEDULED and row.wave != Wave.ALL else None,
    )


def schedule_feature(*, feature: Feature, hours: Mapping[str, int], cause: Cause) -> WavePlan:
    """Let a schedule advance a feature from the wave that it has; its tenants are observed anew. Idempotent.

    Args:
        feature: Which one.
        hours: By field of ``resale.domain.waves.WavePlan``; what is left out is the declaration's.
        cause: Recorded with the plan.

    Raises:
        FeatureReleasedToAll: There is no further wave.
        WavePlanRefused: Hours are out of bounds.
        django.core.exceptions.ValidationError: The cause names no reason.
    """
    plan = change_plan(FEATURES[feature].plan, hours)
    with transaction.atomic():
        release = _release_of(feature)
        require_next_wave(feature, release.wave)
        created = {"wave": release.wave.value, "reach": release.reach, "released_at": clock.for_platform()}
        row, _ = models.FeatureRelease.objects.select_for_update().get_or_create(
            feature=feature.value, defaults=created
        )
        row.plan = msgspec.to_builtins(plan)
        _observe_anew(row, ReleaseMode.SCHEDULED, cause, hours=row.plan)
    return plan


def hold_feature(*, feature: Feature, cause: Cause) -> None:
    """Stop a schedule where it is; who has the feature keeps it. Idempotent.

    Raises:
        FeatureNotScheduled: No schedule advances it.
        django.core.exceptions.ValidationError: The cause names no reason.
    """
    with transaction.atomic():
        _observe_anew(_scheduled_row(feature), ReleaseMode.HELD, cause)


def resume_feature(*, feature: Feature, cause: Cause) -> None:
    """Let a schedule that was held go on; its wave is observed anew. ``hold_feature`` has the errors."""
    with transaction.atomic():
        row = _scheduled_row(feature)
        require_next_wave(feature, Wave(row.wave))
        _observe_anew(row, ReleaseMode.SCHEDULED, cause)


def advance_features(
    *, count_failures: CountFailures, now: Callable[[], datetime] = clock.for_platform
) -> tuple[Advance, ...]:
    """Advance the scheduled features that are due and whose tenants have no new failed messages; hold the others.

    Idempotent; several may run at once. A feature whose tenants cannot be counted stays as it is.
    """
    _begin_declared(now())
    rows = models.FeatureRelease.objects.filter(mode=ReleaseMode.SCHEDULED).exclude(wave=Wave.ALL.value)
    known = {feature.value for feature in Feature}
    return tuple(_try_advance(row, count_failures, now) for row in rows if row.feature in known)


def progress_of(row: models.FeatureRelease) -> Progress:
    """Return the state of a scheduled release."""
    return Progress(
        wave=Wave(row.wave),
        plan=msgspec.convert(row.plan, WavePlan),
        observed_since=row.observed_since,
        failures_before=row.failures_before,
    )


def observed_slugs(feature: Feature, release: Release) -> tuple[str, ...]:
    """Return the tenants that a release reaches and whose failed messages count: no sandbox outside the ring."""
    tiers = [tier.value for tier, entitlement in ENTITLEMENTS.items() if entitlement.delivery == Delivery.WAVES]
    rows = models.Tenant.objects.filter(tier__in=tiers, status__in=SERVED).exclude(resources={})
    counted = rows.exclude(tier=Tier.SANDBOX, in_ring=False)
    return tuple(row.slug for row in counted if is_reached(subscriber_of(row), feature, release))


def _begin_declared(now: datetime) -> None:
    """Begin the schedules of the features whose declaration has this day."""
    released = set(models.FeatureRelease.objects.values_list("feature", flat=True))
    for feature, declared in FEATURES.items():
        if feature.value not in released and begins_by_itself(declared, today=now.date()):
            schedule_feature(feature=feature, hours={}, cause=_cause(f"Its declaration has {declared.begins_on}"))


def _try_advance(row: models.FeatureRelease, count_failures: CountFailures, now: Callable[[], datetime]) -> Advance:
    feature = Feature(row.feature)
    try:
        return _advance(feature, row, count_failures, now)
    except Outcome as outcome:  # a tenant cannot be counted: without its signal, nothing goes on
        detail = f"not advanced: {outcome.code}: {outcome.detail}"
        return Advance(feature=feature, detail=detail, needs_action=True)


def _advance(
    feature: Feature, row: models.FeatureRelease, count_failures: CountFailures, now: Callable[[], datetime]
) -> Advance:
    progress, release = progress_of(row), Release(Wave(row.wave), row.reach)
    failures = _count(observed_slugs(feature, release), count_failures)
    verdict = decide(progress, failures, now=now())
    if verdict == Verdict.HOLD:
        return _hold(feature, row, reason_to_hold(progress, failures))
    if verdict == Verdict.WAIT:
        return _wait(feature, row, lowest_failures(progress, failures), now())
    wave = require_next_wave(feature, release.wave)
    # Nothing moves backwards: a tenant that joined meanwhile can have a lower place than the ones that were reached.
    following = Release(wave, max(reach_now(feature, wave), release.reach))
    known = _count(observed_slugs(feature, following), count_failures)
    return _release(feature, row, following, {**known, **failures}, reason_to_advance(progress, failures), now())


def _hold(feature: Feature, row: models.FeatureRelease, reason: str) -> Advance:
    with transaction.atomic():
        if (locked := _lock_unchanged(row)) is None:
            return _report_change(feature)
        _observe_anew(locked, ReleaseMode.HELD, _cause(reason))
    return Advance(feature=feature, detail=f"held: {reason}", needs_action=True)


def _wait(feature: Feature, row: models.FeatureRelease, failures: Mapping[str, int], now: datetime) -> Advance:
    with transaction.atomic():
        if (locked := _lock_unchanged(row)) is None:
            return _report_change(feature)
        locked.failures_before = failures
        locked.observed_since = locked.observed_since or now
        locked.save(update_fields=["failures_before", "observed_since"])
    return Advance(feature=feature, detail=f"observed in the wave {row.wave}: {len(failures)} tenants")


def _release(
    feature: Feature,
    row: models.FeatureRelease,
    release: Release,
    failures: Mapping[str, int],
    reason: str,
    now: datetime,
) -> Advance:
    """Release the next wave, with what its tenants are compared with: counted before the feature reached them."""
    with transaction.atomic():
        if (locked := _lock_unchanged(row)) is None:
            return _report_change(feature)
        locked.wave, locked.reach, locked.released_at = release.wave.value, release.reach, now
        locked.observed_since, locked.failures_before = now, failures
        locked.save()
        _record(locked, _cause(reason))
    registry.clear()
    return Advance(feature=feature, detail=f"released to the wave {release.wave}: {reason}")


def _lock_unchanged(row: models.FeatureRelease) -> models.FeatureRelease | None:
    """Lock a release; None if another process or an operator changed it since it was read."""
    locked = models.FeatureRelease.objects.select_for_update().get(feature=row.feature)
    decided = ("mode", "wave", "reach", "released_at", "observed_since")
    return locked if all(getattr(locked, name) == getattr(row, name) for name in decided) else None


def _report_change(feature: Feature) -> Advance:
    return Advance(feature=feature, detail="changed meanwhile; the next run looks at it")


def _scheduled_row(feature: Feature) -> models.FeatureRelease:
    row = models.FeatureRelease.objects.select_for_update().filter(feature=feature.value).first()
    if row is None or row.mode == ReleaseMode.MANUAL:
        raise FeatureNotScheduled(f"No schedule advances “{feature}”. Start one with `manage.py features schedule`.")
    return row


def _release_of(feature: Feature) -> Release:
    return load_releases().get(feature) or default_release(feature)


def _observe_anew(
    row: models.FeatureRelease, mode: ReleaseMode, cause: Cause, hours: Mapping[str, int] | None = None
) -> None:
    row.mode, row.observed_since, row.failures_before = mode.value, None, {}
    row.save()
    _record(row, cause, hours)


def _record(row: models.FeatureRelease, cause: Cause, hours: Mapping[str, int] | None = None) -> None:
    value = {"wave": row.wave, "reach": row.reach, "mode": row.mode, **(hours or {})}
    record_change(None, subject=f"feature:{row.feature}", value=value, cause=cause)


def _count(slugs: tuple[str, ...], count_failures: CountFailures) -> dict[str, int]:
    return {slug: count_failures(registry.by_slug(slug)) for slug in slugs}


def _cause(reason: str) -> Cause:
    return Cause(by=SCHEDULE, reason=reason)

"""Schedules of features: when the next wave is due, and what the failed messages of tenants decide. Calls nothing.

The signal is that of a rollout (``resale.domain.tenant_upgrades``): messages of a tenant that failed as often as they
can. A wave is observed for its hours; tenants without new failures let the next wave begin, others hold the schedule.
"""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Final

import msgspec

from resale.domain.features import Declaration, Feature
from resale.domain.waves import MAX_HOURS, Wave, WavePlan, hours_of
from resale.errors import Invalid, Rejected

_NAMED_TENANTS: Final = 3  # in a reason, which has 200 characters


class ReleaseMode(StrEnum):
    """Who decides when the next wave of a feature begins."""

    MANUAL = "manual"  # an operator
    SCHEDULED = "scheduled"
    HELD = "held"  # nobody, until an operator resumes the schedule


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """A scheduled release. ``failures_before``: by slug, the failed messages of a tenant when its observation began.

    ``observed_since`` is None until the failed messages were counted once.
    """

    wave: Wave
    plan: WavePlan
    observed_since: datetime | None
    failures_before: Mapping[str, int]


class Verdict(StrEnum):
    """What happens to a scheduled release now."""

    WAIT = "wait"
    HOLD = "hold"
    ADVANCE = "advance"


class FeatureNotScheduled(Rejected):
    """No schedule advances this feature."""

    code = "feature_not_scheduled"
    title = "Feature not scheduled"
    default_detail = "No schedule advances this feature. Start one with `manage.py features schedule`."


class FeatureReleasedToAll(Rejected):
    """The feature has no further wave."""

    code = "feature_released_to_all"
    title = "Feature released to all"
    default_detail = "This feature is released to all tenants, so there is no further wave to schedule."


class WavePlanRefused(Invalid):
    """The hours of a plan are out of bounds."""

    code = "wave_plan_refused"
    title = "Wave plan refused"
    default_detail = "Each wave is observed for 1 to 2160 hours. Correct the hours of the plan."


def change_plan(plan: WavePlan, hours: Mapping[str, int]) -> WavePlan:
    """Return a plan with other hours, by field. Raises WavePlanRefused."""
    try:
        return msgspec.convert({**msgspec.structs.asdict(plan), **hours}, WavePlan)
    except msgspec.ValidationError as error:
        raise WavePlanRefused(f"Each wave is observed for 1 to {MAX_HOURS} hours. {error}.") from error


def begins_by_itself(declared: Declaration, *, today: date) -> bool:
    """Return whether a feature that no operator released yet begins its waves by its declaration."""
    return declared.begins_on is not None and today >= declared.begins_on and declared.default_wave != Wave.ALL


def require_next_wave(feature: Feature, wave: Wave) -> Wave:
    """Return the wave after this one. Raises FeatureReleasedToAll."""
    if wave == Wave.ALL:
        raise FeatureReleasedToAll(f"“{feature}” is released to all tenants, so there is no further wave to schedule.")
    order = list(Wave)
    return order[order.index(wave) + 1]


def due_at(progress: Progress) -> datetime | None:
    """Return when the next wave is due if the signal is good; None if that is not known yet."""
    since = progress.observed_since
    return None if since is None else since + timedelta(hours=hours_of(progress.wave, progress.plan))


def decide(progress: Progress, failures: Mapping[str, int], *, now: datetime) -> Verdict:
    """Decide about a release by the failed messages of the tenants that it reached."""
    if worse_tenants(progress, failures):
        return Verdict.HOLD
    due = now if progress.wave == Wave.NONE else due_at(progress)
    return Verdict.ADVANCE if due is not None and now >= due else Verdict.WAIT


def worse_tenants(progress: Progress, failures: Mapping[str, int]) -> tuple[str, ...]:
    """Return the tenants with more failed messages than before, by slug."""
    before = progress.failures_before
    return tuple(sorted(slug for slug, count in failures.items() if count > before.get(slug, count)))


def lowest_failures(progress: Progress, failures: Mapping[str, int]) -> dict[str, int]:
    """Return what later counts are compared with: replayed messages must not hide as many new failures."""
    before = progress.failures_before
    return {slug: min(before.get(slug, count), count) for slug, count in sorted(failures.items())}


def reason_to_hold(progress: Progress, failures: Mapping[str, int]) -> str:
    """Return the reason of a hold, which names tenants and how many messages failed; at most 200 characters."""
    worse = worse_tenants(progress, failures)
    shown = [f"{slug} {failures[slug] - progress.failures_before[slug]}" for slug in worse[:_NAMED_TENANTS]]
    more = f", and {len(worse) - len(shown)} tenants more" if len(worse) > len(shown) else ""
    return f"New failed messages in the wave {progress.wave}: {', '.join(shown)}{more}"


def reason_to_advance(progress: Progress, failures: Mapping[str, int]) -> str:
    """Return the reason of the next wave."""
    if progress.wave == Wave.NONE:
        return "The schedule began"
    hours = hours_of(progress.wave, progress.plan)
    return f"No new failed message of {len(failures)} tenants in {hours} hours of the wave {progress.wave}"

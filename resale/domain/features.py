"""Features: what is released in waves, and which tenant has it. Calls nothing; the registry keeps the decisions.

A feature is declared here once. It reaches tenants of a tier with ``Delivery.WAVES`` by themselves, wave by wave. A
tenant of a tier with ``Delivery.CHOICE`` opts in, and can pin the feature off. From the feature's last date every
tenant has it; then its declaration and every test of it are removed from the code.
"""

from collections.abc import Mapping
from datetime import date
from enum import StrEnum
from typing import Final

import msgspec

from resale.domain.entitlements import ENTITLEMENTS, Delivery, Tier
from resale.domain.waves import EVERY_PLACE, Wave, WavePlan, place_of
from resale.errors import Invalid, NotFound, Rejected


class Feature(StrEnum):
    """The features that are released in waves."""

    RELISTING = "relisting"


class Declaration(msgspec.Struct, frozen=True, kw_only=True):
    """What a feature is, and how it is released.

    ``default_wave`` holds until an operator releases another one: ``NONE``, ``RING`` or ``ALL``. A tenant that chooses
    has a feature without opting in if it was registered on the date ``since`` or later, as nothing changes for it.
    On ``begins_on`` the waves of ``plan`` begin by themselves; None: an operator schedules or releases the feature.
    """

    summary: str
    since: date
    default_wave: Wave
    latest: date
    begins_on: date | None = None
    plan: WavePlan = WavePlan()


FEATURES: Final[Mapping[Feature, Declaration]] = {
    Feature.RELISTING: Declaration(
        summary="A seller lists an item again that came back, in one request and with the photos of the old listing.",
        since=date(2026, 11, 1),
        default_wave=Wave.ALL,
        latest=date(2029, 12, 31),
    ),
}


class Release(msgspec.Struct, frozen=True):
    """How far a feature is released: the wave, and the place below which it reaches tenants."""

    wave: Wave
    reach: int


class Choice(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a tenant chose about a feature. ``pinned_until``: the last day on which the feature is off."""

    opted_in: bool = False
    pinned_until: date | None = None


class Subscriber(msgspec.Struct, frozen=True, kw_only=True):
    """What decides about the features of a tenant."""

    slug: str
    tier: Tier
    in_ring: bool
    registered_on: date
    choices: Mapping[str, Choice]


class FeatureNotFound(NotFound):
    """No feature has this name."""

    code = "feature_not_found"
    title = "Feature not found"
    default_detail = "No feature has this name. `manage.py features list` lists them."


class FeatureNotChosen(Rejected):
    """A tenant of this tier chooses no features."""

    code = "feature_not_chosen_by_tenant"
    title = "Tenant chooses no features"
    default_detail = "Features reach the tenants of this tier in waves. Only premium tenants opt in and pin."


class FeaturePinRefused(Invalid):
    """A feature cannot be pinned off until this date."""

    code = "feature_pin_refused"
    title = "Feature cannot be pinned"
    default_detail = "A feature is pinned off until a date in the future that is before the feature's last date."


def feature_named(name: str) -> Feature:
    """Return a feature by its name. Raises FeatureNotFound."""
    try:
        return Feature(name)
    except ValueError:
        raise FeatureNotFound(f"No feature has the name “{name}”. There are: {', '.join(Feature)}.") from None


def default_release(feature: Feature) -> Release:
    """Return how far a feature is released that no operator has released yet."""
    wave = FEATURES[feature].default_wave
    return Release(wave, EVERY_PLACE if wave == Wave.ALL else 0)


def features_of(subscriber: Subscriber, releases: Mapping[str, Release], *, today: date) -> frozenset[Feature]:
    """Return the features that a tenant has.

    Args:
        subscriber: The tenant.
        releases: What operators released, by name of the feature; one that is missing has its default.
        today: In UTC.
    """
    return frozenset(
        feature
        for feature in Feature
        if _has(subscriber, feature, releases.get(feature) or default_release(feature), today)
    )


def _has(subscriber: Subscriber, feature: Feature, release: Release, today: date) -> bool:
    declared = FEATURES[feature]
    if today >= declared.latest:
        return True
    if ENTITLEMENTS[subscriber.tier].delivery == Delivery.WAVES:
        return is_reached(subscriber, feature, release)
    choice = subscriber.choices.get(feature, Choice())
    if choice.pinned_until is not None and today <= choice.pinned_until:
        return False
    is_new = subscriber.registered_on >= declared.since and release.wave == Wave.ALL
    return choice.opted_in or is_new


def is_reached(subscriber: Subscriber, feature: Feature, release: Release) -> bool:
    """Return whether a release reaches a tenant whose tier gets features in waves."""
    if release.wave == Wave.NONE:
        return False
    return subscriber.in_ring or place_of(subscriber.slug, feature) < release.reach


def check_choice(tier: Tier) -> None:
    """Require that the tenants of a tier choose their features. Raises FeatureNotChosen."""
    if ENTITLEMENTS[tier].delivery != Delivery.CHOICE:
        raise FeatureNotChosen(f"Features reach {tier} tenants in waves. Only premium tenants opt in and pin.")


def check_pin(feature: Feature, *, until: date, today: date) -> None:
    """Require a date until which a feature can be off. Raises FeaturePinRefused."""
    latest = FEATURES[feature].latest
    if not today <= until < latest:
        raise FeaturePinRefused(
            f"“{feature}” can be pinned off until a date from today, {today}, to the day before {latest}, from which "
            "every tenant has it."
        )

"""The features of tenants by the rows of the registry: how far each is released, and what the tenant chose."""

from collections.abc import Mapping

import msgspec

from apps.core import clock
from apps.tenancy import models
from resale.domain.entitlements import Tier
from resale.domain.features import Choice, Feature, Release, Subscriber, features_of
from resale.domain.waves import Wave


def load_releases() -> Mapping[str, Release]:
    """Load how far each feature is released, in one query; a feature that no operator released is missing."""
    rows = models.FeatureRelease.objects.all()
    return {row.feature: Release(Wave(row.wave), row.reach) for row in rows}


def features_of_row(row: models.Tenant, releases: Mapping[str, Release]) -> frozenset[Feature]:
    """Return the features of a tenant today.

    Raises:
        msgspec.ValidationError: A choice is none.
    """
    return features_of(subscriber_of(row), releases, today=clock.for_platform().date())


def subscriber_of(row: models.Tenant) -> Subscriber:
    """Return what decides about the features of a tenant that is saved."""
    return Subscriber(
        slug=row.slug,
        tier=Tier(row.tier),
        in_ring=row.in_ring,
        registered_on=row.created_at.date(),
        choices=msgspec.convert(row.feature_choices, dict[str, Choice]),
    )

"""The tables of entitlements: how far each feature is released, and who changed what a tenant has, when and why."""

import json
from typing import ClassVar

from django.db import models

from resale.domain.feature_schedules import ReleaseMode
from resale.domain.waves import Wave


class FeatureRelease(models.Model):
    """How far a feature is released. ``reach``: the place below which it reaches tenants (``resale.domain.waves``).

    ``plan``, ``observed_since`` and ``failures_before`` are those of a schedule (``resale.domain.feature_schedules``).
    """

    feature = models.CharField(primary_key=True, max_length=64)
    wave = models.CharField(max_length=16, choices=[(wave.value, wave.value) for wave in Wave])
    reach = models.BigIntegerField()
    released_at = models.DateTimeField()
    mode = models.CharField(
        max_length=16,
        choices=[(mode.value, mode.value) for mode in ReleaseMode],
        default=ReleaseMode.MANUAL.value,
        db_default=ReleaseMode.MANUAL.value,  # of a process of the release before
    )
    plan = models.JSONField(default=dict, db_default=models.Value({}, models.JSONField()))
    observed_since = models.DateTimeField(null=True)
    failures_before = models.JSONField(default=dict, db_default=models.Value({}, models.JSONField()))

    class Meta:
        """By name."""

        ordering = ("feature",)

    def __str__(self) -> str:
        return f"{self.feature}: {self.wave}"


class EntitlementChange(models.Model):
    """A change of what tenants have: its subject, the new value, who made it, when and why. Rows are never changed."""

    tenant = models.ForeignKey(  # None: of all tenants, as the release of a feature
        "tenancy.Tenant", on_delete=models.CASCADE, related_name="entitlement_changes", null=True
    )
    subject = models.CharField(max_length=64)
    value = models.JSONField()
    changed_by = models.CharField(max_length=150)
    reason = models.CharField(max_length=200)
    changed_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        """Newest first."""

        ordering = ("-id",)
        indexes: ClassVar = [models.Index(fields=["tenant", "-id"], name="changes_of_a_tenant")]

    def __str__(self) -> str:
        return f"{self.subject} by {self.changed_by}"

    @property
    def value_text(self) -> str:
        """The value as JSON."""
        return json.dumps(self.value)

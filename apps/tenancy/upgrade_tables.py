"""The tables of rollouts: a row for each rollout, and where each of its tenants is. Step times are the onboarding's."""

from typing import ClassVar

from django.db import models

from resale.domain.tenant_upgrades import RolloutState, UpgradeState
from resale.domain.waves import Wave


class Rollout(models.Model):
    """A rollout of this release's templates, or of the settings alone, to the tenants of a wave.

    ``scheduled``: the next wave begins by itself, after the hours of ``plan`` (``resale.domain.waves.WavePlan``).
    ``detail``: why it was stopped between two waves, or abandoned.
    """

    wave = models.CharField(max_length=16, choices=[(wave.value, wave.value) for wave in Wave])
    keeps_templates = models.BooleanField()
    template = models.CharField(max_length=64)
    state = models.CharField(max_length=16, choices=[(state.value, state.value) for state in RolloutState])
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)
    scheduled = models.BooleanField(default=False, db_default=False)
    plan = models.JSONField(default=dict, db_default=models.Value({}, models.JSONField()))
    detail = models.TextField(blank=True, default="", db_default="")

    class Meta:
        """Newest first."""

        ordering = ("-id",)

    def __str__(self) -> str:
        return f"{self.template} to {self.wave}: {self.state}"


class TenantUpgrade(models.Model):
    """One tenant in a rollout. ``former_template`` and ``errors_before`` are recorded before anything is changed.

    ``changed_at``: when its bake time began. Afterwards ``errors_before`` is the lowest count that was seen.
    """

    rollout = models.ForeignKey(Rollout, on_delete=models.CASCADE, related_name="upgrades")
    tenant = models.ForeignKey("tenancy.Tenant", on_delete=models.CASCADE, related_name="upgrades")
    wave = models.CharField(max_length=16)
    state = models.CharField(max_length=24, choices=[(one.value, one.value.replace("_", " ")) for one in UpgradeState])
    former_template = models.CharField(max_length=64, blank=True, default="")
    errors_before = models.PositiveIntegerField(null=True)
    error_code = models.CharField(max_length=64, blank=True, default="")
    error_detail = models.TextField(blank=True, default="")
    attempts = models.PositiveIntegerField(default=0)
    started_at = models.DateTimeField(null=True)
    changed_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        """In the order in which they run; one row for each tenant."""

        ordering = ("id",)
        constraints: ClassVar = [models.UniqueConstraint(fields=["rollout", "tenant"], name="one_upgrade_a_tenant")]

    def __str__(self) -> str:
        return f"{self.tenant_id}: {self.state}"

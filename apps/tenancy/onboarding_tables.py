"""The tables of onboardings: one run for each slug, and what each of its steps recorded."""

from datetime import timedelta
from typing import ClassVar

from django.db import models

from resale.domain.tenant_onboarding import OnboardingState, OnboardingStep

_STEPS = [(step.value, step.value.replace("_", " ").capitalize()) for step in OnboardingStep]


class RunState(models.TextChoices):
    """The state of an onboarding (``resale.domain.tenant_onboarding.OnboardingState``)."""

    RUNNING = OnboardingState.RUNNING.value, "Running"
    PAUSED = OnboardingState.PAUSED.value, "Paused"
    FAILED = OnboardingState.FAILED.value, "Failed"
    ACTIVE = OnboardingState.ACTIVE.value, "Active"


class OnboardingRun(models.Model):
    """The onboarding of a slug: the request, the reserved ids, where it is, and who has the lease."""

    slug = models.CharField(primary_key=True, max_length=31)
    tenant_id = models.CharField(max_length=40, unique=True, editable=False)
    external_id = models.CharField(max_length=128, editable=False)
    request = models.JSONField()
    state = models.CharField(max_length=16, choices=RunState.choices, default=RunState.RUNNING)
    step = models.CharField(max_length=32, choices=_STEPS)
    error_code = models.CharField(max_length=64, blank=True, default="")
    error_detail = models.TextField(blank=True, default="")
    lease_owner = models.CharField(max_length=128, blank=True, default="")
    lease_until = models.DateTimeField(null=True)
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)

    class Meta:
        """Newest first."""

        ordering = ("-started_at",)

    def __str__(self) -> str:
        return f"{self.slug}: {self.state} at {self.step}"


class OnboardingRecord(models.Model):
    """One step of an onboarding: when it ran last, how often, and what it recorded. ``finished_at`` None: not done."""

    run = models.ForeignKey(OnboardingRun, on_delete=models.CASCADE, related_name="records")
    step = models.CharField(max_length=32, choices=_STEPS)
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)
    attempts = models.PositiveIntegerField(default=1)
    record = models.JSONField(default=dict)

    class Meta:
        """Constraint: one row for each run and step."""

        ordering = ("id",)
        constraints: ClassVar = [models.UniqueConstraint(fields=["run", "step"], name="one_record_a_step")]

    def __str__(self) -> str:
        return f"{self.step} of {self.run_id}"

    @property
    def duration(self) -> timedelta | None:
        """How long the step took when it ran last; None while it is not done."""
        return None if self.finished_at is None else self.finished_at - self.started_at

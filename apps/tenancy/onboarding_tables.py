"""The tables of onboardings: one run for each slug, and what each of its steps recorded."""

from typing import ClassVar

from django.db import models

from apps.tenancy.step_runs.tables import StepRecord, StepRun
from resale.domain.tenant_onboarding import OnboardingState, OnboardingStep

_STEPS = [(step.value, step.value.replace("_", " ").capitalize()) for step in OnboardingStep]


class RunState(models.TextChoices):
    """The state of an onboarding (``resale.domain.tenant_onboarding.OnboardingState``)."""

    RUNNING = OnboardingState.RUNNING.value, "Running"
    PAUSED = OnboardingState.PAUSED.value, "Paused"
    FAILED = OnboardingState.FAILED.value, "Failed"
    ACTIVE = OnboardingState.ACTIVE.value, "Active"


class OnboardingRun(StepRun):
    """The onboarding of a slug: the request, the reserved ids, where it is, and who has the lease."""

    slug = models.CharField(primary_key=True, max_length=31)
    tenant_id = models.CharField(max_length=40, unique=True, editable=False)
    external_id = models.CharField(max_length=128, editable=False)
    request = models.JSONField()
    state = models.CharField(max_length=16, choices=RunState.choices, default=RunState.RUNNING)
    step = models.CharField(max_length=32, choices=_STEPS)
    template = models.CharField(max_length=64, blank=True, default="")  # of the stacks; empty: that of the release

    def __str__(self) -> str:
        return f"{self.slug}: {self.state} at {self.step}"


class OnboardingRecord(StepRecord):
    """One step of an onboarding."""

    run = models.ForeignKey(OnboardingRun, on_delete=models.CASCADE, related_name="records")
    step = models.CharField(max_length=32, choices=_STEPS)

    class Meta(StepRecord.Meta):
        """Constraint: one row for each run and step."""

        constraints: ClassVar = [models.UniqueConstraint(fields=["run", "step"], name="one_record_a_step")]

    def __str__(self) -> str:
        return f"{self.step} of {self.run_id}"

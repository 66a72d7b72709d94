"""The tables of offboardings: one run for each slug, and what each of its steps recorded."""

from typing import ClassVar

from django.db import models

from apps.tenancy.step_runs.tables import StepRecord, StepRun
from resale.domain.tenant_offboarding import OffboardingState, OffboardingStep

_STEPS = [(step.value, step.value.capitalize()) for step in OffboardingStep]


class OffboardingRunState(models.TextChoices):
    """The state of an offboarding (``resale.domain.tenant_offboarding.OffboardingState``)."""

    RUNNING = OffboardingState.RUNNING.value, "Running"
    PAUSED = OffboardingState.PAUSED.value, "Paused"
    FAILED = OffboardingState.FAILED.value, "Failed"
    CLOSED = OffboardingState.CLOSED.value, "Closed"


class OffboardingRun(StepRun):
    """The offboarding of a slug: its hold period, where it is, and who has the lease."""

    slug = models.CharField(primary_key=True, max_length=31)
    hold_days = models.PositiveSmallIntegerField()
    state = models.CharField(max_length=16, choices=OffboardingRunState.choices, default=OffboardingRunState.RUNNING)
    step = models.CharField(max_length=32, choices=_STEPS)

    def __str__(self) -> str:
        return f"{self.slug}: {self.state} at {self.step}"


class OffboardingRecord(StepRecord):
    """One step of an offboarding."""

    run = models.ForeignKey(OffboardingRun, on_delete=models.CASCADE, related_name="records")
    step = models.CharField(max_length=32, choices=_STEPS)

    class Meta(StepRecord.Meta):
        """Constraint: one row for each run and step."""

        constraints: ClassVar = [models.UniqueConstraint(fields=["run", "step"], name="one_offboarding_record_a_step")]

    def __str__(self) -> str:
        return f"{self.step} of {self.run_id}"

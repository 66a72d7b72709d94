"""The tables of restores: one run for each slug, and what each of its steps recorded."""

from typing import ClassVar

from django.db import models

from apps.tenancy.step_runs.tables import StepRecord, StepRun
from resale.domain.tenant_restores import RestoreState, RestoreStep

_STEPS = [(step.value, step.value.capitalize()) for step in RestoreStep]


class RestoreRunState(models.TextChoices):
    """The state of a restore (``resale.domain.tenant_restores.RestoreState``)."""

    RUNNING = RestoreState.RUNNING.value, "Running"
    PAUSED = RestoreState.PAUSED.value, "Paused"
    FAILED = RestoreState.FAILED.value, "Failed"
    RESTORED = RestoreState.RESTORED.value, "Restored"


class RestoreRun(StepRun):
    """The newest restore of a slug: the moment, the suffix of its tables, where it is, and who has the lease."""

    slug = models.CharField(primary_key=True, max_length=31)
    at = models.DateTimeField()
    generation = models.CharField(max_length=32)
    state = models.CharField(max_length=16, choices=RestoreRunState.choices, default=RestoreRunState.RUNNING)
    step = models.CharField(max_length=32, choices=_STEPS)

    def __str__(self) -> str:
        return f"{self.slug}: {self.state} at {self.step}"


class RestoreRecord(StepRecord):
    """One step of a restore."""

    run = models.ForeignKey(RestoreRun, on_delete=models.CASCADE, related_name="records")
    step = models.CharField(max_length=32, choices=_STEPS)

    class Meta(StepRecord.Meta):
        """Constraint: one row for each run and step."""

        constraints: ClassVar = [models.UniqueConstraint(fields=["run", "step"], name="one_restore_record_a_step")]

    def __str__(self) -> str:
        return f"{self.step} of {self.run_id}"

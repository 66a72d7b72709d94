"""The tables of moves: one run for each slug, and what each of its steps recorded."""

from typing import ClassVar

from django.db import models

from apps.tenancy.step_runs.tables import StepRecord, StepRun
from resale.domain.tenant_moves import MoveState, MoveStep

_STEPS = [(step.value, step.value.replace("_", " ").capitalize()) for step in MoveStep]


class MoveRunState(models.TextChoices):
    """The state of a move (``resale.domain.tenant_moves.MoveState``)."""

    RUNNING = MoveState.RUNNING.value, "Running"
    PAUSED = MoveState.PAUSED.value, "Paused"
    FAILED = MoveState.FAILED.value, "Failed"
    MOVED = MoveState.MOVED.value, "Moved"


class MovableColumns(models.Model):
    """The columns of a tenant that can be moved: its replica (``Standby``), the number of moves, who has frozen it."""

    standby = models.JSONField(
        default=dict, db_default=models.Value({}, models.JSONField()), blank=True, editable=False
    )
    write_epoch = models.PositiveIntegerField(default=0, db_default=0, editable=False)
    frozen_by = models.CharField(max_length=64, default="", db_default="", blank=True, editable=False)

    class Meta:
        """No table of its own."""

        abstract = True


class MoveRun(StepRun):
    """The newest move of a slug: from where to where, in which epoch it began, and whether the old Region is lost."""

    slug = models.CharField(primary_key=True, max_length=31)
    source = models.CharField(max_length=32)
    target = models.CharField(max_length=32)
    epoch = models.PositiveIntegerField()
    is_lost = models.BooleanField()
    state = models.CharField(max_length=16, choices=MoveRunState.choices, default=MoveRunState.RUNNING)
    step = models.CharField(max_length=32, choices=_STEPS)

    def __str__(self) -> str:
        return f"{self.slug}: {self.state} at {self.step}"


class MoveRecord(StepRecord):
    """One step of a move."""

    run = models.ForeignKey(MoveRun, on_delete=models.CASCADE, related_name="records")
    step = models.CharField(max_length=32, choices=_STEPS)

    class Meta(StepRecord.Meta):
        """Constraint: one row for each run and step."""

        constraints: ClassVar = [models.UniqueConstraint(fields=["run", "step"], name="one_move_record_a_step")]

    def __str__(self) -> str:
        return f"{self.step} of {self.run_id}"

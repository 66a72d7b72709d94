"""The columns that the tables of all step runs have: one run for each slug, and what each of its steps recorded."""

from datetime import datetime, timedelta

from django.db import models

from apps.core import clock
from apps.tenancy.step_runs.leases import is_gone


class StepRun(models.Model):
    """A run: where it is, why it stopped, and who has the lease. ``state`` and ``step`` are the subclass's own."""

    error_code = models.CharField(max_length=64, blank=True, default="")
    error_detail = models.TextField(blank=True, default="")
    lease_owner = models.CharField(max_length=128, blank=True, default="")
    lease_until = models.DateTimeField(null=True)
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)

    class Meta:
        """Newest first."""

        abstract = True
        ordering = ("-started_at",)

    @property
    def is_held(self) -> bool:
        """Whether a process works on it now."""
        return self.is_held_at(clock.for_platform())

    def is_held_at(self, moment: datetime) -> bool:
        """Return whether a process works on it at a moment that has come."""
        return self.lease_until is not None and self.lease_until > moment and not is_gone(self.lease_owner)


class StepRecord(models.Model):
    """One step of a run: when it ran last, how often, and what it recorded. ``finished_at`` None: not done."""

    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)
    attempts = models.PositiveIntegerField(default=1)
    record = models.JSONField(default=dict)

    class Meta:
        """In the order in which steps ran first."""

        abstract = True
        ordering = ("id",)

    @property
    def duration(self) -> timedelta | None:
        """How long the step took when it ran last; None while it is not done."""
        return None if self.finished_at is None else self.finished_at - self.started_at

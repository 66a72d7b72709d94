"""The columns that the tables of all step runs have: one run for each slug, and what each of its steps recorded."""

from datetime import timedelta

from django.db import models


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

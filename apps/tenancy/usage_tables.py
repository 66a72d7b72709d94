"""The table of usage: a row for each tenant, day and meter."""

from typing import ClassVar

from django.db import models

from resale.domain.usage import Meter


class TenantUsage(models.Model):
    """What a tenant used of one meter on a day (UTC). A closed tenant keeps its rows: no foreign key."""

    tenant_id = models.CharField(max_length=40)
    day = models.DateField()
    meter = models.CharField(max_length=32, choices=[(meter.value, meter.value) for meter in Meter])
    quantity = models.FloatField(default=0.0)

    class Meta:
        """One row each."""

        ordering = ("day", "tenant_id", "meter")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant_id", "day", "meter"], name="one_row_a_meter_and_day")
        ]

    def __str__(self) -> str:
        return f"{self.tenant_id} {self.day} {self.meter}"

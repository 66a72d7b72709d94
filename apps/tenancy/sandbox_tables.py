"""The table of sandboxes: the accounts of the warm pool, and whose time runs."""

from typing import ClassVar

from django.db import models


class Sandbox(models.Model):
    """A sandbox. It is in the pool while ``taken_at`` is None; ``expires_at`` None: in the pool, or claimed."""

    slug = models.CharField(primary_key=True, max_length=31)
    region = models.CharField(max_length=32)
    created_at = models.DateTimeField()
    taken_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField(null=True, db_index=True)
    claimed_at = models.DateTimeField(null=True)
    expired_at = models.DateTimeField(null=True)
    idempotency_key = models.CharField(max_length=64, null=True, unique=True)  # noqa: DJ001 - NULL is unlike any other
    request_hash = models.CharField(max_length=64, blank=True, default="")
    meaning_hash = models.CharField(max_length=64, blank=True, default="")

    class Meta:
        """Oldest first: an account of the pool is not kept for longer than needed."""

        verbose_name_plural = "sandboxes"
        ordering = ("created_at", "slug")
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(claimed_at=None) | models.Q(expired_at=None), name="claimed_or_expired"
            )
        ]

    def __str__(self) -> str:
        return self.slug

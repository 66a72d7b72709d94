"""The tables of staff accounts beside the user itself."""

from typing import ClassVar

import uuid_utils
from django.conf import settings
from django.db import models

from apps.tenancy.accounts import AccountNameField
from resale.domain.access import Role


def new_invitation_id() -> str:
    """Return a new invitation id, by which logs and commands name it."""
    return f"inv_{uuid_utils.uuid7().hex}"


class StaffRole(models.TextChoices):
    """The role of staff at one tenant (``resale.domain.access``)."""

    VIEWER = Role.VIEWER.value, "Viewer"
    MODERATOR = Role.MODERATOR.value, "Moderator"
    MANAGER = Role.MANAGER.value, "Manager"


class StaffInvitation(models.Model):
    """An invitation of one person to the staff of one tenant. Its token is stored as a hash."""

    id = models.CharField(primary_key=True, max_length=40, default=new_invitation_id, editable=False)
    tenant = models.ForeignKey("tenancy.Tenant", on_delete=models.CASCADE, related_name="invitations")
    email = AccountNameField("e-mail", max_length=150)
    role = models.CharField(max_length=16, choices=StaffRole.choices)
    token_hash = models.CharField(max_length=64, unique=True, editable=False)
    invited_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    accepted_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        """Newest first; one open invitation for each tenant and address."""

        ordering = ("-created_at",)
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["tenant", "email"],
                condition=models.Q(accepted_at=None, revoked_at=None),
                name="one_open_invitation",
            )
        ]

    def __str__(self) -> str:
        return self.id

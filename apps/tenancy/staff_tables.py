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


def new_security_key_id() -> str:
    """Return a new id of a security key, by which logs and pages name it."""
    return f"sky_{uuid_utils.uuid7().hex}"


class SecondFactor(models.Model):
    """The authenticator app of a user, and how many security keys they have.

    The row stays after a reset: its count of changes is part of sessions' hash. A user with security keys alone has a
    secret that no app has (``second_factors.secret_without_app``).
    """

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, primary_key=True, on_delete=models.CASCADE, related_name="second_factor"
    )
    secret = models.CharField(max_length=200, blank=True, default="", editable=False)  # encrypted; empty: none
    last_step = models.BigIntegerField(default=0, editable=False)  # of the newest code that was used
    changes = models.PositiveIntegerField(default=0, editable=False)
    # So that a page reads one row; the database has the default for processes of an earlier release, which insert none.
    security_key_count = models.PositiveSmallIntegerField(default=0, db_default=0, editable=False)

    def __str__(self) -> str:
        return f"second factor of {self.pk}"

    @property
    def is_set_up(self) -> bool:
        """Whether there is an app or a security key."""
        return bool(self.secret) or self.security_key_count > 0


class SecurityKey(models.Model):
    """A security key or passkey of a user (WebAuthn): its public key, which is no secret."""

    id = models.CharField(primary_key=True, max_length=40, default=new_security_key_id, editable=False)
    factor = models.ForeignKey(SecondFactor, on_delete=models.CASCADE, related_name="security_keys")
    name = models.CharField(max_length=60)
    credential_id = models.CharField(max_length=1364, unique=True, editable=False)  # base64url of at most 1023 bytes
    credential = models.BinaryField(editable=False)  # attested credential data: model, credential id, COSE public key
    sign_count = models.BigIntegerField(editable=False)  # of its newest signature; 0 where the key does not count
    created_at = models.DateTimeField()
    last_used_at = models.DateTimeField(null=True)

    class Meta:
        """Oldest first; the names of a user's keys differ."""

        ordering = ("created_at", "id")
        constraints: ClassVar = [models.UniqueConstraint(fields=["factor", "name"], name="one_security_key_of_a_name")]

    def __str__(self) -> str:
        return self.id


class RecoveryCode(models.Model):
    """A recovery code that was not used yet, as a keyed hash."""

    factor = models.ForeignKey(SecondFactor, on_delete=models.CASCADE, related_name="recovery_codes")
    hash = models.CharField(max_length=64, unique=True, editable=False)

    def __str__(self) -> str:
        return f"recovery code of {self.factor_id}"


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

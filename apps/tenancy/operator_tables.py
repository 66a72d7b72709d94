"""The table of operators' API keys. They belong to no tenant, so no endpoint of a tenant accepts them."""

from typing import Final

import uuid_utils
from django.db import models

#: Begins the id of an operator's key.
OPERATOR_KEY_PREFIX: Final = "opk_"


def new_operator_key_id() -> str:
    """Return a new id of an operator's key, by which logs name it."""
    return f"{OPERATOR_KEY_PREFIX}{uuid_utils.uuid7().hex}"


class OperatorKey(models.Model):
    """An API key of the platform's operators: its hash, and the part of its text that is shown."""

    id = models.CharField(primary_key=True, max_length=40, default=new_operator_key_id, editable=False)
    hash = models.CharField(max_length=64, unique=True, editable=False)
    last_characters = models.CharField(max_length=4, editable=False)
    scopes = models.JSONField(default=list, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    revoked_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        """Newest first."""

        ordering = ("-created_at",)

    def __str__(self) -> str:
        return f"op_live_…{self.last_characters}"

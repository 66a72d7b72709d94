"""The record of what operators change about the entitlements of tenants, written in the change's own transaction."""

import getpass
from typing import Any, Final

import msgspec
from django.core.exceptions import ValidationError

from apps.tenancy.entitlement_tables import EntitlementChange
from apps.tenancy.models import Tenant
from resale.domain.text import TextKind, TextRefused, clean_text

REASON_CHARS: Final = 200
#: The author of what a schedule changes by itself.
SCHEDULE: Final = "schedule"
_AUTHOR_CHARS: Final = 150


class Cause(msgspec.Struct, frozen=True, kw_only=True):
    """Who makes a change, and why. ``by``: an operator's staff id, the account that runs a command, or ``schedule``."""

    by: str
    reason: str


def cause_of_command(reason: str) -> Cause:
    """Return the cause of a change by a command: the account of the terminal."""
    return Cause(by=f"command:{getpass.getuser()}"[:_AUTHOR_CHARS], reason=reason)


def record_change(tenant: Tenant | None, *, subject: str, value: Any, cause: Cause) -> None:
    """Record a change of the entitlements of a tenant, or with None of all tenants.

    Raises:
        django.core.exceptions.ValidationError: The reason is blank, longer than 200 characters or no line of text.
    """
    EntitlementChange.objects.create(
        tenant=tenant, subject=subject, value=value, changed_by=cause.by, reason=_clean(cause.reason)
    )


def _clean(reason: str) -> str:
    try:
        cleaned = clean_text(reason.strip(), TextKind.LINE)
    except TextRefused as refused:
        raise ValidationError({"reason": refused.detail}) from refused
    if not 0 < len(cleaned) <= REASON_CHARS:
        raise ValidationError({"reason": f"Enter the reason of the change, in at most {REASON_CHARS} characters."})
    return cleaned

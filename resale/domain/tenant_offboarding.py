"""Offboarding of a tenant: the steps in order, what is requested, and the errors. Calls nothing."""

from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum
from typing import Final

import msgspec

from resale.errors import Conflict, Invalid, NotFound, Rejected


class OffboardingStep(StrEnum):
    """The steps of an offboarding, in the order in which they run."""

    SUSPEND = "suspend"
    ORDERS = "orders"
    STOP = "stop"
    EXPORT = "export"
    BACKUP = "backup"
    HOLD = "hold"
    ACCESS = "access"
    KEYS = "keys"
    CLOSED = "closed"


#: What each step does, for the plan of ``--dry-run`` and for the operator.
OFFBOARDING_PURPOSES: Final[Mapping[OffboardingStep, str]] = {
    OffboardingStep.SUSPEND: "suspend the tenant: it accepts nothing new",
    OffboardingStep.ORDERS: "require that no order, claim or payout is open and that all changes are in history",
    OffboardingStep.STOP: "stop workers and webhooks: nothing changes the data any more",
    OffboardingStep.EXPORT: "export every table as JSON lines, with a manifest, to the platform's own storage",
    OffboardingStep.BACKUP: "make a final backup of every table, where the engine has backups",
    OffboardingStep.HOLD: "wait until the hold period is over; until then the tenant can be resumed",
    OffboardingStep.ACCESS: "revoke the API keys, and remove connections, invitations and memberships of staff",
    OffboardingStep.KEYS: "destroy the encryption key and the secrets of partners",
    OffboardingStep.CLOSED: "sign the certificate of deletion and close the tenant; its slug stays reserved",
}
DEFAULT_HOLD_DAYS: Final = 30
MAX_HOLD_DAYS: Final = 365
#: The shortest time after which KMS deletes a key (API reference, ScheduleKeyDeletion).
KEY_DELETION_DELAY: Final = timedelta(days=7)


class OffboardingState(StrEnum):
    """The state of an offboarding. All but ``CLOSED`` can be resumed."""

    RUNNING = "running"
    PAUSED = "paused"
    FAILED = "failed"
    CLOSED = "closed"


class OpenWork(msgspec.Struct, frozen=True, kw_only=True):
    """What is not finished at a tenant.

    ``other_count``: claims, payouts and messages of partners that wait for their time. ``set_aside_count``: changes
    that an operator must recover. ``moving_count``: changes on their way to history, which takes seconds.
    """

    order_count: int = 0
    other_count: int = 0
    set_aside_count: int = 0
    moving_count: int = 0

    @property
    def is_blocking(self) -> bool:
        """Whether something is open that does not end within seconds."""
        return bool(self.order_count or self.other_count or self.set_aside_count)


class KeyDestruction(msgspec.Struct, frozen=True, kw_only=True):
    """A key that is being deleted. ``deleted_at`` is when nothing can be decrypted with it any more, as ISO 8601."""

    key_arn: str
    deleted_at: str


class OffboardingInvalid(Invalid):
    """The hold period is not valid."""

    code = "offboarding_invalid"
    title = "Invalid offboarding request"
    default_detail = f"The hold period must be 0 to {MAX_HOLD_DAYS} days."


class OffboardingUnfinished(Rejected):
    """The offboarding of this slug was started and has not ended."""

    code = "offboarding_unfinished"
    title = "Offboarding not finished"
    default_detail = "The offboarding of this tenant was started before. Continue it with --resume."


class OffboardingNotFound(NotFound):
    """No offboarding of this slug was started."""

    code = "offboarding_not_found"
    title = "Offboarding not found"
    default_detail = "No offboarding of this tenant was started. Start it without --resume."


class OffboardingInProgress(Conflict):
    """Another process has the lease of this offboarding."""

    code = "offboarding_in_progress"
    title = "Offboarding in progress"
    default_detail = "Another process offboards this tenant at the moment. Wait until it ends."


class OrdersOpen(Rejected):
    """Orders, claims or payouts of the tenant are not finished."""

    code = "offboarding_orders_open"
    title = "Orders are open"
    default_detail = "Orders of this tenant are open. Workers finish them; continue with --resume when none is."


class OffboardingOnHold(Rejected):
    """The hold period is not over."""

    code = "offboarding_on_hold"
    title = "Offboarding on hold"
    default_detail = "The hold period is not over. Continue with --resume when it is."


class OffboardingCancelled(Rejected):
    """The tenant was resumed while it was offboarded."""

    code = "offboarding_cancelled"
    title = "Offboarding cancelled"
    default_detail = "The tenant was resumed, so it is not offboarded. Start again to offboard it."


def check_hold_days(days: int) -> None:
    """Validate a hold period. Raises OffboardingInvalid."""
    if not 0 <= days <= MAX_HOLD_DAYS:
        raise OffboardingInvalid(f"The hold period must be 0 to {MAX_HOLD_DAYS} days, not {days}.")


def describe_open_work(slug: str, work: OpenWork) -> str:
    """Return what is open at a tenant, and what to do, in a sentence."""
    counted = {
        "orders": work.order_count,
        "claims, payouts or messages of partners": work.other_count,
        "changes that were set aside": work.set_aside_count,
    }
    listed = ", ".join(f"{count} {what}" for what, count in counted.items() if count)
    return (
        f"{slug} is suspended and has open work: {listed}. Workers finish orders, claims and payouts, an operator "
        "recovers changes (`manage.py set_aside`). Continue with --resume when nothing is open."
    )

"""A payment attempt and its outcome. Tokens only: a card number never enters this system."""

from datetime import datetime
from enum import StrEnum

import msgspec

from resale.domain.ids import PaymentId


class PaymentState(StrEnum):
    """What a provider says of an attempt."""

    CAPTURED = "captured"
    DECLINED = "declined"
    REFUNDED = "refunded"
    VOIDED = "voided"


class PaymentOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """A provider's known answer. An unknown one is an Unavailable, never an outcome."""

    state: PaymentState
    provider_reference: str
    reason_code: str | None = None


class PaymentAttempt(msgspec.Struct, frozen=True, kw_only=True):
    """One try to take money, committed before the provider is called; its id is the idempotency key."""

    id: PaymentId
    started_at: datetime
    outcome: PaymentOutcome | None = None

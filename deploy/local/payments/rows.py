"""Records and requests of the provider, as structs. Amounts are in minor units; every record has an account."""

import re
import uuid
from enum import StrEnum
from typing import Annotated, Final

import msgspec

#: Of an account, an attempt, a refund, a payout, a dispute.
NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")

Name = Annotated[str, msgspec.Meta(pattern=rf"^{NAME.pattern}\Z")]
Amount = Annotated[int, msgspec.Meta(gt=0, le=10**12)]
Currency = Annotated[str, msgspec.Meta(pattern=r"^[A-Z]{3}\Z")]
Word = Annotated[str, msgspec.Meta(min_length=1, max_length=256)]


class NewAttempt(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A payment to authorise. ``attempt_id`` is the idempotency key."""

    attempt_id: Name
    order_id: Name
    amount: Amount
    currency: Currency
    token: Word
    return_url: Annotated[str, msgspec.Meta(max_length=2200)] | None = None


class NewRefund(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A refund of an attempt. ``refund_id`` is the idempotency key."""

    refund_id: Name
    amount: Amount
    currency: Currency


class NewPayout(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A payout. ``payout_id`` is the idempotency key."""

    payout_id: Name
    amount: Amount
    currency: Currency
    destination: Word


class NewProviderRefund(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A refund that a person makes in the provider's dashboard, or the provider by itself; it has no id of ours."""

    amount: Amount | None = None  # None: the full remaining amount


class NewOnboardingLink(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A link to the onboarding of a seller. ``account`` None: the seller's account is opened."""

    seller_id: Name
    account: Name | None = None
    return_url: Annotated[str, msgspec.Meta(max_length=2200)]


class NewDispute(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A dispute that a test opens. ``amount`` None: the full remaining amount."""

    amount: Amount | None = None
    reason: Word = "product_not_received"


class Kind(StrEnum):
    """The kind of an entry. A reversal cancels its kind; a dispute withholds until it is lost, or won."""

    AUTHORIZATION = "authorization"
    RELEASE = "release"
    CAPTURE = "capture"
    REFUND = "refund"
    REFUND_REVERSAL = "refund_reversal"
    WITHHOLDING = "withholding"
    WITHHOLDING_END = "withholding_end"
    CHARGEBACK = "chargeback"
    CHARGEBACK_REVERSAL = "chargeback_reversal"
    PAYOUT = "payout"
    PAYOUT_REVERSAL = "payout_reversal"


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """A money movement or an authorisation. Entries are only added, so that a double charge shows in their sums."""

    account: str
    kind: Kind
    reference: str
    our_id: str  # the attempt, the refund or the payout
    attempt_id: str = ""
    order_id: str = ""
    amount: int
    currency: str


class Sums(msgspec.Struct, frozen=True, kw_only=True):
    """The sums of an attempt's entries."""

    authorized: int = 0
    captured: int = 0
    refunded: int = 0
    withheld: int = 0
    charged_back: int = 0

    @property
    def left(self) -> int:
        """The captured amount minus refunds."""
        return self.captured - self.refunded - self.withheld - self.charged_back


class Attempt(msgspec.Struct, frozen=True, kw_only=True):
    """A payment. States: requires_action, authorized, captured, declined, voided."""

    account: str
    attempt_id: str
    order_id: str
    amount: int
    currency: str
    token: str
    state: str
    reference: str
    reason: str | None = None
    return_url: str | None = None  # where the bank's page sends the buyer back to


class Refund(msgspec.Struct, frozen=True, kw_only=True):
    """A refund. States: succeeded, failed."""

    account: str
    refund_id: str
    attempt_id: str
    order_id: str
    amount: int
    currency: str
    state: str
    reference: str
    reason: str | None = None


class Payout(msgspec.Struct, frozen=True, kw_only=True):
    """A payout. States: in_transit, paid, failed, returned."""

    account: str
    payout_id: str
    amount: int
    currency: str
    destination: str
    state: str
    reference: str
    reason: str | None = None


class Dispute(msgspec.Struct, frozen=True, kw_only=True):
    """A dispute. States: open, won, lost, prevented."""

    account: str
    dispute_id: str
    attempt_id: str
    order_id: str
    amount: int
    currency: str
    state: str
    reason: str


def captured_amount(attempt: Attempt) -> int:
    """Return what a capture takes: of one token, what a person who captures a part in the dashboard leaves."""
    return attempt.amount // 2 if attempt.token == "tok_capture_partial" else attempt.amount  # noqa: S105 - a sandbox token


def new_reference(prefix: str = "sbx") -> str:
    """Return a new reference of the provider."""
    return f"{prefix}_{uuid.uuid4().hex}"


def entry_of(row: Attempt | Refund | Payout | Dispute, kind: Kind) -> Entry:
    """Build the entry of a record."""
    return Entry(
        account=row.account,
        kind=kind,
        reference=row.dispute_id if isinstance(row, Dispute) else row.reference,
        our_id=_our_id(row),
        attempt_id="" if isinstance(row, Payout) else row.attempt_id,
        order_id="" if isinstance(row, Payout) else row.order_id,
        amount=captured_amount(row) if isinstance(row, Attempt) and kind == Kind.CAPTURE else row.amount,
        currency=row.currency,
    )


def _our_id(row: Attempt | Refund | Payout | Dispute) -> str:
    if isinstance(row, Payout):
        return row.payout_id
    return row.refund_id if isinstance(row, Refund) else row.attempt_id

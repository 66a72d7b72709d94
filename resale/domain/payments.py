"""Payments: an attempt to capture an amount, its statuses, refunds and disputes. Tokens only, no card numbers."""

import hashlib
from datetime import datetime
from enum import StrEnum
from typing import Final

import msgspec

from resale.domain.ids import REFUND_ID, OrderId, PaymentId, RefundId
from resale.domain.money import AmountMinor, Money
from resale.domain.partner_messages import PartnerMessage
from resale.domain.reasons import PartnerCode
from resale.domain.states import Machine, Row
from resale.errors import Rejected


class PaymentStatus(StrEnum):
    """The status of a payment."""

    STARTED = "started"
    REQUIRES_ACTION = "requires_action"
    AUTHORIZED = "authorized"
    CAPTURED = "captured"
    PARTIALLY_REFUNDED = "partially_refunded"
    REFUNDED = "refunded"
    FAILED = "failed"
    VOIDED = "voided"


class PaymentCommand(StrEnum):
    """A command on a payment."""

    REQUIRE_ACTION = "require_action"
    AUTHORIZE = "authorize"
    CAPTURE = "capture"
    FAIL = "fail"
    VOID = "void"
    REFUND_PART = "refund_part"
    REFUND = "refund"
    RESTORE_PART = "restore_part"
    RESTORE = "restore"


class PaymentTransitionRefused(Rejected):
    """The status of the payment does not allow the command."""

    code = "payment_transition_refused"
    title = "Payment status does not allow this"
    default_detail = "The status of the payment does not allow this. Read the order again."


_S = PaymentStatus
_C = PaymentCommand

PAYMENTS: Final = Machine(
    "payment",
    (
        Row(_S.STARTED, _C.REQUIRE_ACTION, _S.REQUIRES_ACTION),
        Row(_S.STARTED, _C.AUTHORIZE, _S.AUTHORIZED),
        Row(_S.STARTED, _C.CAPTURE, _S.CAPTURED),
        Row(_S.STARTED, _C.FAIL, _S.FAILED),
        Row(_S.STARTED, _C.VOID, _S.VOIDED),
        Row(_S.REQUIRES_ACTION, _C.AUTHORIZE, _S.AUTHORIZED),
        Row(_S.REQUIRES_ACTION, _C.CAPTURE, _S.CAPTURED),
        Row(_S.REQUIRES_ACTION, _C.FAIL, _S.FAILED),
        Row(_S.REQUIRES_ACTION, _C.VOID, _S.VOIDED),
        Row(_S.AUTHORIZED, _C.CAPTURE, _S.CAPTURED),
        Row(_S.AUTHORIZED, _C.FAIL, _S.FAILED),
        Row(_S.AUTHORIZED, _C.VOID, _S.VOIDED),
        Row(_S.CAPTURED, _C.REFUND_PART, _S.PARTIALLY_REFUNDED),
        Row(_S.CAPTURED, _C.REFUND, _S.REFUNDED),
        Row(_S.PARTIALLY_REFUNDED, _C.REFUND_PART, _S.PARTIALLY_REFUNDED),
        Row(_S.PARTIALLY_REFUNDED, _C.REFUND, _S.REFUNDED),
        # what went back came back: a refund that failed after all
        Row(_S.PARTIALLY_REFUNDED, _C.RESTORE_PART, _S.PARTIALLY_REFUNDED),
        Row(_S.PARTIALLY_REFUNDED, _C.RESTORE, _S.CAPTURED),
        Row(_S.REFUNDED, _C.RESTORE_PART, _S.PARTIALLY_REFUNDED),
        Row(_S.REFUNDED, _C.RESTORE, _S.CAPTURED),
    ),
    refused=PaymentTransitionRefused,
    initial=_S.STARTED,
    cannot={
        _C.REQUIRE_ACTION: "require action",
        _C.AUTHORIZE: "be authorised",
        _C.CAPTURE: "be captured",
        _C.FAIL: "fail",
        _C.VOID: "be voided",
        _C.REFUND_PART: "be partially refunded",
        _C.REFUND: "be refunded",
        _C.RESTORE_PART: "be partially restored",
        _C.RESTORE: "be restored",
    },
)


#: What providers are sent for a new attempt. Each attempt keeps its own: a release that sends something else must not
#: repeat an idempotency key with other parameters, because providers refuse that
#: (docs.stripe.com/api/idempotent_requests).
REQUEST_VERSION: Final = 1


class PaymentState(StrEnum):
    """The state of an attempt at the provider. An unknown state is Unavailable."""

    REQUIRES_ACTION = "requires_action"
    AUTHORIZED = "authorized"
    CAPTURED = "captured"
    DECLINED = "declined"
    VOIDED = "voided"


class PaymentRequest(msgspec.Struct, frozen=True, kw_only=True):
    """The provider's request of one attempt. ``attempt_id`` is the idempotency key; always equal."""

    attempt_id: PaymentId
    order_id: OrderId
    amount: Money
    token: str
    provider_reference: str | None = None  # once the provider gave one: the shortest way to look the attempt up
    return_url: str | None = None  # where the bank sends the buyer back to; None: where the connection says
    request_version: int = REQUEST_VERSION


class PaymentOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """The known outcome of a request. ``action_url``: the page where the buyer authenticates (requires_action).

    ``captured`` is what the provider captured, which somebody may have limited in its dashboard; None: not reported.
    """

    state: PaymentState
    provider_reference: str
    reason_code: PartnerCode | None = None
    message: PartnerMessage | None = None
    action_url: str | None = None
    captured: Money | None = None


class RefundState(StrEnum):
    """The status of a refund. A chargeback is reinstated when its dispute is won later."""

    PENDING = "pending"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    REINSTATED = "reinstated"


class RefundOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """The known outcome of a refund. ``amount`` is what the provider refunds; None: not reported.

    ``waits_for_balance``: it is pending until the shop tops up its balance at the provider.
    """

    state: RefundState
    provider_reference: str
    reason_code: PartnerCode | None = None
    message: PartnerMessage | None = None
    amount: Money | None = None
    waits_for_balance: bool = False


class ProviderRefund(msgspec.Struct, frozen=True, kw_only=True):
    """A refund as the provider lists it.

    ``refund_id`` is ours; a refund that somebody made in the provider's dashboard, or that the provider made by itself
    (a prevented dispute), has none.
    """

    provider_reference: str
    refund_id: RefundId | None = None
    state: RefundState
    amount: Money
    reason_code: PartnerCode | None = None


class Payment(msgspec.Struct, frozen=True, kw_only=True):
    """An attempt in an order, committed before the provider is called; its id is the idempotency key."""

    id: PaymentId
    status: PaymentStatus = PaymentStatus.STARTED
    started_at: datetime
    request_version: int = 1
    provider_reference: str | None = None
    reason_code: PartnerCode | None = None
    partner_message: PartnerMessage | None = None
    action_url: str | None = None
    captured_minor: AmountMinor = 0
    refunded_minor: AmountMinor = 0  # refunds that succeeded and chargebacks, less what came back
    watched_until: datetime | None = None  # until then the provider is polled for refunds and disputes of others


class RefundParts(msgspec.Struct, frozen=True, kw_only=True):
    """The shares of a refund in minor units. They sum to its amount."""

    seller: AmountMinor
    commission: AmountMinor
    shipping: AmountMinor
    tax: AmountMinor


class Refund(msgspec.Struct, frozen=True, kw_only=True):
    """One refund of an order, committed before the provider is called; its id is the idempotency key."""

    id: RefundId
    status: RefundState = RefundState.PENDING
    amount: AmountMinor
    parts: RefundParts
    reason_code: str  # a ReasonCode, or the brand's own
    tries: int = 1  # how often it was begun; each try has an id of its own
    provider_reference: str | None = None
    failure_code: PartnerCode | None = None
    partner_message: PartnerMessage | None = None
    started_at: datetime
    finished_at: datetime | None = None


class DisputeStatus(StrEnum):
    """The status of a dispute."""

    OPEN = "open"
    WON = "won"
    LOST = "lost"
    PREVENTED = "prevented"  # before it became a chargeback; money moved, if at all, by a refund of the provider


class DisputeCommand(StrEnum):
    """A command on a dispute."""

    WIN = "win"
    LOSE = "lose"
    PREVENT = "prevent"


class DisputeTransitionRefused(Rejected):
    """The status of the dispute does not allow the command."""

    code = "dispute_transition_refused"
    title = "Dispute status does not allow this"
    default_detail = "The status of the dispute does not allow this. Read the order again."


_D = DisputeStatus

DISPUTES: Final = Machine(
    "dispute",
    (
        Row(_D.OPEN, DisputeCommand.WIN, _D.WON),
        Row(_D.OPEN, DisputeCommand.LOSE, _D.LOST),
        Row(_D.WON, DisputeCommand.LOSE, _D.LOST),  # a bank may change its mind
        Row(_D.LOST, DisputeCommand.WIN, _D.WON),  # the money is reinstated
        Row(_D.OPEN, DisputeCommand.PREVENT, _D.PREVENTED),
    ),
    refused=DisputeTransitionRefused,
    initial=_D.OPEN,
    cannot={
        DisputeCommand.WIN: "be won",
        DisputeCommand.LOSE: "be lost",
        DisputeCommand.PREVENT: "be prevented",
    },
)
#: What a provider tells of a dispute that was open before.
DISPUTE_ENDS: Final = {
    _D.WON: DisputeCommand.WIN,
    _D.LOST: DisputeCommand.LOSE,
    _D.PREVENTED: DisputeCommand.PREVENT,
}


class Dispute(msgspec.Struct, frozen=True, kw_only=True):
    """A dispute of a payment. ``told_at`` is by the payment provider's clock, or when the provider was polled.

    ``currency`` is the one that the provider reports; None, as in old documents: the order's.
    """

    provider_reference: str
    status: DisputeStatus
    amount: AmountMinor
    currency: str | None = None
    reason_code: PartnerCode
    evidence_due_by: datetime | None = None
    told_at: datetime | None = None


def adopted_refund_id(provider_reference: str) -> RefundId:
    """Derive the id of a refund that others made from the provider's id, so that it is posted once."""
    return REFUND_ID.of(hashlib.sha256(provider_reference.encode()).hexdigest()[:32])


def restore_payment(payment: Payment, amount: int) -> Payment:
    """Return a payment whose refund was returned. Raises PaymentTransitionRefused."""
    refunded = payment.refunded_minor - amount
    command = PaymentCommand.RESTORE_PART if refunded else PaymentCommand.RESTORE
    return transition_payment(msgspec.structs.replace(payment, refunded_minor=refunded), command)


def transition_payment(payment: Payment, command: PaymentCommand) -> Payment:
    """Return a payment in the status that the command leads to. Raises PaymentTransitionRefused."""
    return msgspec.structs.replace(payment, status=PAYMENTS.next_status(payment.status, command))

"""Payouts: amounts that leave a seller's balance, for their bank or as store credit."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, Final

import msgspec

from resale.domain.ids import CustomerId, OrderId, PayoutId, TransferId
from resale.domain.issues import WithIssues
from resale.domain.money import AmountMinor, Currency, Money
from resale.domain.partner_messages import PartnerMessage
from resale.domain.reasons import PartnerCode
from resale.domain.states import Machine, Row, guard
from resale.domain.versions import next_version
from resale.errors import Conflict, NotFound, Rejected

SCHEMA: Final = 1
STEP_DUE: Final = timedelta(seconds=30)  # a step not taken by then is asked for again by the sweep
#: Stripe marks some payouts paid that fail within five business days (docs.stripe.com/payouts): a week, and a holiday.
WATCHED_FOR: Final = timedelta(days=8)
MAX_TRANSFERS: Final = 40  # of one payout: with them, the balance and the ledger a commit stays below 100 items


class PayoutMethod(StrEnum):
    """The method of a payout."""

    CASH = "cash"
    STORE_CREDIT = "store_credit"


class PayoutStatus(StrEnum):
    """The status of a payout."""

    PENDING = "pending"
    IN_TRANSIT = "in_transit"
    PAID = "paid"
    FAILED = "failed"
    RETURNED = "returned"
    CANCELLED = "cancelled"


class PayoutCommand(StrEnum):
    """A command on a payout."""

    SEND = "send"
    PAY = "pay"
    FAIL = "fail"
    RETURN = "return"
    CANCEL = "cancel"


class PayoutNotFound(NotFound):
    """The payout does not exist, or the caller has no permission to see it."""

    code = "payout_not_found"
    title = "Payout not found"
    default_detail = "No payout with this id exists, or this caller cannot see it."


class PayoutTransitionRefused(Rejected):
    """The status of the payout does not allow the command."""

    code = "payout_transition_refused"
    title = "Payout status does not allow this"
    default_detail = "The status of the payout does not allow this. Read the payout again."


class PayoutChanged(Conflict):
    """Another writer changed the payout first."""

    code = "payout_changed"
    title = "Payout changed"
    default_detail = "Another request changed the payout meanwhile. Read it again, then retry."


class NothingToPayOut(Rejected):
    """The available balance is empty."""

    code = "nothing_to_pay_out"
    title = "Nothing to pay out"
    default_detail = "The balance has nothing available to pay out."


class PayoutDestinationMissing(Rejected):
    """The seller has no payout destination."""

    code = "payout_destination_missing"
    title = "Payout destination missing"
    default_detail = "The seller account has no payout destination. Add one first."


# ---------------------------------------------------------------- guards
@guard("sending it has not started")
def _sending_not_begun(payout: "Payout", _now: datetime) -> bool:
    return payout.may_be_cancelled


_S = PayoutStatus
_C = PayoutCommand

PAYOUTS: Final = Machine(
    "payout",
    (
        Row(_S.PENDING, _C.CANCEL, _S.CANCELLED, _sending_not_begun),
        Row(_S.PENDING, _C.SEND, _S.IN_TRANSIT),
        Row(_S.PENDING, _C.PAY, _S.PAID),
        Row(_S.PENDING, _C.FAIL, _S.FAILED),
        Row(_S.PENDING, _C.RETURN, _S.RETURNED),  # it went and came back before we heard of either
        Row(_S.IN_TRANSIT, _C.PAY, _S.PAID),
        Row(_S.IN_TRANSIT, _C.FAIL, _S.FAILED),
        Row(_S.IN_TRANSIT, _C.RETURN, _S.RETURNED),
        Row(_S.PAID, _C.RETURN, _S.RETURNED),
    ),
    refused=PayoutTransitionRefused,
    initial=_S.PENDING,
    cannot={
        _C.SEND: "be sent",
        _C.PAY: "be paid",
        _C.FAIL: "fail",
        _C.RETURN: "be returned",
        _C.CANCEL: "be cancelled",
    },
)


#: It left the balance, and what became of it is still to be heard.
ON_ITS_WAY: Final = frozenset({_S.PENDING, _S.IN_TRANSIT})


class PayoutState(StrEnum):
    """The state of a payout at the provider."""

    IN_TRANSIT = "in_transit"
    PAID = "paid"
    FAILED = "failed"
    RETURNED = "returned"
    STUCK = "stuck"  # it failed, and the provider does not return the money yet
    UNREACHABLE = "unreachable"  # the seller's account left: the provider does not show what became of it


class PayoutRequest(msgspec.Struct, frozen=True, kw_only=True):
    """The provider's request of a payout. ``payout_id`` is the idempotency key; always equal."""

    payout_id: PayoutId
    amount: Money
    destination: str  # the provider's name of the seller's account, never a bank account number
    provider_reference: str | None = None


class PayoutOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """The known outcome of a payout."""

    state: PayoutState
    provider_reference: str
    reason_code: PartnerCode | None = None
    message: PartnerMessage | None = None


class NewPayout(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The data of a new payout of the available balance."""

    method: PayoutMethod | None = None
    currency: Currency | None = None


class Payout(WithIssues, frozen=True, kw_only=True):
    """A payout as stored. ``amount`` leaves the balance; ``bonus`` is the tenant's addition to store credit.

    ``amount`` is the sum of its transfers and of ``carried``, which is below zero if a remainder stays on the balance
    because the provider cannot pay it in its unit. ``remainder`` is what stayed for this reason, ``waiting`` what
    stayed because the delay of its sales is not over, the first of them until ``waiting_until``.

    ``may_be_cancelled`` until its sending begins, which is committed before the provider is asked: from then on the
    money may be gone, whatever became of the response. One stored before there was this field may have been sent.
    """

    id: PayoutId
    object: str = "payout"
    schema: int = SCHEMA
    version: int = 0
    livemode: bool
    status: PayoutStatus = PayoutStatus.PENDING
    seller_id: CustomerId
    method: PayoutMethod
    amount: AmountMinor
    carried: int = 0
    remainder: AmountMinor = 0
    waiting: AmountMinor = 0
    waiting_until: datetime | None = None
    bonus: AmountMinor = 0
    currency: Annotated[str, msgspec.Meta(pattern=r"^[A-Z]{3}\Z")]
    destination: str | None = None  # the provider's name of the seller's account
    transfers: tuple[tuple[OrderId, TransferId], ...]
    provider_reference: str | None = None
    failure_code: PartnerCode | None = None
    partner_message: PartnerMessage | None = None
    may_be_cancelled: bool = False
    step_tries: int = 0  # how often the present step was put off
    created_at: datetime
    updated_at: datetime
    paid_at: datetime | None = None
    due_at: datetime | None = None


def transition_payout(payout: Payout, command: PayoutCommand, *, now: datetime) -> Payout:
    """Return the next version of a payout with changed fields, in the status that the command leads to.

    Raises:
        PayoutTransitionRefused: The table has no such row, or none whose guard holds.
    """
    status = PAYOUTS.next_status(payout.status, command, entity=payout, now=now)
    return next_version(msgspec.structs.replace(payout, status=status), now=now)

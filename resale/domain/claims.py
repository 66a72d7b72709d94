"""Claims: buyer protection for one delivered order. Statuses, deadlines and decisions."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, Final

import msgspec
from msgspec import UNSET, UnsetType

from resale.domain.ids import ClaimId, CustomerId, ListingId, MediaId, OrderId
from resale.domain.issues import WAITING, Issue, WithIssues, clear_issues, issues_of
from resale.domain.media import Slot
from resale.domain.money import MAX_AMOUNT_MINOR, AmountMinor
from resale.domain.policies import RefundAt
from resale.domain.shipments import (
    GOING_BACK,
    ON_ITS_WAY,
    Shipment,
    ShipmentStatus,
    abandon_label,
)
from resale.domain.states import Machine, Row, guard
from resale.domain.text import paragraphs
from resale.domain.versions import next_version
from resale.errors import Conflict, Invalid, NotFound, Rejected

SCHEMA: Final = 1
MAX_EVIDENCE: Final = 8
STEP_DUE: Final = timedelta(seconds=30)  # a step not taken by then is asked for again by the sweep
REFUND_DUE: Final = timedelta(minutes=10)  # another refund of the order is done first
ADDRESS_SOUGHT_EVERY: Final = timedelta(days=1)  # of a seller without one, for a return label
POLL_EVERY: Final = timedelta(hours=12)  # webhooks tell of parcels; asking is for those that were lost


class ClaimReason(StrEnum):
    """The reason of a claim."""

    NOT_AS_DESCRIBED = "not_as_described"
    WRONG_ITEM = "wrong_item"
    COUNTERFEIT = "counterfeit"
    DAMAGED_IN_TRANSIT = "damaged_in_transit"
    NOT_RECEIVED = "not_received"
    LOST_IN_TRANSIT = "lost_in_transit"


class ClaimStatus(StrEnum):
    """The status of a claim."""

    OPENED = "opened"
    AWAITING_EVIDENCE = "awaiting_evidence"
    UNDER_REVIEW = "under_review"
    APPROVED = "approved"
    APPROVED_WITHOUT_RETURN = "approved_without_return"
    RETURN_LABEL_ISSUED = "return_label_issued"
    RETURN_IN_TRANSIT = "return_in_transit"
    REFUNDED = "refunded"
    DENIED = "denied"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"


class ClaimCommand(StrEnum):
    """A command on a claim."""

    REQUEST_EVIDENCE = "request_evidence"
    ADD_EVIDENCE = "add_evidence"
    APPROVE = "approve"
    APPROVE_WITHOUT_RETURN = "approve_without_return"
    DENY = "deny"
    WITHDRAW = "withdraw"
    EXPIRE = "expire"
    ISSUE_RETURN_LABEL = "issue_return_label"
    SCAN_RETURN = "scan_return"
    REFUND = "refund"


class ClaimStep(StrEnum):
    """The next step of a claim's workflow."""

    BUY_RETURN_LABEL = "buy_return_label"
    TRACK_RETURN = "track_return"
    REFUND_RETURN = "refund_return"
    VOID_RETURN_LABEL = "void_return_label"
    SETTLE_RETURN_VOID = "settle_return_void"
    EXPIRE = "expire"
    SEEK_ADDRESS = "seek_address"
    NOTHING = "nothing"


class ClaimNotFound(NotFound):
    """The claim does not exist, or the caller has no permission to see it."""

    code = "claim_not_found"
    title = "Claim not found"
    default_detail = "No claim with this id exists, or this caller cannot see it."


class ClaimTransitionRefused(Rejected):
    """The status of the claim does not allow the command."""

    code = "claim_transition_refused"
    title = "Claim status does not allow this"
    default_detail = "The status of the claim does not allow this. Read the claim again."


class ClaimExists(Rejected):
    """The order already has a claim."""

    code = "claim_exists"
    title = "Claim exists"
    default_detail = "This order already has a claim. Use that one."


class ClaimChanged(Conflict):
    """Another writer changed the claim first."""

    code = "claim_changed"
    title = "Claim changed"
    default_detail = "Another request changed the claim meanwhile. Read it again, then retry."


class RefundAmountRefused(Invalid):
    """The refund exceeds the remaining amount, or is partial although the item is returned."""

    code = "refund_amount_refused"
    title = "Refund amount refused"
    default_detail = "The refund is larger than the remaining amount, or partial although the item is returned."


class TooMuchEvidence(Rejected):
    """The claim has the maximum number of photos."""

    code = "too_much_evidence"
    title = "Too much evidence"
    default_detail = "The claim already has the maximum number of photos."


@guard("its deadline and the time for a late scan have passed, and the item has not been sent back")
def _is_expired(claim: "Claim", now: datetime) -> bool:
    return now >= (claim.expires_at or claim.deadline_at) and not _was_sent(claim)


@guard("the item has not been sent back")
def _is_not_sent_back(claim: "Claim", _now: datetime) -> bool:
    return not is_sent_back(claim)


@guard("the item came back to the buyer")
def _is_back_at_buyer(claim: "Claim", _now: datetime) -> bool:
    parcel = claim.return_shipment
    return (
        parcel is not None and parcel.status in {*GOING_BACK, ShipmentStatus.RETURNED} and claim.refund_amount is None
    )


def _was_sent(claim: "Claim") -> bool:
    return claim.return_shipment is not None and claim.return_shipment.shipped_at is not None


_S = ClaimStatus
_C = ClaimCommand
_OPEN: Final = (_S.OPENED, _S.AWAITING_EVIDENCE, _S.UNDER_REVIEW)
_RETURNING: Final = (_S.APPROVED, _S.RETURN_LABEL_ISSUED)
_EXPIRING: Final = (*_OPEN, _S.RETURN_LABEL_ISSUED)

CLAIMS: Final = Machine(
    "claim",
    (
        *(Row(source, _C.REQUEST_EVIDENCE, _S.AWAITING_EVIDENCE) for source in (_S.OPENED, _S.UNDER_REVIEW)),
        *(Row(source, _C.ADD_EVIDENCE, _S.UNDER_REVIEW) for source in _OPEN),
        *(Row(source, _C.APPROVE, _S.APPROVED) for source in _OPEN),
        *(
            Row(source, _C.APPROVE_WITHOUT_RETURN, _S.APPROVED_WITHOUT_RETURN)
            for source in (*_OPEN, *_RETURNING, _S.RETURN_IN_TRANSIT)
        ),
        *(Row(source, _C.DENY, _S.DENIED) for source in _OPEN),
        *(
            Row(source, _C.DENY, _S.DENIED, _is_back_at_buyer)
            for source in (_S.RETURN_LABEL_ISSUED, _S.RETURN_IN_TRANSIT)
        ),
        *(Row(source, _C.WITHDRAW, _S.WITHDRAWN, _is_not_sent_back) for source in (*_OPEN, *_RETURNING)),
        # An approved claim waits for a label that is owed to the buyer: it never expires against them.
        *(Row(source, _C.EXPIRE, _S.EXPIRED, _is_expired) for source in _EXPIRING),
        Row(_S.APPROVED, _C.ISSUE_RETURN_LABEL, _S.RETURN_LABEL_ISSUED),
        *(Row(source, _C.SCAN_RETURN, _S.RETURN_IN_TRANSIT) for source in _RETURNING),
        *(
            Row(source, _C.REFUND, _S.REFUNDED)
            for source in (*_OPEN, *_RETURNING, _S.APPROVED_WITHOUT_RETURN, _S.RETURN_IN_TRANSIT)
        ),
    ),
    refused=ClaimTransitionRefused,
    initial=_S.OPENED,
    cannot={
        _C.REQUEST_EVIDENCE: "receive a request for evidence",
        _C.ADD_EVIDENCE: "take evidence",
        _C.APPROVE: "be approved",
        _C.APPROVE_WITHOUT_RETURN: "be approved without a return",
        _C.DENY: "be denied",
        _C.WITHDRAW: "be withdrawn",
        _C.EXPIRE: "expire",
        _C.ISSUE_RETURN_LABEL: "get a return label",
        _C.SCAN_RETURN: "have its return scanned",
        _C.REFUND: "be refunded",
    },
)

#: States in which staff may decide.
CLAIM_OPEN: Final = frozenset(_OPEN)
#: States that wait for the refund that they began.
AWAITING_REFUND: Final = frozenset({_S.APPROVED_WITHOUT_RETURN, _S.RETURN_IN_TRANSIT})
#: States of a return that is on its way to the seller or was, also where its carrier lost it.
_SENT_BACK: Final = ON_ITS_WAY | {ShipmentStatus.DELIVERED, ShipmentStatus.FAILURE}
#: States of a return of which nothing more is awaited: it arrived, or its carrier lost it.
_ENDED: Final = frozenset({ShipmentStatus.DELIVERED, ShipmentStatus.FAILURE})

Words = Annotated[str, paragraphs(max_length=2_000)]


class NewClaim(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The data of a new claim."""

    reason: ClaimReason
    description: Words


class NewEvidence(Slot, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The data of a new photo of a claim."""


class Verdict(StrEnum):
    """The kind of a decision on a claim."""

    APPROVE = "approve"
    APPROVE_WITHOUT_RETURN = "approve_without_return"
    REQUEST_EVIDENCE = "request_evidence"
    DENY = "deny"


class Resolution(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The brand's decision. ``refund_amount`` (minor units, by default the full amount) only without a return.

    The buyer receives ``note``; ``deny`` and ``request_evidence`` require one.
    """

    decision: Verdict
    note: Words | None = None  # to the buyer; a denial and a question have one
    refund_amount: Annotated[int, msgspec.Meta(ge=1, le=MAX_AMOUNT_MINOR)] | UnsetType = UNSET


class ClaimPrivate(msgspec.Struct, frozen=True, kw_only=True):
    """The sealed part of a claim: the texts of buyer and brand, and the return label."""

    description: str
    note: str | None = None
    return_label_url: str | None = None
    return_label_message: str | None = None  # why the carrier refused the label, in its own words


class Claim(WithIssues, frozen=True, kw_only=True):
    """A claim as stored. ``deadline_at`` is the deadline of its present status."""

    id: ClaimId
    object: str = "claim"
    schema: int = SCHEMA
    version: int = 0
    livemode: bool
    status: ClaimStatus = ClaimStatus.OPENED
    order_id: OrderId
    listing_id: ListingId
    buyer_id: CustomerId
    seller_id: CustomerId
    reason: ClaimReason
    evidence_ids: tuple[MediaId, ...] = ()
    refund_amount: AmountMinor | None = None
    currency: str
    return_shipment: Shipment | None = None
    refund_at: RefundAt = RefundAt.FIRST_SCAN  # the shop's policy when the claim was opened
    deadline_at: datetime
    expires_at: datetime | None = (
        None  # with the grace for a late scan; of a return on its way: when it counts as arrived
    )
    step_tries: int = 0
    created_at: datetime
    updated_at: datetime
    closed_at: datetime | None = None
    due_at: datetime | None = None
    private: str | UnsetType = UNSET


def next_claim_step(claim: Claim, *, now: datetime) -> ClaimStep:
    """Return the next step of the workflow, a function of the claim and the time."""
    if is_sent_back(claim) or is_refund_due(claim, now):
        return ClaimStep.REFUND_RETURN
    if _waits_for_label(claim):
        return ClaimStep.BUY_RETURN_LABEL  # nobody is late who has no label yet
    if CLAIMS.allows(claim.status, _C.EXPIRE, entity=claim, now=now):
        return ClaimStep.EXPIRE
    if claim.status in CLAIMS.final and claim.return_shipment is not None and claim.return_shipment.may_hold_label:
        return ClaimStep.VOID_RETURN_LABEL
    is_due = claim.due_at is not None and now >= claim.due_at
    return _waiting_step(claim) if is_due else ClaimStep.NOTHING


def _waiting_step(claim: Claim) -> ClaimStep:
    parcel = claim.return_shipment
    if claim.status in CLAIMS.final and parcel is not None and parcel.awaits_void:
        return ClaimStep.SETTLE_RETURN_VOID
    if lacks_label(claim):
        return ClaimStep.SEEK_ADDRESS
    is_tracked = parcel is not None and parcel.provider_reference is not None
    return ClaimStep.TRACK_RETURN if is_tracked and _is_travelling(claim) else ClaimStep.NOTHING


def is_sent_back(claim: Claim) -> bool:
    """Return whether the item was returned and its refund has not started; a parcel lost without a scan was not."""
    parcel = claim.return_shipment
    was_seen = parcel is not None and parcel.shipped_at is not None and parcel.status in _SENT_BACK
    return claim.status in _RETURNING and was_seen


def is_refund_due(claim: Claim, now: datetime) -> bool:
    """Return whether a return that is refunded at its arrival has arrived, is lost, or was awaited long enough."""
    parcel = claim.return_shipment
    if parcel is None or not awaits_arrival(claim) or parcel.status not in _SENT_BACK:
        return False
    return parcel.status in _ENDED or (claim.expires_at is not None and now >= claim.expires_at)


def awaits_arrival(claim: Claim) -> bool:
    """Return whether the return is on its way and refunded only when it arrives."""
    return claim.status == _S.RETURN_IN_TRANSIT and claim.refund_amount is None


def lacks_label(claim: Claim) -> bool:
    """Return whether the buyer waits for a return label that cannot be bought, for want of an address."""
    parcel = claim.return_shipment
    is_missing = parcel is not None and not parcel.label_wanted and parcel.status == ShipmentStatus.REQUESTED
    return claim.status == _S.APPROVED and is_missing and Issue.RETURN_LABEL_MISSING in issues_of(claim)


def refunds_at_once(claim: Claim) -> bool:
    """Return whether a return that was scanned is refunded now."""
    return claim.refund_at == RefundAt.FIRST_SCAN or parcel_of(claim).status in _ENDED


def _is_travelling(claim: Claim) -> bool:
    return claim.status == _S.RETURN_LABEL_ISSUED or awaits_arrival(claim)


def _waits_for_label(claim: Claim) -> bool:
    parcel = claim.return_shipment
    is_wanted = parcel is not None and parcel.label_wanted and parcel.status == ShipmentStatus.REQUESTED
    return claim.status == ClaimStatus.APPROVED and is_wanted


def parcel_of(claim: Claim) -> Shipment:
    """Return the return parcel of a claim that has one."""
    if claim.return_shipment is None:
        raise TypeError("an approved claim has a return")
    return claim.return_shipment


def transition_claim(claim: Claim, command: ClaimCommand, *, now: datetime) -> Claim:
    """Return the next version of a claim with changed fields, in the status that the command leads to.

    Raises:
        ClaimTransitionRefused: The table has no such row, or none whose guard holds.
    """
    status = CLAIMS.next_status(claim.status, command, entity=claim, now=now)
    return update_claim(msgspec.structs.replace(claim, status=status), now=now)


def update_claim(claim: Claim, *, now: datetime) -> Claim:
    """Return the next version of a claim with changed fields, in the same status."""
    claim = clear_issues(msgspec.structs.replace(claim, step_tries=0), *WAITING)
    return schedule_claim(next_version(claim, now=now), now=now)


def schedule_claim(claim: Claim, *, now: datetime) -> Claim:
    """Return the claim with the wake-up of its status: its deadline, or sooner for a step or a poll."""
    if claim.status in CLAIMS.final:
        parcel = None if claim.return_shipment is None else abandon_label(claim.return_shipment, now=now)
        holds_label = parcel is not None and parcel.may_hold_label
        void_due_at = None if parcel is None else parcel.void_due_at
        due_at = now + STEP_DUE if holds_label else void_due_at
        return msgspec.structs.replace(claim, return_shipment=parcel, due_at=due_at)
    due = claim.expires_at or claim.deadline_at
    if is_sent_back(claim) or is_refund_due(claim, now):
        due = now + REFUND_DUE
    elif _waits_for_label(claim):
        due = now + STEP_DUE
    elif claim.status == ClaimStatus.APPROVED:
        due = now + ADDRESS_SOUGHT_EVERY
    elif _is_travelling(claim):
        due = min(due, now + POLL_EVERY) if due > now else now + POLL_EVERY
    elif claim.status in AWAITING_REFUND:
        due = now + POLL_EVERY  # its order's refund closes it
    return msgspec.structs.replace(claim, due_at=due)

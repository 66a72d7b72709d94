"""Opening, resolving and withdrawing a claim."""

from datetime import timedelta
from typing import Final

import msgspec
from msgspec import UNSET

from resale.application.operations.access import authorize, require_version
from resale.application.operations.claims.transitions import (
    begin_claim_refund,
    claim_private_of,
    close_claim,
    complete_claimed_order,
)
from resale.application.operations.orders.refunding import RefundUnderWay
from resale.application.ports import UnitOfWork
from resale.domain.access import Action
from resale.domain.changes import ChangeType
from resale.domain.claims import (
    CLAIM_OPEN,
    CLAIMS,
    Claim,
    ClaimCommand,
    ClaimExists,
    ClaimPrivate,
    ClaimStatus,
    NewClaim,
    RefundAmountRefused,
    Resolution,
    Verdict,
    schedule_claim,
    update_claim,
)
from resale.domain.ids import CLAIM_ID, RETURN_ID, ClaimId, OrderId
from resale.domain.issues import Issue, clear_issues, raise_issue
from resale.domain.order_steps import transition_order
from resale.domain.orders import Order, OrderCommand
from resale.domain.sellers import seller_id_of
from resale.domain.shipments import Shipment
from resale.errors import FieldError, Invalid

_VERDICTS: Final = {
    Verdict.APPROVE: (ClaimCommand.APPROVE, ChangeType.CLAIM_APPROVED),
    Verdict.APPROVE_WITHOUT_RETURN: (ClaimCommand.APPROVE_WITHOUT_RETURN, ChangeType.CLAIM_APPROVED_WITHOUT_RETURN),
    Verdict.REQUEST_EVIDENCE: (ClaimCommand.REQUEST_EVIDENCE, ChangeType.CLAIM_EVIDENCE_REQUESTED),
    Verdict.DENY: (ClaimCommand.DENY, ChangeType.CLAIM_DENIED),
}
#: What a decision without a return settles.
_RETURN_ISSUES: Final = (Issue.RETURN_LABEL_REFUSED, Issue.RETURN_LABEL_MISSING, Issue.RETURN_NOT_DELIVERED)
#: What the buyer is told why, or what is asked of them.
_TOLD: Final = frozenset({Verdict.DENY, Verdict.REQUEST_EVIDENCE})


def open_claim(uow: UnitOfWork, *, order_id: OrderId, new: NewClaim) -> Claim:
    """Open a claim for a delivered order. The seller's earnings stay on hold until it is resolved.

    Shape: reads 1-2 items; commits 2 (``claim.opened``, ``order.claim_opened``). The same claim again: no-op.

    Args:
        uow: Fresh; committed here once.
        order_id: Which order.
        new: What is wrong; the words are sealed under the buyer's key.

    Returns:
        The claim.

    Raises:
        OrderNotFound: None that the caller may see.
        Forbidden: Not the buyer.
        ClaimExists: The order had another claim; an order has one.
        OrderTransitionRefused: Not delivered, the claim window is over, or receipt was confirmed.
        Conflict: Another writer won.
    """
    order = uow.orders.get(order_id)
    authorize(uow, entity=order, action=Action.OPEN_CLAIM)
    claim_id = CLAIM_ID.sibling_of(order.id)
    if order.claim_id is not None:
        return _same_claim(uow, claim_id, new)
    order = transition_order(msgspec.structs.replace(order, claim_id=claim_id), OrderCommand.OPEN_CLAIM, now=uow.now)
    private = ClaimPrivate(description=new.description)
    claim = Claim(
        id=claim_id,
        version=1,
        livemode=order.livemode,
        order_id=order.id,
        listing_id=order.listing_id,
        buyer_id=order.buyer_id,
        seller_id=order.seller_id,
        reason=new.reason,
        currency=order.currency,
        refund_at=uow.tenant.policies.refund_return_at,
        deadline_at=uow.now + timedelta(days=uow.tenant.policies.claim_close_days),
        created_at=uow.now,
        updated_at=uow.now,
        private=uow.vault.seal(private, owner_id=order.buyer_id, entity_id=claim_id),
    )
    claim = schedule_claim(claim, now=uow.now)
    uow.orders.save(order, change_type=ChangeType.ORDER_CLAIM_OPENED, reason_code=new.reason)
    uow.claims.add(claim, change_type=ChangeType.CLAIM_OPENED)
    uow.commit()
    return claim


def resolve_claim(uow: UnitOfWork, *, claim_id: ClaimId, resolution: Resolution) -> Claim:
    """Resolve a claim: approve with or without a return, request evidence, or deny.

    One approved whose return label does not come, or whose return does not arrive, can still be approved without a
    return; one whose return came back to the buyer can also be denied.

    Shape: reads 2-4 items; commits 1-5 (``claim.approved``, ``claim.approved_without_return`` with
    ``order.refund_started``, ``claim.evidence_requested``, ``claim.denied`` with ``order.completed``).
    The same decision again: no-op.

    Args:
        uow: Fresh; committed here once.
        claim_id: Which.
        resolution: The decision; its note is sealed under the buyer's key.

    Returns:
        The claim as decided.

    Raises:
        ClaimNotFound: None that the caller may see.
        Forbidden: Not theirs to decide.
        Invalid: A denial or a question without a note: the buyer has to know why, or what.
        RefundAmountRefused: More than is left, or a part of it with a return.
        AmountNotSupported: A part that the payment provider cannot refund: no multiple of its unit.
        RefundUnderWay: Another refund of the order has to be done first.
        ClaimTransitionRefused: Decided already.
        Conflict: Another writer won, or the version is not the expected one.
    """
    claim = uow.claims.get(claim_id)
    authorize(uow, entity=claim, action=Action.RESOLVE_CLAIM)
    _require_note(resolution)
    command, change_type = _VERDICTS[resolution.decision]
    if claim.status not in CLAIM_OPEN and _was_decided(claim, resolution):
        return claim
    require_version(uow, entity=claim)
    status = CLAIMS.next_status(claim.status, command, entity=claim, now=uow.now)
    order = uow.orders.get(claim.order_id)
    amount = _amount_of(uow, order, resolution)
    claim = msgspec.structs.replace(_with_note(uow, claim, resolution.note), status=status)
    if resolution.decision == Verdict.APPROVE:
        claim = _request_return(uow, claim, order)
    elif resolution.decision == Verdict.APPROVE_WITHOUT_RETURN:
        if order.is_refund_under_way:
            raise RefundUnderWay("Another refund of this order is pending. Retry when it has settled.")
        claim = msgspec.structs.replace(claim, refund_amount=amount)
        claim = clear_issues(claim, *_RETURN_ISSUES)
        begin_claim_refund(uow, order=order, amount=amount, claim=claim)
    elif resolution.decision == Verdict.DENY:
        claim = clear_issues(msgspec.structs.replace(claim, closed_at=uow.now), *_RETURN_ISSUES)
        complete_claimed_order(uow, order=order)
    claim = update_claim(claim, now=uow.now)
    uow.claims.save(claim, change_type=change_type)
    uow.commit()
    return claim


def withdraw_claim(uow: UnitOfWork, *, claim_id: ClaimId) -> Claim:
    """Withdraw a claim; its order is completed.

    Shape: reads 3-4 items; commits 5 (``claim.withdrawn``, ``order.completed``, the seller's transfer). Again: no-op.

    Args:
        uow: Fresh; committed here once.
        claim_id: Which.

    Returns:
        The claim, withdrawn.

    Raises:
        ClaimNotFound: None that the caller may see.
        Forbidden: Not the buyer.
        ClaimTransitionRefused: The item is on its way back, or the claim is closed.
        Conflict: Another writer won.
    """
    claim = uow.claims.get(claim_id)
    authorize(uow, entity=claim, action=Action.WITHDRAW_CLAIM)
    if claim.status == ClaimStatus.WITHDRAWN:
        return claim
    return close_claim(uow, claim=claim, command=ClaimCommand.WITHDRAW, change_type=ChangeType.CLAIM_WITHDRAWN)


def _request_return(uow: UnitOfWork, claim: Claim, order: Order) -> Claim:
    """Approve a return: the deadline to send the item starts with the label, which is bought if there is an address.

    Until then the claim waits: nobody is late who has no label. Without an address, it is an issue for staff.
    """
    seller = uow.sellers.find(seller_id_of(order.seller_id))
    parcel = Shipment(id=RETURN_ID.sibling_of(claim.id), label_wanted=seller is not None and seller.ships_from_known)
    deadline = max(claim.deadline_at, uow.now + timedelta(hours=uow.tenant.policies.return_ship_hours))
    claim = msgspec.structs.replace(claim, return_shipment=parcel, deadline_at=deadline)
    return claim if parcel.label_wanted else raise_issue(claim, Issue.RETURN_LABEL_MISSING)


def _require_note(resolution: Resolution) -> None:
    if resolution.decision in _TOLD and resolution.note is None:
        detail = f"The decision {resolution.decision} requires a note to the buyer."
        raise Invalid(detail, errors=(FieldError(pointer="/note", code="required", detail=detail),))


def _amount_of(uow: UnitOfWork, order: Order, resolution: Resolution) -> int:
    if resolution.refund_amount is UNSET:
        return order.remaining_minor
    wrong = None
    if resolution.decision != Verdict.APPROVE_WITHOUT_RETURN:
        wrong = "A partial refund is possible only for a claim approved without a return."
    elif resolution.refund_amount > order.remaining_minor:
        wrong = f"Only {order.remaining_minor} remains of the payment."
    if wrong is not None:
        error = FieldError(pointer="/refund_amount", code="refund_amount_refused", detail=wrong)
        raise RefundAmountRefused(wrong, errors=(error,))
    uow.tenant.amount_rules(order.currency).check_refund(resolution.refund_amount, pointer="/refund_amount")
    return resolution.refund_amount


def _was_decided(claim: Claim, resolution: Resolution) -> bool:
    """Return whether the claim already has this decision, whatever followed it."""
    was_sent = claim.return_shipment is not None and claim.return_shipment.shipped_at is not None
    went = {
        Verdict.APPROVE: claim.return_shipment is not None,
        Verdict.APPROVE_WITHOUT_RETURN: claim.refund_amount is not None and not was_sent,
        Verdict.DENY: claim.status == ClaimStatus.DENIED,
        Verdict.REQUEST_EVIDENCE: False,
    }
    same_amount = resolution.refund_amount is UNSET or resolution.refund_amount == claim.refund_amount
    return went[resolution.decision] and same_amount


def _same_claim(uow: UnitOfWork, claim_id: ClaimId, new: NewClaim) -> Claim:
    claim = uow.claims.get(claim_id)
    if claim.reason == new.reason and claim_private_of(uow, claim=claim).description == new.description:
        return claim
    raise ClaimExists("This order already has a claim. Use that one.")


def _with_note(uow: UnitOfWork, claim: Claim, note: str | None) -> Claim:
    if note is None:
        return claim
    private = msgspec.structs.replace(claim_private_of(uow, claim=claim), note=note)
    return msgspec.structs.replace(claim, private=uow.vault.seal(private, owner_id=claim.buyer_id, entity_id=claim.id))

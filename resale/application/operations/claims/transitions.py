"""The base of claim operations: transitions, the sealed part, and the effect of a claim's end on the order."""

import msgspec
from msgspec import UNSET

from resale.application.operations.orders.completing import release_transfer
from resale.application.operations.orders.resuming import add_refund
from resale.application.ports import UnitOfWork
from resale.domain.changes import ChangeType
from resale.domain.claims import (
    Claim,
    ClaimCommand,
    ClaimPrivate,
    transition_claim,
)
from resale.domain.order_steps import close_order_claim
from resale.domain.orders import Order, OrderStatus
from resale.domain.reasons import ReasonCode


def begin_claim_refund(uow: UnitOfWork, *, order: Order, amount: int, claim: Claim) -> None:
    """Buffer the refund of the order that a claim leads to."""
    reason = ReasonCode(f"claim_{claim.reason}")
    begun = add_refund(uow, order=order, amount=amount, reason=reason)
    uow.orders.save(begun, change_type=ChangeType.ORDER_REFUND_STARTED, reason_code=reason)


def complete_claimed_order(uow: UnitOfWork, *, order: Order) -> None:
    """Buffer the completion of an order whose claim ended without a refund, with the seller's transfer.

    While a dispute is open it only waits on: what the seller has is theirs for good.
    """
    order = close_order_claim(order, now=uow.now)
    if order.status != OrderStatus.COMPLETED:
        uow.orders.save(order, change_type=ChangeType.ORDER_CLAIM_CLOSED)
        return
    uow.orders.save(order, change_type=ChangeType.ORDER_COMPLETED)
    release_transfer(uow, order=order, taken_back=0)


def close_claim(uow: UnitOfWork, *, claim: Claim, command: ClaimCommand, change_type: ChangeType) -> Claim:
    """Close a claim without a refund and complete its order, in one commit."""
    claim = transition_claim(msgspec.structs.replace(claim, closed_at=uow.now), command, now=uow.now)
    uow.claims.save(claim, change_type=change_type)
    complete_claimed_order(uow, order=uow.orders.get(claim.order_id))
    uow.commit()
    return claim


def claim_private_of(uow: UnitOfWork, *, claim: Claim) -> ClaimPrivate:
    """Decrypt the sealed part of a claim."""
    if claim.private is UNSET:
        raise TypeError("a claim has a sealed part")
    return uow.vault.open(claim.private, ClaimPrivate, owner_id=claim.buyer_id, entity_id=claim.id)

"""What every step of a claim shares: moving it, its sealed part, and what its end means for the order."""

from msgspec import UNSET

from resale.application.operations.orders.completing import release_transfer
from resale.application.operations.orders.refunding import refund_begun
from resale.application.ports import UnitOfWork
from resale.domain.claims import (
    CLAIMS,
    Claim,
    ClaimCommand,
    ClaimPrivate,
    awake,
    next_version,
)
from resale.domain.order_steps import claim_closed
from resale.domain.orders import Order, OrderStatus


def begin_claim_refund(uow: UnitOfWork, *, order: Order, amount: int, claim: Claim) -> None:
    """Buffer the order's refund that a claim leads to."""
    begun = refund_begun(uow, order=order, amount=amount, reason=f"claim_{claim.reason}")
    uow.orders.save(begun, change_type="order.refund_started", reason_code=f"claim_{claim.reason}")


def complete_claimed(uow: UnitOfWork, *, order: Order) -> None:
    """Buffer that an order whose claim came to nothing is completed, with the seller's transfer.

    While a dispute is open it only waits on: what the seller has is theirs for good.
    """
    order = claim_closed(order, now=uow.now)
    if order.status != OrderStatus.COMPLETED:
        uow.orders.save(order, change_type="order.claim_closed")
        return
    uow.orders.save(order, change_type="order.completed")
    release_transfer(uow, order=order, taken_back=0)


def close_claim(uow: UnitOfWork, *, claim: Claim, command: ClaimCommand, change_type: str) -> Claim:
    """Close a claim without a refund, and complete its order, together."""
    status = CLAIMS.next_status(claim.status, command, entity=claim, now=uow.now)
    claim = awake(next_version(claim, uow.now, status=status, closed_at=uow.now), uow.now)
    uow.claims.save(claim, change_type=change_type)
    complete_claimed(uow, order=uow.orders.get(claim.order_id))
    uow.commit()
    return claim


def claim_private_of(uow: UnitOfWork, *, claim: Claim) -> ClaimPrivate:
    """Open the sealed part of a claim."""
    if claim.private is UNSET:
        raise TypeError("a claim has a sealed part")
    return uow.vault.open(claim.private, ClaimPrivate, owner_id=claim.buyer_id, entity_id=claim.id)

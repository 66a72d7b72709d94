"""Compensating sellers for items that they lost through no fault of theirs, and the claims on carriers."""

from typing import Annotated, Final

import msgspec

from resale.application.operations.access import authorize, require_version
from resale.application.operations.idempotency import record_command
from resale.application.operations.orders.completing import credit_seller
from resale.application.operations.orders.freezing import freeze_transfers
from resale.application.ports import Partners, UnitOfWork
from resale.domain import compensation_ledger
from resale.domain.access import Action
from resale.domain.changes import ChangeType
from resale.domain.compensations import CarrierClaim, CarrierClaimStatus, Compensation
from resale.domain.ids import TRANSFER_ID, OrderId
from resale.domain.issues import Issue, clear_issues, raise_issue
from resale.domain.money import MAX_AMOUNT_MINOR
from resale.domain.order_steps import transfer_id_of, update_order
from resale.domain.orders import Order, OrderStatus
from resale.domain.policies import LossBearer
from resale.domain.reasons import FreeCode, ReasonCode
from resale.domain.text import code
from resale.domain.transfers import Transfer, TransferStatus
from resale.errors import FieldError, Invalid, Rejected

#: Where the buyer has the money, so that the seller has lost the item for nothing.
COMPENSABLE: Final = frozenset({OrderStatus.REFUNDED, OrderStatus.CANCELLED, OrderStatus.COMPLETED})
#: What a compensation settles: the seller's side of an item that is gone.
_SETTLED: Final = (Issue.PARCEL_LOST, Issue.PARCEL_AFTER_REFUND, Issue.RETURN_NOT_DELIVERED)


class CompensationRefused(Rejected):
    """The seller of the order cannot be compensated."""

    code = "compensation_refused"
    title = "Compensation refused"
    default_detail = "The seller of this order lost nothing, or was compensated already."


class CompensationTooLarge(Invalid):
    """The compensation exceeds what the seller lost."""

    code = "compensation_too_large"
    title = "Compensation too large"
    default_detail = "The compensation is larger than the refunded share of the seller. Send a smaller one."


class CarrierClaimClosed(Rejected):
    """The order has no open claim on a carrier."""

    code = "carrier_claim_closed"
    title = "No open carrier claim"
    default_detail = "This order has no open claim on a carrier. Read the order again."


class NewCompensation(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The data of a compensation. ``amount`` is in minor units; by default all that the seller lost."""

    amount: Annotated[int, msgspec.Meta(ge=1, le=MAX_AMOUNT_MINOR)] | None = None
    borne_by: LossBearer = LossBearer.PLATFORM
    reason: Annotated[str, code(r"^[a-z][a-z_]{2,39}\Z")] = ReasonCode.GOODWILL


class ClaimDecision(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The carrier's decision: ``paid_amount`` in minor units, 0 if it paid nothing."""

    paid_amount: Annotated[int, msgspec.Meta(ge=0, le=MAX_AMOUNT_MINOR)]


def compensate_lost_parcel(uow: UnitOfWork, *, partners: Partners, order: Order) -> Order:  # noqa: ARG001 - as every step
    """Pay the seller of a lost parcel whose loss the platform or its carrier bears."""
    if order.loss is None:
        return order
    return _compensate(
        uow,
        order=order,
        amount=order.loss.amount,
        borne_by=order.loss.borne_by,
        reason=FreeCode(ReasonCode.LOST_IN_TRANSIT),
    )


def compensate_seller(uow: UnitOfWork, *, order_id: OrderId, new: NewCompensation) -> Order:
    """Pay the seller of a refunded order whose item is lost or with the buyer. An order has one compensation.

    Shape: reads 2-3 items; commits 3 (``order.compensated``, ``transfer.available``, ``seller.balance_changed``) and
    the command's record.
    Idempotent: repeating the same compensation has no effect.

    Args:
        uow: Fresh; committed here once.
        order_id: Which.
        new: How much, why, and who bears it.

    Returns:
        The order with its compensation.

    Raises:
        OrderNotFound: None that the caller may see.
        Forbidden: Not theirs to give.
        CompensationRefused: Nothing was refunded at the seller's cost, or another compensation was paid.
        CompensationTooLarge: More than the seller lost.
        IdempotencyConflict: The key was used before.
        Invalid: Borne by the seller.
        Conflict: Another writer won, or the version is not the expected one.
    """
    order = uow.orders.get(order_id)
    authorize(uow, entity=order, action=Action.COMPENSATE_SELLER)
    if _is_same(order, new):
        return order
    require_version(uow, entity=order)
    lost = compensation_ledger.sum_seller_loss(order.refunds)
    if order.status not in COMPENSABLE or order.compensation is not None or order.is_refund_under_way or not lost:
        raise CompensationRefused(f"The seller of order {order.id} lost nothing, or was compensated already.")
    amount = lost if new.amount is None else new.amount
    _check(new, amount=amount, lost=lost)
    record_command(uow, entity_id=order.id)
    return _compensate(uow, order=order, amount=amount, borne_by=new.borne_by, reason=FreeCode(new.reason))


def settle_carrier_claim(uow: UnitOfWork, *, order_id: OrderId, decision: ClaimDecision) -> Order:
    """Close the claim on a carrier with what it paid; what it did not pay is written off.

    Shape: reads 1 item; commits 1 (``order.carrier_claim_closed``). The same decision again: no-op.

    Args:
        uow: Fresh; committed here once.
        order_id: Whose parcel was lost.
        decision: What the carrier paid.

    Returns:
        The order with the closed claim.

    Raises:
        OrderNotFound: None that the caller may see.
        Forbidden: Not theirs to settle.
        CarrierClaimClosed: There is no claim, or it was closed with another amount.
        Conflict: Another writer won, or the version is not the expected one.
    """
    order = uow.orders.get(order_id)
    authorize(uow, entity=order, action=Action.COMPENSATE_SELLER)
    paid = order.compensation
    claim = None if paid is None else paid.carrier_claim
    if paid is None or claim is None:
        raise CarrierClaimClosed(f"Order {order.id} has no claim on a carrier.")
    if claim.status != CarrierClaimStatus.OPEN:
        if claim.paid_amount == decision.paid_amount:
            return order
        raise CarrierClaimClosed(f"The carrier claim of order {order.id} was closed with {claim.paid_amount}.")
    require_version(uow, entity=order)
    closed = msgspec.structs.replace(
        claim,
        status=CarrierClaimStatus.SETTLED if decision.paid_amount else CarrierClaimStatus.WRITTEN_OFF,
        paid_amount=decision.paid_amount,
        closed_at=uow.now,
    )
    order = msgspec.structs.replace(order, compensation=msgspec.structs.replace(paid, carrier_claim=closed))
    order = update_order(clear_issues(order, Issue.CARRIER_CLAIM_OPEN), now=uow.now)
    uow.orders.save(order, change_type=ChangeType.ORDER_CARRIER_CLAIM_CLOSED, reason_code=closed.status)
    uow.ledger.post(compensation_ledger.claim_settlement(order, closed, at=uow.now))
    uow.commit()
    return order


def _compensate(uow: UnitOfWork, *, order: Order, amount: int, borne_by: LossBearer, reason: FreeCode) -> Order:
    """Commit a compensation: the order, a transfer of its own to the seller, and the ledger transaction."""
    is_claimed = borne_by == LossBearer.CARRIER_CLAIM
    paid = Compensation(
        amount=amount,
        borne_by=borne_by,
        reason_code=reason,
        paid_at=uow.now,
        carrier_claim=CarrierClaim(amount=amount) if is_claimed else None,
    )
    order = clear_issues(msgspec.structs.replace(order, compensation=paid), *_SETTLED)
    if is_claimed:
        order = raise_issue(order, Issue.CARRIER_CLAIM_OPEN)
    order = update_order(order, now=uow.now)
    uow.orders.save(order, change_type=ChangeType.ORDER_COMPENSATED, reason_code=reason)
    frozen = freeze_transfers(uow, order=order)
    uow.transfers.add(_new_transfer(uow, order, amount), change_type=ChangeType.TRANSFER_AVAILABLE)
    credit_seller(uow, order=order, amount=amount, frozen=frozen)
    uow.ledger.post(compensation_ledger.compensation(order, paid, at=uow.now))
    uow.commit()
    return order


def _new_transfer(uow: UnitOfWork, order: Order, amount: int) -> Transfer:
    """Return the transfer of a compensation: the order's own transfer was reversed by the refund, and stays so."""
    return Transfer(
        id=TRANSFER_ID.new(uow.ids),
        version=1,
        livemode=order.livemode,
        status=TransferStatus.AVAILABLE,
        order_id=order.id,
        seller_id=order.seller_id,
        amount=amount,
        currency=order.currency,
        reversed_from=transfer_id_of(order),
        available_at=uow.now,
        created_at=uow.now,
        updated_at=uow.now,
    )


def _is_same(order: Order, new: NewCompensation) -> bool:
    paid = order.compensation
    if paid is None or (paid.borne_by, paid.reason_code) != (new.borne_by, new.reason):
        return False
    return new.amount in {None, paid.amount}


def _check(new: NewCompensation, *, amount: int, lost: int) -> None:
    if new.borne_by == LossBearer.SELLER:
        detail = "A compensation is borne by the platform or claimed from the carrier."
        raise Invalid(detail, errors=(FieldError(pointer="/borne_by", code="not_applicable", detail=detail),))
    if amount > lost:
        detail = f"The seller lost {lost} by the refunds of this order."
        error = FieldError(pointer="/amount", code="compensation_too_large", detail=detail)
        raise CompensationTooLarge(detail, errors=(error,))

"""Disputes: recorded, and posted to the ledger when they move money. A payment can have several."""

import msgspec

from resale.application.operations.orders.freezing import sync_frozen
from resale.application.operations.orders.mismatches import report_mismatch
from resale.application.operations.orders.paying import post_sale
from resale.application.operations.orders.refunding import commit_refund
from resale.application.operations.orders.returned_refunds import reinstate
from resale.application.ports import UnitOfWork
from resale.domain import ledger
from resale.domain.changes import ChangeType
from resale.domain.disputes import forget_mismatch, set_dispute
from resale.domain.ids import REFUND_ID, OrderId
from resale.domain.issues import Issue, raise_issue
from resale.domain.order_steps import is_unposted, update_order
from resale.domain.orders import Order, OrderChanged
from resale.domain.payment_reviews import find_dispute
from resale.domain.payments import (
    DISPUTE_ENDS,
    DISPUTES,
    Dispute,
    DisputeStatus,
    Refund,
    RefundState,
)
from resale.domain.reasons import ReasonCode
from resale.errors import Unavailable


def record_dispute(uow: UnitOfWork, *, order_id: OrderId, dispute: Dispute) -> Order:
    """Record a dispute as the card scheme reports it; a lost one is posted like a refund.

    One that is won after it was lost brings the money back: to the seller, or where the buyer has nothing, to them.
    One whose amount or currency does not fit the order is never posted: staff decide.

    Shape: reads 1-5 items; commits at most once (``order.dispute_opened``, ``order.dispute_closed``,
    ``order.charged_back``, ``order.funds_reinstated``, ``order.amount_mismatched``).

    Args:
        uow: Fresh; committed here at most once.
        order_id: Whose payment.
        dispute: As the provider tells of it; one known to be over is not opened again, and one lost takes money once,
            whatever was known of it; an older word than the last (``told_at``) changes nothing.

    Returns:
        The order as it stands.

    Raises:
        OrderNotFound: No such order.
        Unavailable: A refund is under way, or the capture is not known yet; whoever tells this tells it again.
        Conflict: Another writer won, or the sale had to be booked first; read again.
    """
    order = uow.orders.get(order_id)
    require_posted_payment(uow, order=order)
    if _is_stale(order, dispute):
        return order
    return apply_dispute(uow, order=order, dispute=dispute, is_later=_is_later(order, dispute)) or order


def require_posted_payment(uow: UnitOfWork, *, order: Order) -> None:
    """Verify that the payment of an order is captured and posted.

    Raises:
        Unavailable: The capture is not known yet.
        OrderChanged: The sale had to be posted first; read again.
    """
    if order.payment is None or not order.payment.captured_minor:
        raise Unavailable("The payment of this order is not confirmed yet.", retry_after_seconds=30)
    if is_unposted(order):
        post_sale(uow, order=order)
        raise OrderChanged("The sale was posted to the ledger meanwhile. Read the order again.")


def apply_dispute(uow: UnitOfWork, *, order: Order, dispute: Dispute, is_later: bool) -> Order | None:
    """Commit what a dispute changes; None if that is nothing.

    Args:
        uow: The order was read in it; committed here at most once.
        order: Its payment is captured and posted.
        dispute: As the provider reports it.
        is_later: Whether this report is known to be newer than the last one of the same dispute.

    Raises:
        Unavailable: The dispute is lost while a refund is pending.
    """
    if not _fits(order, dispute):
        return _record_misfit(uow, order=order, dispute=dispute)
    if dispute.status == DisputeStatus.WON and is_later and (taken := _find_standing(order, dispute)) is not None:
        return reinstate(uow, order=order, taken=taken, dispute=dispute)
    is_lost = dispute.status == DisputeStatus.LOST and order.remaining_minor > 0
    if is_lost and not _was_taken(order, dispute, is_later=is_later):
        return _charge_back(uow, order=order, dispute=dispute)
    if not _is_news(order, dispute, is_later=is_later):
        return None
    is_open = dispute.status == DisputeStatus.OPEN
    order = forget_mismatch(set_dispute(order, dispute), reference=dispute.provider_reference)
    order = update_order(order, now=uow.now)
    uow.orders.save(order, change_type=ChangeType.ORDER_DISPUTE_OPENED if is_open else ChangeType.ORDER_DISPUTE_CLOSED)
    sync_frozen(uow, order=order)
    uow.commit()
    return order


def _fits(order: Order, dispute: Dispute) -> bool:
    """Return whether amount and currency of a dispute can be those of a dispute of this payment.

    The amount can differ from the payment's "because of currency fluctuation or because only part of the order is
    disputed" (docs.stripe.com/api/disputes/object): less is a part of it, more is not ours to guess.
    """
    if dispute.status in {DisputeStatus.WON, DisputeStatus.PREVENTED}:
        return True  # it moves no amount of its own
    if dispute.currency not in {None, order.currency}:
        return False
    if dispute.status == DisputeStatus.LOST and _find_standing(order, dispute) is None:
        return dispute.amount <= order.remaining_minor or not order.remaining_minor
    return order.payment is not None and dispute.amount <= order.payment.captured_minor


def _record_misfit(uow: UnitOfWork, *, order: Order, dispute: Dispute) -> Order | None:
    known = find_dispute(order, dispute.provider_reference)
    if known is not None and (known.status, known.amount) == (dispute.status, dispute.amount):
        return None
    return report_mismatch(uow, order=set_dispute(order, dispute), reference=dispute.provider_reference)


def _is_stale(order: Order, dispute: Dispute) -> bool:
    known = find_dispute(order, dispute.provider_reference)
    is_dated = known is not None and known.told_at is not None and dispute.told_at is not None
    return is_dated and dispute.told_at < known.told_at  # type: ignore[operator,union-attr]  # dated, both


def _is_later(order: Order, dispute: Dispute) -> bool:
    """Return whether a report is newer than the last one of the same dispute; without a date, that is not known."""
    known = find_dispute(order, dispute.provider_reference)
    is_dated = known is not None and known.told_at is not None and dispute.told_at is not None
    return is_dated and dispute.told_at > known.told_at  # type: ignore[operator,union-attr]  # dated, both


def _find_standing(order: Order, dispute: Dispute) -> Refund | None:
    """Return the chargeback of a dispute that was not reinstated."""
    return next((one for one in _chargebacks_of(order, dispute) if one.status == RefundState.SUCCEEDED), None)


def _chargebacks_of(order: Order, dispute: Dispute) -> list[Refund]:
    return [one for one in order.refunds if one.provider_reference == dispute.provider_reference]


def _was_taken(order: Order, dispute: Dispute, *, is_later: bool) -> bool:
    takings = _chargebacks_of(order, dispute)
    is_standing = any(one.status == RefundState.SUCCEEDED for one in takings)
    return is_standing or (bool(takings) and not is_later)


def _is_news(order: Order, dispute: Dispute, *, is_later: bool) -> bool:
    """Return whether a report changes what is known of its dispute, or is about one that is not known."""
    known, command = find_dispute(order, dispute.provider_reference), DISPUTE_ENDS.get(dispute.status)
    if known is None:
        return dispute.status != DisputeStatus.OPEN or not _chargebacks_of(order, dispute)
    is_move = command is not None and DISPUTES.permits(known.status, command)
    return is_move and (known.status == DisputeStatus.OPEN or is_later)


def _charge_back(uow: UnitOfWork, *, order: Order, dispute: Dispute) -> Order:
    if order.pending_refund is not None:
        raise Unavailable("A refund of this order is pending.", retry_after_seconds=30)
    taken = Refund(
        id=REFUND_ID.new(uow.ids),
        status=RefundState.SUCCEEDED,
        amount=dispute.amount,
        parts=ledger.split_refund(order, dispute.amount),
        reason_code=ReasonCode.CHARGEBACK,
        provider_reference=dispute.provider_reference,
        started_at=uow.now,
        finished_at=uow.now,
    )
    refunds = (*order.refunds, taken)
    order = set_dispute(msgspec.structs.replace(order, refunds=refunds, cancel_requested=False), dispute)
    order = raise_issue(order, Issue.CHARGED_BACK)
    return commit_refund(uow, order=order, given=taken, change_type=ChangeType.ORDER_CHARGED_BACK)

"""Disputes: recorded, and posted to the ledger when they move money."""

import msgspec

from resale.application.operations.orders.paying import post_sale
from resale.application.operations.orders.refunding import commit_refund
from resale.application.operations.orders.returned_refunds import reinstate
from resale.application.ports import UnitOfWork
from resale.domain import ledger
from resale.domain.changes import ChangeType
from resale.domain.ids import REFUND_ID, OrderId
from resale.domain.issues import Issue, clear_issues, raise_issue
from resale.domain.order_steps import is_unposted, update_order
from resale.domain.orders import Order, OrderChanged
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

    Shape: reads 1-5 items; commits at most once (``order.dispute_opened``, ``order.dispute_closed``,
    ``order.charged_back``, ``order.funds_reinstated``).

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
    if order.payment is None or not order.payment.captured_minor:
        raise Unavailable("The payment of this order is not confirmed yet.", retry_after_seconds=30)
    if is_unposted(order):
        post_sale(uow, order=order)
        raise OrderChanged("The sale was posted to the ledger meanwhile. Read the order again.")
    if _is_stale(order, dispute):
        return order
    if dispute.status == DisputeStatus.WON and (taken := _find_reinstated(order, dispute)) is not None:
        return reinstate(uow, order=order, taken=taken, dispute=dispute)
    if dispute.status == DisputeStatus.LOST and order.remaining_minor and not _was_taken(order, dispute):
        return _charge_back(uow, order=order, dispute=dispute)
    if not _is_news(order, dispute):
        return order
    is_open = dispute.status == DisputeStatus.OPEN
    flag = raise_issue if is_open else clear_issues
    order = flag(msgspec.structs.replace(order, dispute=dispute), Issue.DISPUTE_OPEN)
    order = update_order(order, now=uow.now)
    uow.orders.save(order, change_type=ChangeType.ORDER_DISPUTE_OPENED if is_open else ChangeType.ORDER_DISPUTE_CLOSED)
    uow.commit()
    return order


def _is_stale(order: Order, dispute: Dispute) -> bool:
    known = _find_dispute(order, dispute)
    is_dated = known is not None and known.told_at is not None and dispute.told_at is not None
    return is_dated and dispute.told_at < known.told_at  # type: ignore[operator,union-attr]  # dated, both


def _is_later(order: Order, dispute: Dispute) -> bool:
    """Return whether a report is newer than the last one of the same dispute."""
    known = _find_dispute(order, dispute)
    is_dated = known is not None and known.told_at is not None and dispute.told_at is not None
    return is_dated and dispute.told_at > known.told_at  # type: ignore[operator,union-attr]  # dated, both


def _find_dispute(order: Order, dispute: Dispute) -> Dispute | None:
    known = order.dispute
    return known if known is not None and known.provider_reference == dispute.provider_reference else None


def _find_reinstated(order: Order, dispute: Dispute) -> Refund | None:
    """Return the chargeback of a dispute that is won now; a report without a date cannot be ordered."""
    taken = next((one for one in _chargebacks_of(order, dispute) if one.status == RefundState.SUCCEEDED), None)
    return taken if taken is not None and _is_later(order, dispute) else None


def _chargebacks_of(order: Order, dispute: Dispute) -> list[Refund]:
    return [one for one in order.refunds if one.provider_reference == dispute.provider_reference]


def _was_taken(order: Order, dispute: Dispute) -> bool:
    takings = _chargebacks_of(order, dispute)
    is_standing = any(one.status == RefundState.SUCCEEDED for one in takings)
    return is_standing or (bool(takings) and not _is_later(order, dispute))


def _is_news(order: Order, dispute: Dispute) -> bool:
    """Return whether a report changes the dispute, or is about a later one: a payment can be disputed again."""
    known, command = order.dispute, DISPUTE_ENDS.get(dispute.status)
    if known is None:
        return True
    if known.provider_reference == dispute.provider_reference:
        is_move = command is not None and DISPUTES.permits(known.status, command)
        return is_move and (known.status == DisputeStatus.OPEN or _is_later(order, dispute))
    is_other = dispute.status == DisputeStatus.OPEN and not _was_taken(order, dispute)
    return is_other and known.status != DisputeStatus.OPEN


def _charge_back(uow: UnitOfWork, *, order: Order, dispute: Dispute) -> Order:
    if order.pending_refund is not None:
        raise Unavailable("A refund of this order is pending.", retry_after_seconds=30)
    amount = min(dispute.amount, order.remaining_minor)
    taken = Refund(
        id=REFUND_ID.new(uow.ids),
        status=RefundState.SUCCEEDED,
        amount=amount,
        parts=ledger.split_refund(order, amount),
        reason_code=ReasonCode.CHARGEBACK,
        provider_reference=dispute.provider_reference,
        started_at=uow.now,
        finished_at=uow.now,
    )
    refunds = (*order.refunds, taken)
    order = msgspec.structs.replace(order, refunds=refunds, dispute=dispute, cancel_requested=False)
    order = raise_issue(clear_issues(order, Issue.DISPUTE_OPEN), Issue.CHARGED_BACK)
    return commit_refund(uow, order=order, given=taken, change_type=ChangeType.ORDER_CHARGED_BACK)

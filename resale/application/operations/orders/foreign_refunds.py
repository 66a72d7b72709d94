"""Refunds that others made at the provider: in its dashboard, or the provider itself for a prevented dispute.

Stripe refunds by itself where a shop has rules for it: Visa's Rapid Dispute Resolution, Ethoca alerts
(docs.stripe.com/disputes/get-started/prevention).
"""

import msgspec

from resale.application.operations.orders.mismatches import report_mismatch
from resale.application.operations.orders.refunding import commit_refund
from resale.application.ports import UnitOfWork
from resale.domain import ledger
from resale.domain.changes import ChangeType
from resale.domain.disputes import forget_mismatch
from resale.domain.ids import REFUND_ID
from resale.domain.issues import Issue, raise_issue
from resale.domain.orders import Order
from resale.domain.payment_reviews import is_postable
from resale.domain.payments import ProviderRefund, Refund, RefundState, adopted_refund_id
from resale.domain.reasons import ReasonCode


def adopt_refund(uow: UnitOfWork, *, order: Order, foreign: ProviderRefund) -> Order:
    """Commit a refund that is not ours as one of the order's: it reduces what remains, and the seller's share."""
    if not is_postable(order, foreign):
        return report_mismatch(uow, order=order, reference=foreign.provider_reference)
    order = forget_mismatch(order, reference=foreign.provider_reference)
    order = _make_room(uow, order=order, foreign=foreign)
    adopted = Refund(
        id=adopted_refund_id(foreign.provider_reference),
        status=RefundState.SUCCEEDED,
        amount=foreign.amount.amount,
        parts=ledger.split_refund(order, foreign.amount.amount),
        reason_code=ReasonCode.REFUNDED_AT_PROVIDER,
        provider_reference=foreign.provider_reference,
        started_at=uow.now,
        finished_at=uow.now,
    )
    order = msgspec.structs.replace(order, refunds=(*order.refunds, adopted))
    order = raise_issue(order, Issue.REFUNDED_AT_PROVIDER)
    return commit_refund(uow, order=order, given=adopted, change_type=ChangeType.ORDER_REFUND_ADOPTED)


def _make_room(uow: UnitOfWork, *, order: Order, foreign: ProviderRefund) -> Order:
    """Return the order without refunds of ours that the adopted one makes impossible or needless.

    A failed refund of at most its amount is settled by it: somebody made it in the dashboard because ours failed. One
    that the provider has not received yet is reduced to what is left.
    """
    left = order.remaining_minor - foreign.amount.amount
    kept = []
    for refund in order.refunds:
        is_settled = refund.status == RefundState.FAILED and refund.amount <= foreign.amount.amount
        if is_settled or (refund.status == RefundState.PENDING and left == 0):
            continue
        if refund.status == RefundState.PENDING and refund.amount > left:
            others = msgspec.structs.replace(order, refunds=tuple(one for one in order.refunds if one is not refund))
            parts = ledger.split_refund(others, left)
            kept.append(msgspec.structs.replace(refund, id=REFUND_ID.new(uow.ids), amount=left, parts=parts))
        else:
            kept.append(refund)
    return msgspec.structs.replace(order, refunds=tuple(kept))

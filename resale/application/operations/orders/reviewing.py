"""Reviews of a payment: what others did with it at the provider is adopted, and posted once."""

from collections.abc import Sequence
from typing import Final

import msgspec

from resale.application.operations.orders.completing import complete_order
from resale.application.operations.orders.disputing import apply_dispute, require_posted_payment
from resale.application.operations.orders.foreign_refunds import adopt_refund
from resale.application.operations.orders.freezing import sync_frozen
from resale.application.operations.orders.returned_refunds import commit_returned_refund
from resale.application.operations.orders.transitions import payment_request
from resale.application.ports import Partners, PaymentProvider, UnitOfWork
from resale.domain.changes import ChangeType
from resale.domain.ids import OrderId
from resale.domain.order_steps import OrderStep, next_step, schedule_review, update_order
from resale.domain.orders import Order
from resale.domain.payment_reviews import count_news, find_foreign, find_returned
from resale.domain.payments import Dispute, PaymentStatus, RefundState

_NEVER_CAPTURED: Final = frozenset({PaymentStatus.FAILED, PaymentStatus.VOIDED})


def review_payment(uow: UnitOfWork, *, partners: Partners, order_id: OrderId) -> Order | None:
    """Compare an order with the refunds and disputes of its payment at the provider; adopt the first news.

    A webhook about a refund or a dispute leads here: its own data is not used. The rest of the news follows by the
    order's wake-up.

    Shape: reads 1-4 items; two look-ups at the partner; commits at most once (``order.refund_adopted``,
    ``order.refund_failed``, ``order.dispute_opened``, ``order.dispute_closed``, ``order.charged_back``,
    ``order.funds_reinstated``, ``order.amount_mismatched``, ``order.payment_reviewed``).

    Args:
        uow: Fresh; committed here at most once.
        partners: The tenant's partners.
        order_id: Whose payment.

    Returns:
        The order afterwards; None without news, when nothing was committed.

    Raises:
        OrderNotFound: No such order.
        Unavailable: The payment is not captured as far as we know, or a refund is pending; try again later.
        PartnerUnavailable: The partner's response is not known; try again later.
        Conflict: Another writer won; read again.
    """
    order = uow.orders.get(order_id)
    if order.payment is not None and order.payment.status in _NEVER_CAPTURED:
        return None
    require_posted_payment(uow, order=order)
    return _adopt_news(uow, payments=partners.payments, order=order)


def review_when_due(uow: UnitOfWork, *, partners: Partners, order: Order) -> Order:
    """Review the payment; without news, schedule the next review."""
    news = _adopt_news(uow, payments=partners.payments, order=order)
    if news is not None:
        return news
    order = update_order(msgspec.structs.replace(order, payment_review_at=None), now=uow.now)
    awake = msgspec.structs.replace(order, due_at=uow.now)
    if next_step(awake, now=uow.now) != OrderStep.NOTHING:
        order = awake  # the review was due before another step, and does not delay it
    uow.orders.save(order, change_type=ChangeType.ORDER_PAYMENT_REVIEWED)
    uow.commit()
    return order


def complete_reviewed(uow: UnitOfWork, *, partners: Partners, order: Order) -> Order:
    """Complete a delivered order, unless its payment was refunded or disputed at the provider meanwhile."""
    news = _adopt_news(uow, payments=partners.payments, order=order)
    return complete_order(uow, partners=partners, order=order) if news is None else news


def _adopt_news(uow: UnitOfWork, *, payments: PaymentProvider, order: Order) -> Order | None:
    """Commit the first thing that the provider knows and we do not; None if there is nothing."""
    request = payment_request(uow, order=order)
    refunds, disputes = payments.list_refunds(request), payments.list_disputes(request)
    if count_news(order, refunds=refunds, disputes=disputes) > 1:
        order = schedule_review(order, at=uow.now)  # a commit takes one of them
    if (returned := find_returned(order, refunds)) is not None:
        given, there = returned
        return commit_returned_refund(uow, order=order, given=given, reason_code=there.reason_code)
    if (foreign := find_foreign(order, refunds, state=RefundState.SUCCEEDED)) is not None:
        return adopt_refund(uow, order=order, foreign=foreign)
    is_pending = find_foreign(order, refunds, state=RefundState.PENDING) is not None
    if is_pending != order.has_foreign_refund_pending:
        return _hold_for_refund(uow, order=order, is_pending=is_pending)
    return _adopt_dispute(uow, order=order, disputes=disputes)


def _adopt_dispute(uow: UnitOfWork, *, order: Order, disputes: Sequence[Dispute]) -> Order | None:
    """Commit the first dispute that changed; the provider's present state is newer than any report."""
    for dispute in disputes:
        current = msgspec.structs.replace(dispute, told_at=uow.now)
        changed = apply_dispute(uow, order=order, dispute=current, is_later=True)
        if changed is not None:
            return changed
    return None


def _hold_for_refund(uow: UnitOfWork, *, order: Order, is_pending: bool) -> Order:
    """Commit that somebody's refund is pending at the provider, or that it is over without having succeeded."""
    order = update_order(msgspec.structs.replace(order, has_foreign_refund_pending=is_pending), now=uow.now)
    uow.orders.save(order, change_type=ChangeType.ORDER_PAYMENT_REVIEWED)
    sync_frozen(uow, order=order)
    uow.commit()
    return order

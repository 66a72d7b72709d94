"""Reviews of a payment: what the provider knows of it and we do not, and how long it can still change."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from resale.domain.issues import Issue, issues_of
from resale.domain.orders import Order, OrderStatus, disputes_of
from resale.domain.payments import Dispute, DisputeStatus, ProviderRefund, Refund, RefundState

#: A refund that succeeded can still fail: its bank returns it (docs.stripe.com/refunds#failed-refunds, 30 days).
REFUND_CAN_FAIL_FOR: Final = timedelta(days=30)
#: A decision can be reversed; a dispute's whole life is two to three months (support.stripe.com/topics/disputes).
DECISION_CAN_CHANGE_FOR: Final = timedelta(days=90)
_SOONEST: Final = timedelta(days=1)
_LATEST: Final = timedelta(days=30)
_LATEST_IF_HELD: Final = timedelta(days=3)  # the seller's money waits for the end of it
_FINAL: Final = frozenset({OrderStatus.COMPLETED, OrderStatus.REFUNDED, OrderStatus.CANCELLED})


def next_review_at(order: Order, *, now: datetime) -> datetime | None:
    """Return when the provider is polled for refunds and disputes; None when nothing can change any more.

    Webhooks report these; a poll finds those whose webhook was lost. The interval grows with the time since the last
    event, because each poll is a version.
    """
    if order.payment_review_at is not None and order.payment_review_at <= now:
        return order.payment_review_at
    is_open, ends = _is_open_ended(order), _watched_until(order)
    if not is_open and (ends is None or now >= ends):
        return None
    if order.payment_review_at is not None:
        return order.payment_review_at
    since = now - _last_event_at(order, now)
    at = now + min(max(since, _SOONEST), _LATEST_IF_HELD if is_open else _LATEST)
    return at if is_open or ends is None else min(at, ends)


def count_news(order: Order, *, refunds: Sequence[ProviderRefund], disputes: Sequence[Dispute]) -> int:
    """Return how many refunds and disputes at the provider differ from what is known of them."""
    differing = [there for there in refunds if _is_returned(order, there) or _is_foreign(order, there)]
    changed = [there for there in disputes if _is_changed(order, there)]
    return len(differing) + len(changed)


def find_returned(order: Order, refunds: Sequence[ProviderRefund]) -> tuple[Refund, ProviderRefund] | None:
    """Return a refund that we posted as succeeded and the provider reports as failed."""
    for there in refunds:
        here = _find_ours(order, there)
        if here is not None and _is_returned(order, there):
            return here, there
    return None


def find_foreign(order: Order, refunds: Sequence[ProviderRefund], *, state: RefundState) -> ProviderRefund | None:
    """Return a refund in a state at the provider that is not one of the order's."""
    return next((there for there in refunds if there.state == state and _is_foreign(order, there)), None)


def find_dispute(order: Order, reference: str) -> Dispute | None:
    """Return the dispute of an order with a reference of the provider."""
    return next((one for one in disputes_of(order) if one.provider_reference == reference), None)


def _is_returned(order: Order, there: ProviderRefund) -> bool:
    here = _find_ours(order, there)
    return here is not None and here.status == RefundState.SUCCEEDED and there.state == RefundState.FAILED


def is_postable(order: Order, there: ProviderRefund) -> bool:
    """Return whether a refund is within what remains of the payment, so that it can be one of the order's."""
    return there.amount.currency == order.currency and there.amount.amount <= order.remaining_minor


def _is_foreign(order: Order, there: ProviderRefund) -> bool:
    if there.state == RefundState.FAILED or _find_ours(order, there) is not None or _is_release(order, there):
        return False
    return there.provider_reference not in order.unposted or _became_postable(order, there)


def _became_postable(order: Order, there: ProviderRefund) -> bool:
    """Return whether a reported mismatch is none any more: a refund of ours was returned, and left room for it.

    What staff acknowledged is settled by hand, and stays unposted.
    """
    is_open = Issue.AMOUNT_MISMATCH in issues_of(order) and there.provider_reference not in order.settled_by_hand
    return is_open and is_postable(order, there)


def _is_release(order: Order, there: ProviderRefund) -> bool:
    """Return whether a refund is the rest of a payment that was captured in part: no money of ours.

    Stripe releases what is not captured, and can show that as refunded (docs.stripe.com/api/charges/capture).
    """
    captured = 0 if order.payment is None else order.payment.captured_minor
    return 0 < captured == order.amounts.grand_total - there.amount.amount


def _is_changed(order: Order, there: Dispute) -> bool:
    here = find_dispute(order, there.provider_reference)
    return here is None or here.status != there.status


def _find_ours(order: Order, there: ProviderRefund) -> Refund | None:
    return next(
        (
            here
            for here in order.refunds
            if here.id == there.refund_id or here.provider_reference == there.provider_reference
        ),
        None,
    )


def _is_open_ended(order: Order) -> bool:
    return order.is_disputed or order.has_foreign_refund_pending


def _watched_until(order: Order) -> datetime | None:
    """Return when nothing can change any more, as far as it is known now; None if nothing is watched."""
    payment = order.payment
    ends = [] if payment is None or order.status not in _FINAL else [payment.watched_until]
    ends += [
        one.finished_at + REFUND_CAN_FAIL_FOR
        for one in order.refunds
        if one.finished_at is not None and one.status == RefundState.SUCCEEDED
    ]
    ends += [
        one.told_at + DECISION_CAN_CHANGE_FOR
        for one in disputes_of(order)
        if one.told_at is not None and one.status != DisputeStatus.OPEN
    ]
    return max((at for at in ends if at is not None), default=None)


def _last_event_at(order: Order, now: datetime) -> datetime:
    refunded = [one.finished_at for one in order.refunds]
    disputed = [one.told_at for one in disputes_of(order)]
    return max((at for at in (order.confirmed_at, *refunded, *disputed) if at is not None), default=now)

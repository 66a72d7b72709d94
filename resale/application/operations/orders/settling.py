"""Settling a pending refund: requested from the provider once, and committed with its effects."""

from datetime import timedelta
from typing import Final

import msgspec

from resale.application.operations.orders.foreign_refunds import adopt_refund
from resale.application.operations.orders.mismatches import report_mismatch
from resale.application.operations.orders.refunding import commit_refund
from resale.application.operations.orders.transitions import payment_request
from resale.application.ports import Partners, UnitOfWork
from resale.domain.changes import ChangeType
from resale.domain.issues import Issue, clear_issues, raise_issue
from resale.domain.money import Money
from resale.domain.order_steps import update_order
from resale.domain.orders import Order, with_refund
from resale.domain.payment_reviews import find_foreign
from resale.domain.payments import Refund, RefundOutcome, RefundState
from resale.domain.reasons import free_code

_SOONEST_ASKED: Final = timedelta(minutes=10)  # a refund that takes its time is asked for at twice its age
_LATEST_ASKED: Final = timedelta(hours=12)
_TRIES_TOLD: Final = 3  # failed refunds after which a person is asked to look


def settle_refund(uow: UnitOfWork, *, partners: Partners, order: Order) -> Order:
    """Check the refund at the provider, request it if needed, and commit the result with its effects.

    One that fails can be impossible because somebody refunded the payment at the provider: that is adopted first.
    """
    refund = order.pending_refund
    if refund is None:
        return order
    payments, request = partners.payments, payment_request(uow, order=order)
    outcome = payments.find_refund(request, refund_id=refund.id)
    if outcome is None:
        amount = Money(amount=refund.amount, currency=order.currency)
        outcome = payments.refund(request, refund_id=refund.id, amount=amount)
    if outcome.amount not in {None, Money(amount=refund.amount, currency=order.currency)}:
        return _commit_mismatch(uow, order=order, outcome=outcome)
    if outcome.state == RefundState.SUCCEEDED:
        done = _finish(uow, refund, outcome)
        return commit_refund(uow, order=with_refund(order, done), given=done, change_type=ChangeType.ORDER_REFUNDED)
    if outcome.state == RefundState.FAILED:
        foreign = find_foreign(order, payments.list_refunds(request), state=RefundState.SUCCEEDED)
        if foreign is not None:
            return adopt_refund(uow, order=order, foreign=foreign)
        return _commit_failed(uow, order=order, refund=refund, outcome=outcome)
    return _commit_awaited(uow, order=order, refund=refund, outcome=outcome)


def _commit_failed(uow: UnitOfWork, *, order: Order, refund: Refund, outcome: RefundOutcome) -> Order:
    """Commit a failed refund; it is retried with back-off under a new id."""
    failed = msgspec.structs.replace(
        _finish(uow, refund, outcome),
        status=RefundState.FAILED,
        failure_code=outcome.reason_code,
        partner_message=outcome.message,
    )
    order = clear_issues(with_refund(order, failed), Issue.REFUND_PENDING)
    if refund.tries >= _TRIES_TOLD:
        order = raise_issue(order, Issue.REFUND_FAILED)
    order = update_order(order, now=uow.now)
    uow.orders.save(order, change_type=ChangeType.ORDER_REFUND_FAILED, reason_code=free_code(outcome.reason_code))
    uow.commit()
    return order


def _commit_mismatch(uow: UnitOfWork, *, order: Order, outcome: RefundOutcome) -> Order:
    """Commit that the provider refunds another amount than ours; before its time, nothing is written."""
    is_known = outcome.provider_reference in order.unposted
    if is_known and order.due_at is not None and uow.now < order.due_at:
        return order
    return report_mismatch(uow, order=order, reference=outcome.provider_reference, retry_at=uow.now + _LATEST_ASKED)


def _commit_awaited(uow: UnitOfWork, *, order: Order, refund: Refund, outcome: RefundOutcome) -> Order:
    """Commit the provider's reference of a pending refund; before its time, nothing is written."""
    is_known = refund.provider_reference == outcome.provider_reference
    if is_known and order.due_at is not None and uow.now < order.due_at:
        return order
    awaited = msgspec.structs.replace(refund, provider_reference=outcome.provider_reference)
    order = update_order(with_refund(order, awaited), now=uow.now)
    age = uow.now - refund.started_at
    if outcome.waits_for_balance:
        order = raise_issue(order, Issue.BALANCE_TOO_LOW)
    if age >= timedelta(days=uow.tenant.policies.refund_alert_days):
        order = raise_issue(order, Issue.REFUND_PENDING)
    order = msgspec.structs.replace(order, due_at=uow.now + min(max(age, _SOONEST_ASKED), _LATEST_ASKED))
    uow.orders.save(order, change_type=ChangeType.ORDER_REFUND_AWAITED)
    uow.commit()
    return order


def _finish(uow: UnitOfWork, refund: Refund, outcome: RefundOutcome) -> Refund:
    return msgspec.structs.replace(
        refund,
        status=outcome.state,
        provider_reference=outcome.provider_reference,
        finished_at=max(uow.now, refund.started_at),  # which another process may have dated by a clock that is ahead
    )

"""Amounts at the provider that do not fit ours: recorded for staff, and never posted."""

from datetime import datetime

import msgspec

from resale.application.operations.orders.freezing import sync_frozen
from resale.application.ports import UnitOfWork
from resale.domain.changes import ChangeType
from resale.domain.issues import Issue, raise_issue
from resale.domain.order_steps import update_order
from resale.domain.orders import Order
from resale.domain.reasons import ReasonCode


def report_mismatch(uow: UnitOfWork, *, order: Order, reference: str, retry_at: datetime | None = None) -> Order:
    """Commit that an amount at the provider does not fit the order, so that staff act (``order.amount_mismatched``).

    The seller's money is frozen until staff acknowledge the issue. The reference is remembered, so that the same
    amount is reported once. ``retry_at``: when the step that found it runs again; None: when the order is woken anyway.
    """
    unposted = (*(one for one in order.unposted if one != reference), reference)
    order = raise_issue(msgspec.structs.replace(order, unposted=unposted), Issue.AMOUNT_MISMATCH)
    order = update_order(order, now=uow.now)
    order = order if retry_at is None else msgspec.structs.replace(order, due_at=retry_at)
    uow.orders.save(order, change_type=ChangeType.ORDER_AMOUNT_MISMATCHED, reason_code=ReasonCode.AMOUNT_MISMATCH)
    sync_frozen(uow, order=order)
    uow.commit()
    return order

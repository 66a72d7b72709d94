"""The carrier's decision about a label that was voided: until it refunds the price, the price stays posted."""

import msgspec

from resale.application.operations.orders.labels import settle_label
from resale.application.ports import Partners, UnitOfWork
from resale.domain.changes import ChangeType
from resale.domain.issues import Issue, clear_issues, raise_issue
from resale.domain.order_steps import shipment_of, update_order
from resale.domain.orders import Order, OrderStatus
from resale.domain.reasons import ReasonCode
from resale.domain.shipments import VoidState


def settle_void(uow: UnitOfWork, *, partners: Partners, order: Order) -> Order:
    """Ask the carrier for its decision about a voided label, and record it; undecided, a later step asks again."""
    decided = settle_label(uow, partners=partners, order=order, shipment=shipment_of(order), step="label_voided")
    changed = msgspec.structs.replace(order, shipment=decided.shipment)
    if decided.is_open:
        changed = update_order(changed, now=uow.now)
        uow.orders.save(changed, change_type=ChangeType.ORDER_POSTPONED, reason_code=ReasonCode.NOTHING_TO_DO_YET)
    else:
        was_used_for_sale = decided.state == VoidState.IN_USE and order.status == OrderStatus.COMPLETED
        is_fine = decided.state == VoidState.VOIDED or was_used_for_sale
        about = clear_issues if is_fine else raise_issue
        changed = update_order(about(changed, Issue.LABEL_NOT_REFUNDED), now=uow.now)
        uow.orders.save(changed, change_type=ChangeType.ORDER_LABEL_VOID_DECIDED, reason_code=decided.state)
    uow.commit()
    return changed

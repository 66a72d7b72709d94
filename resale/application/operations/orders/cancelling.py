"""Cancelling an order that is not shipped: an unpaid one directly, a paid one by voiding its label and refunding it."""

from collections.abc import Mapping
from typing import Final

import msgspec

from resale.application.operations.access import authorize, require_version
from resale.application.operations.orders.labels import VoidedLabel, post_label, void_unused_label
from resale.application.operations.orders.parcel_news import commit_shipment, poll_events
from resale.application.operations.orders.tracking import resume_shipment
from resale.application.operations.orders.transitions import move_listing
from resale.application.ports import Partners, UnitOfWork
from resale.domain import ledger
from resale.domain.access import Action, Role
from resale.domain.changes import ChangeType
from resale.domain.ids import OrderId
from resale.domain.listings import ListingCommand
from resale.domain.order_states import ORDERS
from resale.domain.order_steps import hold_of, shipment_of, transition_order, update_order
from resale.domain.orders import Order, OrderCommand, OrderStatus
from resale.domain.parcel_news import news_of
from resale.domain.reasons import ReasonCode

_REASONS: Final[Mapping[Role, ReasonCode]] = {
    Role.OWNER: ReasonCode.BUYER_CANCELLED,
    Role.COUNTERPARTY: ReasonCode.SELLER_CANCELLED,
}
_ENDING = frozenset({OrderStatus.CANCELLED, OrderStatus.PAYMENT_FAILED, OrderStatus.CANCELLING})


def cancel_order(uow: UnitOfWork, *, order_id: OrderId) -> Order:
    """Cancel an order that is not shipped; during a payment, the request is recorded and applied afterwards.

    Shape: reads 1-2 items; commits 1-2 (``order.cancelled`` with ``listing.released``, ``order.cancel_requested``, or
    ``order.cancelling``: the workflow gives label and money back). Idempotent: repeating it is a no-op.

    Args:
        uow: Fresh; committed here once.
        order_id: Which.

    Returns:
        The order: cancelled, being cancelled, or with ``cancel_requested``.

    Raises:
        OrderNotFound: None that the caller may see.
        Forbidden: Seen, but not theirs to cancel.
        OrderTransitionRefused: Shipped already, or over.
        Conflict: Another writer won, or the version is not the expected one.
    """
    order = uow.orders.get(order_id)
    role = authorize(uow, entity=order, action=Action.CANCEL_ORDER)
    if order.status in _ENDING or order.cancel_requested:
        return order
    require_version(uow, entity=order)
    reason = _REASONS.get(role, ReasonCode.BRAND_CANCELLED)
    if order.status == OrderStatus.PAYMENT_PENDING:
        return _request_cancel(uow, order=order, reason=reason)
    if order.status == OrderStatus.SUBMITTED:
        return cancel_unpaid(uow, order=order, reason=reason)
    return begin_cancel(uow, order=order, reason=reason)


def cancel_after_failed_payment(uow: UnitOfWork, *, partners: Partners, order: Order) -> Order:  # noqa: ARG001 - as every step
    """Cancel an order whose payment failed, for the recorded reason."""
    return cancel_unpaid(uow, order=order, reason=order.cancel_reason or ReasonCode.PAYMENT_DECLINED)


def honour_cancel_request(uow: UnitOfWork, *, partners: Partners, order: Order) -> Order:  # noqa: ARG001 - as every step
    """Start the cancellation of an order that was paid before the request for it could be applied."""
    return begin_cancel(uow, order=order, reason=order.cancel_reason or ReasonCode.CANCELLED)


def cancel_unpaid(uow: UnitOfWork, *, order: Order, reason: ReasonCode) -> Order:
    """Cancel an order, put its listing back on sale and release the buyer's hold, in one commit."""
    order = transition_order(msgspec.structs.replace(order, cancel_reason=reason), OrderCommand.CANCEL, now=uow.now)
    uow.orders.save(order, change_type=ChangeType.ORDER_CANCELLED, reason_code=reason)
    move_listing(uow, order=order, command=ListingCommand.RELEASE, change_type=ChangeType.LISTING_RELEASED)
    uow.holds.remove(order.buyer_id, hold_of(order))
    uow.commit()
    return order


def begin_cancel(uow: UnitOfWork, *, order: Order, reason: ReasonCode) -> Order:
    """Start the cancellation of a paid order."""
    order = transition_order(
        msgspec.structs.replace(order, cancel_requested=True, cancel_reason=reason),
        OrderCommand.BEGIN_CANCEL,
        now=uow.now,
    )
    uow.orders.save(order, change_type=ChangeType.ORDER_CANCELLING, reason_code=reason)
    uow.commit()
    return order


def expire_shipping(uow: UnitOfWork, *, partners: Partners, order: Order) -> Order:
    """Expire an order that was not shipped in time; the carrier is polled before, for a scan whose webhook was lost."""
    parcel = order.shipment
    if parcel is not None and parcel.provider_reference is not None:
        found = poll_events(uow, shipping=partners.shipping, order=order)
        if news_of(found) is not None:
            return commit_shipment(uow, order=order, shipment=found)
    order = transition_order(
        msgspec.structs.replace(order, cancel_reason=ReasonCode.NOT_SHIPPED_IN_TIME),
        OrderCommand.EXPIRE_SHIPPING,
        now=uow.now,
    )
    uow.orders.save(order, change_type=ChangeType.ORDER_SHIP_EXPIRED, reason_code=ReasonCode.NOT_SHIPPED_IN_TIME)
    uow.commit()
    return order


def void_label(uow: UnitOfWork, *, partners: Partners, order: Order) -> Order:
    """Void the label before the refund; if the parcel is already on its way, the order is shipped instead."""
    before = shipment_of(order)
    given = void_unused_label(uow, partners=partners, shipment=before)
    if given.retry_at is not None:
        return _seek_label(uow, order=order, given=given)
    if given.bought is not None:
        name = partners.shipping.name
        post_label(uow, provider=name, order=order, label=given.bought, step="label_issued")
    if given.in_use and ORDERS.allows(order.status, OrderCommand.SHIP, entity=order, now=uow.now):
        return resume_shipment(uow, order=order, shipment=given.shipment)
    order = update_order(msgspec.structs.replace(order, shipment=given.shipment), now=uow.now)
    voided = ChangeType.ORDER_LABEL_VOID_REQUESTED if given.is_pending else ChangeType.ORDER_LABEL_VOIDED
    uow.orders.save(order, change_type=ChangeType.ORDER_TRACKED if given.in_use else voided)
    if given.was_voided and before.cost is not None:
        uow.ledger.post(ledger.label_void(order, before.cost, step="label_voided", at=uow.now))
    uow.commit()
    return order


def _seek_label(uow: UnitOfWork, *, order: Order, given: VoidedLabel) -> Order:
    """Wait for a label purchase that may be in progress; before its time, nothing is written."""
    if order.due_at == given.retry_at:
        return order
    order = msgspec.structs.replace(update_order(order, now=uow.now), due_at=given.retry_at)
    uow.orders.save(order, change_type=ChangeType.ORDER_LABEL_SOUGHT)
    uow.commit()
    return order


def _request_cancel(uow: UnitOfWork, *, order: Order, reason: ReasonCode) -> Order:
    order = update_order(msgspec.structs.replace(order, cancel_requested=True, cancel_reason=reason), now=uow.now)
    uow.orders.save(order, change_type=ChangeType.ORDER_CANCEL_REQUESTED, reason_code=reason)
    uow.commit()
    return order

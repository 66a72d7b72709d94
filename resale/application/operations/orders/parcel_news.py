"""The effect of a parcel's news on its order: a transition, an issue for staff, or nothing."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Final, NamedTuple, Protocol

import msgspec

from resale.application.operations.orders.freezing import sync_frozen
from resale.application.ports import ShippingProvider, UnitOfWork
from resale.domain import ledger
from resale.domain.changes import ChangeType
from resale.domain.compensations import ParcelLoss, bearer_of
from resale.domain.issues import Issue, clear_issues, raise_issue
from resale.domain.order_steps import shipment_of, transition_order_if_allowed, update_order
from resale.domain.orders import Order, OrderCommand, OrderTransitionRefused
from resale.domain.parcel_news import PARCEL_ISSUES, Effect, ParcelNews, effect_on_sale, news_of
from resale.domain.policies import RefundAt
from resale.domain.reasons import ReasonCode
from resale.domain.shipments import Shipment, TrackingEvent, bound_events, record_events


class _Prepare(Protocol):
    def __call__(self, uow: UnitOfWork, /, *, order: Order) -> Order:
        """Return the order with the fields of its next status."""


class _Move(NamedTuple):
    prepare: _Prepare
    change_type: ChangeType


def apply_events(uow: UnitOfWork, *, order: Order, events: tuple[TrackingEvent, ...]) -> Shipment:
    """Return an order's parcel with events of the carrier. Raises OrderTransitionRefused if there is no parcel."""
    if order.shipment is None:
        raise OrderTransitionRefused(f"Order {order.id} has the status {order.status} and no parcel.")
    since = order.confirmed_at or order.created_at
    return record_events(order.shipment, bound_events(events, since=since, now=uow.now))


def poll_events(uow: UnitOfWork, *, shipping: ShippingProvider, order: Order) -> Shipment:
    """Return an order's parcel with all events that its carrier has; without a label of ours, as it stands."""
    shipment = shipment_of(order)
    if shipment.provider_reference is None:
        return shipment
    events = shipping.list_tracking(shipment_id=shipment.id, provider_reference=shipment.provider_reference)
    return apply_events(uow, order=order, events=events)


def commit_shipment(uow: UnitOfWork, *, order: Order, shipment: Shipment) -> Order:
    """Commit the news of a parcel: the order moves, staff get an issue, or the news is only recorded."""
    news, before = news_of(shipment), news_of(order.shipment)
    effect = effect_on_sale(order, news)
    tracked = msgspec.structs.replace(order, shipment=shipment, parcel_review_at=None)
    tracked = _with_time_to_find(uow, tracked, is_new=news != before)
    command = _command_of(uow, tracked, effect.command)
    if command is not None:
        move = _MOVES[command]
        moved = transition_order_if_allowed(move.prepare(uow, order=tracked), command, now=uow.now)
        if moved.status != order.status:
            uow.orders.save(moved, change_type=move.change_type, reason_code=_reason_of(command, news))
            uow.commit()
            return moved
    if news != before:
        tracked = _with_issue(tracked, effect)
    order = update_order(tracked, now=uow.now)
    uow.orders.save(order, change_type=ChangeType.ORDER_TRACKED)
    if news != before:
        sync_frozen(uow, order=order)
    uow.commit()
    return order


def give_up(uow: UnitOfWork, *, order: Order) -> Order:
    """Commit that a parcel is lost or goes back: the refund of its buyer follows."""
    lost = transition_order_if_allowed(_bear_loss(uow, order=order), OrderCommand.LOSE, now=uow.now)
    uow.orders.save(
        lost, change_type=ChangeType.ORDER_LOST, reason_code=_reason_of(OrderCommand.LOSE, news_of(order.shipment))
    )
    uow.commit()
    return lost


def start_transit(uow: UnitOfWork, *, order: Order) -> Order:
    """Return a shipped order; the time after which it counts as delivered runs from the carrier's first scan."""
    policies = uow.tenant.policies
    shipped_at = shipment_of(order).shipped_at or uow.now
    receive_by = max(
        shipped_at + timedelta(days=policies.auto_receive_days), uow.now + timedelta(hours=policies.claim_notice_hours)
    )
    return msgspec.structs.replace(order, auto_receive_at=receive_by, cancel_requested=False)


def start_protection(uow: UnitOfWork, *, order: Order) -> Order:
    """Return a delivered order; the claim window runs from the delivery, and never ends before the buyer could act.

    A delivery that is reported days late leaves ``claim_notice_hours`` from now.
    """
    policies = uow.tenant.policies
    window, notice = timedelta(hours=policies.claim_window_hours), timedelta(hours=policies.claim_notice_hours)
    delivered_at = shipment_of(order).delivered_at or uow.now
    claim_until = max(delivered_at + window, uow.now + min(window, notice))
    return msgspec.structs.replace(order, claim_until=claim_until, undelivered_at=None, cancel_requested=False)


def _bear_loss(uow: UnitOfWork, *, order: Order) -> Order:
    """Return an order whose parcel is given up, with who bears the loss if the carrier lost it."""
    parcel = shipment_of(order)
    if news_of(parcel) != ParcelNews.LOST:
        return order
    bearer = bearer_of(uow.tenant.policies.lost_parcel_borne_by, has_label=parcel.provider_reference is not None)
    return msgspec.structs.replace(order, loss=ParcelLoss(borne_by=bearer, amount=ledger.seller_left(order)))


_MOVES: Final[Mapping[OrderCommand, _Move]] = {
    OrderCommand.SHIP: _Move(start_transit, ChangeType.ORDER_SHIPPED),
    OrderCommand.DELIVER: _Move(start_protection, ChangeType.ORDER_DELIVERED),
    OrderCommand.LOSE: _Move(_bear_loss, ChangeType.ORDER_LOST),
}


def _command_of(uow: UnitOfWork, order: Order, command: OrderCommand | None) -> OrderCommand | None:
    """Return the command that is due now: a parcel that may be found, or arrive back, is only shipped so far."""
    if command != OrderCommand.LOSE:
        return command
    is_due = order.undelivered_at is None or uow.now >= order.undelivered_at
    return command if is_due else OrderCommand.SHIP


def _with_time_to_find(uow: UnitOfWork, order: Order, *, is_new: bool) -> Order:
    """Return an order with the time until which its lost parcel is searched for, or awaited back at its sender."""
    if not is_new:
        return order
    policies, news, until = uow.tenant.policies, news_of(order.shipment), None
    if news == ParcelNews.LOST:
        until = uow.now + timedelta(hours=policies.lost_after_hours)
    elif news == ParcelNews.GOING_BACK and policies.refund_undelivered_at == RefundAt.DELIVERED:
        until = uow.now + timedelta(days=policies.auto_receive_days)
    return msgspec.structs.replace(order, undelivered_at=until)


def _with_issue(order: Order, effect: Effect) -> Order:
    """Return an order with the issue of the latest news, and without those of earlier news."""
    if effect.issue is None:
        return clear_issues(order, *PARCEL_ISSUES) if effect.is_settled else order
    was_sent = shipment_of(order).shipped_at is not None
    if effect.issue == Issue.PARCEL_LOST and not was_sent:
        return order  # a label that failed, and no parcel
    return raise_issue(clear_issues(order, *PARCEL_ISSUES), effect.issue)


def _reason_of(command: OrderCommand, news: ParcelNews | None) -> ReasonCode | None:
    if command != OrderCommand.LOSE:
        return None
    return ReasonCode.LOST_IN_TRANSIT if news == ParcelNews.LOST else ReasonCode.RETURNED_TO_SENDER

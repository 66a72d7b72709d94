"""Parcels: label, tracking events, and their effect on the order."""

import msgspec

from resale.application.operations.access import authorize, require_version
from resale.application.operations.orders.label_requests import build_label_request
from resale.application.operations.orders.labels import post_label
from resale.application.operations.orders.parcel_news import (
    apply_events,
    commit_shipment,
    give_up,
    poll_events,
    start_protection,
    start_transit,
)
from resale.application.operations.orders.transitions import private_of, seal_private
from resale.application.operations.sellers import ship_from_of
from resale.application.ports import Partners, ShippingProvider, UnitOfWork
from resale.domain.access import Action
from resale.domain.addresses import Address
from resale.domain.changes import ChangeType
from resale.domain.customs import CustomsDataMissing, ExportFilingRequired
from resale.domain.ids import OrderId
from resale.domain.issues import Issue, clear_issues, raise_issue
from resale.domain.order_steps import (
    shipment_of,
    transition_order,
    update_order,
)
from resale.domain.orders import (
    Order,
    OrderCommand,
    OrderStatus,
    OrderTransitionRefused,
)
from resale.domain.parcel_news import news_of
from resale.domain.reasons import FreeCode, ReasonCode
from resale.domain.shipments import (
    Label,
    LabelState,
    Shipment,
    TrackingEvent,
    abandon_label,
    attach_label,
    refused_label,
)


def request_label(uow: UnitOfWork, *, order_id: OrderId, ship_from: Address | None) -> Order:
    """Request a label, which the workflow buys. Idempotent: a repeated request has no effect.

    Shape: reads 1-2 items; commits 1-2 (``order.label_requested``, with ``seller.edited`` when an address is given).

    Args:
        uow: Fresh; committed here once.
        order_id: Which sale.
        ship_from: Where the parcel leaves from; None: what the seller's account says.

    Returns:
        The order; its ``shipment`` gets the label within moments.

    Raises:
        OrderNotFound: None that the caller may see.
        Forbidden: Not the seller.
        OrderTransitionRefused: Not paid, or on its way.
        ShipFromMissing: Nobody said where it leaves from.
        Invalid: The given address lacks what its country needs.
        Conflict: Another writer won.
    """
    order = uow.orders.get(order_id)
    authorize(uow, entity=order, action=Action.REQUEST_LABEL)
    if order.status == OrderStatus.AWAITING_SHIPMENT:
        return order
    if order.status != OrderStatus.CONFIRMED:
        raise OrderTransitionRefused(f"Order {order.id} has the status {order.status} and cannot get a label.")
    shipment = shipment_of(order)
    if shipment.label_wanted and ship_from is None:
        return order
    ship_from_of(uow, customer_id=order.seller_id, given=ship_from)
    wanted = msgspec.structs.replace(shipment, label_wanted=True, reason_code=None)
    order = clear_issues(msgspec.structs.replace(order, shipment=wanted), Issue.LABEL_REFUSED)
    order = update_order(order, now=uow.now)
    uow.orders.save(order, change_type=ChangeType.ORDER_LABEL_REQUESTED)
    uow.commit()
    return order


def buy_label(uow: UnitOfWork, *, partners: Partners, order: Order) -> Order:
    """Check the label at the provider, buy it if needed, and commit the result."""
    shipping, shipment, private = partners.shipping, shipment_of(order), private_of(uow, order=order)
    sender = ship_from_of(uow, customer_id=order.seller_id, given=None)
    label = shipping.find_label(shipment_id=shipment.id)
    if label is None or label.state == LabelState.REFUSED:
        label = _buy(uow, shipping, order=order, sender=sender, recipient=private.shipping_address)
    if label.state != LabelState.ISSUED:
        private = msgspec.structs.replace(private, label_message=label.message)
        sealed = seal_private(uow, order=order, private=private)
        return _commit_refused_label(uow, order=msgspec.structs.replace(order, private=sealed), label=label)
    post_label(uow, provider=shipping.name, order=order, label=label, step="label_issued")
    private = msgspec.structs.replace(private, label_url=label.url, label_message=None)
    sealed = seal_private(uow, order=order, private=private)
    order = transition_order(
        msgspec.structs.replace(order, shipment=attach_label(shipment, label), private=sealed),
        OrderCommand.ISSUE_LABEL,
        now=uow.now,
    )
    uow.orders.save(order, change_type=ChangeType.ORDER_LABEL_ISSUED)
    uow.commit()
    return order


def record_tracking(uow: UnitOfWork, *, order_id: OrderId, events: tuple[TrackingEvent, ...]) -> Order:
    """Record a carrier's tracking events; the order of their arrival and their repetition do not matter.

    What becomes of the order is the table ``resale.domain.parcel_news.SALE_EFFECTS``.

    Shape: reads 1 item; commits at most 1 (``order.shipped``, ``order.delivered``, ``order.lost``, ``order.tracked``).

    Args:
        uow: Fresh; committed here at most once.
        order_id: Whose parcel.
        events: Reports; known ones change nothing.

    Returns:
        The order as it stands.

    Raises:
        OrderNotFound: No such order.
        OrderTransitionRefused: It is not paid, so there is no parcel.
        Conflict: Another writer won; read again.
    """
    order = uow.orders.get(order_id)
    shipment = apply_events(uow, order=order, events=events)
    return order if shipment is order.shipment else commit_shipment(uow, order=order, shipment=shipment)


def report_tracking(uow: UnitOfWork, *, order_id: OrderId, event: TrackingEvent) -> Order:
    """Record a brand's tracking event like one of the carrier.

    Shape: as ``record_tracking``. The same report again: no-op.

    Args:
        uow: Fresh; committed here at most once.
        order_id: Whose parcel.
        event: The report.

    Returns:
        The order as it stands.

    Raises:
        OrderNotFound: None that the caller may see.
        Forbidden: Not theirs to report.
        OrderTransitionRefused: It is not paid, so there is no parcel.
        Conflict: Another writer won, or the version is not the expected one.
    """
    order = uow.orders.get(order_id)
    authorize(uow, entity=order, action=Action.REPORT_TRACKING)
    shipment = apply_events(uow, order=order, events=(event,))
    if shipment is order.shipment:
        return order
    require_version(uow, entity=order)
    return commit_shipment(uow, order=order, shipment=shipment)


def track(uow: UnitOfWork, *, partners: Partners, order: Order) -> Order:
    """Poll the carrier for tracking events that were not reported."""
    found = poll_events(uow, shipping=partners.shipping, order=order) if _has_label(order) else order.shipment
    if found is not None and found is not order.shipment:
        return commit_shipment(uow, order=order, shipment=found)
    order = update_order(msgspec.structs.replace(order, parcel_review_at=None), now=uow.now)
    uow.orders.save(order, change_type=ChangeType.ORDER_TRACKING_POLLED)
    uow.commit()
    return order


def give_up_parcel(uow: UnitOfWork, *, partners: Partners, order: Order) -> Order:
    """Give up a lost parcel, or one that goes back, when its time is over; the carrier is polled before."""
    found = poll_events(uow, shipping=partners.shipping, order=order) if _has_label(order) else shipment_of(order)
    if news_of(found) != news_of(order.shipment):
        return commit_shipment(uow, order=order, shipment=found)
    return give_up(uow, order=msgspec.structs.replace(order, shipment=found))


def receive(uow: UnitOfWork, *, partners: Partners, order: Order) -> Order:  # noqa: ARG001 - as every step
    """Mark a parcel without scans for a long time as delivered."""
    return _deliver(uow, order=order, reason=ReasonCode.AUTO_RECEIVED)


def confirm_receipt(uow: UnitOfWork, *, order_id: OrderId) -> Order:
    """Confirm receipt: the order is completed now instead of at the end of the claim window.

    Shape: reads 1 item; commits 1 (``order.receipt_confirmed``). Idempotent: repeating it is a no-op.

    Args:
        uow: Fresh; committed here once.
        order_id: Which.

    Returns:
        The order, delivered and about to complete.

    Raises:
        OrderNotFound: None that the caller may see.
        Forbidden: Not the buyer.
        OrderTransitionRefused: Not on its way, or a claim is open.
        Conflict: Another writer won.
    """
    order = uow.orders.get(order_id)
    authorize(uow, entity=order, action=Action.CONFIRM_RECEIPT)
    if order.receipt_confirmed_at is not None:
        return order
    confirmed = msgspec.structs.replace(order, receipt_confirmed_at=uow.now, claim_until=order.claim_until or uow.now)
    if order.status == OrderStatus.DELIVERED:
        order = update_order(confirmed, now=uow.now)
    elif order.status == OrderStatus.SHIPPED:
        order = transition_order(confirmed, OrderCommand.DELIVER, now=uow.now)
    else:
        raise OrderTransitionRefused(
            f"Order {order.id} has the status {order.status}, so its receipt cannot be confirmed."
        )
    uow.orders.save(order, change_type=ChangeType.ORDER_RECEIPT_CONFIRMED)
    uow.commit()
    return order


def resume_shipment(uow: UnitOfWork, *, order: Order, shipment: Shipment) -> Order:
    """Ship an order that is being cancelled: its parcel left before."""
    shipped = start_transit(uow, order=msgspec.structs.replace(order, shipment=shipment))
    order = transition_order(shipped, OrderCommand.SHIP, now=uow.now)
    uow.orders.save(order, change_type=ChangeType.ORDER_SHIPPED, reason_code=ReasonCode.PARCEL_WAS_ON_ITS_WAY)
    uow.commit()
    return order


def _buy(uow: UnitOfWork, shipping: ShippingProvider, *, order: Order, sender: Address, recipient: Address) -> Label:
    shipment_id = shipment_of(order).id
    try:
        request = build_label_request(uow, order=order, shipment_id=shipment_id, sender=sender, recipient=recipient)
    except (CustomsDataMissing, ExportFilingRequired) as refusal:
        return refused_label(refusal.code)
    return shipping.buy_label(request)


def _commit_refused_label(uow: UnitOfWork, *, order: Order, label: Label) -> Order:
    reason = FreeCode(label.reason_code or ReasonCode.LABEL_REFUSED)
    # Another worker may have been given one: it is looked for when the order ends.
    unwanted = msgspec.structs.replace(
        abandon_label(shipment_of(order), now=uow.now), label_wanted=False, reason_code=reason
    )
    order = raise_issue(msgspec.structs.replace(order, shipment=unwanted), Issue.LABEL_REFUSED)
    order = update_order(order, now=uow.now)
    uow.orders.save(order, change_type=ChangeType.ORDER_LABEL_REFUSED, reason_code=reason)
    uow.commit()
    return order


def _has_label(order: Order) -> bool:
    return order.shipment is not None and order.shipment.provider_reference is not None


def _deliver(uow: UnitOfWork, *, order: Order, reason: ReasonCode) -> Order:
    order = transition_order(start_protection(uow, order=order), OrderCommand.DELIVER, now=uow.now)
    uow.orders.save(order, change_type=ChangeType.ORDER_DELIVERED, reason_code=reason)
    uow.commit()
    return order

"""Correcting the shipping address, until a label is bought for it."""

from typing import Final

import msgspec

from resale.application.operations.access import authorize, require_version
from resale.application.operations.orders.label_requests import item_data, item_value
from resale.application.operations.orders.transitions import private_of, scan_grace, seal_private
from resale.application.ports import UnitOfWork
from resale.domain.access import Action
from resale.domain.addresses import Address, normalise_address
from resale.domain.calendars import add_business_days
from resale.domain.changes import ChangeType
from resale.domain.ids import OrderId
from resale.domain.issues import Issue, clear_issues, issues_of
from resale.domain.order_steps import update_order
from resale.domain.orders import Order, OrderStatus, OrderTransitionRefused
from resale.domain.quotes import check_priced_country
from resale.domain.shipments import ShipmentStatus
from resale.domain.shipping_data import check_destination
from resale.errors import Rejected

#: Before its parcel can have a label.
CORRECTABLE: Final = frozenset({OrderStatus.SUBMITTED, OrderStatus.PAYMENT_PENDING, OrderStatus.CONFIRMED})


class LabelUnderWay(Rejected):
    """A label for the known address is being bought."""

    code = "label_under_way"
    title = "Label purchase in progress"
    default_detail = "A label for this address is being bought. Read the order again in a minute."


def correct_address(uow: UnitOfWork, *, order_id: OrderId, address: Address) -> Order:
    """Replace an order's shipping address. A label that the carrier refused is requested again.

    The seller gets the whole time to ship again when the label was refused. Idempotent: the same address again has no
    effect, unless the label was refused.

    Shape: reads 1 item; commits at most 1 (``order.address_corrected``).

    Args:
        uow: Fresh; committed here at most once.
        order_id: Which.
        address: The whole new address; checked by its country's rules.

    Returns:
        The order with the new address.

    Raises:
        OrderNotFound: None that the caller may see.
        Forbidden: The seller's.
        Invalid: The address lacks what its country needs, or is in a country with another price.
        OrderTransitionRefused: It has a label, is being cancelled, or is over.
        LabelUnderWay: A label may be being bought right now.
        CustomsDataMissing: The parcel would cross a customs border, and nobody said what is in it.
        ExportFilingRequired: It would leave the United States and is worth too much.
        Conflict: Another writer won, or the version is not the expected one.
    """
    order = uow.orders.get(order_id)
    authorize(uow, entity=order, action=Action.CORRECT_ADDRESS)
    accepted = normalise_address(address, at="")
    private = private_of(uow, order=order)
    if private.shipping_address == accepted and Issue.LABEL_REFUSED not in issues_of(order):
        return order
    require_version(uow, entity=order)
    _check_correctable(order)
    check_priced_country(order, before=private.shipping_address.country, after=accepted.country)
    check_destination(item_data(uow, order=order), recipient=accepted, value=item_value(order=order))
    sealed = seal_private(uow, order=order, private=msgspec.structs.replace(private, shipping_address=accepted))
    order = _request_label_again(uow, msgspec.structs.replace(order, private=sealed))
    order = update_order(order, now=uow.now)
    uow.orders.save(order, change_type=ChangeType.ORDER_ADDRESS_CORRECTED)
    uow.commit()
    return order


def _check_correctable(order: Order) -> None:
    shipment = order.shipment
    has_label = shipment is not None and shipment.status != ShipmentStatus.REQUESTED
    if order.status not in CORRECTABLE or order.cancel_requested or has_label:
        raise OrderTransitionRefused(
            "The address cannot be corrected after the label was bought. Cancel the order to ship it elsewhere."
        )
    if shipment is not None and shipment.label_wanted:
        raise LabelUnderWay("A label for this address is being bought. Read the order again in a minute.")


def _request_label_again(uow: UnitOfWork, order: Order) -> Order:
    """Return the order with its refused label requested again, and a new deadline to ship."""
    if Issue.LABEL_REFUSED not in issues_of(order) or order.shipment is None:
        return order
    ship_by = add_business_days(uow.now, uow.tenant.policies.ship_by_business_days, market=order.market)
    ship_by = ship_by if order.ship_by is None else max(order.ship_by, ship_by)
    return msgspec.structs.replace(
        clear_issues(order, Issue.LABEL_REFUSED),
        shipment=msgspec.structs.replace(order.shipment, label_wanted=True, reason_code=None),
        ship_by=ship_by,
        ship_late_at=ship_by + scan_grace(uow),
    )

"""Voiding an unused label, including one whose purchase had no known outcome."""

from datetime import datetime, timedelta
from typing import Final

import msgspec

from resale.application.ports import Partners, ShippingProvider, UnitOfWork
from resale.domain import ledger
from resale.domain.ids import RETURN_ID, SHIPMENT_ID
from resale.domain.orders import Order
from resale.domain.partners import PartnerMisconfigured
from resale.domain.shipments import (
    SHIPMENTS,
    Label,
    LabelState,
    Shipment,
    ShipmentCommand,
    VoidState,
    attach_label,
    postpone_void,
    request_void,
)

#: A purchase that was under way when its label was given up is over by then: longer than any call waits.
PURCHASE_OVER: Final = timedelta(minutes=2)
#: Its price is owed to the carrier.
_OWED: Final = frozenset({LabelState.ISSUED, LabelState.VOIDING})


class VoidedLabel(msgspec.Struct, frozen=True, kw_only=True):
    """The result of voiding a label."""

    shipment: Shipment
    bought: Label | None = None  # found in use, and not booked yet
    was_voided: bool = False  # one that is booked
    is_pending: bool = False  # voided, and the carrier has not refunded its price
    in_use: bool = False
    retry_at: datetime | None = None


class DecidedVoid(msgspec.Struct, frozen=True, kw_only=True):
    """The carrier's decision about the price of a voided label; ``is_open``: it is asked again."""

    shipment: Shipment
    state: VoidState
    is_open: bool


def void_unused_label(uow: UnitOfWork, *, partners: Partners, shipment: Shipment) -> VoidedLabel:
    """Void a label, or find out that there is none.

    One asked for and not known to be bought is looked for, till a purchase under way must be over; then it is closed,
    where its provider can do that. Where nobody can be asked, a label nobody knows of holds up no buyer's money.
    """
    try:
        return _void_or_seek(uow, partners.shipping, shipment)
    except PartnerMisconfigured:
        if shipment.provider_reference is not None:
            raise
        return VoidedLabel(shipment=_clear_label(shipment))


def _void_or_seek(uow: UnitOfWork, shipping: ShippingProvider, shipment: Shipment) -> VoidedLabel:
    if shipment.provider_reference is not None:
        return _void(uow, shipping, shipment, shipment.provider_reference, found=None)
    found = shipping.find_label(shipment_id=shipment.id)
    if found is not None and found.state in _OWED:
        return _void(uow, shipping, shipment, found.provider_reference, found=found)
    over_at = (shipment.given_up_at or uow.now) + PURCHASE_OVER
    if uow.now < over_at:
        return VoidedLabel(shipment=shipment, retry_at=over_at)
    shipping.void_label(shipment_id=shipment.id, provider_reference="")
    return VoidedLabel(shipment=_clear_label(shipment))


def settle_label(uow: UnitOfWork, *, partners: Partners, order: Order, shipment: Shipment, step: str) -> DecidedVoid:
    """Ask the carrier for its decision about a voided label; if it refunded the price, buffer its reversal.

    A decision that does not come in time is a refusal. If a refund is reported later, it still counts.
    """
    state = partners.shipping.void_label(shipment_id=shipment.id, provider_reference=shipment.provider_reference or "")
    if state in {VoidState.PENDING, VoidState.REJECTED}:
        shipment = postpone_void(shipment, now=uow.now)
        return DecidedVoid(shipment=shipment, state=state, is_open=shipment.void_due_at is not None)
    if state == VoidState.VOIDED and shipment.cost is not None:
        uow.ledger.post(ledger.label_void(order, shipment.cost, step=step, at=uow.now))
    decided = msgspec.structs.replace(shipment, void_requested_at=None, void_due_at=None)
    return DecidedVoid(shipment=decided, state=state, is_open=False)


def post_label(uow: UnitOfWork, *, provider: str, order: Order, label: Label, step: str) -> None:
    """Buffer the cost of a bought label, and the provider's reference; ``step`` distinguishes outbound and return."""
    shipment_id = (RETURN_ID if step.startswith("return") else SHIPMENT_ID).sibling_of(order.id)
    uow.references.add(provider=provider, reference=label.provider_reference, entity_id=shipment_id)
    if label.cost is not None:
        uow.ledger.post(ledger.label_purchase(order, label.cost, step=step, at=uow.now))


def _void(
    uow: UnitOfWork, shipping: ShippingProvider, shipment: Shipment, reference: str, *, found: Label | None
) -> VoidedLabel:
    state = shipping.void_label(shipment_id=shipment.id, provider_reference=reference)
    if state == VoidState.VOIDED:
        return VoidedLabel(shipment=_clear_label(shipment), was_voided=found is None)
    if found is not None:
        shipment = _adopt_label(shipment, found)
    if state != VoidState.IN_USE:
        pending = request_void(_clear_label(shipment), now=uow.now)
        return VoidedLabel(shipment=pending, bought=found, is_pending=True)
    return VoidedLabel(shipment=_scan(uow, shipment), bought=found, in_use=True)


def _clear_label(shipment: Shipment) -> Shipment:
    status = shipment.status
    if SHIPMENTS.permits(status, ShipmentCommand.VOID):
        status = SHIPMENTS.next_status(status, ShipmentCommand.VOID)
    return msgspec.structs.replace(shipment, status=status, label_wanted=False, given_up_at=None)


def _adopt_label(shipment: Shipment, label: Label) -> Shipment:
    if SHIPMENTS.permits(shipment.status, ShipmentCommand.ISSUE_LABEL):
        return attach_label(shipment, label)
    return msgspec.structs.replace(shipment, provider_reference=label.provider_reference, cost=label.cost)


def _scan(uow: UnitOfWork, shipment: Shipment) -> Shipment:
    shipment = msgspec.structs.replace(shipment, given_up_at=None)
    if not SHIPMENTS.permits(shipment.status, ShipmentCommand.SCAN):
        return shipment
    status = SHIPMENTS.next_status(shipment.status, ShipmentCommand.SCAN)
    return msgspec.structs.replace(shipment, status=status, shipped_at=shipment.shipped_at or uow.now)

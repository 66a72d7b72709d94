"""Shipments: parcels with their label, status, and tracking events in any order."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, Final

import msgspec

from resale.domain.addresses import Address
from resale.domain.customs import CustomsDeclaration
from resale.domain.ids import OrderId, ShipmentId
from resale.domain.money import Money
from resale.domain.parcel_sizes import Parcel
from resale.domain.reasons import PartnerCode
from resale.domain.states import Machine, Row
from resale.errors import NotFound, Rejected

MAX_EVENTS: Final = 50  # kept of one parcel; later ones still move its state
#: A carrier that was asked to refund a label decides later, in "no greater than 30 days"
#: (docs.easypost.com/docs/shipments/shipping-refund); one more, as the request is younger than our record of it.
VOID_DECIDED_WITHIN: Final = timedelta(days=31)
VOID_POLLED_EVERY: Final = timedelta(days=1)  # a webhook reports a refund, and nothing reports a refusal


class ShipmentStatus(StrEnum):
    """The status of a parcel."""

    REQUESTED = "requested"
    PRE_TRANSIT = "pre_transit"
    IN_TRANSIT = "in_transit"
    OUT_FOR_DELIVERY = "out_for_delivery"
    AVAILABLE_FOR_PICKUP = "available_for_pickup"  # at a counter: the recipient collects it
    DELIVERED = "delivered"
    RETURNING = "returning"  # on its way back to its sender
    REFUSED = "refused"  # by its recipient: on its way back
    NOT_COLLECTED = "not_collected"  # from the counter in time: on its way back
    RETURNED = "returned"  # back at its sender
    FAILURE = "failure"  # lost, or destroyed
    VOIDED = "voided"


class ShipmentCommand(StrEnum):
    """A command on a parcel."""

    ISSUE_LABEL = "issue_label"
    SCAN = "scan"
    GO_OUT = "go_out"
    AWAIT_PICKUP = "await_pickup"
    DELIVER = "deliver"
    SEND_BACK = "send_back"
    REFUSE = "refuse"
    LEAVE_UNCOLLECTED = "leave_uncollected"
    RETURN = "return"
    LOSE = "lose"
    VOID = "void"


class ShipmentNotFound(NotFound):
    """The parcel does not exist, or the caller has no permission to see it."""

    code = "shipment_not_found"
    title = "Shipment not found"
    default_detail = "No shipment with this id exists, or this caller cannot see it."


class ShipmentTransitionRefused(Rejected):
    """The status of the shipment does not allow the command."""

    code = "shipment_transition_refused"
    title = "Shipment status does not allow this"
    default_detail = "The status of the shipment does not allow this. Read the order again."


_S = ShipmentStatus
_C = ShipmentCommand
#: In the order in which a parcel passes them.
_MOVING: Final = (_S.REQUESTED, _S.PRE_TRANSIT, _S.IN_TRANSIT, _S.OUT_FOR_DELIVERY, _S.AVAILABLE_FOR_PICKUP)
#: Why a parcel goes back to its sender, by the command that says so.
_BACKWARDS: Final = {
    _C.SEND_BACK: _S.RETURNING,
    _C.REFUSE: _S.REFUSED,
    _C.LEAVE_UNCOLLECTED: _S.NOT_COLLECTED,
}
#: On its way back to its sender.
GOING_BACK: Final = frozenset(_BACKWARDS.values())
#: A parcel given up is found again; one whose label was voided can be sent all the same: a carrier voids a label that
#: has no scan yet, and scans it later (docs.easypost.com/docs/shipments/shipping-refund).
_REAPPEARS: Final = (_S.FAILURE, _S.VOIDED)

SHIPMENTS: Final = Machine(
    "shipment",
    (
        Row(_S.REQUESTED, _C.ISSUE_LABEL, _S.PRE_TRANSIT),
        Row(_S.REQUESTED, _C.VOID, _S.VOIDED),
        Row(_S.PRE_TRANSIT, _C.VOID, _S.VOIDED),
        # Reports are applied in the order of their own time, whenever they arrive. A carrier of the seller's own has
        # no label of ours, so its first scan follows ``requested``.
        *(Row(source, _C.SCAN, _S.IN_TRANSIT) for source in (*_MOVING[:2], *_REAPPEARS)),
        *(Row(source, _C.GO_OUT, _S.OUT_FOR_DELIVERY) for source in (*_MOVING[:3], *_REAPPEARS)),
        *(Row(source, _C.AWAIT_PICKUP, _S.AVAILABLE_FOR_PICKUP) for source in (*_MOVING[:4], *_REAPPEARS)),
        *(Row(source, _C.LOSE, _S.FAILURE) for source in (*_MOVING, *_BACKWARDS.values())),
        *(Row(source, _C.DELIVER, _S.DELIVERED) for source in (*_MOVING, *_REAPPEARS)),
        *(
            Row(source, command, target)
            for command, target in _BACKWARDS.items()
            for source in (*_MOVING, *_REAPPEARS, _S.DELIVERED)
        ),
        # What is delivered after it turned back is delivered to its sender.
        *(Row(source, _C.DELIVER, _S.RETURNED) for source in _BACKWARDS.values()),
        *(
            Row(source, _C.RETURN, _S.RETURNED)
            for source in (*_MOVING, *_REAPPEARS, _S.DELIVERED, *_BACKWARDS.values())
        ),
    ),
    refused=ShipmentTransitionRefused,
    initial=_S.REQUESTED,
    cannot={
        _C.ISSUE_LABEL: "get a label",
        _C.SCAN: "be scanned",
        _C.GO_OUT: "go out for delivery",
        _C.AWAIT_PICKUP: "be available for pickup",
        _C.DELIVER: "be delivered",
        _C.SEND_BACK: "be sent back",
        _C.REFUSE: "be refused",
        _C.LEAVE_UNCOLLECTED: "be left uncollected",
        _C.RETURN: "be returned",
        _C.LOSE: "be lost",
        _C.VOID: "be voided",
    },
)

#: Reports that say the carrier has, or had, the parcel; one given up may never have been handed over.
_CARRIED: Final = frozenset(
    {_S.IN_TRANSIT, _S.OUT_FOR_DELIVERY, _S.AVAILABLE_FOR_PICKUP, _S.DELIVERED, *GOING_BACK, _S.RETURNED}
)
#: On its way to its recipient, in the carrier's hands.
ON_ITS_WAY: Final = frozenset({_S.IN_TRANSIT, _S.OUT_FOR_DELIVERY, _S.AVAILABLE_FOR_PICKUP})
#: On its way to its recipient, or there.
SENT: Final = ON_ITS_WAY | {_S.DELIVERED}
#: No carrier has had it.
_UNMOVED: Final = frozenset({_S.REQUESTED, _S.PRE_TRANSIT, _S.VOIDED})

#: What a carrier reports as a state moves the parcel by this command; the table ignores what comes too late.
REPORTED: Final = {
    _S.IN_TRANSIT: _C.SCAN,
    _S.OUT_FOR_DELIVERY: _C.GO_OUT,
    _S.AVAILABLE_FOR_PICKUP: _C.AWAIT_PICKUP,
    _S.DELIVERED: _C.DELIVER,
    _S.RETURNING: _C.SEND_BACK,
    _S.REFUSED: _C.REFUSE,
    _S.NOT_COLLECTED: _C.LEAVE_UNCOLLECTED,
    _S.RETURNED: _C.RETURN,
    _S.FAILURE: _C.LOSE,
}
#: Reports of one moment are applied in this order.
_RANK: Final = {status: rank for rank, status in enumerate(REPORTED)}


class LabelRequest(msgspec.Struct, frozen=True, kw_only=True):
    """The provider's request of a label. ``shipment_id`` is the idempotency key; addresses are personal."""

    shipment_id: ShipmentId
    order_id: OrderId
    sender: Address
    recipient: Address
    parcel: Parcel
    currency: str
    customs: CustomsDeclaration | None = None  # of a parcel that crosses a customs border


class Rate(msgspec.Struct, frozen=True, kw_only=True):
    """The price of a carrier for a parcel."""

    carrier: str
    service: str
    price: Money
    delivery_days: int | None = None


class LabelState(StrEnum):
    """The state of a label at the provider."""

    ISSUED = "issued"
    REFUSED = "refused"  # for good: an address nobody delivers to
    VOIDING = "voiding"  # given up, and its price is not refunded yet
    VOIDED = "voided"


class Label(msgspec.Struct, frozen=True, kw_only=True):
    """The known outcome of a label. ``url`` is the document with both addresses: personal."""

    state: LabelState
    provider_reference: str
    carrier: str = ""
    service: str = ""
    tracking_number: str = ""
    url: str = ""
    cost: Money | None = None
    reason_code: PartnerCode | None = None
    message: str | None = None  # of a refused one: the carrier's own words, which can quote an address


MAX_MESSAGE_CHARS: Final = 500  # of a carrier's own words


def refused_label(reason_code: str, *, provider_reference: str = "", message: str = "") -> Label:
    """Return a label that was not issued; the reason is ours or the carrier's.

    ``message``: the carrier's own words. They are kept in one line of visible characters, shortened if need be.
    """
    words = " ".join("".join(one if one.isprintable() else " " for one in message).split())
    return Label(
        state=LabelState.REFUSED,
        provider_reference=provider_reference,
        reason_code=reason_code,
        message=words[:MAX_MESSAGE_CHARS] or None,
    )


class VoidState(StrEnum):
    """The state of a label that is to be voided. Its price is owed until the state is ``voided``."""

    VOIDED = "voided"
    PENDING = "pending"  # the carrier decides within days
    REJECTED = "rejected"  # the carrier refuses the refund for now; asked again, it may agree
    IN_USE = "in_use"  # the parcel was scanned: too late


class TrackingEvent(msgspec.Struct, frozen=True, kw_only=True):
    """A tracking event of a carrier. ``id`` is the carrier's, or a hash of the event."""

    id: Annotated[str, msgspec.Meta(min_length=1, max_length=120)]
    status: ShipmentStatus
    occurred_at: Annotated[datetime, msgspec.Meta(tz=True)]


class Shipment(msgspec.Struct, frozen=True, kw_only=True):
    """A parcel in an order or claim, committed before the provider is called."""

    id: ShipmentId
    status: ShipmentStatus = ShipmentStatus.REQUESTED
    label_wanted: bool = False  # the workflow buys one
    provider_reference: str | None = None
    carrier: str | None = None
    service: str | None = None
    tracking_number: str | None = None
    cost: Money | None = None
    reason_code: str | None = None  # a ReasonCode, or the carrier's own
    events: tuple[TrackingEvent, ...] = ()
    shipped_at: datetime | None = None
    delivered_at: datetime | None = None
    given_up_at: datetime | None = None  # since when its label is to be given back, till what became of it is known
    void_requested_at: datetime | None = None  # since when the carrier is to refund its label, until it has decided
    void_due_at: datetime | None = None  # when it is asked for its decision next

    @property
    def may_hold_label(self) -> bool:
        """Whether an unused label was bought, or may have been, or is being voided."""
        if self.given_up_at is not None:
            return self.status != ShipmentStatus.VOIDED
        if self.provider_reference is None:
            return self.label_wanted and self.status != ShipmentStatus.VOIDED
        return self.status == ShipmentStatus.PRE_TRANSIT

    @property
    def awaits_void(self) -> bool:
        """Whether the carrier has yet to decide if it refunds the price of the voided label."""
        return self.void_requested_at is not None


def request_void(shipment: Shipment, *, now: datetime) -> Shipment:
    """Return a parcel whose carrier is to refund the price of its label."""
    return msgspec.structs.replace(shipment, void_requested_at=now, void_due_at=now + VOID_POLLED_EVERY)


def postpone_void(shipment: Shipment, *, now: datetime) -> Shipment:
    """Return a parcel whose carrier has not refunded its label yet; after the time for it, it is asked no more."""
    asked_at = shipment.void_requested_at
    is_open = asked_at is not None and now < asked_at + VOID_DECIDED_WITHIN
    return msgspec.structs.replace(shipment, void_due_at=now + VOID_POLLED_EVERY if is_open else None)


def abandon_label(shipment: Shipment, *, now: datetime) -> Shipment:
    """Return a parcel whose label is to be voided, before its provider is called; without a label, unchanged."""
    if shipment.given_up_at is not None or not shipment.may_hold_label:
        return shipment
    return msgspec.structs.replace(shipment, given_up_at=now)


def record_events(shipment: Shipment, events: tuple[TrackingEvent, ...]) -> Shipment:
    """Return a parcel with tracking events; the order of their arrival, repetition and grouping do not matter.

    The carrier's own times decide: reports are applied in the order of ``occurred_at``. ``shipped_at`` is the earliest
    report of the parcel in the carrier's hands, ``delivered_at`` the earliest of its delivery to the recipient; of the
    reports the latest ``MAX_EVENTS`` are kept. A voided label that is scanned is in use all the same.

    Args:
        shipment: As it stands.
        events: Reports, new and known ones mixed; bounded (``bound_events``).

    Returns:
        The shipment after them; the same object when they changed nothing.
    """
    known = {event.id for event in shipment.events}
    if all(event.id in known for event in events):
        return shipment
    unique = {event.id: event for event in (*events, *shipment.events)}
    reports = sorted(unique.values(), key=_order)
    kept = tuple(reports[-MAX_EVENTS:])
    after = msgspec.structs.replace(
        shipment,
        events=kept,
        status=_status_after(shipment, reports),
        shipped_at=_earliest(shipment.shipped_at, reports, _CARRIED),
        delivered_at=_delivery_of(shipment, reports),
    )
    return shipment if after == shipment else after


def bound_events(events: tuple[TrackingEvent, ...], *, since: datetime, now: datetime) -> tuple[TrackingEvent, ...]:
    """Return events whose times a parcel of ours can have: not before its order, and not in the future.

    A carrier's clock, or a wrong time zone of its depot, decides no deadline.
    """
    return tuple(
        msgspec.structs.replace(event, occurred_at=min(max(event.occurred_at, since), now)) for event in events
    )


def attach_label(shipment: Shipment, label: Label) -> Shipment:
    """Return a parcel with its label."""
    return msgspec.structs.replace(
        shipment,
        status=SHIPMENTS.next_status(shipment.status, ShipmentCommand.ISSUE_LABEL),
        provider_reference=label.provider_reference,
        carrier=label.carrier,
        service=label.service,
        tracking_number=label.tracking_number,
        cost=label.cost,
        given_up_at=None,
    )


def _order(event: TrackingEvent) -> tuple[datetime, int, str]:
    return event.occurred_at, _RANK.get(event.status, -1), event.id


def _status_after(shipment: Shipment, reports: list[TrackingEvent]) -> ShipmentStatus:
    """Return the status after all known reports; where the oldest were dropped, after the new ones."""
    status = shipment.status
    if len(shipment.events) >= MAX_EVENTS:
        known, since = {event.id for event in shipment.events}, shipment.events[0].occurred_at
        reports = [event for event in reports if event.id not in known and event.occurred_at >= since]
    elif shipment.events and status not in _UNMOVED:
        status = _S.IN_TRANSIT
    for event in reports:
        command = REPORTED.get(event.status)
        if command is not None and SHIPMENTS.permits(status, command):
            status = SHIPMENTS.next_status(status, command)
    return status


def _delivery_of(shipment: Shipment, reports: list[TrackingEvent]) -> datetime | None:
    """Return when the parcel was delivered to its recipient: before it turned back, if it did."""
    turned_at = _earliest(None, reports, GOING_BACK)
    first = _earliest(shipment.delivered_at, reports, frozenset({_S.DELIVERED}))
    return None if first is None or (turned_at is not None and first >= turned_at) else first


def _earliest(
    so_far: datetime | None, events: Iterable[TrackingEvent], statuses: frozenset[ShipmentStatus]
) -> datetime | None:
    moments = [event.occurred_at for event in events if event.status in statuses]
    return min(moments if so_far is None else (so_far, *moments), default=None)

"""EasyPost's JSON as structs, and its conversion. Pure: no call is made here.

Source: docs.easypost.com/docs (Shipment, Rate, Tracker, Event, Errors) and the answers recorded in the library's own
tests; samples of both lie in ``tests/samples/easypost``.
"""

import hashlib
import re
from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import ROUND_CEILING, Decimal
from typing import Any, Final, Literal

import msgspec

from resale.adapters.shipping.easypost_services import carries_goods
from resale.domain.addresses import Address
from resale.domain.ids import SHIPMENT_ID, ShipmentId
from resale.domain.money import Money, to_minor
from resale.domain.partners import PartnerEvent
from resale.domain.reasons import ReasonCode
from resale.domain.shipments import (
    Label,
    LabelRequest,
    LabelState,
    Parcel,
    Rate,
    ShipmentStatus,
    TrackingEvent,
)

# EasyPost's own shipment ids look like ours (shp_ and 32 hex digits), and a reference can stand where an id does.
_REFERENCE_PREFIX: Final = "resale-"
_GRAMS_PER_OUNCE: Final = Decimal("28.349523125")  # exact: international avoirdupois pound of 1959, a sixteenth
_MILLIMETRES_PER_INCH: Final = Decimal("25.4")  # exact, same agreement
_TENTH: Final = Decimal("0.1")

#: docs.easypost.com/docs/shipments/shipping-refund. Carriers that bill what they scan have nothing to give back.
_GIVEN_BACK: Final = frozenset({"submitted", "refunded", "not_applicable"})
#: support.easypost.com, "Tracker Status Definitions". ``unknown``, ``cancelled`` and ``error`` tell of the tracker or
#: the label and not of the parcel. One failed delivery is still in_transit; ``failure`` is given up.
_STATUSES: Final = {
    "pre_transit": ShipmentStatus.PRE_TRANSIT,
    "in_transit": ShipmentStatus.IN_TRANSIT,
    "out_for_delivery": ShipmentStatus.OUT_FOR_DELIVERY,
    "available_for_pickup": ShipmentStatus.AVAILABLE_FOR_PICKUP,
    "delivered": ShipmentStatus.DELIVERED,
    "return_to_sender": ShipmentStatus.RETURNING,  # its arrival is a later ``delivered``, or not reported
    "failure": ShipmentStatus.FAILURE,
}
_REFUSED_BY_RECIPIENT: Final = "refused"  # status_detail, docs.easypost.com/docs/trackers
#: Carriers want a city where addresses have none.
_CITY_STATES: Final = {"GI": "Gibraltar", "MC": "Monaco", "MO": "Macau", "SG": "Singapore", "VA": "Vatican City"}
_LINES: Final = ("name", "street1", "street2", "city", "state", "zip", "country")  # a phone is written in another way
_PRODUCTION: Final = "production"  # docs.easypost.com/docs/events: "test" or "production"
_CODE: Final = re.compile(r"[A-Z0-9_.]{1,60}")


class RateShape(msgspec.Struct):
    """A rate. ``rate`` is a decimal in units of ``currency``."""

    id: str
    carrier: str
    service: str
    rate: Decimal
    currency: str
    delivery_days: int | None = None

    @property
    def price(self) -> Money:
        """The amount in minor units."""
        return Money(to_minor(self.rate, self.currency), self.currency)


class LabelShape(msgspec.Struct):
    """The documents of a label."""

    label_url: str | None = None
    label_pdf_url: str | None = None


class DetailShape(msgspec.Struct):
    """One tracking event of a carrier."""

    status: str
    at: datetime = msgspec.field(name="datetime")
    status_detail: str | None = None


class TrackerShape(msgspec.Struct):
    """The tracking of a parcel. ``shipment_id`` is EasyPost's; None if it did not sell the label."""

    id: str
    status: str
    shipment_id: str | None = None
    tracking_details: tuple[DetailShape, ...] = ()

    @property
    def events(self) -> tuple[TrackingEvent, ...]:
        """The tracking events of the domain."""
        return tuple(_event(detail) for detail in self.tracking_details if detail.status in _STATUSES)

    @property
    def is_moving(self) -> bool:
        """Whether the carrier has, or had, the parcel."""
        return _STATUSES.get(self.status, ShipmentStatus.PRE_TRANSIT) != ShipmentStatus.PRE_TRANSIT


class ShipmentShape(msgspec.Struct):
    """A shipment: rates, and at most one label."""

    id: str
    reference: str | None = None
    tracking_code: str | None = None
    refund_status: str | None = None
    rates: tuple[RateShape, ...] = ()
    selected_rate: RateShape | None = None
    postage_label: LabelShape | None = None
    tracker: TrackerShape | None = None
    from_address: dict[str, Any] | None = None
    to_address: dict[str, Any] | None = None
    parcel: dict[str, Any] | None = None

    def is_for(self, request: LabelRequest) -> bool:
        """Return whether addresses and parcel equal a request's, as EasyPost stores them until it sells a label."""
        wanted = shipment_of(request)
        ways = [(self.from_address or {}, wanted["from_address"]), (self.to_address or {}, wanted["to_address"])]
        is_same_way = all((have.get(line) or "") == want.get(line, "") for have, want in ways for line in _LINES)
        return is_same_way and all((self.parcel or {}).get(name) == size for name, size in wanted["parcel"].items())

    @property
    def is_refunded(self) -> bool:
        """Whether its label is voided."""
        return self.refund_status in _GIVEN_BACK

    @property
    def label(self) -> Label | None:
        """The label of the domain; None if none was bought."""
        if self.postage_label is None or self.selected_rate is None:
            return None
        return Label(
            state=LabelState.VOIDED if self.is_refunded else LabelState.ISSUED,
            provider_reference=self.id,
            carrier=self.selected_rate.carrier,
            service=self.selected_rate.service,
            tracking_number=self.tracking_code or "",
            url=self.postage_label.label_pdf_url or self.postage_label.label_url or "",
            cost=self.selected_rate.price,
        )


class ListedShape(msgspec.Struct):
    """A shipment in a list with others' shipments: only the fields that identify it are read."""

    id: str
    reference: str | None = None


class PageShape(msgspec.Struct):
    """A page of a list, newest first."""

    shipments: tuple[ListedShape, ...]
    has_more: bool


class RatesShape(msgspec.Struct):
    """New rates of a shipment."""

    rates: tuple[RateShape, ...]


class EventShape(msgspec.Struct):
    """A webhook. ``result`` is any object of EasyPost."""

    id: str
    description: str
    created_at: datetime
    object: Literal["Event"]
    mode: str | None = None
    result: dict[str, Any] | None = None


def reference_of(shipment_id: ShipmentId) -> str:
    """Return the reference under which EasyPost stores a shipment of ours."""
    return _REFERENCE_PREFIX + shipment_id


def ours(reference: str | None) -> ShipmentId | None:
    """Return our id in a reference; None if it is not ours."""
    number = (reference or "").removeprefix(_REFERENCE_PREFIX)
    return ShipmentId(number) if number != reference and SHIPMENT_ID.matches(number) else None


def creation_time_of(shipment_id: ShipmentId) -> datetime:
    """Return the creation time in an id: the first 48 bits of a UUIDv7 are milliseconds (RFC 9562, 5.7)."""
    return datetime.fromtimestamp(int(shipment_id.partition("_")[2][:12], 16) / 1000, UTC)


def shipment_of(request: LabelRequest) -> dict[str, Any]:
    """Convert a label request into EasyPost's format, without ``reference``, which is set on purchase."""
    return {
        "from_address": _address(request.sender),
        "to_address": _address(request.recipient),
        "parcel": _parcel(request.parcel),
        "options": {"label_format": "PDF"},
    }


def offers(rates: Iterable[RateShape], *, currency: str) -> list[RateShape]:
    """Sort the rates for a parcel of goods by price: of the requested currency, else of the first one offered."""
    offered = [rate for rate in rates if carries_goods(rate.carrier, rate.service)]
    one = currency if any(rate.currency == currency for rate in offered) else next((r.currency for r in offered), "")
    return sorted((rate for rate in offered if rate.currency == one), key=lambda rate: (rate.rate, rate.id))


def rate_of(shape: RateShape) -> Rate:
    """Convert a rate."""
    return Rate(carrier=shape.carrier, service=shape.service, price=shape.price, delivery_days=shape.delivery_days)


def reason_of(code: str | None) -> str:
    """Convert the code of an error."""
    if code is None or _CODE.fullmatch(code) is None:
        return "request_refused"
    return ReasonCode.ADDRESS_INVALID if code.startswith("ADDRESS.") else code.lower().replace(".", "_")


def event_of(body: bytes) -> PartnerEvent:
    """Parse a webhook. An event about something else than a parcel has no subject.

    Raises:
        msgspec.MsgspecError: It is none.
        UnicodeDecodeError: It is no text.
    """
    event = msgspec.json.decode(body, type=EventShape)
    result = event.result or {}
    shipment_id, reference, tracker = None, None, None
    if result.get("object") == "Tracker":
        tracker = msgspec.convert(result, TrackerShape)
        reference = tracker.shipment_id
    elif result.get("object") == "Shipment":
        shipment = msgspec.convert(result, ShipmentShape)
        shipment_id, reference, tracker = ours(shipment.reference), shipment.id, shipment.tracker
    return PartnerEvent(
        provider_event_id=event.id,
        kind=event.description,
        livemode=None if event.mode is None else event.mode == _PRODUCTION,
        occurred_at=_aware(event.created_at),
        shipment_id=shipment_id,
        reference=reference,
        tracking=() if tracker is None else tracker.events,
    )


def _address(address: Address) -> dict[str, str]:
    lines = {
        "name": address.name,
        "street1": address.line1,
        "street2": address.line2,
        "city": address.city or address.region or _CITY_STATES.get(address.country, ""),
        "state": address.region,
        "zip": address.postal_code,
        "country": address.country,
        "phone": address.phone or "",
    }
    return {name: line for name, line in lines.items() if line}


def _parcel(parcel: Parcel) -> dict[str, float]:
    """Convert a parcel to ounces and inches, rounded up to tenths: EasyPost accepts no finer values."""
    return {
        "weight": _up(parcel.weight_grams, _GRAMS_PER_OUNCE),
        "length": _up(parcel.length_mm, _MILLIMETRES_PER_INCH),
        "width": _up(parcel.width_mm, _MILLIMETRES_PER_INCH),
        "height": _up(parcel.height_mm, _MILLIMETRES_PER_INCH),
    }


def _up(amount: int, unit: Decimal) -> float:
    return float((Decimal(amount) / unit).quantize(_TENTH, rounding=ROUND_CEILING))


def _event(detail: DetailShape) -> TrackingEvent:
    """Convert a tracking event. It has no id, so one is derived from its content, without the carrier's message."""
    at = _aware(detail.at)
    identity = f"{detail.status} {detail.status_detail} {at.astimezone(UTC).isoformat()}"
    status = _STATUSES[detail.status]
    if status == ShipmentStatus.RETURNING and detail.status_detail == _REFUSED_BY_RECIPIENT:
        status = ShipmentStatus.REFUSED
    return TrackingEvent(id=hashlib.sha256(identity.encode()).hexdigest()[:32], status=status, occurred_at=at)


def _aware(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)  # their times are UTC where no zone is known

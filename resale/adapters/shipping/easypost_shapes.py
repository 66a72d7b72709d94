"""EasyPost's JSON as structs, and its conversion. Pure: no call is made here.

Source: docs.easypost.com/docs (Shipment, Rate, Tracker, Event, Errors) and the answers recorded in the library's own
tests; samples of both lie in ``tests/samples/easypost``.
"""

import hashlib
import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from decimal import ROUND_CEILING, Decimal
from typing import Any, Final, Literal

import msgspec

from resale.adapters.shipping.easypost_customs import customs_info_of
from resale.adapters.shipping.easypost_services import carries_goods
from resale.domain.addresses import Address
from resale.domain.ids import SHIPMENT_ID, ShipmentId
from resale.domain.money import Money, to_minor
from resale.domain.parcel_sizes import Parcel
from resale.domain.partners import PartnerEvent
from resale.domain.reasons import ReasonCode
from resale.domain.shipments import (
    Label,
    LabelRequest,
    LabelState,
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
_GIVEN_BACK: Final = frozenset({"refunded", "not_applicable"})
_SUBMITTED: Final = "submitted"  # the carrier decides "no greater than 30 days" later: refunded, or rejected
#: docs.easypost.com/docs/trackers; support.easypost.com, "Tracker Status Definitions". The other three (``unknown``,
#: ``cancelled``, ``error``) tell of the tracker or the label and not of the parcel. One failed delivery is still
#: in_transit; ``failure`` is given up.
_STATUSES: Final = {
    "pre_transit": ShipmentStatus.PRE_TRANSIT,
    "in_transit": ShipmentStatus.IN_TRANSIT,
    "out_for_delivery": ShipmentStatus.OUT_FOR_DELIVERY,
    "available_for_pickup": ShipmentStatus.AVAILABLE_FOR_PICKUP,
    "delivered": ShipmentStatus.DELIVERED,
    "return_to_sender": ShipmentStatus.RETURNING,  # it is on its way; a later ``delivered`` is to its sender
    "failure": ShipmentStatus.FAILURE,
}
#: A ``status_detail`` that tells more. What its recipient refused goes back, also where the status is ``failure``.
_DETAILS: Final = {
    ("return_to_sender", "refused"): ShipmentStatus.REFUSED,
    ("return_to_sender", "expired"): ShipmentStatus.NOT_COLLECTED,
    ("failure", "refused"): ShipmentStatus.REFUSED,
    ("failure", "return"): ShipmentStatus.RETURNING,
}
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
    """One tracking event of a carrier. ``written_at`` may be null, or no time at all: carriers write them."""

    status: str
    written_at: Any = msgspec.field(name="datetime", default=None)
    status_detail: str | None = None

    @property
    def at(self) -> datetime | None:
        """The time of the event, aware; None if it has none."""
        try:
            return _aware(msgspec.convert(self.written_at, datetime))
        except (msgspec.ValidationError, OverflowError):
            return None


class TrackerShape(msgspec.Struct):
    """The tracking of a parcel. ``shipment_id`` is EasyPost's; None if it did not sell the label."""

    id: str
    status: str
    shipment_id: str | None = None
    tracking_details: tuple[DetailShape, ...] = ()
    created_at: datetime | None = None

    @property
    def events(self) -> tuple[TrackingEvent, ...]:
        """The tracking events of the domain. One without a time has that of the one before it, in their own order."""
        return tuple(self._iter_events())

    def _iter_events(self) -> Iterator[TrackingEvent]:
        before = None if self.created_at is None else _aware(self.created_at)
        for detail in self.tracking_details:
            before = detail.at or before
            if detail.status in _STATUSES and before is not None:
                yield _event(detail, before)

    @property
    def is_moving(self) -> bool:
        """Whether the carrier has, or had, the parcel."""
        return _STATUSES.get(self.status, ShipmentStatus.PRE_TRANSIT) != ShipmentStatus.PRE_TRANSIT


class MessageShape(msgspec.Struct):
    """Why a carrier gave no rate, in its own words (docs.easypost.com/docs/shipments/messages)."""

    carrier: str | None = None
    message: Any = None


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
    customs_info: dict[str, Any] | None = None
    messages: tuple[MessageShape, ...] = ()

    def is_for(self, request: LabelRequest) -> bool:
        """Return whether its content equals a request's, as EasyPost stores it until it sells a label."""
        wanted = shipment_of(request)
        ways = [(self.from_address or {}, wanted["from_address"]), (self.to_address or {}, wanted["to_address"])]
        is_same_way = all((have.get(line) or "") == want.get(line, "") for have, want in ways for line in _LINES)
        if not is_same_way or (self.customs_info is None) != (request.customs is None):
            return False
        return all((self.parcel or {}).get(name) == size for name, size in wanted["parcel"].items())

    @property
    def is_refunded(self) -> bool:
        """Whether the price of its label was refunded."""
        return self.refund_status in _GIVEN_BACK

    @property
    def awaits_refund(self) -> bool:
        """Whether the carrier has yet to decide about the refund of its label."""
        return self.refund_status == _SUBMITTED

    @property
    def is_moving(self) -> bool:
        """Whether the carrier has, or had, the parcel."""
        return self.tracker is not None and self.tracker.is_moving

    @property
    def refusals(self) -> str:
        """Why there is no rate: what each carrier says, and which services are not for goods."""
        said = [f"{one.carrier}: {one.message}" for one in self.messages if one.message]
        others = sorted({f"{rate.carrier} {rate.service}" for rate in self.rates})
        return "; ".join([*said, *(f"{other}: not for goods" for other in others)])

    @property
    def label_state(self) -> LabelState:
        """The state of its label, if it has one."""
        if self.awaits_refund:
            return LabelState.VOIDING
        return LabelState.VOIDED if self.is_refunded else LabelState.ISSUED

    @property
    def label(self) -> Label | None:
        """The label of the domain; None if none was bought."""
        if self.postage_label is None or self.selected_rate is None:
            return None
        return Label(
            state=self.label_state,
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


class RefundShape(msgspec.Struct):
    """The refund of a label. Only the shipment is read: what became of it is asked for."""

    shipment_id: str


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
    content: dict[str, Any] = {
        "from_address": _address(request.sender),
        "to_address": _address(request.recipient),
        "parcel": _parcel(request.parcel),
        "options": {"label_format": "PDF"},
    }
    if request.customs is not None:
        ounces = content["parcel"]["weight"]
        content["customs_info"] = customs_info_of(request, request.customs, ounces=ounces)
    return content


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


def message_of(message: str, errors: Any) -> str:
    """Return the words of an error: its message, and those of its fields, which are objects or texts.

    Source: docs.easypost.com/docs/errors.
    """
    fields = errors if isinstance(errors, list) else []
    words = [message, *(_words_of(field) for field in fields)]
    return "; ".join(dict.fromkeys(word for word in words if word))


def _words_of(field: Any) -> str:
    if not isinstance(field, dict):
        return str(field)
    said = [str(field[name]) for name in ("field", "message", "suggestion") if field.get(name)]
    return ": ".join(said)


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
    elif result.get("object") == "Refund":  # "refund.successful": docs.easypost.com/docs/events, docs/refunds
        reference = msgspec.convert(result, RefundShape).shipment_id
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


def _event(detail: DetailShape, at: datetime) -> TrackingEvent:
    """Convert a tracking event. It has no id, so one is derived from its content, without the carrier's message."""
    identity = f"{detail.status} {detail.status_detail} {at.astimezone(UTC).isoformat()}"
    status = _DETAILS.get((detail.status, detail.status_detail or ""), _STATUSES[detail.status])
    return TrackingEvent(id=hashlib.sha256(identity.encode()).hexdigest()[:32], status=status, occurred_at=at)


def _aware(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)  # their times are UTC where no zone is known

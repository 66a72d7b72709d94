"""Parcels of the carrier. Idempotent; calls about one parcel run one after the other.

Prices follow from weight, size and the two countries; every reference and tracking number from account and shipment
id. What shall go wrong is asked for beforehand (``plan_fault``): ``timeout`` does it and loses the response, ``error``
fails with nothing done, ``refuse`` refuses a label: who asks again, perhaps with another address, may get one, and
``submit`` has a void wait for a decision (``decide``), as most carriers do. A label from or to ``UNDELIVERABLE`` is
always refused, as is one of a parcel that is too heavy or too large, or that goes abroad without customs data.
"""

import hashlib
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from typing import Annotated, Any, Final, Literal, TypeVar

import msgspec

from deploy.local.sandbox_server import NamedLocks, Refused, ResponseLost, WebhookSender
from deploy.local.shipping.store import Event, LabelRecords, Row
from resale.domain.customs import EU

MAX_WEIGHT_GRAMS: Final = 30_000
MAX_LENGTH_AND_GIRTH_MM: Final = 3_000
UNDELIVERABLE: Final = "Undeliverable"  # as ``line1`` of either address: nobody delivers there
SHIPMENT_ID: Final = r"[A-Za-z0-9_-]{1,64}"

Call = Literal["rates", "buy", "find", "void", "track"]
_FEATURES: Final = (("ground", 5, 350, 60), ("express", 2, 890, 140))  # service, days, base and per kg, minor units
_ABROAD_FACTOR: Final = 3
_NAME: Final = "Sandbox Post"
#: A parcel above a cubic foot is charged by its volume, if that is more (USPS Domestic Mail Manual 223.1.7).
_CUBIC_FOOT_MM3: Final = 28_316_847
_MM3_PER_GRAM: Final = 5_000  # 5000 cm³ a kilogram
#: Why a label was refused, in words.
MESSAGES: Final[Mapping[str, str]] = {
    "address_invalid": "Nobody delivers to one of the two addresses.",
    "no_rates": (
        f"The parcel is heavier than {MAX_WEIGHT_GRAMS} g, or longer than {MAX_LENGTH_AND_GIRTH_MM} mm with its girth."
    ),
    "customs_data_missing": "A parcel that goes abroad needs a customs declaration.",
}

T = TypeVar("T")


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """The fields of an address that the carrier reads; the others are not decoded."""

    country: Annotated[str, msgspec.Meta(pattern="^[A-Z]{2}$")]
    line1: str = ""


class Size(msgspec.Struct, frozen=True, kw_only=True):
    """The fields of a parcel that the carrier reads."""

    weight_grams: Annotated[int, msgspec.Meta(ge=1, le=50_000)]
    length_mm: Annotated[int, msgspec.Meta(ge=1)] = 1
    width_mm: Annotated[int, msgspec.Meta(ge=1)] = 1
    height_mm: Annotated[int, msgspec.Meta(ge=1)] = 1

    @property
    def is_too_much(self) -> bool:
        """Whether nobody carries it."""
        longest, *others = sorted((self.length_mm, self.width_mm, self.height_mm), reverse=True)
        return self.weight_grams > MAX_WEIGHT_GRAMS or longest + 2 * sum(others) > MAX_LENGTH_AND_GIRTH_MM

    @property
    def charged_kilograms(self) -> int:
        """The kilograms that are paid for, of weight or of volume."""
        volume = self.length_mm * self.width_mm * self.height_mm
        by_volume = volume // _MM3_PER_GRAM if volume > _CUBIC_FOOT_MM3 else 0
        return -(-max(self.weight_grams, by_volume) // 1000)


class Customs(msgspec.Struct, frozen=True, kw_only=True):
    """The fields of a customs declaration that the carrier reads."""

    hs_code: Annotated[str, msgspec.Meta(pattern="^[0-9]{6,10}$")]
    origin_country: Annotated[str, msgspec.Meta(pattern="^[A-Z]{2}$")]


class NewLabel(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A requested label. ``shipment_id`` is the idempotency key."""

    shipment_id: Annotated[str, msgspec.Meta(pattern=f"^{SHIPMENT_ID}$")]
    order_id: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    sender: Place
    recipient: Place
    parcel: Size
    currency: Annotated[str, msgspec.Meta(pattern="^[A-Z]{3}$")]
    customs: Customs | None = None


class Decision(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The carrier's decision about the refund of a label whose void was submitted."""

    refund_status: Literal["refunded", "rejected"]


class Fault(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A planned failure: which call fails, how, and how often; without ``shipment_id`` for all of the account."""

    fault: Literal["timeout", "error", "refuse", "submit"]
    times: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 1
    call: Call = "buy"
    shipment_id: str = ""


class Scan(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A tracking event; without ``occurred_at`` it happens now."""

    status: Literal[
        "pre_transit",
        "in_transit",
        "out_for_delivery",
        "available_for_pickup",
        "delivered",
        "returning",
        "refused",
        "not_collected",
        "returned",
        "failure",
    ]
    occurred_at: Annotated[datetime, msgspec.Meta(tz=True)] | None = None


class Rate(msgspec.Struct, frozen=True, kw_only=True):
    """A rate. ``amount`` is in minor units."""

    carrier: str
    service: str
    amount: int
    currency: str
    delivery_days: int


class SandboxCarrier:
    """The carrier."""

    def __init__(self, records: LabelRecords, webhooks: WebhookSender) -> None:
        """Store the records and the webhooks; nothing is read."""
        self._records = records
        self._webhooks = webhooks
        self._lines = NamedLocks()

    def rates(self, account: str, new: NewLabel) -> list[Rate]:
        """List the rates, cheapest first."""
        return self._faulty(account, new.shipment_id, "rates", lambda _: _rates(new))

    def buy(self, account: str, new: NewLabel) -> Row:
        """Create the label once.

        Raises:
            Refused: The id stands for another parcel, or not now with nothing known.
            ResponseLost: Booked; do not respond.
        """
        with self._exclusive(account, new.shipment_id):
            self._records.count_try(account, new.shipment_id)

            def buy(fault: str | None) -> Row:
                known = self._records.find(account, new.shipment_id)
                if known is None or known.state == "refused":
                    return self._make(account, new, fault)
                return _require_same(known, new)

            return self._faulty(account, new.shipment_id, "buy", buy)

    def find(self, account: str, shipment_id: str) -> Row:
        """Return a label. Raises Refused if it is unknown."""
        return self._faulty(account, shipment_id, "find", lambda _: self._require_row(account, shipment_id))

    def void(self, account: str, shipment_id: str) -> Row:
        """Void a label; an unknown one is closed, so that a late purchase has no effect. ``submit``: decided later.

        Raises:
            Refused: The parcel was scanned: too late.
        """
        with self._exclusive(account, shipment_id):
            return self._faulty(account, shipment_id, "void", lambda fault: self._void(account, shipment_id, fault))

    def decide(self, account: str, shipment_id: str, decision: Decision) -> Row:
        """Decide about the refund of a label; only a refund is reported by webhook (docs.easypost.com/docs/events).

        Raises:
            Refused: There is no such label, or its void was not submitted.
        """
        with self._exclusive(account, shipment_id):
            row = self._require_row(account, shipment_id)
            if row.state != "voiding":
                raise Refused(409, "not_submitted")
            is_refunded = decision.refund_status == "refunded"
            row = msgspec.structs.replace(row, state="voided" if is_refunded else "issued")
            self._records.set_state(account, shipment_id, row.state)
        if is_refunded:
            self._webhooks.send(account, _event(f"evt_{row.reference}_refund", "refund.successful", shipment_id))
        return row

    def tracking(self, account: str, shipment_id: str) -> list[Event]:
        """Return the tracking events of a parcel. Raises Refused if its label is unknown."""

        def read(_: str | None) -> list[Event]:
            self._require_row(account, shipment_id)
            return self._records.events(account, shipment_id)

        return self._faulty(account, shipment_id, "track", read)

    def scan(self, account: str, shipment_id: str, scan: Scan) -> tuple[Event, bool | None]:
        """Record a tracking event and send a webhook; return whether it was accepted, None without an endpoint.

        Raises:
            Refused: There is no such label, or none was sold.
        """
        with self._exclusive(account, shipment_id):
            row = self._require_row(account, shipment_id)
            if not row.carrier or row.state == "refused":  # a voided label can be on a parcel that was dropped off
                raise Refused(409, "no_label")
            number = len(self._records.events(account, shipment_id)) + 1
            at = scan.occurred_at or datetime.now(UTC)
            event = Event(id=f"{row.reference}_{number}", status=scan.status, occurred_at=at)
            self._records.report(account, shipment_id, event)
        return event, self._notify(account, shipment_id, event)

    def resend(self, account: str, shipment_id: str) -> list[bool | None]:
        """Send every webhook of a parcel again."""
        self._require_row(account, shipment_id)
        events = self._records.events(account, shipment_id)
        return [self._notify(account, shipment_id, event) for event in events]

    def document(self, reference: str) -> Row:
        """Return the label of a document. Raises Refused."""
        row = self._records.find_reference(reference)
        if row is None or row.state == "refused":
            raise Refused(404, "not_found")
        return row

    def plan_fault(self, account: str, fault: Fault) -> None:
        """Plan failures of the next calls."""
        self._records.plan_fault(account, fault.shipment_id, call=fault.call, fault=fault.fault, times=fault.times)

    def rows(self, account: str | None) -> list[Row]:
        """Return the records."""
        return self._records.rows(account)

    def _exclusive(self, account: str, shipment_id: str) -> AbstractContextManager[None]:
        return self._lines.wait_for(f"{account} {shipment_id}")

    def _faulty(self, account: str, shipment_id: str, call: Call, do: Callable[[str | None], T]) -> T:
        fault = self._records.take_fault(account, shipment_id, call)
        if fault == "error":
            raise Refused(500, "carrier_error")
        done = do(fault)
        if fault == "timeout":
            raise ResponseLost
        return done

    def _make(self, account: str, new: NewLabel, fault: str | None) -> Row:
        reason = "address_invalid" if fault == "refuse" else _refusal_of(new)
        offered = _rates(new)
        is_refused = reason is not None or not offered
        row = _row(account, new.shipment_id, state="refused" if is_refused else "issued")
        row = msgspec.structs.replace(
            row,
            order_id=new.order_id,
            carrier=_NAME,
            service=offered[0].service if offered else "",
            amount=0 if is_refused else offered[0].amount,
            currency=new.currency,
            reason=reason if offered else "no_rates",
        )
        self._records.write(row)
        return row

    def _void(self, account: str, shipment_id: str, fault: str | None) -> Row:
        known = self._records.find(account, shipment_id)
        if known is None:
            row = _row(account, shipment_id, state="voided")
            self._records.write(row)
            return row
        if any(event.status != "pre_transit" for event in self._records.events(account, shipment_id)):
            raise Refused(409, "in_use")
        if known.state == "issued":
            state = "voiding" if fault == "submit" else "voided"
            self._records.set_state(account, shipment_id, state)
            return msgspec.structs.replace(known, state=state)
        return known

    def _require_row(self, account: str, shipment_id: str) -> Row:
        row = self._records.find(account, shipment_id)
        if row is None:
            raise Refused(404, "not_found")
        return row

    def _notify(self, account: str, shipment_id: str, event: Event) -> bool | None:
        content = _event(f"evt_{event.id}", "tracking.updated", shipment_id, event)
        return self._webhooks.send(account, content)


def _event(name: str, kind: str, shipment_id: str, *events: Event) -> dict[str, Any]:
    moment = datetime.now(UTC)
    return {"id": name, "type": kind, "created_at": moment, "shipment_id": shipment_id, "tracking": list(events)}


def _refusal_of(new: NewLabel) -> str | None:
    if UNDELIVERABLE in {new.sender.line1, new.recipient.line1}:
        return "address_invalid"
    countries = {new.sender.country, new.recipient.country}
    goes_abroad = len(countries) > 1 and not countries <= EU
    return "customs_data_missing" if goes_abroad and new.customs is None else None


def _rates(new: NewLabel) -> list[Rate]:
    if new.parcel.is_too_much:
        return []
    factor = 1 if new.sender.country == new.recipient.country else _ABROAD_FACTOR
    kilograms = new.parcel.charged_kilograms
    return [
        Rate(
            carrier=_NAME,
            service=service,
            amount=factor * (base + per_kilogram * kilograms),
            currency=new.currency,
            delivery_days=factor * days,
        )
        for service, days, base, per_kilogram in _FEATURES
    ]


def _row(account: str, shipment_id: str, *, state: str) -> Row:
    digest = hashlib.sha256(f"{account} {shipment_id}".encode())
    return Row(
        account=account,
        shipment_id=shipment_id,
        order_id="",
        carrier="",
        service="",
        amount=0,
        currency="",
        state=state,
        reference=f"sbx_{digest.hexdigest()[:32]}",
        tracking_number=f"SBX{int.from_bytes(digest.digest()[:8], 'big') % 10**12:012d}",
    )


def _require_same(known: Row, new: NewLabel) -> Row:
    is_closed = known.order_id == ""  # voided before it was ever bought, so there is nothing to compare
    if not is_closed and (known.order_id, known.currency) != (new.order_id, new.currency):
        raise Refused(422, "shipment_reused")
    return known

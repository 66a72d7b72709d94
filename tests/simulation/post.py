"""The carrier of a run: labels with a price, parcels with a fate, and scans that come late, twice or out of order."""

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta

import msgspec

from resale.domain.ids import ORDER_ID, ShipmentId
from resale.domain.money import Money
from resale.domain.partners import PartnerEvent
from resale.domain.shipments import Label, LabelRequest, LabelState, Rate, ShipmentStatus, TrackingEvent, VoidState
from tests.simulation.agenda import Agenda
from tests.simulation.chance import Chance
from tests.simulation.line import Line

_S = ShipmentStatus
_DAY = timedelta(days=1)
#: What becomes of a parcel with a label: the scans it gets, and how likely each fate is.
_FATES: Mapping[tuple[ShipmentStatus, ...], float] = {
    (_S.IN_TRANSIT, _S.OUT_FOR_DELIVERY, _S.DELIVERED): 9,
    (_S.IN_TRANSIT, _S.DELIVERED): 2,
    (_S.DELIVERED,): 0.5,
    (_S.IN_TRANSIT,): 1,  # and nobody ever scans it again
    (_S.IN_TRANSIT, _S.FAILURE): 1,
    (_S.IN_TRANSIT, _S.FAILURE, _S.IN_TRANSIT, _S.DELIVERED): 0.5,  # found again, soon or late
    (_S.IN_TRANSIT, _S.OUT_FOR_DELIVERY, _S.RETURNED): 0.5,
    (_S.IN_TRANSIT, _S.REFUSED, _S.DELIVERED): 0.5,  # to its sender
    (_S.IN_TRANSIT, _S.AVAILABLE_FOR_PICKUP, _S.DELIVERED): 0.5,
    (_S.IN_TRANSIT, _S.AVAILABLE_FOR_PICKUP, _S.NOT_COLLECTED, _S.RETURNED): 0.5,
    (_S.IN_TRANSIT, _S.DELIVERED, _S.RETURNING, _S.RETURNED): 0.7,  # a wrong address, or left at the door
    (_S.IN_TRANSIT, _S.RETURNING, _S.FAILURE): 0.3,  # lost on its way back
    (): 1.5,  # never sent
}


class Bought(msgspec.Struct, kw_only=True):
    """A label as the carrier keeps it."""

    state: LabelState
    cost: int
    events: tuple[TrackingEvent, ...] = ()


class Post:
    """Keeps ``resale.application.ports.ShippingProvider``. ``tell`` sends a webhook."""

    name = "post"

    def __init__(
        self, chance: Chance, agenda: Agenda, line: Line, tell: Callable[[PartnerEvent], None], *, currency: str
    ) -> None:
        self._currency = currency
        self._chance, self._agenda, self._line, self._tell = chance, agenda, line, tell
        self.is_moody = True
        self.labels: dict[str, Bought] = {}
        self.credited: dict[str, int] = {}  # for lost parcels, by order

    def list_rates(self, request: LabelRequest) -> tuple[Rate, ...]:
        return (Rate(carrier="Post", service="standard", price=Money(amount=450, currency=request.currency)),)

    def buy_label(self, request: LabelRequest) -> Label:
        return self._line.call("buy_label", lambda: self._buy(request.shipment_id))

    def find_label(self, *, shipment_id: ShipmentId) -> Label | None:
        known = self._line.call("find_label", lambda: self.labels.get(shipment_id))
        return None if known is None else self._label(shipment_id)

    def void_label(self, *, shipment_id: ShipmentId, provider_reference: str) -> VoidState:
        assert provider_reference in {"", f"lb_{shipment_id}"}
        return self._line.call("void_label", lambda: self._void(shipment_id))

    def list_tracking(self, *, shipment_id: ShipmentId, provider_reference: str) -> tuple[TrackingEvent, ...]:
        assert provider_reference == f"lb_{shipment_id}"
        return self._line.call("list_tracking", lambda: self.labels[shipment_id].events)

    def read_event(self, *, body: bytes, headers: Mapping[str, str]) -> PartnerEvent:
        raise AssertionError(f"webhooks are told of as they were read: {body!r} {headers!r}")

    # ------------------------------------------------------------ the books
    def owed_for_orders(self) -> dict[str, int]:
        """What labels cost that were not refunded, by order, both ways, less what was paid for lost parcels."""
        owed: dict[str, int] = {}
        for shipment_id, label in self.labels.items():
            if label.state in {LabelState.ISSUED, LabelState.VOIDING}:
                order_id = ORDER_ID.sibling_of(shipment_id)
                owed[order_id] = owed.get(order_id, 0) + label.cost
        for credited_id, paid in self.credited.items():
            owed[credited_id] = owed.get(credited_id, 0) - paid
        return owed

    # ------------------------------------------------------------ inside
    def _buy(self, shipment_id: str) -> Label:
        known = self.labels.get(shipment_id)
        if known is None or known.state == LabelState.REFUSED:
            refused = self.is_moody and self._chance.happens(0.1)
            state = LabelState.REFUSED if refused else LabelState.ISSUED
            self.labels[shipment_id] = Bought(state=state, cost=self._chance.between(300, 900))
            if state == LabelState.ISSUED:
                self._decide_fate(shipment_id)
        return self._label(shipment_id)

    def _void(self, shipment_id: str) -> VoidState:
        closed = Bought(state=LabelState.VOIDED, cost=0)
        label = self.labels.setdefault(shipment_id, closed)
        if label.events and label.state != LabelState.VOIDED:  # one given back is, though its parcel was seen
            return VoidState.IN_USE
        if label.state == LabelState.ISSUED and self.is_moody:
            return self._submit_refund(shipment_id, label)
        if label.state == LabelState.VOIDING:
            return VoidState.PENDING
        label.state = LabelState.VOIDED
        return VoidState.VOIDED

    def _submit_refund(self, shipment_id: str, label: Bought) -> VoidState:
        """Decide about a refund: now and then at once, mostly days later (docs.easypost.com/docs/shipping-refund)."""
        state = self._chance.pick_weighted({VoidState.VOIDED: 3, VoidState.PENDING: 6, VoidState.REJECTED: 1})
        if state == VoidState.VOIDED:
            label.state = LabelState.VOIDED
        elif state == VoidState.PENDING:
            label.state = LabelState.VOIDING
            after = timedelta(hours=self._chance.between(1, 29 * 24))
            self._agenda.add("a refund of a label", lambda: self._decide_refund(shipment_id), after=after)
        return state

    def _decide_refund(self, shipment_id: str) -> None:
        """Refund a label that nobody used, mostly; only refunds are reported (docs.easypost.com/docs/events)."""
        label = self.labels[shipment_id]
        if label.events or self._chance.happens(0.3):
            label.state = LabelState.ISSUED
            return
        label.state = LabelState.VOIDED
        self._tell(
            PartnerEvent(
                provider_event_id=self._chance.new_id("evt"),
                kind="refund.successful",
                occurred_at=self._agenda.now,
                shipment_id=ShipmentId(shipment_id),
            )
        )

    def _decide_fate(self, shipment_id: str) -> None:
        """Scans come as the days go; now and then a parcel is seen though its label was given back."""
        fate = self._chance.pick_weighted(_FATES)
        self._expect_scan(shipment_id, fate, after=timedelta(hours=self._chance.between(1, 90)))

    def _expect_scan(self, shipment_id: str, coming: Sequence[ShipmentStatus], *, after: timedelta) -> None:
        """Scan a parcel once more, and then what comes after it: a parcel is scanned in its own order."""
        if not coming:
            return

        def scan() -> None:
            self._scan(shipment_id, coming[0])
            self._expect_scan(shipment_id, coming[1:], after=timedelta(hours=self._chance.between(1, 48)))

        self._agenda.add(f"scan {coming[0]}", scan, after=after)

    def _scan(self, shipment_id: str, status: ShipmentStatus) -> None:
        label = self.labels[shipment_id]
        given_up = label.state in {LabelState.VOIDED, LabelState.VOIDING}
        if given_up and not label.events and self._chance.happens(0.7):
            return  # the seller does not send it after all
        event = TrackingEvent(id=self._chance.new_id("scn"), status=status, occurred_at=self._agenda.now)
        label.events = (*label.events, event)
        told = label.events if self._chance.happens(0.3) else (event,)
        self._tell(
            PartnerEvent(
                provider_event_id=self._chance.new_id("evt"),
                kind="parcel.scanned",
                occurred_at=event.occurred_at,
                shipment_id=ShipmentId(shipment_id),
                tracking=told,
            )
        )

    def _label(self, shipment_id: str) -> Label:
        label = self.labels[shipment_id]
        return Label(
            state=label.state,
            provider_reference=f"lb_{shipment_id}",
            carrier="Post",
            service="standard",
            tracking_number=f"T{shipment_id[-8:]}",
            url="https://labels.example/1.pdf",
            cost=Money(amount=label.cost, currency=self._currency),
            reason_code="address_unknown" if label.state == LabelState.REFUSED else None,
        )

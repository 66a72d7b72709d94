"""What partners tell, and what is kept of it; a test names only what matters."""

from typing import Any

from resale.domain.ids import ConnectionId, ShipmentId
from resale.domain.inbound import Inbound, receive
from resale.domain.partners import Connection, PartnerEvent, PartnerKind, Provider
from resale.domain.payments import Dispute, DisputeStatus
from resale.domain.shipments import ShipmentStatus, TrackingEvent
from tests.unit.builders import NOW, ORDER

CONNECTION = ConnectionId("con_" + "8" * 32)
SHIPMENT = ShipmentId("shp_" + "5" * 32)


def a_connection(**fields: Any) -> Connection:
    return Connection(**{"id": CONNECTION, "kind": PartnerKind.PAYMENTS, "provider": Provider.SANDBOX, **fields})


def a_scan(number: int = 1, status: ShipmentStatus = ShipmentStatus.IN_TRANSIT, **fields: Any) -> TrackingEvent:
    return TrackingEvent(**{"id": f"scan-{number}", "status": status, "occurred_at": NOW, **fields})


def a_dispute(**fields: Any) -> Dispute:
    values = {"provider_reference": "dp_1", "status": DisputeStatus.OPEN, "amount": 12_000, "reason_code": "fraudulent"}
    return Dispute(**{**values, **fields})


def a_partner_event(**fields: Any) -> PartnerEvent:
    return PartnerEvent(**{"provider_event_id": "evt_1", "kind": "payment.captured", "order_id": ORDER, **fields})


def an_inbound(**fields: Any) -> Inbound:
    event = a_partner_event(reference="ch_1", occurred_at=NOW, tracking=(a_scan(),), dispute=a_dispute(), **fields)
    return receive(connection=a_connection(), event=event, livemode=False, now=NOW)

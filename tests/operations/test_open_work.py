"""The open work of a tenant that leaves: which orders are over, and that stored ones are counted."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import msgspec
import pytest

from resale.application.ports import Document, Page
from resale.application.queries.tenant_offboarding import count_open_work
from resale.domain.compensations import ParcelLoss
from resale.domain.entities import ORDER
from resale.domain.ids import PaymentId, RefundId, ShipmentId
from resale.domain.orders import Order, OrderStatus
from resale.domain.payments import Dispute, DisputeStatus, Payment, Refund, RefundParts, RefundState
from resale.domain.pipeline import PipelineState
from resale.domain.policies import LossBearer
from resale.domain.shipments import Shipment, ShipmentStatus
from resale.domain.tenants import Tenant
from tests.operations.partners import Partners
from tests.operations.world import World
from tests.unit.builders import NOW, an_order

COMPLETED, REFUNDED = OrderStatus.COMPLETED, OrderStatus.REFUNDED
SHIPMENT = ShipmentId("shp_" + "5" * 32)
LOSS = ParcelLoss(borne_by=LossBearer.PLATFORM, amount=10_800)


class Quiet:
    """A tenant at the three ports, with some orders and nothing else to do."""

    def __init__(self, tenant: Tenant, *documents: Document) -> None:
        self.tenant = tenant
        self._documents = documents

    def list_recent_orders(self, *, limit: int, cursor: str | None) -> Page:  # one order a page
        assert limit
        at = int(cursor or 0)
        is_last = at + 1 >= len(self._documents)
        return Page(documents=self._documents[at : at + 1], next_cursor=None if is_last else str(at + 1))

    def iter_due(self, *, now: datetime) -> Iterator[Any]:
        assert now == NOW
        yield from ()

    def read_state(self) -> PipelineState:
        return PipelineState(tables=(), set_aside_count=0, dead_count=0)

    def count(self, queue_url: str) -> int:
        assert queue_url == self.tenant.resources.queues.changes.url
        return 0


def count_orders(tenant: Tenant, *documents: Document) -> int:
    quiet: Any = Quiet(tenant, *documents)
    return count_open_work(reader=quiet, pipeline=quiet, queues=quiet, until=NOW).order_count


def stored(order: Order) -> Document:
    return Document(id=order.id, version=order.version, doc=msgspec.json.encode(order))


def paid(*, refunded: int = 0) -> Payment:
    return Payment(id=PaymentId("pay_" + "7" * 32), started_at=NOW, captured_minor=12_000, refunded_minor=refunded)


def a_refund(status: RefundState) -> Refund:
    parts = RefundParts(seller=4_500, commission=500, shipping=0, tax=0)
    id_ = RefundId("ref_" + "1" * 32)
    return Refund(id=id_, status=status, amount=5_000, parts=parts, reason_code="goodwill", started_at=NOW)


def a_dispute(status: DisputeStatus) -> Dispute:
    return Dispute(provider_reference="dp_1", status=status, amount=12_000, reason_code="fraudulent")


def a_parcel(status: ShipmentStatus) -> Shipment:
    return Shipment(id=SHIPMENT, status=status)


@pytest.mark.parametrize(
    ("fields", "open_count"),
    [
        ({"status": OrderStatus.SHIPPED}, 1),
        ({"status": COMPLETED}, 0),
        ({"status": REFUNDED, "payment": paid(refunded=12_000)}, 0),
        ({"status": OrderStatus.CANCELLED}, 0),
        ({"status": COMPLETED, "payment": paid(), "refunds": (a_refund(RefundState.PENDING),)}, 1),
        ({"status": COMPLETED, "payment": paid(), "refunds": (a_refund(RefundState.FAILED),)}, 1),
        ({"status": COMPLETED, "payment": paid(refunded=5_000), "refunds": (a_refund(RefundState.SUCCEEDED),)}, 0),
        ({"status": COMPLETED, "disputes": (a_dispute(DisputeStatus.OPEN),)}, 1),
        ({"status": COMPLETED, "dispute": a_dispute(DisputeStatus.OPEN)}, 1),
        ({"status": COMPLETED, "disputes": (a_dispute(DisputeStatus.WON),)}, 0),
        ({"status": OrderStatus.CANCELLED, "has_foreign_refund_pending": True}, 1),
        (
            {
                "status": REFUNDED,
                "payment": paid(refunded=12_000),
                "loss": LOSS,
                "shipment": a_parcel(ShipmentStatus.FAILURE),
            },
            1,
        ),
        (
            {
                "status": REFUNDED,
                "payment": paid(refunded=12_000),
                "loss": LOSS,
                "shipment": a_parcel(ShipmentStatus.DELIVERED),
            },
            0,
        ),
    ],
)
def test_an_order_is_open_until_its_money_is_where_it_stays(
    tenants: tuple[Tenant, Tenant], fields: dict[str, Any], open_count: int
) -> None:
    over = stored(an_order(status=COMPLETED))
    assert count_orders(tenants[0], over, stored(an_order(**fields)), over) == open_count


def test_orders_are_counted_as_they_are_stored(world: World) -> None:
    order = world.delivered(Partners())
    document = world.reader.find(ORDER, order.id)
    assert document is not None
    assert count_orders(world.tenant, document) == 1

"""What a brand reports of parcels by itself: as a carrier's word, by the brand alone, and on what it saw."""

import pytest

from resale.application.operations.claims import open_claim, report_return, resolve_claim
from resale.application.operations.orders import NewRefund, refund_order, report_tracking
from resale.application.queries.history import list_history
from resale.application.queries.ledger import LedgerNotFound
from resale.application.queries.transfers import list_order_transfers
from resale.domain.access import Principal, Role
from resale.domain.changes import ChangeType
from resale.domain.claims import (
    Claim,
    ClaimChanged,
    ClaimNotFound,
    ClaimReason,
    ClaimStatus,
    NewClaim,
    Resolution,
    Verdict,
)
from resale.domain.entities import CLAIM
from resale.domain.orders import Order, OrderChanged, OrderNotFound, OrderStatus, OrderTransitionRefused
from resale.domain.shipments import ShipmentStatus, TrackingEvent
from resale.domain.transfers import TransferStatus
from resale.errors import Forbidden
from tests.operations.partners import Partners
from tests.operations.world import BRAND, World
from tests.unit.builders import NOW

SHIPPED = TrackingEvent(id="by_hand:1", status=ShipmentStatus.IN_TRANSIT, occurred_at=NOW)
ARRIVED = TrackingEvent(id="by_hand:2", status=ShipmentStatus.DELIVERED, occurred_at=NOW)
VIEWER = Principal(standing=Role.VIEWER)


@pytest.fixture
def partners() -> Partners:
    return Partners()


@pytest.fixture
def sold(world: World, partners: Partners) -> Order:
    return world.sold(partners)


@pytest.fixture
def claim(world: World, partners: Partners) -> Claim:
    """Of a delivered order; the item is to come back."""
    order = world.delivered(partners)
    torn = NewClaim(reason=ClaimReason.NOT_AS_DESCRIBED, description="A sleeve is torn.")
    principal = Principal(customer_id=order.buyer_id)
    opened = open_claim(world.uow(principal=principal), order_id=order.id, new=torn)
    approve = Resolution(decision=Verdict.APPROVE)
    return resolve_claim(world.uow(principal=BRAND), claim_id=opened.id, resolution=approve)


def report(
    world: World,
    order: Order,
    event: TrackingEvent = SHIPPED,
    *,
    principal: Principal = BRAND,
    version: int | None = None,
) -> Order:
    return report_tracking(world.uow(principal=principal, expected_version=version), order_id=order.id, event=event)


def came_back(world: World, claim: Claim, *, principal: Principal = BRAND, version: int | None = None) -> Claim:
    return report_return(world.uow(principal=principal, expected_version=version), claim_id=claim.id, event=SHIPPED)


class TestReportTracking:
    def test_moves_the_order_and_said_again_is_a_no_op(self, world: World, sold: Order) -> None:
        shipped = report(world, sold, version=sold.version)
        assert shipped.status == OrderStatus.SHIPPED
        assert report(world, sold, version=sold.version).version == shipped.version
        assert report(world, sold, ARRIVED, version=shipped.version).status == OrderStatus.DELIVERED

    def test_of_what_was_not_seen_is_not_applied(self, world: World, sold: Order) -> None:
        with pytest.raises(OrderChanged):
            report(world, sold, version=sold.version - 1)
        assert world.stored_order(sold).version == sold.version

    def test_is_the_brands_alone(self, world: World, sold: Order) -> None:
        for customer_id in (sold.buyer_id, sold.seller_id):
            with pytest.raises(Forbidden):
                report(world, sold, principal=Principal(customer_id=customer_id))
        with pytest.raises(Forbidden):
            report(world, sold, principal=VIEWER)
        with pytest.raises(OrderNotFound):
            report(world, sold, principal=Principal())

    def test_of_an_unpaid_order_is_refused(self, world: World) -> None:
        order = world.order(world.shopper(), world.active(world.shopper()))
        with pytest.raises(OrderTransitionRefused):
            report(world, order)

    def test_of_another_tenants_order_is_not_found(self, other_world: World, sold: Order) -> None:
        with pytest.raises(OrderNotFound):
            report(other_world, sold)

    def test_a_lost_race_is_told(self, world: World, sold: Order) -> None:
        slow = world.uow()
        read = slow.orders.get(sold.id)
        report(world, sold)
        slow.orders.save(read, change_type=ChangeType.ORDER_TRACKED)
        with pytest.raises(OrderChanged):
            slow.commit()


class TestReportReturn:
    def test_starts_the_refund_once(self, world: World, claim: Claim) -> None:
        back = came_back(world, claim, version=claim.version)
        assert (back.status, back.refund_amount) == (ClaimStatus.RETURN_IN_TRANSIT, 12_000)
        assert came_back(world, claim, version=claim.version).version == back.version
        assert len(world.uow().orders.get(claim.order_id).refunds) == 1

    def test_of_what_was_not_seen_is_not_applied(self, world: World, claim: Claim) -> None:
        with pytest.raises(ClaimChanged):
            came_back(world, claim, version=claim.version - 1)
        assert world.uow().claims.get(claim.id).version == claim.version

    def test_is_the_brands_alone(self, world: World, claim: Claim) -> None:
        for principal in (Principal(customer_id=claim.buyer_id), VIEWER):
            with pytest.raises(Forbidden):
                came_back(world, claim, principal=principal)
        with pytest.raises(ClaimNotFound):
            came_back(world, claim, principal=Principal())

    def test_of_a_claim_without_a_return_or_another_tenants_is_not_found(
        self, world: World, other_world: World, partners: Partners, claim: Claim
    ) -> None:
        order = world.delivered(partners)
        lost = NewClaim(reason=ClaimReason.NOT_RECEIVED, description="Nothing came.")
        principal = Principal(customer_id=order.buyer_id)
        opened = open_claim(world.uow(principal=principal), order_id=order.id, new=lost)
        for where, which in ((world, opened), (other_world, claim)):
            with pytest.raises(ClaimNotFound):
                came_back(where, which)


class TestRefundOfAVersion:
    def test_is_not_begun_on_what_was_not_seen(self, world: World, partners: Partners) -> None:
        order = world.delivered(partners)
        new = NewRefund(order_id=order.id, amount=1_000)

        def refund(version: int) -> Order:
            return refund_order(world.uow(principal=BRAND, expected_version=version), new=new)

        assert refund(order.version).pending_refund is not None
        assert world.run(order, partners).remaining_minor == 11_000
        with pytest.raises(OrderChanged):
            refund(order.version)
        assert world.stored_order(order).remaining_minor == 11_000


class TestTransfersOfAnOrder:
    def test_are_the_brands_and_its_staffs(self, world: World, sold: Order) -> None:
        for principal in (BRAND, VIEWER):
            (one,) = list_order_transfers(reader=world.reader, principal=principal, order_id=sold.id)
            assert (one.status, one.amount, one.seller_id) == (TransferStatus.HELD, 10_800, sold.seller_id)
        with pytest.raises(LedgerNotFound):
            list_order_transfers(reader=world.reader, principal=Principal(customer_id=sold.seller_id), order_id=sold.id)

    def test_of_another_tenants_order_are_none(self, other_world: World, sold: Order) -> None:
        assert list_order_transfers(reader=other_world.reader, principal=BRAND, order_id=sold.id) == ()


class TestClaimHistory:
    def test_is_for_the_brand_and_its_staff(self, world: World, other_world: World, claim: Claim) -> None:
        found = list_history(reader=world.reader, principal=VIEWER, of=CLAIM, entity_id=claim.id, limit=10, cursor=None)
        assert found.verification.head_version == claim.version
        buyer = Principal(customer_id=claim.buyer_id)
        for reader, principal in ((world.reader, buyer), (other_world.reader, BRAND)):
            with pytest.raises(ClaimNotFound):
                list_history(reader=reader, principal=principal, of=CLAIM, entity_id=claim.id, limit=10, cursor=None)

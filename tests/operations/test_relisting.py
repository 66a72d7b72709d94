"""An item is sold again only when it is with its seller, or on its way there."""

import uuid
from datetime import timedelta

import msgspec
import pytest

from resale.application.operations.claims import advance_claim, open_claim, record_return_tracking, resolve_claim
from resale.application.operations.customers import Shopper
from resale.application.operations.listings import relist_listing
from resale.application.operations.orders import NewRefund, cancel_order, record_dispute, refund_order
from resale.domain.access import Principal
from resale.domain.claims import Claim, ClaimReason, NewClaim, Resolution, Verdict
from resale.domain.listings import ListingStatus, NotRelistable
from resale.domain.orders import Order, OrderStatus
from resale.domain.payments import Dispute, DisputeStatus
from resale.domain.shipments import ShipmentStatus, TrackingEvent
from tests.operations.partners import Partners
from tests.operations.world import BRAND, World
from tests.unit.builders import NOW


@pytest.fixture
def seller(world: World) -> Shopper:
    return world.shopper()


@pytest.fixture
def partners() -> Partners:
    return Partners()


@pytest.fixture
def delivered(world: World, seller: Shopper, partners: Partners) -> Order:
    return world.delivered(partners, seller=seller)


def relisted(world: World, seller: Shopper, order: Order) -> ListingStatus:
    again = relist_listing(world.uow(principal=world.principal(seller)), listing_id=order.listing_id)
    return again.status


def claimed(world: World, order: Order, verdict: Verdict) -> Claim:
    torn = NewClaim(reason=ClaimReason.NOT_AS_DESCRIBED, description="A sleeve is torn.")
    buyer = Principal(customer_id=order.buyer_id)
    claim = open_claim(world.uow(principal=buyer), order_id=order.id, new=torn)
    resolution = Resolution(decision=verdict)
    return resolve_claim(world.uow(principal=BRAND), claim_id=claim.id, resolution=resolution)


def seen(world: World, claim: Claim, status: ShipmentStatus) -> None:
    event = TrackingEvent(id=uuid.uuid4().hex, status=status, occurred_at=NOW)
    record_return_tracking(world.uow(), claim_id=claim.id, events=(event,))


class TestAnItemThatTheBuyerKept:
    def test_is_not_sold_again_after_a_refund_without_a_return(
        self, world: World, seller: Shopper, delivered: Order, partners: Partners
    ) -> None:
        claimed(world, delivered, Verdict.APPROVE_WITHOUT_RETURN)
        assert world.run(delivered, partners).status == OrderStatus.REFUNDED
        with pytest.raises(NotRelistable):
            relisted(world, seller, delivered)

    def test_is_not_sold_again_after_the_brand_gave_all_back(
        self, world: World, seller: Shopper, delivered: Order, partners: Partners
    ) -> None:
        new = NewRefund(order_id=delivered.id)
        refund_order(world.uow(principal=BRAND), new=new)
        assert world.run(delivered, partners).status == OrderStatus.REFUNDED
        with pytest.raises(NotRelistable):
            relisted(world, seller, delivered)

    def test_is_not_sold_again_after_a_chargeback(self, world: World, seller: Shopper, delivered: Order) -> None:
        lost = Dispute(provider_reference="dp_1", status=DisputeStatus.LOST, amount=12_000, reason_code="fraudulent")
        back = record_dispute(world.uow(), order_id=delivered.id, dispute=lost)
        assert back.status == OrderStatus.REFUNDED
        with pytest.raises(NotRelistable):
            relisted(world, seller, delivered)

    def test_is_not_sold_again_when_its_carrier_lost_it(
        self, world: World, seller: Shopper, partners: Partners
    ) -> None:
        order = world.scan(world.sold(partners, seller=seller), ShipmentStatus.IN_TRANSIT, ShipmentStatus.FAILURE)
        order = world.run(order, partners, now=NOW + timedelta(hours=72))
        assert order.status == OrderStatus.REFUNDED
        with pytest.raises(NotRelistable):
            relisted(world, seller, order)


class TestAnItemThatCameBack:
    def test_by_its_return_is_sold_again_and_not_when_that_was_lost(
        self, world: World, seller: Shopper, delivered: Order, partners: Partners
    ) -> None:
        claim = claimed(world, delivered, Verdict.APPROVE)
        advance_claim(world.uow(), partners=partners, claim_id=claim.id)
        seen(world, claim, ShipmentStatus.IN_TRANSIT)
        assert world.run(delivered, partners).status == OrderStatus.REFUNDED
        seen(world, claim, ShipmentStatus.FAILURE)
        with pytest.raises(NotRelistable):
            relisted(world, seller, delivered)
        seen(world, claim, ShipmentStatus.DELIVERED)
        assert relisted(world, seller, delivered) == ListingStatus.PENDING_REVIEW

    def test_to_its_sender_is_sold_again(self, world: World, seller: Shopper, partners: Partners) -> None:
        order = world.scan(world.sold(partners, seller=seller), ShipmentStatus.IN_TRANSIT, ShipmentStatus.RETURNED)
        assert world.run(order, partners).status == OrderStatus.REFUNDED
        assert relisted(world, seller, order) == ListingStatus.PENDING_REVIEW

    def test_that_never_left_is_sold_again(self, world: World, seller: Shopper, partners: Partners) -> None:
        order = world.sold(partners, seller=seller)
        cancel_order(world.uow(principal=BRAND), order_id=order.id)
        order = world.run(order, partners)
        assert order.status == OrderStatus.CANCELLED
        assert relisted(world, seller, order) == ListingStatus.PENDING_REVIEW


class TestATenantWithoutTheFeature:
    def test_refuses_a_new_listing_and_keeps_those_there_are(
        self, world: World, seller: Shopper, partners: Partners
    ) -> None:
        order = world.scan(world.sold(partners, seller=seller), ShipmentStatus.IN_TRANSIT, ShipmentStatus.RETURNED)
        assert world.run(order, partners).status == OrderStatus.REFUNDED
        without = World(world.container, msgspec.structs.replace(world.tenant, features=frozenset()))
        with pytest.raises(NotRelistable, match="does not offer this"):
            relisted(without, seller, order)
        assert relisted(world, seller, order) == ListingStatus.PENDING_REVIEW
        assert relisted(without, seller, order) == ListingStatus.PENDING_REVIEW

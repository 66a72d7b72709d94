"""The deadlines of a return: what they run from, and what is looked at before they are kept."""

from datetime import datetime, timedelta

import msgspec
import pytest

from resale.application.operations.claims import (
    advance_claim,
    open_claim,
    record_return_tracking,
    resolve_claim,
    withdraw_claim,
)
from resale.application.operations.orders import NewRefund, refund_order
from resale.application.queries.claims import BrandClaim, get_claim
from resale.domain.access import Principal
from resale.domain.changes import ChangeType
from resale.domain.claims import (
    Claim,
    ClaimReason,
    ClaimStatus,
    ClaimTransitionRefused,
    NewClaim,
    Resolution,
    Verdict,
    parcel_of,
)
from resale.domain.orders import Order, OrderStatus
from resale.domain.shipments import ShipmentStatus, TrackingEvent
from tests.operations.partners import Carrier, Partners
from tests.operations.world import BRAND, World
from tests.unit.builders import NOW

TORN = NewClaim(reason=ClaimReason.NOT_AS_DESCRIBED, description="A sleeve is torn.")
APPROVE = Resolution(decision=Verdict.APPROVE)
KEEP_IT = Resolution(decision=Verdict.APPROVE_WITHOUT_RETURN)
RETURN_HOURS = timedelta(hours=72)


@pytest.fixture
def partners() -> Partners:
    return Partners()


@pytest.fixture
def order(world: World, partners: Partners) -> Order:
    return world.delivered(partners)


@pytest.fixture
def claim(world: World, order: Order) -> Claim:
    principal = Principal(customer_id=order.buyer_id)
    return open_claim(world.uow(principal=principal), order_id=order.id, new=TORN)


def resolved(world: World, claim: Claim, resolution: Resolution) -> Claim:
    return resolve_claim(world.uow(principal=BRAND), claim_id=claim.id, resolution=resolution)


def advance(world: World, claim: Claim, partners: Partners, *, now: datetime = NOW) -> Claim:
    return advance_claim(world.uow(now=now), partners=partners, claim_id=claim.id)


def seen(status: ShipmentStatus, *, at: datetime = NOW) -> TrackingEvent:
    return TrackingEvent(id=f"seen-{status}", status=status, occurred_at=at)


class TestTheTimeToSendAnItemBack:
    def test_begins_when_there_is_a_label(self, world: World, claim: Claim, partners: Partners) -> None:
        resolved(world, claim, APPROVE)
        late = NOW + timedelta(hours=80)  # the carrier's service was down for so long
        issued = advance(world, claim, partners, now=late)
        assert (issued.status, issued.deadline_at) == (ClaimStatus.RETURN_LABEL_ISSUED, late + RETURN_HOURS)

    def test_does_not_run_for_a_buyer_without_a_label(self, world: World, claim: Claim) -> None:
        resolved(world, claim, APPROVE)
        advance(world, claim, Partners(shipping=Carrier(refuse=True)))
        late = NOW + timedelta(hours=73)
        waiting = advance(world, claim, Partners(), now=late)
        assert (waiting.status, waiting.attention) == (ClaimStatus.APPROVED, "return_label_refused")
        view = get_claim(reader=world.reader, principal=BRAND, claim_id=claim.id)
        assert isinstance(view, BrandClaim)
        assert view.return_label_message == "House number is missing"
        assert waiting.due_at is not None
        assert world.stored_order_of(claim).status == OrderStatus.CLAIM_OPEN

    def test_is_asked_of_the_carrier_before_it_is_over(self, world: World, claim: Claim, partners: Partners) -> None:
        resolved(world, claim, APPROVE)
        issued = advance(world, claim, partners)
        partners.shipping.scan(parcel_of(issued).id, seen(ShipmentStatus.IN_TRANSIT, at=NOW + timedelta(hours=71)))
        found = advance(world, claim, partners, now=NOW + RETURN_HOURS)
        assert found.status == ClaimStatus.RETURN_IN_TRANSIT
        assert world.stored_order_of(claim).pending_refund is not None


class TestAReturnWhoseLabelDoesNotCome:
    def test_can_be_approved_without_a_return(self, world: World, claim: Claim, partners: Partners) -> None:
        resolved(world, claim, APPROVE)
        advance(world, claim, Partners(shipping=Carrier(refuse=True)))
        kept = resolved(world, claim, KEEP_IT)
        assert (kept.status, kept.attention) == (ClaimStatus.APPROVED_WITHOUT_RETURN, None)
        assert resolved(world, claim, KEEP_IT).version == kept.version
        order = world.run(world.stored_order_of(claim), partners)
        assert order.status == OrderStatus.REFUNDED
        assert resolved(world, claim, KEEP_IT).status == ClaimStatus.REFUNDED

    def test_is_told_to_a_person_where_nobody_knows_the_way(self, world: World, claim: Claim, order: Order) -> None:
        uow = world.uow()
        seller = uow.sellers.find(world.account_id_of(order))
        assert seller is not None
        uow.sellers.save(msgspec.structs.replace(seller, ships_from_known=False), change_type=ChangeType.SELLER_EDITED)
        uow.commit()
        approved = resolved(world, claim, APPROVE)
        assert approved.attention == "return_label_missing"
        assert approved.due_at == NOW + timedelta(days=1)  # by then an address may be known


class TestAParcelGivenUp:
    def test_that_nobody_saw_gives_no_money_back(self, world: World, claim: Claim, partners: Partners) -> None:
        resolved(world, claim, APPROVE)
        advance(world, claim, partners)
        given_up = (seen(ShipmentStatus.FAILURE),)
        same = record_return_tracking(world.uow(), claim_id=claim.id, events=given_up)
        assert same.status == ClaimStatus.RETURN_LABEL_ISSUED
        assert world.stored_order_of(claim).refunds == ()

    def test_that_was_handed_over_does(self, world: World, claim: Claim, partners: Partners) -> None:
        resolved(world, claim, APPROVE)
        advance(world, claim, partners)
        lost = (seen(ShipmentStatus.IN_TRANSIT), seen(ShipmentStatus.FAILURE))
        sent = record_return_tracking(world.uow(), claim_id=claim.id, events=lost)
        assert sent.status == ClaimStatus.RETURN_IN_TRANSIT


class TestAClaimWhoseItemIsOnItsWayBack:
    def test_is_not_withdrawn_while_its_refund_waits_for_another(
        self, world: World, order: Order, partners: Partners
    ) -> None:
        goodwill = NewRefund(order_id=order.id, amount=500)
        refund_order(world.uow(principal=BRAND), new=goodwill)
        buyer = Principal(customer_id=order.buyer_id)
        claim = open_claim(world.uow(principal=buyer), order_id=order.id, new=TORN)
        resolved(world, claim, APPROVE)
        advance(world, claim, partners)
        sent = (seen(ShipmentStatus.IN_TRANSIT),)
        waiting = record_return_tracking(world.uow(), claim_id=claim.id, events=sent)
        assert waiting.status == ClaimStatus.RETURN_LABEL_ISSUED
        with pytest.raises(ClaimTransitionRefused):
            withdraw_claim(world.uow(principal=buyer), claim_id=claim.id)

"""Money that goes back from two sides at once: refunds, claims and disputes of one order."""

from datetime import timedelta

import pytest

from resale.application.operations.claims import (
    advance_claim,
    open_claim,
    record_return_tracking,
    resolve_claim,
    withdraw_claim,
)
from resale.application.operations.orders import NewRefund, RefundUnderWay, cancel_order, record_dispute, refund_order
from resale.domain.access import Principal
from resale.domain.claims import Claim, ClaimReason, ClaimStatus, NewClaim, Resolution, Verdict
from resale.domain.orders import Order, OrderStatus
from resale.domain.payments import Dispute, DisputeStatus, RefundState
from resale.domain.shipments import ShipmentStatus, TrackingEvent
from resale.domain.transfers import TransferStatus
from resale.errors import Unavailable
from tests.operations.partners import Books, Partners
from tests.operations.world import BRAND, World
from tests.unit.builders import NOW

ALL_OF_IT = Resolution(decision=Verdict.APPROVE_WITHOUT_RETURN)
LATER = NOW + timedelta(days=4)


def refund_begun(world: World, order: Order, amount: int) -> Order:
    new = NewRefund(order_id=order.id, amount=amount)
    return refund_order(world.uow(principal=BRAND), new=new)


def claimed(world: World, order: Order) -> Claim:
    return open_claim(
        world.uow(principal=Principal(customer_id=order.buyer_id)),
        order_id=order.id,
        new=NewClaim(reason=ClaimReason.NOT_AS_DESCRIBED, description="A sleeve is torn."),
    )


def resolved(world: World, claim: Claim, resolution: Resolution) -> Claim:
    return resolve_claim(world.uow(principal=BRAND), claim_id=claim.id, resolution=resolution)


def withdrawn(world: World, claim: Claim) -> Claim:
    buyer = Principal(customer_id=claim.buyer_id)
    return withdraw_claim(world.uow(principal=buyer), claim_id=claim.id)


def stored(world: World, claim: Claim) -> Claim:
    return world.uow().claims.get(claim.id)


def disputed(world: World, order: Order, status: DisputeStatus, *, amount: int = 12_000) -> Order:
    dispute = Dispute(provider_reference="dp_1", status=status, amount=amount, reason_code="fraud")
    return record_dispute(world.uow(), order_id=order.id, dispute=dispute)


class TestAClaimBesideAnotherRefund:
    def test_stays_open_when_a_part_was_given_back_for_another_reason(self, world: World) -> None:
        partners = Partners()
        order = world.delivered(partners)
        refund_begun(world, order, 1_000)
        claim = claimed(world, order)
        order = world.run(order, partners)
        assert (order.status, order.remaining_minor) == (OrderStatus.CLAIM_OPEN, 11_000)
        assert stored(world, claim).status == ClaimStatus.OPENED
        assert world.transfer(order).status == TransferStatus.HELD

    @pytest.mark.parametrize("state", [RefundState.PENDING, RefundState.FAILED])
    def test_begins_no_second_refund(self, world: World, state: RefundState) -> None:
        partners = Partners(Books(refund_state=state))
        order = world.delivered(partners)
        refund_begun(world, order, 1_000)
        world.advance(order, partners)
        claim = claimed(world, order)
        with pytest.raises(RefundUnderWay):
            resolved(world, claim, ALL_OF_IT)

    def test_a_return_that_was_scanned_waits_for_the_other_refund_to_be_done(self, world: World) -> None:
        partners = Partners(Books(refund_state=RefundState.FAILED))
        order = refund_begun(world, world.delivered(partners), 1_000)
        claim = claimed(world, order)
        world.advance(order, partners)
        resolved(world, claim, Resolution(decision=Verdict.APPROVE))
        advance_claim(world.uow(), partners=partners, claim_id=claim.id)
        scan = TrackingEvent(id="seen", status=ShipmentStatus.IN_TRANSIT, occurred_at=NOW)
        seen = record_return_tracking(world.uow(), claim_id=claim.id, events=(scan,))
        assert seen.status == ClaimStatus.RETURN_LABEL_ISSUED
        assert seen.due_at is not None
        partners.payments.refund_state = RefundState.SUCCEEDED
        order = world.run(order, partners, now=LATER)
        assert order.remaining_minor == 11_000
        seen = advance_claim(world.uow(now=LATER), partners=partners, claim_id=claim.id)
        assert (seen.status, seen.refund_amount) == (ClaimStatus.RETURN_IN_TRANSIT, 11_000)
        assert world.run(order, partners, now=LATER).status == OrderStatus.REFUNDED
        assert stored(world, claim).status == ClaimStatus.REFUNDED

    def test_a_parcel_that_its_carrier_lost_was_sent_back(self, world: World) -> None:
        partners = Partners()
        claim = claimed(world, world.delivered(partners))
        resolved(world, claim, Resolution(decision=Verdict.APPROVE))
        taken = TrackingEvent(id="taken", status=ShipmentStatus.IN_TRANSIT, occurred_at=NOW)
        lost = TrackingEvent(id="lost", status=ShipmentStatus.FAILURE, occurred_at=NOW)
        advance_claim(world.uow(), partners=partners, claim_id=claim.id)
        seen = record_return_tracking(world.uow(), claim_id=claim.id, events=(lost, taken))
        assert seen.status == ClaimStatus.RETURN_IN_TRANSIT


class TestADisputeBesideAClaim:
    def test_keeps_the_sellers_money_when_the_claim_comes_to_nothing(self, world: World) -> None:
        partners = Partners()
        order = world.delivered(partners)
        claim = claimed(world, order)
        disputed(world, order, DisputeStatus.OPEN)
        withdrawn(world, claim)
        order = world.run(order, partners, now=LATER)
        assert (order.status, world.transfer(order).status) == (OrderStatus.DELIVERED, TransferStatus.HELD)
        disputed(world, order, DisputeStatus.WON)
        order = world.run(order, partners, now=LATER)
        assert (order.status, world.transfer(order).status) == (OrderStatus.COMPLETED, TransferStatus.AVAILABLE)

    def test_lost_in_part_leaves_the_claim_open(self, world: World) -> None:
        order = world.delivered(Partners())
        claim = claimed(world, order)
        order = disputed(world, order, DisputeStatus.LOST, amount=5_000)
        assert (order.status, order.remaining_minor) == (OrderStatus.CLAIM_OPEN, 7_000)
        assert stored(world, claim).status == ClaimStatus.OPENED

    def test_lost_whole_ends_the_claim(self, world: World) -> None:
        order = world.delivered(Partners())
        claim = claimed(world, order)
        assert disputed(world, order, DisputeStatus.LOST).status == OrderStatus.REFUNDED
        assert stored(world, claim).status == ClaimStatus.REFUNDED

    def test_lost_in_part_forgets_no_refund_that_failed(self, world: World) -> None:
        partners = Partners(Books(refund_state=RefundState.FAILED))
        order = world.delivered(partners)
        claim = claimed(world, order)
        resolved(world, claim, ALL_OF_IT)
        world.advance(order, partners)
        order = disputed(world, order, DisputeStatus.LOST, amount=5_000)
        assert order.failed_refund is not None
        assert (order.status, stored(world, claim).status) == (
            OrderStatus.CLAIM_OPEN,
            ClaimStatus.APPROVED_WITHOUT_RETURN,
        )
        partners.payments.refund_state = RefundState.SUCCEEDED
        order = world.run(order, partners, now=LATER)
        assert (order.status, order.remaining_minor) == (OrderStatus.REFUNDED, 0)
        closed = stored(world, claim)
        assert (closed.status, closed.closed_at) == (ClaimStatus.REFUNDED, LATER)


class TestADisputeBeforeItsPayment:
    def test_is_told_again_once_the_capture_is_known(self, world: World) -> None:
        order = world.order(world.shopper(), world.active(world.shopper()))
        world.advance(order, Partners())
        with pytest.raises(Unavailable):
            disputed(world, order, DisputeStatus.LOST)


class TestARefundThatTakesItsTime:
    def test_is_asked_for_at_twice_its_age(self, world: World) -> None:
        partners = Partners(Books(refund_state=RefundState.PENDING))
        order = refund_begun(world, world.delivered(partners), 1_000)
        order = world.advance(order, partners)
        assert order.due_at == NOW + timedelta(minutes=10)
        later = NOW + timedelta(hours=3)
        assert world.advance(order, partners, now=later).due_at == later + timedelta(hours=3)


class TestALabelBesideAChargeback:
    """A part that the bank took is no refund that has begun: the label is given back before the rest of the money."""

    def _cancelled(self, world: World, partners: Partners) -> Order:
        order = world.sold(partners)
        assert order.status == OrderStatus.AWAITING_SHIPMENT
        disputed(world, order, DisputeStatus.LOST, amount=5_000)
        return cancel_order(world.uow(principal=BRAND), order_id=order.id)

    def test_is_given_back_before_the_money(self, world: World) -> None:
        partners = Partners()
        order = world.advance(self._cancelled(world, partners), partners)
        assert (partners.shipping.calls["void_label"], partners.payments.calls["refund"]) == (1, 0)
        order = world.run(order, partners)
        assert (order.status, order.remaining_minor) == (OrderStatus.CANCELLED, 0)
        assert world.balances(order).get("labels", 0) == 0

    def test_of_a_parcel_on_its_way_makes_the_order_a_shipped_one(self, world: World) -> None:
        partners = Partners()
        order = self._cancelled(world, partners)
        assert order.shipment is not None
        taken = TrackingEvent(id="taken", status=ShipmentStatus.IN_TRANSIT, occurred_at=NOW)
        partners.shipping.scan(order.shipment.id, taken)
        order = world.run(order, partners)
        assert (order.status, order.remaining_minor) == (OrderStatus.SHIPPED, 7_000)


class TestAFailedRefundBesideADispute:
    def test_sleeps_until_the_dispute_is_over_and_is_tried_again_then(self, world: World) -> None:
        partners = Partners(Books(refund_state=RefundState.FAILED))
        order = refund_begun(world, world.delivered(partners), 1_000)
        order = world.advance(order, partners)
        order = disputed(world, order, DisputeStatus.OPEN)
        for days in (1, 2):
            assert order.due_at == NOW + timedelta(days=days)
            order = world.advance(order, partners, now=order.due_at)
            assert partners.payments.calls["refund"] == 1
        partners.payments.refund_state = RefundState.SUCCEEDED
        order = disputed(world, order, DisputeStatus.WON)
        assert order.due_at is not None
        order = world.run(order, partners, now=order.due_at)
        assert (order.remaining_minor, partners.payments.calls["refund"]) == (11_000, 2)


class TestManySmallRefunds:
    def test_take_commission_back_in_proportion_to_all_of_them(self, world: World) -> None:
        partners = Partners()
        order = world.delivered(partners)
        for _ in range(9):
            refund_begun(world, order, 5)
            order = world.run(order, partners)
        commissions = [refund.parts.commission for refund in order.refunds]
        for count in range(1, 10):
            assert abs(sum(commissions[:count]) - count * 0.5) <= 0.5
        assert world.balances(order)["commission_deferred"] == sum(commissions) - 1_200

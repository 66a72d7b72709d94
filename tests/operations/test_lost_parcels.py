"""Parcels that the carrier lost: searched for, then refunded; who bears the loss, and the claim on the carrier."""

from datetime import datetime, timedelta

import msgspec
import pytest

from resale.application.operations.orders import (
    CarrierClaimClosed,
    ClaimDecision,
    CompensationRefused,
    CompensationTooLarge,
    NewCompensation,
    cancel_order,
    compensate_seller,
    record_dispute,
    settle_carrier_claim,
)
from resale.domain.access import Principal
from resale.domain.issues import Issue
from resale.domain.orders import Order, OrderChanged, OrderNotFound, OrderStatus
from resale.domain.payments import Dispute, DisputeStatus
from resale.domain.policies import LossBearer
from resale.domain.shipments import ShipmentStatus, TrackingEvent
from resale.domain.transfers import TransferStatus
from resale.errors import Forbidden, Invalid
from tests.operations.partners import Partners
from tests.operations.world import BRAND, Interrupted, World
from tests.unit.builders import NOW

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
S = ShipmentStatus
GIVEN_UP = NOW + 72 * HOUR


@pytest.fixture
def partners() -> Partners:
    return Partners()


def borne_by(world: World, bearer: LossBearer) -> World:
    policies = msgspec.structs.replace(world.tenant.policies, lost_parcel_borne_by=bearer)
    return World(world.container, msgspec.structs.replace(world.tenant, policies=policies))


def lost(world: World, partners: Partners) -> Order:
    return world.scan(world.sold(partners), S.IN_TRANSIT, S.FAILURE)


def ended(world: World, partners: Partners) -> Order:
    return world.run(lost(world, partners), partners, now=GIVEN_UP)


def available(world: World, order: Order) -> int:
    account = world.seller_account(order)
    return 0 if account is None else account.available


def settled(world: World, order: Order, amount: int, *, now: datetime = GIVEN_UP + DAY) -> Order:
    decision = ClaimDecision(paid_amount=amount)
    return settle_carrier_claim(world.uow(now=now, principal=BRAND), order_id=order.id, decision=decision)


class TestALostParcel:
    def test_is_searched_for_before_its_buyer_is_refunded(self, world: World, partners: Partners) -> None:
        order = lost(world, partners)
        assert (order.status, order.undelivered_at) == (OrderStatus.SHIPPED, GIVEN_UP)
        assert world.run(order, partners, now=GIVEN_UP - HOUR).status == OrderStatus.SHIPPED
        assert world.run(order, partners, now=GIVEN_UP).status == OrderStatus.REFUNDED

    @pytest.mark.parametrize(
        ("found", "status"), [(S.IN_TRANSIT, OrderStatus.SHIPPED), (S.DELIVERED, OrderStatus.DELIVERED)]
    )
    def test_that_is_found_in_time_goes_on(
        self, world: World, partners: Partners, found: ShipmentStatus, status: OrderStatus
    ) -> None:
        order = world.scan(lost(world, partners), found, now=NOW + DAY)
        assert (order.status, order.undelivered_at, order.attention) == (status, None, None)
        assert world.run(order, partners, now=GIVEN_UP).remaining_minor == 12_000

    def test_is_asked_for_at_the_carrier_before_it_is_given_up(self, world: World, partners: Partners) -> None:
        order = lost(world, partners)
        assert order.shipment is not None
        found = TrackingEvent(id="found", status=S.DELIVERED, occurred_at=NOW + DAY)
        partners.shipping.scan(order.shipment.id, found)
        assert world.run(order, partners, now=GIVEN_UP).status == OrderStatus.DELIVERED

    def test_that_is_found_after_the_refund_is_an_issue(self, world: World, partners: Partners) -> None:
        order = world.scan(ended(world, partners), S.DELIVERED, now=GIVEN_UP + DAY)
        assert Issue.PARCEL_AFTER_REFUND in order.issues


class TestTheLoss:
    def test_is_claimed_from_the_carrier_and_the_seller_is_paid(self, world: World, partners: Partners) -> None:
        order = ended(world, partners)
        assert (order.status, order.attention) == (OrderStatus.REFUNDED, Issue.CARRIER_CLAIM_OPEN)
        assert world.transfer(order).status == TransferStatus.REVERSED
        assert available(world, order) == 10_800
        seller = f"seller:{order.seller_id}"
        assert world.balances(order) == {"labels": 450, "carriers": -450, "carrier_claims": 10_800, seller: -10_800}

    def test_is_paid_once(self, world: World, partners: Partners) -> None:
        order = ended(world, partners)
        assert world.run(order, partners, now=GIVEN_UP + DAY).compensation == order.compensation
        assert available(world, order) == 10_800
        assert world.balances(order)["carrier_claims"] == 10_800

    def test_can_be_the_platforms(self, world: World, partners: Partners) -> None:
        generous = borne_by(world, LossBearer.PLATFORM)
        order = ended(generous, partners)
        assert (order.attention, available(world, order)) == (None, 10_800)
        assert world.balances(order)["lost_parcels"] == 10_800

    def test_can_be_the_sellers(self, world: World, partners: Partners) -> None:
        order = ended(borne_by(world, LossBearer.SELLER), partners)
        assert (order.attention, order.compensation, available(world, order)) == (None, None, 0)
        assert world.balances(order) == {"labels": 450, "carriers": -450}

    def test_is_the_sellers_where_the_carrier_is(self, world: World, partners: Partners) -> None:
        order = world.run(world.order(world.shopper(), world.active(world.shopper())), partners)
        order = world.run(world.scan(order, S.IN_TRANSIT, S.FAILURE), partners, now=GIVEN_UP)
        assert (order.status, order.compensation, available(world, order)) == (OrderStatus.REFUNDED, None, 0)


class TestSettleCarrierClaim:
    def test_reduces_what_the_carrier_is_owed_and_writes_off_the_rest(self, world: World, partners: Partners) -> None:
        order = settled(world, ended(world, partners), 8_000)
        assert order.attention is None
        assert order.compensation is not None
        assert order.compensation.carrier_claim is not None
        assert order.compensation.carrier_claim.status == "settled"
        sums = world.balances(order)
        assert (sums["carriers"], sums["lost_parcels"]) == (8_000 - 450, 2_800)
        assert "carrier_claims" not in sums

    def test_writes_it_off_when_the_carrier_pays_nothing(self, world: World, partners: Partners) -> None:
        order = settled(world, ended(world, partners), 0)
        assert order.compensation is not None
        assert order.compensation.carrier_claim is not None
        assert order.compensation.carrier_claim.status == "written_off"
        assert world.balances(order)["lost_parcels"] == 10_800

    def test_has_no_effect_again_and_refuses_another_amount(self, world: World, partners: Partners) -> None:
        order = settled(world, ended(world, partners), 8_000)
        assert settled(world, order, 8_000).version == order.version
        with pytest.raises(CarrierClaimClosed):
            settled(world, order, 9_000)

    def test_refuses_an_order_without_a_claim(self, world: World, partners: Partners) -> None:
        with pytest.raises(CarrierClaimClosed):
            settled(world, ended(borne_by(world, LossBearer.PLATFORM), partners), 1)


class TestCompensateSeller:
    @pytest.fixture
    def taken(self, world: World, partners: Partners) -> Order:
        """An order that was cancelled and refunded, whose item the buyer received all the same."""
        order = world.sold(partners)
        cancel_order(world.uow(principal=BRAND), order_id=order.id)
        return world.scan(world.run(order, partners), S.DELIVERED, now=NOW + DAY)

    @staticmethod
    def paid(world: World, order: Order, **fields: object) -> Order:
        new = msgspec.convert(fields, NewCompensation)
        return compensate_seller(world.uow(now=NOW + DAY, principal=BRAND), order_id=order.id, new=new)

    def test_pays_what_the_seller_lost(self, world: World, taken: Order) -> None:
        assert taken.attention == Issue.PARCEL_AFTER_REFUND
        order = self.paid(world, taken)
        assert (order.attention, available(world, order)) == (None, 10_800)
        assert world.balances(order)["lost_parcels"] == 10_800

    def test_has_no_effect_again(self, world: World, taken: Order) -> None:
        order = self.paid(world, taken, amount=500)
        assert self.paid(world, order, amount=500).version == order.version
        with pytest.raises(CompensationRefused):
            self.paid(world, order, amount=600)
        assert available(world, order) == 500

    def test_refuses_more_than_was_lost_and_a_seller_who_bears_it(self, world: World, taken: Order) -> None:
        with pytest.raises(CompensationTooLarge):
            self.paid(world, taken, amount=10_801)
        with pytest.raises(Invalid):
            self.paid(world, taken, borne_by="seller")

    def test_refuses_a_seller_who_lost_nothing(self, world: World, partners: Partners) -> None:
        order = world.run(world.delivered(partners), partners, now=NOW + 4 * DAY)
        with pytest.raises(CompensationRefused):
            self.paid(world, order)

    def test_refuses_what_a_bank_took_since_its_dispute_can_be_won_later(
        self, world: World, partners: Partners
    ) -> None:
        order = world.run(world.delivered(partners), partners, now=NOW + 4 * DAY)
        report = Dispute(provider_reference="dp_1", status=DisputeStatus.LOST, amount=12_000, reason_code="fraudulent")
        record_dispute(world.uow(now=NOW + 5 * DAY), order_id=order.id, dispute=report)
        with pytest.raises(CompensationRefused):
            self.paid(world, order)

    def test_is_the_brands(self, world: World, taken: Order) -> None:
        seller = Principal(customer_id=taken.seller_id)
        with pytest.raises(Forbidden):
            compensate_seller(world.uow(principal=seller), order_id=taken.id, new=NewCompensation())

    def test_is_lost_to_another_writer_and_paid_once(self, world: World, taken: Order) -> None:
        slow = world.uow(now=NOW + DAY, principal=BRAND)
        racing = Interrupted(slow, lambda: self.paid(world, taken, amount=500))
        with pytest.raises(OrderChanged):
            compensate_seller(racing, order_id=taken.id, new=NewCompensation())  # type: ignore[arg-type]  # as one
        assert available(world, taken) == 500

    def test_of_another_tenant_is_not_found(self, other_world: World, taken: Order) -> None:
        with pytest.raises(OrderNotFound):
            self.paid(other_world, taken)

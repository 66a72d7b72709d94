"""News of an order's parcel: late, from a voided label, back at its sender, lost or found, and who is told."""

from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest

from resale.application.operations.listings import relist_listing
from resale.application.operations.orders import (
    Acknowledgement,
    NewCompensation,
    NewRefund,
    acknowledge_order,
    advance_order,
    cancel_order,
    compensate_seller,
    confirm_receipt,
    record_dispute,
    record_tracking,
    refund_order,
)
from resale.domain.access import Principal
from resale.domain.issues import Issue
from resale.domain.listings import NotRelistable
from resale.domain.orders import Order, OrderStatus
from resale.domain.payments import Dispute, DisputeStatus
from resale.domain.policies import RefundAt
from resale.domain.shipments import LabelState, ShipmentStatus, TrackingEvent, VoidState
from resale.domain.transfers import TransferStatus
from tests.operations.partners import Carrier, Partners
from tests.operations.world import BRAND, World
from tests.unit.builders import NOW

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
S = ShipmentStatus
ACCEPT = Acknowledgement(reason="agreed_with_seller")


class VoidsUnscanned(Carrier):
    """Voids a label that has no scan yet, although its parcel was dropped off."""

    def void_label(self, *, shipment_id: str, provider_reference: str) -> VoidState:  # noqa: ARG002 - the port's
        self._enter("void_label")
        self.labels[shipment_id] = LabelState.VOIDED
        return VoidState.VOIDED


@pytest.fixture
def partners() -> Partners:
    return Partners()


def event(status: ShipmentStatus, *, at: datetime, name: str = "scan") -> TrackingEvent:
    return TrackingEvent(id=name, status=status, occurred_at=at)


def heard(world: World, order: Order, *events: TrackingEvent, now: datetime) -> Order:
    return record_tracking(world.uow(now=now), order_id=order.id, events=events)


def available(world: World, order: Order) -> int:
    account = world.seller_account(order)
    return 0 if account is None else account.available


def frozen(world: World, order: Order) -> int:
    account = world.seller_account(order)
    return 0 if account is None else account.frozen


def disputed(world: World, order: Order, status: DisputeStatus, *, minute: int) -> Order:
    at = NOW + timedelta(minutes=minute)
    report = Dispute(provider_reference="dp_1", status=status, amount=12_000, reason_code="fraudulent", told_at=at)
    return record_dispute(world.uow(), order_id=order.id, dispute=report)


def cancelled(world: World, partners: Partners) -> Order:
    order = world.sold(partners)
    cancel_order(world.uow(principal=Principal(customer_id=order.buyer_id)), order_id=order.id)
    order = world.run(order, partners)
    assert (order.status, order.remaining_minor) == (OrderStatus.CANCELLED, 0)
    return order


def with_policies(world: World, **policies: Any) -> World:
    changed = msgspec.structs.replace(world.tenant.policies, **policies)
    return World(world.container, msgspec.structs.replace(world.tenant, policies=changed))


class TestADeliveredParcelThatGoesBack:
    @pytest.fixture
    def back(self, world: World, partners: Partners) -> Order:
        return world.scan(world.delivered(partners), S.RETURNED, now=NOW + 5 * HOUR)

    def test_holds_the_sellers_money_and_is_an_issue(self, world: World, partners: Partners, back: Order) -> None:
        assert (back.status, back.attention) == (OrderStatus.DELIVERED, Issue.PARCEL_RETURNED)
        order = world.run(back, partners, now=NOW + 4 * DAY)
        assert (order.status, world.transfer(order).status) == (OrderStatus.DELIVERED, TransferStatus.HELD)
        assert order.due_at is not None

    def test_is_refunded_when_staff_decide_so(self, world: World, partners: Partners, back: Order) -> None:
        later = NOW + 4 * DAY
        refund_order(world.uow(now=later, principal=BRAND), new=NewRefund(order_id=back.id))
        order = world.run(back, partners, now=later)
        assert (order.status, order.attention) == (OrderStatus.REFUNDED, None)
        assert available(world, order) == 0

    def test_pays_the_seller_when_staff_decide_so(self, world: World, partners: Partners, back: Order) -> None:
        later = NOW + 4 * DAY
        order = acknowledge_order(world.uow(now=later, principal=BRAND), order_id=back.id, acknowledgement=ACCEPT)
        assert order.due_at is not None
        order = world.run(order, partners, now=max(later, order.due_at))
        assert (order.status, order.attention) == (OrderStatus.COMPLETED, None)
        assert available(world, order) == 10_800

    def test_is_told_after_the_completion_too(self, world: World, partners: Partners) -> None:
        order = world.run(world.delivered(partners), partners, now=NOW + 4 * DAY)
        order = world.scan(order, S.REFUSED, now=NOW + 5 * DAY)
        assert (order.status, order.attention) == (OrderStatus.COMPLETED, Issue.PARCEL_RETURNED)
        assert frozen(world, order) == 10_800
        refund_order(world.uow(now=NOW + 5 * DAY, principal=BRAND), new=NewRefund(order_id=order.id))
        order = world.run(order, partners, now=NOW + 5 * DAY)
        assert (order.status, order.attention, available(world, order)) == (OrderStatus.REFUNDED, None, 0)
        assert frozen(world, order) == 0

    def test_after_the_completion_frees_the_sellers_money_when_staff_decide_so(
        self, world: World, partners: Partners
    ) -> None:
        order = world.run(world.delivered(partners), partners, now=NOW + 4 * DAY)
        order = world.scan(order, S.RETURNED, now=NOW + 5 * DAY)
        assert (frozen(world, order), available(world, order)) == (10_800, 10_800)
        later = NOW + 5 * DAY
        acknowledge_order(world.uow(now=later, principal=BRAND), order_id=order.id, acknowledgement=ACCEPT)
        assert (frozen(world, order), available(world, order)) == (0, 10_800)

    def test_lost_after_a_part_was_refunded_frees_the_sellers_money_with_their_compensation(
        self, world: World, partners: Partners
    ) -> None:
        order = world.scan(world.sold(partners), S.IN_TRANSIT)
        confirm_receipt(world.uow(principal=Principal(customer_id=order.buyer_id)), order_id=order.id)
        order = world.run(order, partners, now=NOW + 4 * DAY)
        later = NOW + 5 * DAY
        refund_order(world.uow(now=later, principal=BRAND), new=NewRefund(order_id=order.id, amount=2_000))
        order = world.scan(world.run(order, partners, now=later), S.FAILURE, now=later)
        assert (order.attention, frozen(world, order)) == (Issue.PARCEL_LOST, 10_800)
        compensate_seller(world.uow(now=later, principal=BRAND), order_id=order.id, new=NewCompensation())
        assert (frozen(world, order), available(world, order)) == (0, 10_800)

    def test_is_not_told_again_by_the_same_news(self, world: World, back: Order) -> None:
        acknowledge_order(world.uow(now=NOW + DAY, principal=BRAND), order_id=back.id, acknowledgement=ACCEPT)
        assert world.scan(back, S.RETURNED, now=NOW + DAY).attention is None


class TestAVoidedLabel:
    def test_that_is_scanned_after_the_refund_is_an_issue(self, world: World, partners: Partners) -> None:
        order = world.scan(cancelled(world, partners), S.IN_TRANSIT, now=NOW + 2 * DAY)
        assert (order.status, order.attention) == (OrderStatus.CANCELLED, Issue.PARCEL_AFTER_REFUND)
        assert order.shipment is not None
        assert order.shipment.status == S.IN_TRANSIT

    def test_of_a_parcel_that_was_dropped_off_keeps_the_item_from_being_sold_again(self, world: World) -> None:
        order = cancelled(world, Partners(shipping=VoidsUnscanned()))
        order = world.scan(order, S.DELIVERED, now=NOW + 2 * DAY)
        assert order.attention == Issue.PARCEL_AFTER_REFUND
        assert order.shipment is not None
        assert order.shipment.delivered_at == NOW + 2 * DAY
        seller = Principal(customer_id=order.seller_id)
        with pytest.raises(NotRelistable):
            relist_listing(world.uow(now=NOW + 2 * DAY, principal=seller), listing_id=order.listing_id)

    def test_whose_parcel_comes_back_is_no_issue_any_more(self, world: World, partners: Partners) -> None:
        order = world.scan(cancelled(world, partners), S.IN_TRANSIT, now=NOW + 2 * DAY)
        assert world.scan(order, S.RETURNED, now=NOW + 5 * DAY).attention is None

    def test_whose_parcel_is_lost_leaves_the_seller_with_nothing(self, world: World, partners: Partners) -> None:
        order = world.scan(cancelled(world, partners), S.IN_TRANSIT, now=NOW + 2 * DAY)
        assert world.scan(order, S.FAILURE, now=NOW + 5 * DAY).issues == (Issue.PARCEL_LOST,)

    def test_that_fails_without_a_parcel_is_no_issue(self, world: World, partners: Partners) -> None:
        assert world.scan(cancelled(world, partners), S.FAILURE, now=NOW + DAY).attention is None

    def test_whose_scan_was_not_told_is_asked_for_until_its_time_is_over(
        self, world: World, partners: Partners
    ) -> None:
        order = cancelled(world, partners)
        assert order.parcel_review_at == NOW + 3 * DAY
        order = world.run(order, partners, now=NOW + 3 * DAY)
        assert (order.attention, order.parcel_review_at) == (None, NOW + 6 * DAY)
        assert order.shipment is not None
        partners.shipping.scan(order.shipment.id, event(S.DELIVERED, at=NOW + 4 * DAY))
        order = world.run(order, partners, now=NOW + 6 * DAY)
        assert (order.attention, order.parcel_review_at) == (Issue.PARCEL_AFTER_REFUND, None)

    def test_is_forgotten_after_a_month(self, world: World, partners: Partners) -> None:
        order = cancelled(world, partners)
        assert world.run(order, partners, now=NOW + 31 * DAY).parcel_review_at is None


class TestALateScan:
    def test_within_the_grace_ships_the_order(self, world: World, partners: Partners) -> None:
        order = world.sold(partners)
        assert order.ship_by is not None
        over = order.ship_by
        order = world.run(order, partners, now=over + HOUR)
        assert order.status == OrderStatus.AWAITING_SHIPMENT
        order = heard(world, order, event(S.IN_TRANSIT, at=over - HOUR), now=over + 20 * HOUR)
        assert (order.status, order.remaining_minor) == (OrderStatus.SHIPPED, 12_000)

    def test_is_asked_of_the_carrier_before_the_order_expires(self, world: World, partners: Partners) -> None:
        order = world.sold(partners)
        assert order.ship_by is not None
        assert order.ship_late_at is not None
        assert order.shipment is not None
        partners.shipping.scan(order.shipment.id, event(S.IN_TRANSIT, at=order.ship_by - HOUR))
        order = advance_order(world.uow(now=order.ship_late_at), partners=partners, order_id=order.id)
        assert order.status == OrderStatus.SHIPPED

    def test_after_the_refund_is_an_issue(self, world: World, partners: Partners) -> None:
        order = world.sold(partners)
        assert order.ship_late_at is not None
        order = world.run(order, partners, now=order.ship_late_at)
        assert (order.status, order.cancel_reason) == (OrderStatus.CANCELLED, "not_shipped_in_time")
        order = world.scan(order, S.DELIVERED, now=order.updated_at + DAY)
        assert order.attention == Issue.PARCEL_AFTER_REFUND

    def test_without_a_grace_comes_too_late(self, world: World, partners: Partners) -> None:
        strict = with_policies(world, scan_grace_hours=0)
        order = strict.sold(partners)
        assert order.ship_by == order.ship_late_at
        assert strict.run(order, partners, now=order.ship_by or NOW).status == OrderStatus.CANCELLED


class TestTheCarriersTime:
    def test_decides_when_the_claim_window_ends(self, world: World, partners: Partners) -> None:
        order = world.sold(partners)
        order = heard(world, order, event(S.DELIVERED, at=NOW + 10 * HOUR), now=NOW + 20 * HOUR)
        assert order.claim_until == NOW + 10 * HOUR + 72 * HOUR

    def test_leaves_the_buyer_a_day_for_a_claim_when_it_is_reported_late(
        self, world: World, partners: Partners
    ) -> None:
        order = heard(world, world.sold(partners), event(S.DELIVERED, at=NOW + HOUR), now=NOW + 3 * DAY)
        assert order.claim_until == NOW + 4 * DAY

    def test_is_bounded_by_now_and_by_the_payment(self, world: World, partners: Partners) -> None:
        future = heard(world, world.sold(partners), event(S.DELIVERED, at=NOW + 900 * DAY), now=NOW + DAY)
        assert future.claim_until == NOW + DAY + 72 * HOUR
        old = heard(world, world.sold(partners), event(S.IN_TRANSIT, at=NOW - 900 * DAY), now=NOW + DAY)
        assert old.auto_receive_at == NOW + 14 * DAY


class TestAParcelThatCannotBeDelivered:
    @pytest.mark.parametrize("turned", [S.RETURNING, S.REFUSED, S.NOT_COLLECTED, S.RETURNED])
    def test_is_refunded_when_it_turns_back(self, world: World, partners: Partners, turned: ShipmentStatus) -> None:
        order = world.scan(world.sold(partners), S.IN_TRANSIT, turned)
        assert order.status == OrderStatus.LOST
        assert world.run(order, partners).status == OrderStatus.REFUNDED

    def test_is_refunded_at_its_arrival_where_the_shop_wants_that(self, world: World, partners: Partners) -> None:
        careful = with_policies(world, refund_undelivered_at=RefundAt.DELIVERED)
        order = careful.scan(careful.sold(partners), S.IN_TRANSIT, S.REFUSED)
        assert careful.run(order, partners).status == OrderStatus.SHIPPED
        order = careful.scan(order, S.DELIVERED, now=NOW + 3 * DAY)  # to its sender
        assert order.status == OrderStatus.LOST
        assert order.shipment is not None
        assert (order.shipment.status, order.shipment.delivered_at) == (S.RETURNED, None)

    def test_is_refunded_at_last_when_its_arrival_is_never_reported(self, world: World, partners: Partners) -> None:
        careful = with_policies(world, refund_undelivered_at=RefundAt.DELIVERED)
        order = careful.scan(careful.sold(partners), S.IN_TRANSIT, S.REFUSED)
        assert careful.run(order, partners, now=NOW + 15 * DAY).status == OrderStatus.REFUNDED

    def test_waits_at_a_counter_for_its_buyer(self, world: World, partners: Partners) -> None:
        order = world.scan(world.sold(partners), S.IN_TRANSIT, S.AVAILABLE_FOR_PICKUP)
        assert order.status == OrderStatus.SHIPPED

    def test_and_is_lost_on_its_way_back_is_an_issue(self, world: World, partners: Partners) -> None:
        order = world.run(world.scan(world.sold(partners), S.IN_TRANSIT, S.REFUSED), partners)
        order = world.scan(order, S.FAILURE, now=NOW + DAY)
        assert (order.status, order.attention) == (OrderStatus.REFUNDED, Issue.PARCEL_LOST)


class TestADisputeWonAfterItWasLost:
    def test_resumes_a_sale_on_its_way_whose_parcel_may_come_back(self, world: World, partners: Partners) -> None:
        order = world.scan(world.sold(partners), S.IN_TRANSIT)
        disputed(world, order, DisputeStatus.LOST, minute=0)
        order = disputed(world, order, DisputeStatus.WON, minute=1)
        assert (order.status, order.remaining_minor, available(world, order)) == (OrderStatus.SHIPPED, 12_000, 0)
        later = NOW + 3 * DAY
        order = world.run(world.scan(order, S.RETURNED, now=later), partners, now=later)
        assert (order.status, order.remaining_minor, order.attention) == (OrderStatus.REFUNDED, 0, None)
        assert (available(world, order), partners.payments.refunded(order.payment.id if order.payment else "")) == (
            0,
            12_000,
        )
        seller = Principal(customer_id=order.seller_id)
        assert relist_listing(world.uow(now=later, principal=seller), listing_id=order.listing_id).relisted_from

    def test_pays_no_seller_twice_who_was_compensated_for_the_lost_parcel(
        self, world: World, partners: Partners
    ) -> None:
        order = world.scan(world.sold(partners), S.IN_TRANSIT, S.FAILURE)
        assert order.undelivered_at is not None
        given_up = order.undelivered_at
        disputed(world, order, DisputeStatus.OPEN, minute=0)
        order = world.run(order, partners, now=given_up)
        assert order.status == OrderStatus.LOST
        disputed(world, order, DisputeStatus.LOST, minute=1)
        order = world.run(order, partners, now=given_up + HOUR)
        assert (order.status, available(world, order)) == (OrderStatus.REFUNDED, 10_800)
        order = world.scan(order, S.DELIVERED, now=given_up + DAY)
        order = disputed(world, order, DisputeStatus.WON, minute=2)
        assert (order.status, available(world, order)) == (OrderStatus.REFUNDED, 10_800)
        assert (order.pending_refund, Issue.PARCEL_AFTER_REFUND in order.issues) == (None, True)

    def test_of_a_delivered_parcel_that_comes_back_is_refunded_by_staff(self, world: World, partners: Partners) -> None:
        order = world.scan(world.sold(partners), S.IN_TRANSIT, S.DELIVERED)
        disputed(world, order, DisputeStatus.LOST, minute=0)
        order = disputed(world, order, DisputeStatus.WON, minute=1)
        assert (order.status, order.remaining_minor) == (OrderStatus.REFUNDED, 12_000)
        order = world.scan(order, S.RETURNED, now=NOW + 3 * DAY)
        assert (order.attention, frozen(world, order)) == (Issue.PARCEL_RETURNED, 10_800)
        seller, later = Principal(customer_id=order.seller_id), NOW + 3 * DAY
        with pytest.raises(NotRelistable):
            relist_listing(world.uow(now=later, principal=seller), listing_id=order.listing_id)
        refund_order(world.uow(now=later, principal=BRAND), new=NewRefund(order_id=order.id))
        order = world.run(order, partners, now=later)
        assert (order.status, order.remaining_minor, order.attention) == (OrderStatus.REFUNDED, 0, None)
        assert available(world, order) == 0
        assert partners.payments.refunded(order.payment.id if order.payment else "") == 12_000
        assert relist_listing(world.uow(now=later, principal=seller), listing_id=order.listing_id).relisted_from

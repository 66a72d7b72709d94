"""A label that was voided: its price stays posted until the carrier has refunded it, and nobody waits for that."""

from datetime import datetime, timedelta

import msgspec
import pytest

from resale.application.operations.claims import advance_claim, open_claim, resolve_claim, withdraw_claim
from resale.application.operations.inbound import process_inbound, record_inbound
from resale.application.operations.orders import Acknowledgement, acknowledge_order, cancel_order
from resale.domain.access import Principal
from resale.domain.claims import Claim, ClaimReason, ClaimStatus, NewClaim, Resolution, Verdict
from resale.domain.ids import ConnectionId
from resale.domain.issues import Issue
from resale.domain.order_steps import OrderStep, next_step, update_order
from resale.domain.orders import Order, OrderStatus
from resale.domain.partners import Connection, PartnerEvent, PartnerKind, PartnerUnavailable, Provider
from resale.domain.shipments import ShipmentStatus, TrackingEvent, VoidState
from tests.operations.partners import Carrier, Partners
from tests.operations.world import BRAND, World
from tests.unit.builders import NOW

DAY = timedelta(days=1)


def cancelled(world: World, partners: Partners) -> Order:
    """An order that ended while the carrier has yet to decide about its label."""
    order = world.sold(partners)
    partners.shipping.void_state = VoidState.PENDING
    cancel_order(world.uow(principal=BRAND), order_id=order.id)
    return world.run(order, partners)


def polled_at(order: Order) -> datetime | None:
    """When the carrier is asked next; the order itself may wake earlier."""
    assert order.shipment is not None
    return order.shipment.void_due_at


def later(world: World, order: Order, partners: Partners, *, days: int = 1) -> Order:
    return world.run(order, partners, now=NOW + days * DAY)


class TestAVoidThatIsOnlySubmitted:
    def test_refunds_the_buyer_and_keeps_the_price_of_the_label_posted(self, world: World) -> None:
        order = cancelled(world, Partners())
        assert (order.status, order.remaining_minor) == (OrderStatus.CANCELLED, 0)
        assert order.shipment is not None
        assert order.shipment.status == ShipmentStatus.VOIDED
        assert world.balances(order) == {"labels": 450, "carriers": -450}
        assert (polled_at(order), order.attention) == (NOW + DAY, None)

    def test_is_asked_about_daily(self, world: World) -> None:
        partners = Partners()
        order = later(world, cancelled(world, partners), partners)
        assert polled_at(order) == NOW + 2 * DAY
        assert world.balances(order) == {"labels": 450, "carriers": -450}

    def test_reverses_the_price_when_it_is_refunded(self, world: World) -> None:
        partners = Partners()
        order = cancelled(world, partners)
        partners.shipping.void_state = VoidState.VOIDED
        order = later(world, order, partners)
        assert (world.balances(order), polled_at(order), order.attention) == ({}, None, None)
        calls = partners.shipping.calls["void_label"]
        later(world, order, partners, days=2)
        assert partners.shipping.calls["void_label"] == calls

    def test_is_asked_about_though_its_order_wakes_for_something_else(self, world: World) -> None:
        order = cancelled(world, Partners())
        woken = update_order(order, now=NOW + DAY / 2)
        assert woken.due_at is not None
        assert woken.due_at <= NOW + DAY
        undisturbed = msgspec.structs.replace(woken, payment_review_at=None)
        assert next_step(undisturbed, now=NOW + DAY) == OrderStep.SETTLE_VOID

    def test_keeps_the_price_of_a_label_that_was_used_after_all(self, world: World) -> None:
        partners = Partners()
        order = cancelled(world, partners)
        assert order.shipment is not None
        taken = TrackingEvent(id="taken", status=ShipmentStatus.IN_TRANSIT, occurred_at=NOW)
        partners.shipping.scan(order.shipment.id, taken)
        order = later(world, order, partners)
        assert (polled_at(order), Issue.LABEL_NOT_REFUNDED in order.issues) == (None, True)
        assert world.balances(order) == {"labels": 450, "carriers": -450}

    def test_of_an_unheard_of_purchase_is_posted_too(self, world: World) -> None:
        partners = Partners(shipping=Carrier(lose={"buy_label": 1}))
        with pytest.raises(PartnerUnavailable):
            world.sold(partners)
        (order_id,) = partners.payments.orders.values()
        partners.shipping.void_state = VoidState.PENDING
        order = cancel_order(world.uow(principal=BRAND), order_id=order_id)  # type: ignore[arg-type]  # an id of ours
        order = world.run(order, partners)
        assert world.balances(order) == {"labels": 450, "carriers": -450}
        partners.shipping.void_state = VoidState.VOIDED
        assert world.balances(later(world, order, partners)) == {}


class TestAVoidThatIsRejected:
    def test_does_not_hold_up_the_buyers_refund(self, world: World) -> None:
        partners = Partners()
        order = world.sold(partners)
        partners.shipping.void_state = VoidState.REJECTED
        cancel_order(world.uow(principal=BRAND), order_id=order.id)
        order = world.run(order, partners)
        assert (order.status, order.remaining_minor) == (OrderStatus.CANCELLED, 0)
        assert world.balances(order) == {"labels": 450, "carriers": -450}

    def test_needs_action_when_its_time_is_over(self, world: World) -> None:
        partners = Partners()
        order = cancelled(world, partners)
        partners.shipping.void_state = VoidState.REJECTED
        order = later(world, order, partners, days=30)
        assert (polled_at(order), order.attention) == (NOW + 31 * DAY, None)
        order = later(world, order, partners, days=31)
        assert (polled_at(order), order.attention) == (None, Issue.LABEL_NOT_REFUNDED)
        note = Acknowledgement(reason="The carrier says that the label was used.")
        uow = world.uow(now=NOW + 32 * DAY, principal=BRAND)
        assert acknowledge_order(uow, order_id=order.id, acknowledgement=note).attention is None


class SandboxCarrier(Carrier):
    name = Provider.SANDBOX  # as the connection the events come by


class TestARefundThatTheCarrierReports:
    CONNECTION = Connection(id=ConnectionId("con_2"), kind=PartnerKind.SHIPPING, provider=Provider.SANDBOX)

    def _report(self, world: World, partners: Partners, reference: str, *, at: datetime) -> None:
        event = PartnerEvent(
            provider_event_id=f"evt_{reference}", kind="refund.successful", occurred_at=at, reference=reference
        )
        kept = record_inbound(world.uow(now=at), connection=self.CONNECTION, event=event, payload=b"{}")
        process_inbound(world.uow(now=at), partners=partners, inbound_id=kept.id)

    def test_settles_the_void_at_once(self, world: World) -> None:
        partners = Partners(shipping=SandboxCarrier())
        order = cancelled(world, partners)
        partners.shipping.void_state = VoidState.VOIDED
        assert order.shipment is not None
        self._report(world, partners, order.shipment.provider_reference or "", at=NOW + timedelta(hours=1))
        order = world.stored_order(order)
        assert (world.balances(order), polled_at(order)) == ({}, None)

    def test_still_counts_after_it_was_given_up(self, world: World) -> None:
        partners = Partners(shipping=SandboxCarrier())
        order = later(world, cancelled(world, partners), partners, days=31)
        assert order.attention == Issue.LABEL_NOT_REFUNDED
        partners.shipping.void_state = VoidState.VOIDED
        assert order.shipment is not None
        self._report(world, partners, order.shipment.provider_reference or "", at=NOW + 40 * DAY)
        order = world.stored_order(order)
        assert (world.balances(order), order.attention) == ({}, None)

    def test_of_a_return_settles_its_claim(self, world: World) -> None:
        partners = Partners(shipping=SandboxCarrier())
        claim, order = closed_claim(world, partners)
        partners.shipping.void_state = VoidState.VOIDED
        assert claim.return_shipment is not None
        self._report(world, partners, claim.return_shipment.provider_reference or "", at=NOW + timedelta(hours=1))
        assert returned_label(world, order) == 0


def closed_claim(world: World, partners: Partners) -> tuple[Claim, Order]:
    """A claim that was withdrawn after its return label was bought."""
    order = world.delivered(partners)
    buyer = Principal(customer_id=order.buyer_id)
    new = NewClaim(reason=ClaimReason.WRONG_ITEM, description="It is another one.")
    claim = open_claim(world.uow(principal=buyer), order_id=order.id, new=new)
    resolution = Resolution(decision=Verdict.APPROVE)
    claim = resolve_claim(world.uow(principal=BRAND), claim_id=claim.id, resolution=resolution)
    claim = advance_claim(world.uow(), partners=partners, claim_id=claim.id)
    assert claim.status == ClaimStatus.RETURN_LABEL_ISSUED
    claim = withdraw_claim(world.uow(principal=buyer), claim_id=claim.id)
    partners.shipping.events.clear()
    partners.shipping.void_state = VoidState.PENDING
    return advance_claim(world.uow(), partners=partners, claim_id=claim.id), order


def returned_label(world: World, order: Order) -> int:
    """The price of labels that is posted, without the label of the sale."""
    return world.balances(order)["labels"] - 450


class TestTheLabelOfAReturn:
    def test_stays_posted_until_the_carrier_has_decided(self, world: World) -> None:
        partners = Partners()
        claim, order = closed_claim(world, partners)
        assert (claim.due_at, returned_label(world, order)) == (NOW + DAY, 450)
        partners.shipping.void_state = VoidState.VOIDED
        claim = advance_claim(world.uow(now=NOW + DAY), partners=partners, claim_id=claim.id)
        assert (claim.due_at, returned_label(world, order)) == (None, 0)

    def test_is_given_up_after_a_month(self, world: World) -> None:
        partners = Partners()
        claim, order = closed_claim(world, partners)
        claim = advance_claim(world.uow(now=NOW + 2 * DAY), partners=partners, claim_id=claim.id)
        assert claim.due_at == NOW + 3 * DAY
        claim = advance_claim(world.uow(now=NOW + 31 * DAY), partners=partners, claim_id=claim.id)
        assert (claim.due_at, returned_label(world, order)) == (None, 450)

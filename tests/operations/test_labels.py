"""Labels nobody wants any more: given back, booked or never booked, also where the purchase was not heard of."""

from datetime import timedelta

import pytest

from resale.application.operations.claims import advance_claim, open_claim, resolve_claim, withdraw_claim
from resale.application.operations.orders import advance_order, cancel_order, record_dispute, request_label
from resale.domain.access import Principal
from resale.domain.claims import Claim, ClaimReason, NewClaim, Resolution, Verdict
from resale.domain.issues import Issue, issues_of
from resale.domain.order_steps import OrderStep, next_step
from resale.domain.orders import Order, OrderStatus, OrderTransitionRefused
from resale.domain.payments import Dispute, DisputeStatus
from resale.domain.shipments import LabelState, Shipment, ShipmentStatus, TrackingEvent
from resale.errors import Unavailable
from tests.operations.partners import Carrier, Partners
from tests.operations.world import BRAND, SHIP_FROM, World
from tests.unit.builders import NOW

SOON = NOW + timedelta(minutes=3)


def paid(world: World, partners: Partners) -> Order:
    """A paid order whose label is wanted and not bought."""
    partners.shipping.down["find_label"] = 1
    with pytest.raises(Unavailable):
        world.sold(partners)
    (order,) = (one for one in partners.payments.orders.values())
    return world.uow().orders.get(order)  # type: ignore[arg-type]  # an id of ours


def cancelled(world: World, order: Order) -> Order:
    return cancel_order(world.uow(principal=BRAND), order_id=order.id)


def advanced(world: World, order: Order, partners: Partners, *, minutes: int = 0) -> Order:
    now = NOW + timedelta(minutes=minutes)
    return advance_order(world.uow(now=now), partners=partners, order_id=order.id)


def lost_to_the_card_scheme(world: World, order: Order) -> Order:
    dispute = Dispute(provider_reference="dp_1", status=DisputeStatus.LOST, amount=12_000, reason_code="fraud")
    return record_dispute(world.uow(), order_id=order.id, dispute=dispute)


class TestACancelledOrder:
    def test_gives_a_label_back_that_was_bought_unheard_of(self, world: World) -> None:
        partners = Partners(shipping=Carrier())
        order = paid(world, partners)
        partners.shipping.lose["buy_label"] = 1
        with pytest.raises(Unavailable):
            advanced(world, order, partners)
        cancelled(world, order)
        order = world.run(order, partners)
        assert order.status == OrderStatus.CANCELLED
        assert list(partners.shipping.labels.values()) == [LabelState.VOIDED]
        assert world.balances(order) == {}

    def test_waits_for_a_purchase_that_may_be_under_way(self, world: World) -> None:
        partners = Partners()
        order = cancelled(world, paid(world, partners))
        order = advanced(world, order, partners)
        assert (order.status, order.due_at) == (OrderStatus.CANCELLING, NOW + timedelta(minutes=2))
        assert advanced(world, order, partners, minutes=1).version == order.version
        order = advanced(world, order, partners, minutes=2)
        assert order.shipment is not None
        assert order.shipment.status == ShipmentStatus.VOIDED
        assert world.run(order, partners, now=SOON).status == OrderStatus.CANCELLED

    def test_is_a_shipped_one_again_when_the_label_nobody_heard_of_is_in_use(self, world: World) -> None:
        partners = Partners()
        order = paid(world, partners)
        partners.shipping.lose["buy_label"] = 1
        with pytest.raises(Unavailable):
            advanced(world, order, partners)
        assert order.shipment is not None
        seen = TrackingEvent(id="seen", status=ShipmentStatus.IN_TRANSIT, occurred_at=NOW)
        partners.shipping.scan(order.shipment.id, seen)
        cancelled(world, order)
        order = advanced(world, order, partners)
        assert order.status == OrderStatus.SHIPPED
        assert order.shipment is not None
        assert order.shipment.tracking_number is not None
        assert world.balances(order)["labels"] == 450


class TestAnOrderTheCardSchemeTook:
    def test_gives_its_label_back(self, world: World) -> None:
        partners = Partners()
        order = lost_to_the_card_scheme(world, world.sold(partners))
        assert (order.status, order.due_at) == (OrderStatus.REFUNDED, NOW + timedelta(seconds=30))
        order = world.run(order, partners)
        assert (order.due_at, world.balances(order)) == (order.payment_review_at, {})

    def test_keeps_the_cost_of_one_in_use(self, world: World) -> None:
        partners = Partners()
        order = world.sold(partners)
        assert order.shipment is not None
        seen = TrackingEvent(id="seen", status=ShipmentStatus.IN_TRANSIT, occurred_at=NOW)
        partners.shipping.scan(order.shipment.id, seen)
        order = world.run(lost_to_the_card_scheme(world, order), partners)
        assert order.status == OrderStatus.REFUNDED
        assert world.balances(order) == {"labels": 450, "carriers": -450}


def claimed(world: World, order: Order) -> Claim:
    return open_claim(
        world.uow(principal=Principal(customer_id=order.buyer_id)),
        order_id=order.id,
        new=NewClaim(reason=ClaimReason.NOT_AS_DESCRIBED, description="A sleeve is torn."),
    )


def approved(world: World, partners: Partners) -> Claim:
    claim = claimed(world, world.delivered(partners))
    approve = Resolution(decision=Verdict.APPROVE)
    return resolve_claim(world.uow(principal=BRAND), claim_id=claim.id, resolution=approve)


def withdrawn(world: World, claim: Claim) -> Claim:
    buyer = Principal(customer_id=claim.buyer_id)
    return withdraw_claim(world.uow(principal=buyer), claim_id=claim.id)


class TestARefusedLabel:
    def test_is_looked_for_when_the_order_ends_since_another_worker_may_have_been_given_one(self, world: World) -> None:
        partners = Partners(shipping=Carrier(refuse=True))
        order = world.sold(partners)
        assert order.shipment is not None
        partners.shipping.labels[order.shipment.id] = LabelState.ISSUED
        world.scan(order, ShipmentStatus.DELIVERED)
        order = world.run(order, partners, now=NOW + timedelta(days=4))
        assert (order.status, order.due_at) == (OrderStatus.COMPLETED, order.payment_review_at)
        assert list(partners.shipping.labels.values()) == [LabelState.VOIDED]

    def test_has_the_carriers_reason_until_the_seller_asks_for_another(self, world: World) -> None:
        partners = Partners(shipping=Carrier(refuse=True))
        order = world.sold(partners)
        assert order.shipment is not None
        assert order.shipment == Shipment(
            id=order.shipment.id, given_up_at=NOW, label_wanted=False, reason_code="address_unknown"
        )
        assert world.last_change(order.id) == ("order.label_refused", "address_unknown")
        assert issues_of(order) == (Issue.LABEL_REFUSED,)
        seller = Principal(customer_id=order.seller_id)
        wanted = request_label(world.uow(principal=seller), order_id=order.id, ship_from=SHIP_FROM)
        assert wanted.shipment is not None
        assert (wanted.shipment.label_wanted, wanted.shipment.reason_code, issues_of(wanted)) == (True, None, ())
        partners.shipping.refuse = False
        labelled = world.run(order, partners)
        assert (labelled.status, issues_of(labelled)) == (OrderStatus.AWAITING_SHIPMENT, ())
        again = request_label(world.uow(principal=seller), order_id=order.id, ship_from=SHIP_FROM)
        assert again == labelled

    def test_is_bought_for_the_known_address_when_the_seller_gives_none(self, world: World) -> None:
        partners = Partners(shipping=Carrier(refuse=True))
        order = world.sold(partners)
        seller = Principal(customer_id=order.seller_id)
        wanted = request_label(world.uow(principal=seller), order_id=order.id, ship_from=None)
        assert wanted.shipment is not None
        assert (wanted.shipment.label_wanted, wanted.version) == (True, order.version + 1)

    def test_that_is_wanted_already_is_changed_by_another_address_only(self, world: World) -> None:
        order = paid(world, Partners())
        seller = Principal(customer_id=order.seller_id)
        same = request_label(world.uow(principal=seller), order_id=order.id, ship_from=None)
        assert same.version == order.version
        moved = request_label(world.uow(principal=seller), order_id=order.id, ship_from=SHIP_FROM)
        assert (moved.version, world.last_change(order.id)[0]) == (order.version + 1, "order.label_requested")

    def test_cannot_be_asked_for_once_the_parcel_left(self, world: World) -> None:
        order = world.scan(world.sold(Partners()), ShipmentStatus.IN_TRANSIT)
        seller = Principal(customer_id=order.seller_id)
        with pytest.raises(OrderTransitionRefused, match=f"^Order {order.id} has the status shipped"):
            request_label(world.uow(principal=seller), order_id=order.id, ship_from=None)


class TestAParcelWithoutScans:
    def test_counts_as_received_by_itself(self, world: World) -> None:
        partners = Partners()
        order = world.scan(world.sold(partners), ShipmentStatus.IN_TRANSIT)
        while order.status == OrderStatus.SHIPPED:
            assert order.due_at is not None
            order = world.advance(order, partners, now=order.due_at)
        assert order.status == OrderStatus.DELIVERED
        assert world.last_change(order.id) == ("order.delivered", "auto_received")


class TestAClosedClaim:
    @pytest.mark.parametrize("lost", [0, 1])
    def test_gives_its_return_label_back(self, world: World, lost: int) -> None:
        partners = Partners()
        claim = approved(world, partners)
        partners.shipping.lose["buy_label"] = lost
        if lost:
            with pytest.raises(Unavailable):
                advance_claim(world.uow(), partners=partners, claim_id=claim.id)
        else:
            advance_claim(world.uow(), partners=partners, claim_id=claim.id)
        assert withdrawn(world, claim).due_at is not None
        claim = advance_claim(world.uow(), partners=partners, claim_id=claim.id)
        assert claim.due_at is None
        order = world.uow().orders.get(claim.order_id)
        assert world.balances(order)["labels"] == 450  # the outbound one

    def test_waits_for_a_purchase_that_may_be_under_way(self, world: World) -> None:
        partners = Partners()
        claim = withdrawn(world, approved(world, partners))
        claim = advance_claim(world.uow(), partners=partners, claim_id=claim.id)
        assert claim.due_at == NOW + timedelta(minutes=2)
        claim = advance_claim(world.uow(now=SOON), partners=partners, claim_id=claim.id)
        assert claim.due_at is None


class TestAnOrderWithNothingToDo:
    def test_sets_its_wake_up_anew(self, world: World) -> None:
        partners = Partners()
        order = world.delivered(partners)
        claimed(world, order)
        due_at = world.stored_order(order).due_at
        assert due_at is not None
        assert next_step(world.stored_order(order), now=due_at) == OrderStep.NOTHING
        order = advance_order(world.uow(now=due_at), partners=partners, order_id=order.id)
        assert order.due_at is not None
        assert order.due_at > due_at


class TestALabelWhoseReturnWasNotHeardOf:
    def test_is_booked_though_its_parcel_went_another_way(self, world: World) -> None:
        partners = Partners()
        order = cancelled(world, world.sold(partners))
        partners.shipping.lose["void_label"] = 1
        with pytest.raises(Unavailable):
            advanced(world, order, partners)
        world.scan(order, ShipmentStatus.DELIVERED)
        order = world.run(order, partners, now=NOW + timedelta(days=4))
        assert (order.status, order.due_at) == (OrderStatus.COMPLETED, order.payment_review_at)
        assert "labels" not in world.balances(order)

"""What is done about what partners told: the right thing's own operation, once whatever repeats, and settled after."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest

from apps.core.execution import run_with_retries
from resale.application.operations.claims import advance_claim, open_claim, resolve_claim
from resale.application.operations.inbound import (
    Settlement,
    process_inbound,
    settle_inbound,
)
from resale.application.operations.payouts import start_due_payout
from resale.application.operations.sellers import edit_seller
from resale.application.reactions import Purpose, Task, task_when_due, tasks_after
from resale.domain.changes import ChangeType
from resale.domain.claims import ClaimReason, ClaimStatus, NewClaim, Resolution, Verdict
from resale.domain.ids import RETURN_ID, SHIPMENT_ID, InboundId
from resale.domain.inbound import Inbound, InboundCommand, InboundNotFound, InboundStatus
from resale.domain.orders import Order, OrderStatus
from resale.domain.partners import PartnerUnavailable, Provider
from resale.domain.payments import DisputeStatus
from resale.domain.payouts import PayoutStatus
from resale.domain.sellers import SellerEdit, seller_id_of
from resale.domain.shipments import ShipmentStatus
from resale.domain.task_names import PROCESS_INBOUND
from tests.operations.partners import Books, Carrier, Partners
from tests.operations.test_inbound import an_event, stored, told
from tests.operations.world import BRAND, World, later
from tests.unit.events import a_connection, a_dispute, a_scan

DELIVERED = a_scan(2, ShipmentStatus.DELIVERED, occurred_at=later(60))


class SandboxBooks(Books):
    name = Provider.SANDBOX  # as the connection the events come by


class SandboxCarrier(Carrier):
    name = Provider.SANDBOX


@pytest.fixture
def partners() -> Partners:
    return Partners(SandboxBooks(), SandboxCarrier())


def process(world: World, inbound: Inbound, partners: Partners, *, seconds: float = 0) -> Settlement:
    now = later(seconds)
    return run_with_retries(lambda: world.uow(now=now), process_inbound, partners=partners, inbound_id=inbound.id)


def settle(world: World, inbound: Inbound, settlement: Settlement, *, seconds: float = 0) -> Inbound:
    now = later(seconds)
    return run_with_retries(lambda: world.uow(now=now), settle_inbound, inbound_id=inbound.id, settlement=settlement)


def handle(world: World, inbound: Inbound, partners: Partners, *, seconds: float = 0) -> Inbound:
    """Both commits, as the task makes them."""
    settle(world, inbound, process(world, inbound, partners, seconds=seconds), seconds=seconds)
    return stored(world, inbound.id)


def parcel_event(order: Order, *scans: Any) -> Any:
    return an_event(kind="tracker.updated", order_id=None, shipment_id=SHIPMENT_ID.sibling_of(order.id), tracking=scans)


class TestParcels:
    def test_are_where_the_carrier_says(self, world: World, partners: Partners) -> None:
        order = world.sold(partners)
        event = handle(world, told(world, parcel_event(order, a_scan(), DELIVERED)), partners)
        assert (event.status, event.due_at, event.reason_code) == (InboundStatus.PROCESSED, None, None)
        assert world.stored_order(order).status == OrderStatus.DELIVERED

    def test_never_go_back_whatever_comes_late(self, world: World, partners: Partners) -> None:
        order = world.sold(partners)
        handle(world, told(world, parcel_event(order, DELIVERED)), partners)
        handle(world, told(world, parcel_event(order, a_scan())), partners)
        stands = world.stored_order(order)
        assert stands.status == OrderStatus.DELIVERED
        assert stands.shipment is not None
        assert [scan.id for scan in stands.shipment.events] == ["scan-1", "scan-2"]

    def test_are_found_by_the_carriers_own_name(self, world: World, partners: Partners) -> None:
        order = world.sold(partners)
        event = an_event(order_id=None, reference=f"lb_{SHIPMENT_ID.sibling_of(order.id)}", tracking=(a_scan(),))
        assert handle(world, told(world, event), partners).target_id == SHIPMENT_ID.sibling_of(order.id)
        assert world.stored_order(order).status == OrderStatus.SHIPPED

    def test_of_a_return_belong_to_the_claim(self, world: World, partners: Partners) -> None:
        buyer = world.shopper()
        order = world.delivered(partners, buyer=buyer)
        claim = open_claim(
            world.uow(principal=world.principal(buyer)),
            order_id=order.id,
            new=NewClaim(reason=ClaimReason.WRONG_ITEM, description="Another coat."),
        )
        resolution = Resolution(decision=Verdict.APPROVE, note="Please send it back.")
        resolve_claim(world.uow(principal=BRAND), claim_id=claim.id, resolution=resolution)
        advance_claim(world.uow(), partners=partners, claim_id=claim.id)
        event = an_event(order_id=None, shipment_id=RETURN_ID.sibling_of(order.id), tracking=(a_scan(7),))
        assert handle(world, told(world, event), partners).status == InboundStatus.PROCESSED
        assert world.uow().claims.get(claim.id).status == ClaimStatus.RETURN_IN_TRANSIT


class TestPayments:
    def test_are_asked_about_and_taken_on(self, world: World) -> None:
        partners = Partners(SandboxBooks(ask_action=True), SandboxCarrier())
        order = world.order(world.shopper(), world.active(world.shopper()))
        for _ in range(2):
            order = world.advance(order, partners)
        assert order.payment is not None
        partners.payments.prove(order.payment.id)
        event = an_event(order_id=None, reference=order.payment.provider_reference)
        assert handle(world, told(world, event), partners).target_id == order.id
        paid = world.stored_order(order)
        assert paid.payment is not None
        assert paid.payment.status == "authorized"

    def test_that_are_disputed_say_so_on_the_order(self, world: World, partners: Partners) -> None:
        order = world.sold(partners)
        partners.payments.dispute(order, a_dispute())
        handle(world, told(world, an_event(order_id=order.id, dispute=a_dispute())), partners)
        assert world.stored_order(order).is_disputed
        partners.payments.dispute(order, a_dispute(status=DisputeStatus.LOST))
        lost = told(world, an_event(order_id=order.id, dispute=a_dispute(status=DisputeStatus.LOST)))
        late = told(world, an_event(order_id=order.id, dispute=a_dispute()))
        for event in (lost, late):
            assert handle(world, event, partners).status == InboundStatus.PROCESSED
        stands = world.stored_order(order)
        assert stands.dispute is not None
        assert stands.dispute.status == DisputeStatus.LOST
        assert stands.remaining_minor == 0


class TestPayouts:
    def test_are_asked_about(self, world: World, partners: Partners) -> None:
        seller = world.shopper()
        order = world.delivered(partners, seller=seller)
        world.run(order, partners, now=later(4 * 24 * 3600))
        edit_seller(world.uow(), shopper=seller, edit=SellerEdit(payout_destination="acct_ok"))
        now = later(8 * 24 * 3600)
        payout = start_due_payout(world.uow(now=now), seller_id=seller_id_of(order.seller_id))
        assert payout is not None
        for _ in range(3):  # sending begins, it is sent, it has arrived
            told_event = told(world, an_event(order_id=None, payout_id=payout.id))
            assert handle(world, told_event, partners, seconds=8 * 24 * 3600).status == InboundStatus.PROCESSED
        assert world.uow().payouts.get(payout.id).status == PayoutStatus.PAID


class TestSettling:
    def test_acts_once_however_often_it_is_tried(self, world: World, partners: Partners) -> None:
        order = world.sold(partners)
        event = told(world, parcel_event(order, a_scan()))
        first, again = (process(world, event, partners) for _ in range(2))  # a crash came between, and no settling
        assert first == again == Settlement(command=InboundCommand.PROCESS, target_id=SHIPMENT_ID.sibling_of(order.id))
        version = world.stored_order(order).version
        settle(world, event, again)
        assert process(world, event, partners).command is None
        assert settle(world, event, Settlement(command=InboundCommand.FAIL)).status == InboundStatus.PROCESSED
        assert (world.stored_order(order).version, stored(world, event.id).version) == (version, 2)

    def test_of_two_at_once_is_done_by_one(self, world: World, partners: Partners) -> None:
        event = told(world, parcel_event(world.sold(partners), a_scan()))
        settlement = process(world, event, partners)
        barrier = Barrier(4)

        def settle_at_once(_: int) -> InboundStatus:
            barrier.wait()
            return settle(world, event, settlement).status

        with ThreadPoolExecutor(4) as pool:
            assert set(pool.map(settle_at_once, range(4))) == {InboundStatus.PROCESSED}
        assert stored(world, event.id).version == 2

    def test_keeps_what_is_refused_for_good(self, world: World, partners: Partners) -> None:
        unpaid = world.order(world.shopper(), world.active(world.shopper()))
        event = handle(world, told(world, parcel_event(unpaid, a_scan())), partners)
        assert (event.status, event.reason_code, event.due_at) == ("received", "order_transition_refused", later(30))
        event = handle(world, event, partners, seconds=30)
        assert (event.status, event.reason_code, event.due_at) == ("failed", "order_transition_refused", None)

    def test_looks_again_at_what_was_refused_in_passing(self, world: World, partners: Partners) -> None:
        order = world.order(world.shopper(), world.active(world.shopper()))
        event = handle(world, told(world, parcel_event(order, a_scan())), partners)
        world.run(order, partners)
        settled = handle(world, event, partners, seconds=30)
        assert (settled.status, settled.reason_code) == (InboundStatus.PROCESSED, None)
        assert world.stored_order(order).status == OrderStatus.SHIPPED

    @pytest.mark.parametrize(
        ("named", "code"),
        [
            ({"order_id": "ord_" + "0" * 32}, "order_not_found"),
            ({"order_id": None, "payout_id": "pyt_" + "0" * 32}, "payout_not_found"),
            ({"order_id": None, "shipment_id": "shp_" + "0" * 32}, "order_not_found"),
            ({"order_id": None, "shipment_id": "rtn_" + "0" * 32}, "claim_not_found"),
        ],
    )
    def test_ignores_what_is_about_nothing_of_ours_after_three_days(
        self, world: World, partners: Partners, named: dict[str, Any], code: str
    ) -> None:
        event = handle(world, told(world, an_event(tracking=(a_scan(),), **named)), partners)
        assert (event.status, event.reason_code, event.due_at) == (InboundStatus.RECEIVED, code, later(30))
        event = handle(world, event, partners, seconds=3 * 24 * 3600)
        assert (event.status, event.reason_code, event.due_at) == (InboundStatus.IGNORED, code, None)

    def test_ignores_what_says_nothing(self, world: World, partners: Partners) -> None:
        event = handle(world, told(world, an_event(order_id=None, kind="unreadable")), partners)
        assert (event.status, event.reason_code, event.due_at) == ("ignored", "nothing_to_do", None)

    def test_ignores_what_no_operation_is_for(self, world: World, partners: Partners) -> None:
        uow = world.uow()
        event = an_event(order_id=None)
        uow.references.add(provider="sandbox", reference=event.provider_event_id, entity_id="lst_" + "4" * 32)
        uow.commit()
        named = an_event(order_id=None, reference=event.provider_event_id)
        assert handle(world, told(world, named), partners).reason_code == "nothing_to_do"

    def test_is_one_tenants_own(self, world: World, other_world: World, partners: Partners) -> None:
        event = told(world, an_event())
        with pytest.raises(InboundNotFound):
            process(other_world, event, partners)
        with pytest.raises(InboundNotFound):
            settle(other_world, event, Settlement(command=InboundCommand.IGNORE))


class TestWaiting:
    def test_for_a_name_that_is_learned_in_the_meantime(self, world: World, partners: Partners) -> None:
        order = world.sold(partners)
        event = an_event(order_id=None, reference=f"ch_{order.id}")
        inbound = handle(world, told(world, event), partners, seconds=30)
        assert (inbound.status, inbound.tries, inbound.due_at) == (InboundStatus.RECEIVED, 1, later(60))
        again = handle(world, inbound, partners, seconds=60)
        assert (again.tries, again.due_at) == (2, later(120))
        uow = world.uow()
        uow.references.add(provider="sandbox", reference=f"ch_{order.id}", entity_id=order.id)
        uow.commit()
        assert handle(world, again, partners, seconds=120).status == InboundStatus.PROCESSED

    def test_for_a_name_that_nobody_learns_ends(self, world: World, partners: Partners) -> None:
        waits = told(world, an_event(order_id=None, reference="ch_of_somebody_else"))
        while waits.due_at is not None:
            due = (waits.due_at - later(0)).total_seconds()
            waits = handle(world, waits, partners, seconds=due)
        assert (waits.status, waits.reason_code) == ("ignored", "reference_unknown")
        assert 3 * 24 * 3600 <= due < 3.5 * 24 * 3600
        assert waits.version < 20  # each retry is a version

    def test_keeps_providers_apart(self, world: World, partners: Partners) -> None:
        order = world.sold(partners)
        event = an_event(order_id=None, reference=f"lb_{SHIPMENT_ID.sibling_of(order.id)}", tracking=(a_scan(),))
        stranger = a_connection(provider=Provider.EASYPOST)
        assert handle(world, told(world, event, by=stranger), partners).status == InboundStatus.RECEIVED

    def test_for_a_partner_that_does_not_answer(self, world: World) -> None:
        order = world.order(world.shopper(), world.active(world.shopper()))
        partners = Partners(SandboxBooks(down={"find_payment": 1}), SandboxCarrier())
        world.advance(order, partners)
        event = told(world, an_event(order_id=order.id))
        with pytest.raises(PartnerUnavailable):
            process(world, event, partners)
        postponed = settle(world, event, Settlement(command=None, reason_code="partner_unavailable"), seconds=5)
        assert (postponed.status, postponed.due_at) == (InboundStatus.RECEIVED, later(35))
        assert handle(world, event, partners, seconds=35).status == InboundStatus.PROCESSED

    def test_is_woken_when_it_is_due(self, world: World, partners: Partners) -> None:
        inbound = told(world, an_event(order_id=None))
        (woken,) = [item for item in world.reader.iter_due(now=later(31)) if item.entity_id == inbound.id]
        task = task_when_due(woken)
        assert (task.name, task.purpose, task.kwargs) == (PROCESS_INBOUND, Purpose.ORDERS, {"inbound_id": inbound.id})
        handle(world, inbound, partners)
        assert inbound.id not in {item.entity_id for item in world.reader.iter_due(now=later(31))}

    def test_begins_with_a_message(self) -> None:
        event_id = InboundId("inb_" + "1" * 32)
        assert tasks_after(change_type=ChangeType.INBOUND_RECEIVED, entity_id=event_id, version=1) == (
            Task(
                name=PROCESS_INBOUND,
                purpose=Purpose.ORDERS,
                kwargs={"inbound_id": event_id},
                id=f"inbound.process:{event_id}:1",
            ),
        )

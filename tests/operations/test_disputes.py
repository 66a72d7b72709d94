"""Disputes as a bank has them: it may change its mind, and may dispute a payment a second time."""

from datetime import timedelta

import msgspec
import pytest

from resale.application.operations.claims import open_claim, resolve_claim
from resale.application.operations.orders import NewRefund, record_dispute, refund_order
from resale.domain.access import Principal
from resale.domain.changes import ChangeType
from resale.domain.claims import ClaimReason, NewClaim, Resolution, Verdict
from resale.domain.issues import Issue, issues_of
from resale.domain.ledger import parts_left
from resale.domain.orders import Order, OrderStatus
from resale.domain.payments import Dispute, DisputeStatus, PaymentStatus, RefundState
from resale.domain.shipments import ShipmentStatus
from resale.domain.transfers import TransferStatus
from tests.operations.partners import Books, Partners
from tests.operations.world import BRAND, World
from tests.unit.builders import NOW

OPEN, WON, LOST = DisputeStatus.OPEN, DisputeStatus.WON, DisputeStatus.LOST


@pytest.fixture
def order(world: World) -> Order:
    return world.delivered(Partners())


def told(world: World, order: Order, reference: str, status: DisputeStatus, amount: int = 12_000) -> Order:
    dispute = Dispute(provider_reference=reference, status=status, amount=amount, reason_code="fraudulent")
    return record_dispute(world.uow(), order_id=order.id, dispute=dispute)


def test_one_that_was_won_and_is_lost_after_all_is_booked(world: World, order: Order) -> None:
    for status in (OPEN, WON):
        told(world, order, "dp_1", status)
    assert told(world, order, "dp_1", LOST).status == OrderStatus.REFUNDED
    assert "provider" not in world.balances(order)


def test_one_that_was_lost_is_booked_once_and_not_opened_again(world: World, order: Order) -> None:
    first = told(world, order, "dp_1", LOST, amount=5_000)
    for status in (LOST, OPEN, WON):
        assert told(world, order, "dp_1", status, amount=5_000).version == first.version
    assert world.balances(order)["provider"] == 7_000


def test_a_second_one_holds_the_order_and_takes_its_money(world: World, order: Order) -> None:
    for status in (OPEN, WON):
        told(world, order, "dp_1", status, amount=5_000)
    assert told(world, order, "dp_2", OPEN, amount=5_000).is_disputed
    assert told(world, order, "dp_1", WON, amount=5_000).is_disputed
    lost = told(world, order, "dp_2", LOST, amount=5_000)
    assert not lost.is_disputed
    assert world.balances(order)["provider"] == 7_000
    third = told(world, order, "dp_3", LOST, amount=5_000)
    assert [refund.provider_reference for refund in third.refunds] == ["dp_2", "dp_3"]


def test_its_end_leaves_what_else_a_person_has_to_look_at(world: World, order: Order) -> None:
    uow = world.uow()
    stored = uow.orders.get(order.id)
    uow.orders.save(
        msgspec.structs.replace(stored, attention=Issue.REFUND_FAILED), change_type=ChangeType.ORDER_REFUND_FAILED
    )
    uow.commit()
    assert told(world, order, "dp_1", WON).attention == "refund_failed"
    assert told(world, order, "dp_2", OPEN).attention == "dispute_open"
    assert told(world, order, "dp_2", WON).attention == "refund_failed"


class TestOneThatIsWonAfterItWasLost:
    """The bank gives back what it took: whose it is, and that no older word undoes it."""

    def _told(self, world: World, order: Order, status: DisputeStatus, minute: int, amount: int = 12_000) -> Order:
        dispute = Dispute(
            provider_reference="dp_1",
            status=status,
            amount=amount,
            reason_code="fraudulent",
            told_at=NOW + timedelta(minutes=minute),
        )
        return record_dispute(world.uow(), order_id=order.id, dispute=dispute)

    def _available(self, world: World, order: Order) -> int:
        account = world.seller_account(order)
        return 0 if account is None else account.available

    def test_makes_good_what_was_taken_from_a_seller_who_was_paid(self, world: World) -> None:
        partners = Partners()
        order = world.run(world.delivered(partners), partners, now=NOW + timedelta(days=4))
        lost = self._told(world, order, LOST, 1)
        assert (lost.status, self._available(world, order)) == (OrderStatus.REFUNDED, 0)
        won = self._told(world, order, WON, 2)
        assert (won.status, won.remaining_minor, won.attention) == (OrderStatus.REFUNDED, 12_000, None)
        assert won.dispute is not None
        assert (won.dispute.status, won.refunds[0].status) == (WON, RefundState.REINSTATED)
        assert won.payment is not None
        assert won.payment.status == PaymentStatus.CAPTURED
        assert self._available(world, order) == 10_800
        assert world.balances(order)["provider"] == 12_000
        assert world.balances(order)["commission"] == -1_200

    def test_of_a_part_the_sale_goes_on(self, world: World) -> None:
        partners = Partners()
        order = world.delivered(partners)
        assert self._told(world, order, LOST, 1, amount=5_000).remaining_minor == 7_000
        won = self._told(world, order, WON, 2, amount=5_000)
        assert (won.status, world.transfer(order).amount) == (OrderStatus.DELIVERED, 10_800)
        assert parts_left(won).seller == 10_800
        order = world.run(order, partners, now=NOW + timedelta(days=4))
        assert (order.status, self._available(world, order)) == (OrderStatus.COMPLETED, 10_800)
        new, later = NewRefund(order_id=order.id), NOW + timedelta(days=5)
        refund_order(world.uow(now=later, principal=BRAND), new=new)
        order = world.run(order, partners, now=later)
        assert order.refunds[-1].parts.commission == 1_200
        assert self._available(world, order) == 0

    def test_a_seller_whose_parcel_the_buyer_has_earned_it(self, world: World, order: Order) -> None:
        assert self._told(world, order, LOST, 1).status == OrderStatus.REFUNDED
        won = self._told(world, order, WON, 2)
        assert (won.status, won.completed_at, won.due_at) == (OrderStatus.REFUNDED, NOW, won.payment_review_at)
        assert self._available(world, order) == 10_800

    def test_a_sale_whose_parcel_is_on_its_way_goes_on(self, world: World) -> None:
        partners = Partners()
        order = world.scan(world.sold(partners), ShipmentStatus.IN_TRANSIT)
        assert self._told(world, order, LOST, 1).status == OrderStatus.REFUNDED
        won = self._told(world, order, WON, 2)
        assert (won.status, won.completed_at, issues_of(won)) == (OrderStatus.SHIPPED, None, ())
        assert (world.transfer(order).status, self._available(world, order)) == (TransferStatus.HELD, 0)
        order = world.scan(won, ShipmentStatus.DELIVERED)
        order = world.run(order, partners, now=NOW + timedelta(days=4))
        assert (order.status, self._available(world, order)) == (OrderStatus.COMPLETED, 10_800)

    def test_a_buyer_who_was_sent_nothing_has_the_money(self, world: World) -> None:
        partners = Partners()
        order = world.sold(partners)
        assert self._told(world, order, LOST, 1).status == OrderStatus.REFUNDED
        won = self._told(world, order, WON, 2)
        assert won.pending_refund is not None
        order = world.run(order, partners)
        assert (order.status, order.remaining_minor, self._available(world, order)) == (OrderStatus.REFUNDED, 0, 0)
        assert world.transfer(order).status == TransferStatus.REVERSED
        assert partners.payments.calls["refund"] == 1

    def test_a_buyer_who_complained_has_the_money(self, world: World, order: Order) -> None:
        claim = NewClaim(reason=ClaimReason.NOT_AS_DESCRIBED, description="A sleeve is torn.")
        buyer = Principal(customer_id=order.buyer_id)
        open_claim(world.uow(principal=buyer), order_id=order.id, new=claim)
        assert self._told(world, order, LOST, 1).status == OrderStatus.REFUNDED
        assert self._told(world, order, WON, 2).pending_refund is not None

    def test_a_buyer_whose_claim_was_settled_in_part_has_that_part(self, world: World) -> None:
        partners = Partners(Books(refund_state=RefundState.FAILED))
        order = world.delivered(partners)
        new = NewClaim(reason=ClaimReason.NOT_AS_DESCRIBED, description="A sleeve is torn.")
        claim = open_claim(world.uow(principal=Principal(customer_id=order.buyer_id)), order_id=order.id, new=new)
        part = Resolution(decision=Verdict.APPROVE_WITHOUT_RETURN, refund_amount=3_000)
        resolve_claim(world.uow(principal=BRAND), claim_id=claim.id, resolution=part)
        assert world.run(world.stored_order(order), partners).failed_refund is not None
        assert self._told(world, order, LOST, 1).status == OrderStatus.REFUNDED
        won = self._told(world, order, WON, 2)
        assert (won.completed_at, self._available(world, order)) == (NOW, 10_800)
        partners.payments.refund_state = RefundState.SUCCEEDED
        later = NOW + timedelta(days=1)
        order = world.run(won, partners, now=later)
        assert (order.remaining_minor, order.is_refund_under_way) == (9_000, False)
        assert self._available(world, order) == 8_100

    def test_a_buyer_whose_claim_was_settled_with_everything_has_everything(self, world: World) -> None:
        partners = Partners(Books(refund_state=RefundState.FAILED))
        order = world.delivered(partners)
        new = NewClaim(reason=ClaimReason.NOT_AS_DESCRIBED, description="A sleeve is torn.")
        claim = open_claim(world.uow(principal=Principal(customer_id=order.buyer_id)), order_id=order.id, new=new)
        whole = Resolution(decision=Verdict.APPROVE_WITHOUT_RETURN, refund_amount=12_000)
        resolve_claim(world.uow(principal=BRAND), claim_id=claim.id, resolution=whole)
        assert world.run(world.stored_order(order), partners).failed_refund is not None
        self._told(world, order, LOST, 1)
        won = self._told(world, order, WON, 2)
        assert (won.completed_at, self._available(world, order)) == (None, 0)
        partners.payments.refund_state = RefundState.SUCCEEDED
        order = world.run(won, partners, now=NOW + timedelta(days=1))
        assert (order.remaining_minor, self._available(world, order)) == (0, 0)

    def test_a_buyer_who_complained_beside_a_refund_under_way_has_the_money(self, world: World) -> None:
        partners = Partners(Books(refund_state=RefundState.FAILED))
        order = world.delivered(partners)
        refund_order(world.uow(principal=BRAND), new=NewRefund(order_id=order.id, amount=3_000))
        assert world.run(world.stored_order(order), partners).failed_refund is not None
        new = NewClaim(reason=ClaimReason.NOT_AS_DESCRIBED, description="A sleeve is torn.")
        open_claim(world.uow(principal=Principal(customer_id=order.buyer_id)), order_id=order.id, new=new)
        self._told(world, order, LOST, 1)
        won = self._told(world, order, WON, 2)
        assert won.completed_at is None
        partners.payments.refund_state = RefundState.SUCCEEDED
        order = world.run(won, partners, now=NOW + timedelta(days=1))
        assert (order.remaining_minor, self._available(world, order)) == (0, 0)

    def _ended_beside_a_failed_part(self, world: World, partners: Partners) -> Order:
        """An order on its way, of which a part is being refunded, and whose payment was charged back."""
        order = world.scan(world.sold(partners), ShipmentStatus.IN_TRANSIT)
        refund_order(world.uow(principal=BRAND), new=NewRefund(order_id=order.id, amount=3_000))
        assert world.run(world.stored_order(order), partners).failed_refund is not None
        order = self._told(world, order, LOST, 1)
        assert order.status == OrderStatus.REFUNDED
        partners.payments.refund_state = RefundState.SUCCEEDED
        return order

    def test_a_sale_on_its_way_goes_on_beside_the_refund_of_a_part(self, world: World) -> None:
        partners = Partners(Books(refund_state=RefundState.FAILED))
        won = self._told(world, self._ended_beside_a_failed_part(world, partners), WON, 2)
        assert won.status == OrderStatus.SHIPPED
        order = world.run(won, partners, now=NOW + timedelta(days=1))
        assert (order.status, order.remaining_minor) == (OrderStatus.SHIPPED, 9_000)
        order = world.scan(order, ShipmentStatus.DELIVERED)
        order = world.run(order, partners, now=NOW + timedelta(days=4))
        assert (order.status, self._available(world, order)) == (OrderStatus.COMPLETED, 8_100)

    @pytest.mark.parametrize("found", [ShipmentStatus.IN_TRANSIT, ShipmentStatus.DELIVERED])
    def test_a_sale_whose_parcel_is_found_meanwhile_goes_on(self, world: World, found: ShipmentStatus) -> None:
        partners = Partners(Books(refund_state=RefundState.FAILED))
        order = world.scan(self._ended_beside_a_failed_part(world, partners), ShipmentStatus.FAILURE)
        won = self._told(world, order, WON, 2)
        order = world.scan(won, found, now=NOW + timedelta(hours=1))
        order = world.run(order, partners, now=NOW + timedelta(days=1))
        assert (order.remaining_minor, issues_of(order), order.is_refund_under_way) == (9_000, (), False)
        reached = OrderStatus.DELIVERED if found == ShipmentStatus.DELIVERED else OrderStatus.SHIPPED
        assert (order.status, world.transfer(order).amount) == (reached, 8_100)
        assert world.transfer(order).status == TransferStatus.HELD

    def test_a_buyer_who_was_sent_nothing_has_what_a_refund_of_a_part_left(self, world: World) -> None:
        partners = Partners(Books(refund_state=RefundState.FAILED))
        order = world.scan(self._ended_beside_a_failed_part(world, partners), ShipmentStatus.FAILURE)
        won = self._told(world, order, WON, 2)
        order = world.run(won, partners, now=NOW + timedelta(days=1))
        assert (order.status, order.remaining_minor, self._available(world, order)) == (OrderStatus.REFUNDED, 0, 0)
        assert [one.amount for one in order.refunds if one.status == RefundState.SUCCEEDED] == [3_000, 9_000]
        assert world.transfer(order).status == TransferStatus.REVERSED

    def test_older_words_change_nothing_in_whatever_order_they_come(self, world: World, order: Order) -> None:
        won = self._told(world, order, WON, 3)
        for status, minute in ((LOST, 2), (OPEN, 1)):
            assert self._told(world, order, status, minute).version == won.version
        assert won.remaining_minor == 12_000

    def test_said_again_changes_nothing(self, world: World, order: Order) -> None:
        self._told(world, order, LOST, 1)
        won = self._told(world, order, WON, 2)
        for status, minute in ((WON, 2), (LOST, 1), (WON, 3)):
            assert self._told(world, order, status, minute).version == won.version

    def test_lost_once_more_it_is_taken_once_more(self, world: World, order: Order) -> None:
        self._told(world, order, LOST, 1)
        self._told(world, order, WON, 2)
        again = self._told(world, order, LOST, 3)
        assert [refund.status for refund in again.refunds] == [RefundState.REINSTATED, RefundState.SUCCEEDED]
        assert (again.remaining_minor, self._available(world, order)) == (0, 0)

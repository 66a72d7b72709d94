"""A sale from end to end on the real engine: every step of it, and what is booked."""

from datetime import timedelta

from resale.application.operations.claims import advance_claim, open_claim, record_return_tracking, resolve_claim
from resale.application.operations.listings import relist_listing
from resale.application.operations.orders import NewRefund, confirm_receipt, refund_order
from resale.application.operations.payouts import advance_payout, start_due_payout
from resale.application.operations.sellers import edit_seller
from resale.domain.claims import ClaimReason, ClaimStatus, NewClaim, Resolution, Verdict
from resale.domain.listings import ListingStatus
from resale.domain.orders import OrderStatus
from resale.domain.payouts import PayoutStatus
from resale.domain.sellers import SellerEdit, seller_id_of
from resale.domain.shipments import ShipmentStatus, TrackingEvent
from resale.domain.transfers import TransferStatus
from tests.operations.partners import Partners
from tests.operations.world import BRAND, World
from tests.unit.builders import NOW


class TestASale:
    def test_goes_from_submission_to_a_payout(self, world: World) -> None:
        partners, seller, buyer = Partners(), world.shopper(), world.shopper()
        order = world.delivered(partners, seller=seller, buyer=buyer)
        assert order.status == OrderStatus.DELIVERED
        assert world.balances(order)["commission_deferred"] == -1_200  # not earned before the sale is completed
        confirmed = confirm_receipt(world.uow(principal=world.principal(buyer)), order_id=order.id)
        assert (confirmed.receipt_confirmed_at, confirmed.claim_until) == (NOW, order.claim_until)
        assert confirm_receipt(world.uow(principal=world.principal(buyer)), order_id=order.id) == confirmed
        order = world.run(order, partners)
        assert order.status == OrderStatus.COMPLETED
        assert order.due_at == order.payment_review_at  # refunds and disputes of the provider are looked for
        assert world.transfer(order).status == TransferStatus.AVAILABLE
        assert world.balances(order) == {
            "provider": 12_000,
            f"seller:{order.seller_id}": -10_800,
            "commission": -1_200,
            "labels": 450,
            "carriers": -450,
        }
        edit_seller(world.uow(), shopper=seller, edit=SellerEdit(payout_destination="acct_ok"))
        later = NOW + timedelta(days=3)
        payout = start_due_payout(world.uow(now=later), seller_id=seller_id_of(order.seller_id))
        assert payout is not None
        for _ in range(3):  # sending begins, it is sent, it has arrived
            payout = advance_payout(world.uow(now=later), partners=partners, payout_id=payout.id)
        assert payout.status == PayoutStatus.PAID
        account = world.seller_account(order)
        assert account is not None
        assert (account.available, account.due_at) == (0, None)

    def test_that_is_received_without_a_scan_can_be_confirmed(self, world: World) -> None:
        buyer = world.shopper()
        order = world.scan(world.sold(Partners(), buyer=buyer), ShipmentStatus.IN_TRANSIT)
        confirmed = confirm_receipt(world.uow(principal=world.principal(buyer)), order_id=order.id)
        assert (confirmed.status, confirmed.receipt_confirmed_at) == (OrderStatus.DELIVERED, NOW)
        assert confirmed.claim_until == NOW

    def test_comes_back_by_a_claim_and_is_sold_again(self, world: World) -> None:
        partners, seller, buyer = Partners(), world.shopper(), world.shopper()
        order = world.delivered(partners, seller=seller, buyer=buyer)
        claim = open_claim(
            world.uow(principal=world.principal(buyer)),
            order_id=order.id,
            new=NewClaim(reason=ClaimReason.NOT_AS_DESCRIBED, description="A sleeve is torn."),
        )
        claim = resolve_claim(
            world.uow(principal=BRAND),
            claim_id=claim.id,
            resolution=Resolution(decision=Verdict.APPROVE, note="Please send it back."),
        )
        claim = advance_claim(world.uow(), partners=partners, claim_id=claim.id)
        assert claim.status == ClaimStatus.RETURN_LABEL_ISSUED
        scan = TrackingEvent(id="e1", status=ShipmentStatus.IN_TRANSIT, occurred_at=NOW)
        claim = record_return_tracking(world.uow(), claim_id=claim.id, events=(scan,))
        assert claim.status == ClaimStatus.RETURN_IN_TRANSIT
        order = world.run(order, partners)
        assert order.status == OrderStatus.REFUNDED
        assert world.uow().claims.get(claim.id).status == ClaimStatus.REFUNDED
        assert world.transfer(order).status == TransferStatus.REVERSED
        assert world.balances(order) == {"labels": 900, "carriers": -900}
        again = relist_listing(world.uow(principal=world.principal(seller)), listing_id=order.listing_id)
        assert (again.status, again.relisted_from) == (ListingStatus.PENDING_REVIEW, order.listing_id)

    def test_a_refund_after_completion_is_a_debt(self, world: World) -> None:
        partners, buyer = Partners(), world.shopper()
        order = world.delivered(partners, buyer=buyer)
        later = NOW + timedelta(days=4)
        order = world.run(order, partners, now=later)
        assert order.status == OrderStatus.COMPLETED
        refund_order(world.uow(now=later, principal=BRAND), new=NewRefund(order_id=order.id, amount=6_000))
        order = world.run(order, partners, now=later)
        assert order.status == OrderStatus.COMPLETED
        account = world.seller_account(order)
        assert account is not None
        assert account.available == 5_400
        assert world.balances(order)["commission"] == -600

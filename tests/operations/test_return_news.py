"""News of a claim's return: late, after the claim closed, back at the buyer or lost, and who is told."""

from datetime import datetime, timedelta

import msgspec
import pytest

from resale.application.operations.claims import advance_claim, open_claim, record_return_tracking, resolve_claim
from resale.application.operations.customers import Shopper
from resale.application.operations.orders import NewRefund, refund_order
from resale.application.operations.sellers import edit_seller
from resale.domain.access import Principal
from resale.domain.claims import Claim, ClaimReason, ClaimStatus, ClaimTransitionRefused, NewClaim, Resolution, Verdict
from resale.domain.issues import Issue
from resale.domain.orders import Order, OrderStatus
from resale.domain.policies import RefundAt
from resale.domain.sellers import SellerEdit
from resale.domain.shipments import ShipmentStatus, TrackingEvent
from resale.domain.transfers import TransferStatus
from tests.operations.partners import Partners
from tests.operations.world import BRAND, SHIP_FROM, World
from tests.unit.builders import NOW

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
S = ShipmentStatus
FAKE = NewClaim(reason=ClaimReason.COUNTERFEIT, description="A copy.")


@pytest.fixture
def partners() -> Partners:
    return Partners()


def decided(world: World, claim: Claim, verdict: Verdict, *, now: datetime = NOW) -> Claim:
    resolution = Resolution(decision=verdict, note="So be it.")
    return resolve_claim(world.uow(now=now, principal=BRAND), claim_id=claim.id, resolution=resolution)


def approved(world: World, order: Order) -> Claim:
    buyer = Principal(customer_id=order.buyer_id)
    return decided(world, open_claim(world.uow(principal=buyer), order_id=order.id, new=FAKE), Verdict.APPROVE)


def advanced(world: World, claim: Claim, partners: Partners, *, now: datetime = NOW) -> Claim:
    return advance_claim(world.uow(now=now), partners=partners, claim_id=claim.id)


def labelled(world: World, partners: Partners) -> Claim:
    return advanced(world, approved(world, world.delivered(partners)), partners)


def seen(world: World, claim: Claim, status: ShipmentStatus, *, at: datetime, now: datetime | None = None) -> Claim:
    event = TrackingEvent(id=f"{status}-{at}", status=status, occurred_at=at)
    return record_return_tracking(world.uow(now=now or at), claim_id=claim.id, events=(event,))


def careful(world: World) -> World:
    policies = msgspec.structs.replace(world.tenant.policies, refund_return_at=RefundAt.DELIVERED)
    return World(world.container, msgspec.structs.replace(world.tenant, policies=policies))


class TestAReturnScannedLate:
    def test_within_the_grace_is_refunded(self, world: World, partners: Partners) -> None:
        claim = labelled(world, partners)
        over = claim.deadline_at
        assert advanced(world, claim, partners, now=over).status == ClaimStatus.RETURN_LABEL_ISSUED
        claim = seen(world, claim, S.IN_TRANSIT, at=over - HOUR, now=over + 3 * HOUR)
        assert claim.status == ClaimStatus.RETURN_IN_TRANSIT
        order = world.run(world.stored_order_of(claim), partners, now=over + 3 * HOUR)
        assert order.status == OrderStatus.REFUNDED

    @pytest.mark.parametrize("news", [S.IN_TRANSIT, S.DELIVERED])
    def test_after_the_claim_closed_is_an_issue(self, world: World, partners: Partners, news: ShipmentStatus) -> None:
        claim = labelled(world, partners)
        assert claim.expires_at is not None
        later = claim.expires_at
        claim = advanced(world, claim, partners, now=later)
        assert claim.status == ClaimStatus.EXPIRED
        claim = advanced(world, claim, partners, now=claim.due_at or later)  # its label is voided
        seen(world, claim, news, at=later + HOUR)
        order = world.stored_order_of(claim)
        assert (order.status, order.attention) == (OrderStatus.COMPLETED, Issue.RETURN_AFTER_CLOSE)
        refund_order(world.uow(now=later + HOUR, principal=BRAND), new=NewRefund(order_id=order.id))
        order = world.run(order, partners, now=later + HOUR)
        assert (order.status, order.attention) == (OrderStatus.REFUNDED, None)


class TestAClaimWithoutALabel:
    @pytest.fixture
    def seller(self, world: World) -> Shopper:
        """A seller who ships with a carrier of their own and has no address here."""
        return world.shopper()

    @pytest.fixture
    def claim(self, world: World, partners: Partners, seller: Shopper) -> Claim:
        order = world.run(world.order(world.shopper(), world.active(seller)), partners)
        return approved(world, world.scan(order, S.IN_TRANSIT, S.DELIVERED))

    def test_never_expires_against_the_buyer(self, world: World, partners: Partners, claim: Claim) -> None:
        late = claim.deadline_at + 30 * DAY
        claim = advanced(world, claim, partners, now=late)
        assert (claim.status, claim.attention) == (ClaimStatus.APPROVED, Issue.RETURN_LABEL_MISSING)
        assert claim.due_at is not None
        assert world.transfer(world.stored_order_of(claim)).status == TransferStatus.HELD

    def test_gets_one_when_the_seller_tells_their_address(
        self, world: World, partners: Partners, claim: Claim, seller: Shopper
    ) -> None:
        edit_seller(world.uow(), shopper=seller, edit=SellerEdit(ship_from=SHIP_FROM))
        claim = advanced(world, claim, partners, now=NOW + DAY)
        assert (claim.attention, claim.status) == (None, ClaimStatus.APPROVED)
        assert advanced(world, claim, partners, now=NOW + DAY).status == ClaimStatus.RETURN_LABEL_ISSUED

    def test_is_decided_by_staff(self, world: World, partners: Partners, claim: Claim) -> None:
        decided(world, claim, Verdict.APPROVE_WITHOUT_RETURN)
        assert world.run(world.stored_order_of(claim), partners).status == OrderStatus.REFUNDED


class TestARefundedReturn:
    @pytest.mark.parametrize("news", [S.RETURNED, S.REFUSED, S.NOT_COLLECTED, S.RETURNING, S.FAILURE])
    def test_that_does_not_arrive_is_an_issue(self, world: World, partners: Partners, news: ShipmentStatus) -> None:
        claim = seen(world, labelled(world, partners), S.IN_TRANSIT, at=NOW + DAY)
        order = world.run(world.stored_order_of(claim), partners, now=NOW + DAY)
        assert (order.status, order.attention) == (OrderStatus.REFUNDED, None)
        seen(world, claim, news, at=NOW + 5 * DAY)
        assert world.stored_order(order).attention == Issue.RETURN_NOT_DELIVERED

    def test_that_arrives_after_all_is_none_any_more(self, world: World, partners: Partners) -> None:
        claim = seen(world, labelled(world, partners), S.IN_TRANSIT, at=NOW + DAY)
        order = world.run(world.stored_order_of(claim), partners, now=NOW + DAY)
        seen(world, claim, S.FAILURE, at=NOW + 5 * DAY)
        seen(world, claim, S.DELIVERED, at=NOW + 9 * DAY)
        assert world.stored_order(order).attention is None

    def test_that_was_lost_at_once_tells_of_the_sellers_loss(self, world: World, partners: Partners) -> None:
        claim = labelled(world, partners)
        events = tuple(TrackingEvent(id=s, status=s, occurred_at=NOW) for s in (S.IN_TRANSIT, S.FAILURE))
        claim = record_return_tracking(world.uow(), claim_id=claim.id, events=events)
        order = world.run(world.stored_order_of(claim), partners)
        assert (order.status, order.attention) == (OrderStatus.REFUNDED, Issue.RETURN_NOT_DELIVERED)


class TestARefundAtTheArrival:
    def test_waits_for_the_delivery(self, world: World, partners: Partners) -> None:
        claim = seen(careful(world), labelled(careful(world), partners), S.IN_TRANSIT, at=NOW + HOUR)
        assert (claim.status, claim.refund_amount) == (ClaimStatus.RETURN_IN_TRANSIT, None)
        assert world.stored_order_of(claim).refunds == ()
        claim = seen(careful(world), claim, S.DELIVERED, at=NOW + DAY)
        assert claim.refund_amount == 12_000
        order = world.run(world.stored_order_of(claim), partners, now=NOW + DAY)
        assert order.status == OrderStatus.REFUNDED
        assert world.uow().claims.get(claim.id).status == ClaimStatus.REFUNDED

    def test_comes_at_last_when_nothing_more_is_reported(self, world: World, partners: Partners) -> None:
        claim = seen(careful(world), labelled(careful(world), partners), S.IN_TRANSIT, at=NOW)
        late = NOW + 14 * DAY
        assert advanced(careful(world), claim, partners, now=late - HOUR).refund_amount is None
        assert advanced(careful(world), claim, partners, now=late).refund_amount == 12_000

    @pytest.mark.parametrize(
        ("verdict", "status"),
        [
            (Verdict.APPROVE_WITHOUT_RETURN, ClaimStatus.APPROVED_WITHOUT_RETURN),
            (Verdict.DENY, ClaimStatus.DENIED),
        ],
    )
    def test_does_not_come_for_a_return_that_the_seller_refused_and_staff_decide(
        self, world: World, partners: Partners, verdict: Verdict, status: ClaimStatus
    ) -> None:
        claim = seen(careful(world), labelled(careful(world), partners), S.IN_TRANSIT, at=NOW)
        claim = seen(careful(world), claim, S.REFUSED, at=NOW + DAY)
        assert (claim.status, claim.attention) == (ClaimStatus.RETURN_IN_TRANSIT, Issue.RETURN_NOT_DELIVERED)
        late = NOW + 60 * DAY
        assert advanced(careful(world), claim, partners, now=late).refund_amount is None
        claim = decided(world, claim, verdict, now=late)
        assert (claim.status, claim.attention) == (status, None)

    def test_is_not_denied_while_the_return_travels(self, world: World, partners: Partners) -> None:
        claim = seen(careful(world), labelled(careful(world), partners), S.IN_TRANSIT, at=NOW)
        with pytest.raises(ClaimTransitionRefused):
            decided(world, claim, Verdict.DENY)

"""Operations on claims: what each party may do, and what follows for order and money."""

from datetime import timedelta

import pytest

from resale.application.operations.claims import (
    advance_claim,
    open_claim,
    record_return_tracking,
    resolve_claim,
    withdraw_claim,
)
from resale.application.operations.customers import Shopper
from resale.application.operations.orders import confirm_receipt
from resale.application.operations.postponing import postpone_step
from resale.application.queries.claims import BuyerClaim, SellerClaim, get_claim, list_claims
from resale.domain.access import Principal
from resale.domain.changes import ChangeType
from resale.domain.claims import (
    Claim,
    ClaimChanged,
    ClaimExists,
    ClaimNotFound,
    ClaimReason,
    ClaimStatus,
    ClaimTransitionRefused,
    NewClaim,
    RefundAmountRefused,
    Resolution,
    Verdict,
)
from resale.domain.orders import Order, OrderNotFound, OrderStatus, OrderTransitionRefused
from resale.domain.shipments import ShipmentStatus, TrackingEvent
from resale.domain.transfers import TransferStatus
from resale.errors import Forbidden, Invalid
from tests.operations.partners import Books, Carrier, Partners
from tests.operations.world import BRAND, World
from tests.unit.builders import NOW

TORN = NewClaim(reason=ClaimReason.NOT_AS_DESCRIBED, description="A sleeve is torn.")
APPROVE = Resolution(decision=Verdict.APPROVE)
DENY = Resolution(decision=Verdict.DENY, note="The photos show it.")


@pytest.fixture
def buyer(world: World) -> Shopper:
    return world.shopper()


@pytest.fixture
def delivered(world: World, buyer: Shopper) -> Order:
    return world.delivered(Partners(), buyer=buyer)


@pytest.fixture
def claim(world: World, delivered: Order) -> Claim:
    return opened(world, delivered)


def opened(world: World, order: Order, new: NewClaim = TORN) -> Claim:
    principal = Principal(customer_id=order.buyer_id)
    return open_claim(world.uow(principal=principal), order_id=order.id, new=new)


def resolved(world: World, claim: Claim, resolution: Resolution, *, principal: Principal = BRAND) -> Claim:
    return resolve_claim(world.uow(principal=principal), claim_id=claim.id, resolution=resolution)


def scanned(world: World, claim: Claim) -> Claim:
    scan = TrackingEvent(id="seen", status=ShipmentStatus.IN_TRANSIT, occurred_at=NOW)
    return record_return_tracking(world.uow(), claim_id=claim.id, events=(scan,))


class TestOpenClaim:
    def test_holds_the_order_and_waits_with_a_deadline(self, world: World, claim: Claim) -> None:
        order = world.uow().orders.get(claim.order_id)
        assert (claim.status, order.status, order.claim_id) == (
            ClaimStatus.OPENED,
            OrderStatus.CLAIM_OPEN,
            claim.id,
        )
        assert claim.due_at == claim.deadline_at == NOW + timedelta(days=60)

    def test_the_same_again_is_a_no_op_and_another_is_refused(
        self, world: World, delivered: Order, claim: Claim
    ) -> None:
        assert opened(world, delivered).version == claim.version
        with pytest.raises(ClaimExists):
            opened(world, delivered, NewClaim(reason=ClaimReason.WRONG_ITEM, description="Not mine."))

    def test_is_the_buyers_alone(self, world: World, delivered: Order) -> None:
        for principal, outcome in (
            (Principal(customer_id=delivered.seller_id), Forbidden),
            (BRAND, Forbidden),
            (Principal(), OrderNotFound),
        ):
            with pytest.raises(outcome):
                open_claim(world.uow(principal=principal), order_id=delivered.id, new=TORN)

    def test_is_too_late_after_the_window(self, world: World, delivered: Order) -> None:
        with pytest.raises(OrderTransitionRefused):
            open_claim(
                world.uow(now=NOW + timedelta(hours=72), principal=Principal(customer_id=delivered.buyer_id)),
                order_id=delivered.id,
                new=TORN,
            )

    def test_is_refused_after_receipt_was_confirmed(self, world: World, delivered: Order) -> None:
        principal = Principal(customer_id=delivered.buyer_id)
        confirm_receipt(world.uow(principal=principal), order_id=delivered.id)
        with pytest.raises(OrderTransitionRefused):
            opened(world, delivered)

    def test_the_words_are_nowhere_in_the_clear(self, world: World, claim: Claim) -> None:
        item = world.container.sessions.for_tenant(world.tenant).dynamodb.get_item(
            table=world.tenant.resources.tables.orders, key={"pk": claim.order_id, "sk": claim.id}
        )
        assert item is not None
        assert "sleeve" not in str(item)

    def test_of_another_tenant_is_not_found(self, other_world: World, delivered: Order) -> None:
        with pytest.raises(OrderNotFound):
            opened(other_world, delivered)


class TestResolveClaim:
    def test_a_denial_completes_the_order_and_pays_the_seller(self, world: World, claim: Claim) -> None:
        denied = resolved(world, claim, DENY)
        order = world.uow().orders.get(claim.order_id)
        assert (denied.status, denied.due_at) == (ClaimStatus.DENIED, None)
        assert (order.status, order.due_at) == (OrderStatus.COMPLETED, order.completed_at)
        assert world.transfer(order).status == TransferStatus.AVAILABLE

    def test_a_part_without_a_return_completes_with_the_rest(self, world: World, claim: Claim) -> None:
        part = Resolution(decision=Verdict.APPROVE_WITHOUT_RETURN, refund_amount=3_000)
        resolved(world, claim, part)
        order = world.run(world.uow().orders.get(claim.order_id), Partners(payments=_paid(world, claim)))
        assert order.status == OrderStatus.COMPLETED
        assert world.uow().claims.get(claim.id).status == ClaimStatus.REFUNDED
        assert world.transfer(order).amount == 8_100
        account = world.seller_account(order)
        assert account is not None
        assert account.available == 8_100
        books = world.balances(order)
        assert (books["provider"], books["commission"], books.get("sellers_pending", 0)) == (9_000, -900, 0)

    def test_all_of_it_without_a_return_refunds_the_order(self, world: World, claim: Claim) -> None:
        resolved(world, claim, Resolution(decision=Verdict.APPROVE_WITHOUT_RETURN))
        order = world.run(world.uow().orders.get(claim.order_id), Partners(payments=_paid(world, claim)))
        assert order.status == OrderStatus.REFUNDED
        assert world.transfer(order).status == TransferStatus.REVERSED

    @pytest.mark.parametrize(
        "resolution",
        [
            Resolution(decision=Verdict.APPROVE_WITHOUT_RETURN, refund_amount=12_001),
            Resolution(decision=Verdict.APPROVE, refund_amount=100),
        ],
    )
    def test_refuses_an_amount_that_cannot_be(self, world: World, claim: Claim, resolution: Resolution) -> None:
        with pytest.raises(RefundAmountRefused):
            resolved(world, claim, resolution)

    @pytest.mark.parametrize("verdict", [Verdict.DENY, Verdict.REQUEST_EVIDENCE])
    def test_a_buyer_is_told_why_or_what(self, world: World, claim: Claim, verdict: Verdict) -> None:
        with pytest.raises(Invalid) as refused:
            resolved(world, claim, Resolution(decision=verdict))
        assert [(error.pointer, error.code) for error in refused.value.errors] == [("/note", "required")]

    def test_the_same_decision_again_is_a_no_op(self, world: World, claim: Claim) -> None:
        first = resolved(world, claim, APPROVE)
        assert resolved(world, claim, APPROVE).version == first.version

    def test_a_decided_claim_is_not_decided_otherwise(self, world: World, claim: Claim) -> None:
        resolved(world, claim, DENY)
        with pytest.raises(ClaimTransitionRefused):
            resolved(world, claim, APPROVE)

    def test_is_the_brands_alone(self, world: World, claim: Claim) -> None:
        with pytest.raises(Forbidden):
            resolved(world, claim, APPROVE, principal=Principal(customer_id=claim.buyer_id))
        with pytest.raises(ClaimNotFound):
            resolved(world, claim, APPROVE, principal=Principal())

    def test_what_was_not_seen_is_not_decided(self, world: World, claim: Claim) -> None:
        with pytest.raises(ClaimChanged):
            resolve_claim(world.uow(principal=BRAND, expected_version=9), claim_id=claim.id, resolution=DENY)

    def test_a_lost_race_is_told(self, world: World, claim: Claim) -> None:
        slow = world.uow()
        read = slow.claims.get(claim.id)
        resolved(world, claim, DENY)
        slow.claims.save(read, change_type=ChangeType.CLAIM_DENIED)
        with pytest.raises(ClaimChanged):
            slow.commit()


class TestReturn:
    def test_a_label_whose_answer_was_lost_is_bought_once(self, world: World, claim: Claim) -> None:
        partners = Partners(shipping=Carrier(lose={"buy_label": 1}))
        resolved(world, claim, APPROVE)
        with pytest.raises(Exception, match="lost"):
            advance_claim(world.uow(), partners=partners, claim_id=claim.id)
        issued = advance_claim(world.uow(), partners=partners, claim_id=claim.id)
        assert issued.status == ClaimStatus.RETURN_LABEL_ISSUED
        assert partners.shipping.calls["buy_label"] == 1

    def test_the_first_scan_starts_the_refund_and_the_second_nothing(self, world: World, claim: Claim) -> None:
        resolved(world, claim, APPROVE)
        first = scanned(world, claim)
        assert scanned(world, claim).version == first.version
        order = world.uow().orders.get(claim.order_id)
        assert [refund.amount for refund in order.refunds] == [12_000]

    def test_a_scan_that_did_not_come_by_itself_is_asked_for(self, world: World, claim: Claim) -> None:
        partners = Partners()
        resolved(world, claim, APPROVE)
        issued = advance_claim(world.uow(), partners=partners, claim_id=claim.id)
        assert issued.return_shipment is not None
        scan = TrackingEvent(id="seen", status=ShipmentStatus.DELIVERED, occurred_at=NOW)
        partners.shipping.scan(issued.return_shipment.id, scan)
        later = NOW + timedelta(hours=13)
        found = advance_claim(world.uow(now=later), partners=partners, claim_id=claim.id)
        assert found.status == ClaimStatus.RETURN_IN_TRANSIT

    def test_an_item_not_sent_in_time_ends_the_claim(self, world: World, claim: Claim) -> None:
        partners = Partners()
        resolved(world, claim, APPROVE)
        issued = advance_claim(world.uow(), partners=partners, claim_id=claim.id)
        over, late = NOW + timedelta(hours=72), NOW + timedelta(hours=72 + 48)  # with the grace for a late scan
        assert (issued.deadline_at, issued.expires_at) == (over, late)
        waiting = advance_claim(world.uow(now=over), partners=partners, claim_id=claim.id)
        assert waiting.status == ClaimStatus.RETURN_LABEL_ISSUED
        expired = advance_claim(world.uow(now=late), partners=partners, claim_id=claim.id)
        assert expired.status == ClaimStatus.EXPIRED
        assert world.uow().orders.get(claim.order_id).status == OrderStatus.COMPLETED

    def test_a_claim_nobody_decides_closes_itself(self, world: World, claim: Claim) -> None:
        late = NOW + timedelta(days=60)
        expired = advance_claim(world.uow(now=late), partners=Partners(), claim_id=claim.id)
        assert expired.status == ClaimStatus.EXPIRED

    def test_before_its_time_nothing_happens(self, world: World, claim: Claim) -> None:
        same = advance_claim(world.uow(), partners=Partners(), claim_id=claim.id)
        assert same.version == claim.version

    def test_a_step_is_put_off_while_it_waits(self, world: World, claim: Claim) -> None:
        resolved(world, claim, APPROVE)
        postpone_step(world.uow(), entity_id=claim.id, reason_code="partner_unavailable")
        later = world.uow().claims.get(claim.id)
        assert (later.step_tries, later.due_at) == (1, NOW + timedelta(seconds=30))

    def test_a_claim_without_a_return_takes_no_scan(self, world: World, claim: Claim) -> None:
        with pytest.raises(ClaimNotFound):
            scanned(world, claim)


class TestWithdrawClaim:
    def test_completes_the_order_and_said_again_is_a_no_op(self, world: World, claim: Claim) -> None:
        principal = Principal(customer_id=claim.buyer_id)
        first = withdraw_claim(world.uow(principal=principal), claim_id=claim.id)
        again = withdraw_claim(world.uow(principal=principal), claim_id=claim.id)
        assert again.version == first.version
        assert world.uow().orders.get(claim.order_id).status == OrderStatus.COMPLETED

    def test_is_refused_once_the_item_is_on_its_way_back(self, world: World, claim: Claim) -> None:
        resolved(world, claim, APPROVE)
        scanned(world, claim)
        with pytest.raises(ClaimTransitionRefused):
            withdraw_claim(world.uow(principal=Principal(customer_id=claim.buyer_id)), claim_id=claim.id)

    def test_is_the_buyers_alone(self, world: World, claim: Claim) -> None:
        with pytest.raises(Forbidden):
            withdraw_claim(world.uow(principal=BRAND), claim_id=claim.id)


class TestViews:
    def test_each_party_sees_its_own(self, world: World, claim: Claim) -> None:
        mine = get_claim(reader=world.reader, principal=Principal(customer_id=claim.buyer_id), claim_id=claim.id)
        assert isinstance(mine, BuyerClaim)
        assert mine.description == "A sleeve is torn."
        theirs = get_claim(reader=world.reader, principal=Principal(customer_id=claim.seller_id), claim_id=claim.id)
        assert type(theirs) is SellerClaim
        with pytest.raises(ClaimNotFound):
            get_claim(reader=world.reader, principal=Principal(), claim_id=claim.id)

    def test_lists_are_the_buyers_own_and_the_brands_open_ones(self, world: World, claim: Claim) -> None:
        mine = list_claims(reader=world.reader, principal=Principal(customer_id=claim.buyer_id), limit=10, cursor=None)
        assert [one.id for one in mine.data] == [claim.id]
        assert claim.id in _open_claims(world)
        resolved(world, claim, DENY)
        assert claim.id not in _open_claims(world)


def _open_claims(world: World) -> set[str]:
    found: set[str] = set()
    cursor = None
    while True:
        page = list_claims(reader=world.reader, principal=BRAND, limit=100, cursor=cursor)
        found |= {str(one.id) for one in page.data}
        cursor = page.next_cursor
        if cursor is None:
            return found


def _paid(world: World, claim: Claim) -> Books:
    """Books that know of the order's payment."""
    payment = world.uow().orders.get(claim.order_id).payment
    assert payment is not None
    books = Books()
    books.captured[payment.id] = payment.captured_minor
    return books

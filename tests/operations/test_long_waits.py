"""What fails or takes its time for weeks: each look is a version, and an entity keeps far below a thousand."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from resale.application.operations.claims import advance_claim, open_claim, record_return_tracking, resolve_claim
from resale.application.operations.orders import NewRefund, refund_order
from resale.domain.access import Principal
from resale.domain.claims import Claim, ClaimReason, ClaimStatus, NewClaim, Resolution, Verdict
from resale.domain.orders import Order, OrderStatus
from resale.domain.payments import RefundState
from resale.domain.shipments import ShipmentStatus, TrackingEvent
from tests.operations.partners import Books, Partners
from tests.operations.world import BRAND, World
from tests.unit.builders import NOW

MONTH = timedelta(days=30)


def wakes(step: Callable[[datetime], datetime | None]) -> int:
    """Take a step whenever it is due, for a month."""
    count, due = 0, NOW
    while due < NOW + MONTH and count < 1_000:
        again = step(due)
        assert again is not None
        count, due = count + 1, max(again, due + timedelta(seconds=1))
    return count


@pytest.fixture
def partners() -> Partners:
    return Partners(Books(refund_state=RefundState.FAILED))


@pytest.fixture
def order(world: World, partners: Partners) -> Order:
    """An order with a refund that its provider cannot give."""
    delivered = world.delivered(partners)
    goodwill = NewRefund(order_id=delivered.id, amount=1_000)
    return refund_order(world.uow(principal=BRAND), new=goodwill)


@pytest.fixture
def claim(world: World, order: Order, partners: Partners) -> Claim:
    """A claim whose item is on its way back, while that refund is not done."""
    new = NewClaim(reason=ClaimReason.NOT_AS_DESCRIBED, description="A sleeve is torn.")
    buyer = Principal(customer_id=order.buyer_id)
    claim = open_claim(world.uow(principal=buyer), order_id=order.id, new=new)
    approve = Resolution(decision=Verdict.APPROVE)
    resolve_claim(world.uow(principal=BRAND), claim_id=claim.id, resolution=approve)
    advance_claim(world.uow(), partners=partners, claim_id=claim.id)
    scan = TrackingEvent(id="seen", status=ShipmentStatus.IN_TRANSIT, occurred_at=NOW)
    return record_return_tracking(world.uow(), claim_id=claim.id, events=(scan,))


def test_a_refund_that_fails_is_tried_once_a_day_in_the_end(world: World, order: Order, partners: Partners) -> None:
    wakes(lambda now: world.advance(order, partners, now=now).due_at)
    stored = world.stored_order(order)
    assert stored.version - order.version < 110
    assert len(stored.refunds) == 1
    assert stored.refunds[0].tries > 25
    assert stored.attention == "refund_failed"


def test_a_return_that_waits_for_another_refund_looks_less_and_less(
    world: World, claim: Claim, partners: Partners
) -> None:
    def step(now: datetime) -> datetime | None:
        return advance_claim(world.uow(now=now), partners=partners, claim_id=claim.id).due_at

    assert wakes(step) < 100
    stored = world.uow().claims.get(claim.id)
    assert stored.status == ClaimStatus.RETURN_LABEL_ISSUED
    assert stored.version - claim.version < 100


def test_a_return_that_waited_is_refunded_when_the_other_refund_is_done(
    world: World, order: Order, claim: Claim, partners: Partners
) -> None:
    partners.payments.refund_state = RefundState.SUCCEEDED
    world.run(order, partners)
    assert claim.due_at is not None
    sent = advance_claim(world.uow(now=claim.due_at), partners=partners, claim_id=claim.id)
    assert (sent.status, sent.refund_amount) == (ClaimStatus.RETURN_IN_TRANSIT, 11_000)


def looks(world: World, partners: Partners, *, until: datetime) -> tuple[Order, int]:
    """Take a step whenever the order is due; returns it as it was at the end, and how many versions that added."""
    listing = world.active(world.shopper())
    order = world.advance(world.advance(world.order(world.shopper(), listing), partners), partners)
    first, due = order.version, order.due_at
    while due is not None and due < until:
        order = world.advance(order, partners, now=due)
        due = order.due_at
    return order, order.version - first


def test_an_order_that_waits_for_its_buyer_all_its_hold_adds_few_versions(world: World) -> None:
    hold_ends_at = NOW + timedelta(minutes=world.tenant.policies.hold_minutes)
    order, added = looks(world, Partners(Books(ask_action=True)), until=hold_ends_at)
    assert added <= 5
    assert order.status == OrderStatus.PAYMENT_PENDING
    assert order.due_at == hold_ends_at  # not a moment later: the listing goes back on sale


def test_a_buyer_who_proved_who_they_are_is_seen_though_no_webhook_came(world: World) -> None:
    partners = Partners(Books(ask_action=True))
    order, _ = looks(world, partners, until=NOW + timedelta(minutes=2))
    assert order.payment is not None
    partners.payments.prove(order.payment.id)
    assert order.due_at is not None
    assert order.due_at < NOW + timedelta(minutes=5)
    assert world.run(order, partners, now=order.due_at).status == OrderStatus.CONFIRMED

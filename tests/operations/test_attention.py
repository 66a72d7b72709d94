"""What needs a person: a partner silent for a day is told and goes by itself; what only tells is taken note of."""

from collections.abc import Callable
from datetime import datetime, timedelta

import msgspec
import pytest

from resale.application.operations.claims import advance_claim, open_claim, resolve_claim
from resale.application.operations.orders import (
    Acknowledgement,
    NewRefund,
    acknowledge_order,
    cancel_order,
    record_dispute,
    refund_order,
)
from resale.application.operations.payouts import advance_payout, start_payout
from resale.application.operations.postponing import postpone_step
from resale.application.operations.sellers import edit_seller
from resale.application.queries.payouts import BrandPayout, get_payout
from resale.domain.access import Principal, Role
from resale.domain.changes import ChangeType
from resale.domain.claims import Claim, ClaimNotFound, ClaimReason, ClaimStatus, NewClaim, Resolution, Verdict
from resale.domain.ids import ClaimId, OrderId, PayoutId
from resale.domain.issues import Issue
from resale.domain.orders import IssueNeedsAction, Order, OrderChanged, OrderNotFound, OrderStatus
from resale.domain.payments import Dispute, DisputeStatus
from resale.domain.payouts import Payout, PayoutChanged, PayoutNotFound, PayoutStatus
from resale.domain.sellers import SellerEdit
from resale.domain.shipments import ShipmentStatus
from resale.errors import Forbidden
from tests.operations.partners import Carrier, Partners
from tests.operations.world import BRAND, World
from tests.unit.builders import NOW

LATER = NOW + timedelta(days=4)
A_DAY = timedelta(days=1)
SEEN = Acknowledgement(reason="loss_taken")
Waiting = Order | Claim | Payout


@pytest.fixture
def partners() -> Partners:
    return Partners()


def an_order(world: World) -> Order:
    return world.order(world.shopper(), world.active(world.shopper()))


def a_claim(world: World) -> Claim:
    """A claim that waits for its return label."""
    order = world.delivered(Partners())
    torn = NewClaim(reason=ClaimReason.NOT_AS_DESCRIBED, description="A sleeve is torn.")
    opened = open_claim(world.uow(principal=Principal(customer_id=order.buyer_id)), order_id=order.id, new=torn)
    approve = Resolution(decision=Verdict.APPROVE)
    return resolve_claim(world.uow(principal=BRAND), claim_id=opened.id, resolution=approve)


def a_payout(world: World) -> Payout:
    seller = world.shopper()
    order = world.run(world.delivered(Partners(), seller=seller), Partners(), now=LATER)
    edit_seller(world.uow(), shopper=seller, edit=SellerEdit(payout_destination="acct_ok"))
    return start_payout(world.uow(now=LATER), seller_id=world.account_id_of(order), method=None)


def stored(world: World, waiting: Waiting) -> Waiting:
    uow = world.uow()
    if isinstance(waiting, Order):
        return uow.orders.get(waiting.id)
    return uow.claims.get(waiting.id) if isinstance(waiting, Claim) else uow.payouts.get(waiting.id)


def postpone(world: World, waiting: Waiting, *, now: datetime) -> Waiting:
    postpone_step(world.uow(now=now), entity_id=waiting.id, reason_code="partner_unavailable")
    return stored(world, waiting)


def silence(world: World, waiting: Waiting, *, since: datetime) -> Waiting:
    """Put a step off each time it is due, until a person is told."""
    now = since
    while waiting.attention is None:
        waiting = postpone(world, waiting, now=now)
        assert waiting.due_at is not None
        told_at, now = now, waiting.due_at
    assert A_DAY <= told_at - since < A_DAY + timedelta(hours=1)
    return waiting


class TestPostponeStep:
    @pytest.mark.parametrize(("make", "since"), [(an_order, NOW), (a_claim, NOW), (a_payout, LATER)])
    def test_tells_a_person_after_a_day_and_tries_on_hourly(
        self, world: World, make: Callable[[World], Waiting], since: datetime
    ) -> None:
        told = silence(world, make(world), since=since)
        assert told.attention == "partner_silent"
        assert told.due_at is not None
        again = postpone(world, told, now=told.due_at)
        assert (again.attention, again.due_at) == ("partner_silent", told.due_at + timedelta(hours=1))

    def test_tells_a_person_at_once_that_the_shops_balance_is_too_low(self, world: World) -> None:
        payout, code = a_payout(world), "partner_balance_too_low"
        for _ in range(2):
            advance_payout(world.uow(now=LATER), partners=Partners(), payout_id=payout.id)
        postpone_step(world.uow(now=LATER), entity_id=payout.id, reason_code=code)
        waits = stored(world, payout)
        assert (waits.attention, waits.due_at) == ("balance_too_low", LATER + timedelta(seconds=30))
        paid = advance_payout(world.uow(now=LATER + timedelta(minutes=1)), partners=Partners(), payout_id=payout.id)
        assert paid.attention is None

    def test_of_an_order_goes_with_the_next_step(self, world: World) -> None:
        order = an_order(world)
        silence(world, order, since=NOW)
        advanced = world.advance(order, Partners())
        assert (advanced.attention, advanced.step_tries) == (None, 0)

    def test_of_a_refund_goes_when_it_is_given(self, world: World) -> None:
        partners = Partners()
        order = world.sold(partners)
        refund = NewRefund(order_id=world.scan(order, ShipmentStatus.IN_TRANSIT).id)
        order = refund_order(world.uow(principal=BRAND), new=refund)
        silence(world, order, since=NOW)
        done = world.advance(order, partners)
        assert (done.status, done.attention) == (OrderStatus.REFUNDED, None)

    def test_of_a_claim_goes_with_the_next_step(self, world: World) -> None:
        claim = a_claim(world)
        silence(world, claim, since=NOW)
        labelled = advance_claim(world.uow(), partners=Partners(), claim_id=claim.id)
        assert (labelled.status, labelled.attention) == (ClaimStatus.RETURN_LABEL_ISSUED, None)

    @pytest.mark.parametrize("answers", [2, 3])
    def test_of_a_payout_goes_with_the_next_answer(self, world: World, answers: int) -> None:
        payout, partners = a_payout(world), Partners()
        for _ in range(answers - 1):
            advance_payout(world.uow(now=LATER), partners=partners, payout_id=payout.id)
        told = silence(world, stored(world, payout), since=LATER)
        shown = get_payout(reader=world.reader, principal=BRAND, payout_id=payout.id)
        assert isinstance(shown, BrandPayout)
        assert shown.attention == "partner_silent"
        assert told.due_at is not None
        answered = advance_payout(world.uow(now=told.due_at), partners=partners, payout_id=payout.id)
        assert (answered.attention, answered.step_tries) == (None, 0)

    def test_its_seller_is_not_shown_what_is_for_staff(self, world: World) -> None:
        payout = a_payout(world)
        mine = get_payout(reader=world.reader, principal=Principal(customer_id=payout.seller_id), payout_id=payout.id)
        assert b"attention" not in msgspec.json.encode(mine)

    def test_leaves_what_a_person_has_to_look_at_already(self, world: World, partners: Partners) -> None:
        order = world.sold(partners)
        uow = world.uow()
        stuck = msgspec.structs.replace(
            uow.orders.get(order.id),
            version=order.version + 1,
            attention=Issue.REFUND_FAILED,
            step_tries=99,
            cancel_requested=True,
        )
        uow.orders.save(stuck, change_type=ChangeType.ORDER_REFUND_FAILED)
        uow.commit()
        assert postpone(world, order, now=NOW).attention == "refund_failed"

    def test_of_what_waits_for_nothing_is_nothing(self, world: World, partners: Partners) -> None:
        order = world.sold(partners)
        assert postpone(world, order, now=NOW).version == order.version
        payout = a_payout(world)
        uow = world.uow()
        paid = msgspec.structs.replace(payout, version=payout.version + 1, status=PayoutStatus.PAID, due_at=None)
        uow.payouts.get(payout.id)
        uow.payouts.save(paid, change_type=ChangeType.PAYOUT_PAID)
        uow.commit()
        assert postpone(world, paid, now=NOW).version == paid.version

    def test_loses_a_race(self, world: World) -> None:
        payout = a_payout(world)
        slow = world.uow(now=LATER)
        slow.payouts.save(
            msgspec.structs.replace(slow.payouts.get(payout.id), version=payout.version + 1),
            change_type=ChangeType.PAYOUT_SENT,
        )
        postpone(world, payout, now=LATER)
        with pytest.raises(PayoutChanged):
            slow.commit()

    @pytest.mark.parametrize(
        ("entity_id", "error"),
        [
            (OrderId("ord_" + "9" * 32), OrderNotFound),
            (ClaimId("clm_" + "9" * 32), ClaimNotFound),
            (PayoutId("pyt_" + "9" * 32), PayoutNotFound),
        ],
    )
    def test_of_what_is_not_there(
        self, world: World, entity_id: OrderId | ClaimId | PayoutId, error: type[Exception]
    ) -> None:
        with pytest.raises(error):
            postpone_step(world.uow(), entity_id=entity_id, reason_code="partner_unavailable")


def acknowledge(
    world: World, order: Order, *, principal: Principal = BRAND, expected_version: int | None = None
) -> Order:
    return acknowledge_order(
        world.uow(principal=principal, expected_version=expected_version), order_id=order.id, acknowledgement=SEEN
    )


def disputed(world: World, order: Order, status: DisputeStatus) -> Order:
    dispute = Dispute(provider_reference="dp_1", status=status, amount=12_000, reason_code="fraudulent")
    return record_dispute(world.uow(), order_id=order.id, dispute=dispute)


class TestAcknowledgeOrder:
    @pytest.fixture
    def charged_back(self, world: World, partners: Partners) -> Order:
        order = disputed(world, world.delivered(partners), DisputeStatus.LOST)
        assert order.attention == "charged_back"
        return order

    def test_takes_note_of_a_lost_dispute_with_a_reason(self, world: World, charged_back: Order) -> None:
        noted = acknowledge(world, charged_back, principal=Principal(standing=Role.MANAGER))
        assert (noted.attention, noted.version) == (None, charged_back.version + 1)
        assert (noted.status, noted.due_at) == (charged_back.status, charged_back.due_at)
        assert world.stored_order(charged_back) == noted

    def test_said_again_changes_nothing(self, world: World, charged_back: Order) -> None:
        noted = acknowledge(world, charged_back)
        assert acknowledge(world, charged_back, expected_version=charged_back.version) == noted

    def test_an_open_dispute_is_not_to_be_taken_note_of(self, world: World, partners: Partners) -> None:
        order = disputed(world, world.delivered(partners), DisputeStatus.OPEN)
        with pytest.raises(IssueNeedsAction):
            acknowledge(world, order)

    def test_a_refused_label_is_once_its_order_is_over(self, world: World) -> None:
        refusing = Partners(shipping=Carrier(refuse=True))
        order = world.sold(refusing)
        assert order.attention == "label_refused"
        with pytest.raises(IssueNeedsAction):
            acknowledge(world, order)
        cancel_order(world.uow(principal=BRAND), order_id=order.id)
        over = world.run(order, refusing, now=NOW + A_DAY)
        assert (over.status, over.attention) == (OrderStatus.CANCELLED, "label_refused")
        assert acknowledge(world, order).attention is None

    def test_a_silent_partner_is_not(self, world: World) -> None:
        order = an_order(world)
        silence(world, order, since=NOW)
        with pytest.raises(IssueNeedsAction):
            acknowledge(world, order)

    def test_is_the_brands_and_its_managers(self, world: World, other_world: World, charged_back: Order) -> None:
        for principal in (
            Principal(customer_id=charged_back.buyer_id),
            Principal(customer_id=charged_back.seller_id),
            Principal(standing=Role.VIEWER),
            Principal(standing=Role.MODERATOR),
        ):
            with pytest.raises(Forbidden):
                acknowledge(world, charged_back, principal=principal)
        for where, principal in ((world, Principal()), (other_world, BRAND)):
            with pytest.raises(OrderNotFound):
                acknowledge(where, charged_back, principal=principal)

    def test_is_of_what_was_seen(self, world: World, charged_back: Order) -> None:
        with pytest.raises(OrderChanged):
            acknowledge(world, charged_back, expected_version=charged_back.version - 1)
        assert acknowledge(world, charged_back, expected_version=charged_back.version).attention is None

    def test_loses_a_race(self, world: World, charged_back: Order) -> None:
        slow = world.uow()
        slow.orders.save(
            msgspec.structs.replace(slow.orders.get(charged_back.id), version=charged_back.version + 1),
            change_type=ChangeType.ORDER_TRACKED,
        )
        acknowledge(world, charged_back)
        with pytest.raises(OrderChanged):
            slow.commit()

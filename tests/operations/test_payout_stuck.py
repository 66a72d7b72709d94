"""What a payout records of the provider, and one of an account that left it: staff know until the money is back."""

from datetime import timedelta
from typing import Any

import msgspec
import pytest

from resale.application.operations.payouts import advance_payout, start_payout
from resale.application.operations.postponing import postpone_step
from resale.application.operations.sellers import edit_seller
from resale.domain.issues import Issue, issues_of
from resale.domain.orders import Order
from resale.domain.payouts import Payout, PayoutMethod, PayoutOutcome, PayoutRequest, PayoutState, PayoutStatus
from resale.domain.policies import Policies
from resale.domain.sellers import SellerBalance, SellerEdit, seller_id_of
from resale.errors import Unavailable
from tests.operations.partners import Books, Partners
from tests.operations.world import World
from tests.unit.builders import NOW

LATER = NOW + timedelta(days=4)
DAY = timedelta(days=1)


@pytest.fixture
def sold(world: World) -> Order:
    seller = world.shopper()
    order = world.run(world.delivered(Partners(), seller=seller), Partners(), now=LATER)
    edit_seller(world.uow(), shopper=seller, edit=SellerEdit(payout_destination="acct_ok"))
    return order


def started(world: World, sold: Order, partners: Partners) -> Payout:
    """Start a payout and begin to send it."""
    payout = start_payout(world.uow(now=LATER), seller_id=seller_id_of(sold.seller_id), method=None)
    return advance_payout(world.uow(now=LATER), partners=partners, payout_id=payout.id)


def available(world: World, sold: Order) -> int:
    account = world.seller_account(sold)
    assert account is not None
    return account.available


class Explaining(Books):
    """A provider that explains why a payout that it sent did not arrive."""

    def _payout(self, payout_id: str) -> PayoutOutcome:
        outcome = super()._payout(payout_id)
        if outcome.state == PayoutState.IN_TRANSIT:
            return outcome
        return msgspec.structs.replace(outcome, reason_code="could_not_process", message="The bank is closed.")


class Listening(Books):
    """A provider that keeps by which references of its own it was asked."""

    def __init__(self) -> None:
        super().__init__()
        self.references: list[str | None] = []

    def find_payout(self, request: PayoutRequest) -> PayoutOutcome | None:
        self.references.append(request.provider_reference)
        return super().find_payout(request)


def started_record(payout: Payout, order: Order, **fields: Any) -> Payout:
    """A payout of 108.00, as it is stored when it is started."""
    started = Payout(
        id=payout.id,
        version=1,
        livemode=False,
        seller_id=order.seller_id,
        method=PayoutMethod.CASH,
        amount=10_800,
        currency="GBP",
        transfers=payout.transfers,
        created_at=LATER,
        updated_at=LATER,
    )
    return msgspec.structs.replace(started, **fields)


class TestRecord:
    def test_in_cash_waits_to_be_sent(self, world: World, sold: Order) -> None:
        payout = start_payout(world.uow(now=LATER), seller_id=seller_id_of(sold.seller_id), method=None)
        expected = started_record(
            payout, sold, destination="acct_ok", may_be_cancelled=True, due_at=LATER + timedelta(seconds=30)
        )
        assert payout == expected
        assert payout.transfers == ((sold.id, world.transfer(sold).id),)
        assert world.last_change(payout.id) == ("payout.created", None)
        soon, later = LATER + timedelta(seconds=20), LATER + timedelta(seconds=50)
        sending = advance_payout(world.uow(now=soon), partners=Partners(), payout_id=payout.id)
        assert sending == msgspec.structs.replace(
            expected, version=2, may_be_cancelled=False, due_at=later, updated_at=soon
        )

    def test_as_store_credit_is_paid_with_the_shops_bonus(self, world: World, sold: Order) -> None:
        policies = Policies(payout_delay_hours=0, store_credit_bonus_basis_points=1_000)
        generous = World(world.container, msgspec.structs.replace(world.tenant, policies=policies))
        credit = PayoutMethod.STORE_CREDIT
        payout = start_payout(generous.uow(now=LATER), seller_id=seller_id_of(sold.seller_id), method=credit)
        assert payout == started_record(
            payout, sold, method=credit, status=PayoutStatus.PAID, bonus=1_080, paid_at=LATER
        )
        assert world.last_change(payout.id) == ("payout.paid", None)
        account = world.seller_account(sold)
        assert account is not None
        paid = SellerBalance(currency="GBP", store_credit=11_880, store_credit_bonus=1_080)
        assert (account.balances, account.due_at) == ((paid,), None)
        partners = Partners()
        assert advance_payout(world.uow(now=LATER), partners=partners, payout_id=payout.id) == payout
        assert not partners.payments.calls  # no provider knows of it

    @pytest.mark.parametrize(
        ("state", "change"), [(PayoutState.STUCK, "payout.stuck"), (PayoutState.FAILED, "payout.failed")]
    )
    def test_has_the_providers_words_and_counts_its_tries_anew(
        self, world: World, sold: Order, state: PayoutState, change: str
    ) -> None:
        partners = Partners(Explaining(payout_state=state))
        payout = started(world, sold, partners)
        advance_payout(world.uow(now=LATER), partners=partners, payout_id=payout.id)
        postpone_step(world.uow(now=LATER), entity_id=payout.id, reason_code="partner_unavailable")
        reported = advance_payout(world.uow(now=LATER), partners=partners, payout_id=payout.id)
        assert (reported.failure_code, reported.partner_message) == ("could_not_process", "The bank is closed.")
        assert (reported.provider_reference, reported.step_tries) == (f"bk_{payout.id}", 0)
        assert (reported.paid_at, world.last_change(payout.id)) == (None, (change, "could_not_process"))

    def test_of_one_that_failed_is_on_the_account_with_its_reason(self, world: World, sold: Order) -> None:
        partners = Partners(Explaining(payout_state=PayoutState.FAILED))
        payout = started(world, sold, partners)
        for _ in range(2):
            payout = advance_payout(world.uow(now=LATER), partners=partners, payout_id=payout.id)
        account = world.seller_account(sold)
        assert account is not None
        assert (account.balances, account.due_at) == (
            (SellerBalance(currency="GBP", available=10_800),),
            LATER + DAY,
        )
        assert world.last_change(account.id) == ("seller.balance_changed", "payout_failed")

    def test_is_polled_while_it_is_sent_and_watched_when_it_is_paid(self, world: World, sold: Order) -> None:
        partners = Partners(books := Listening())
        payout = started(world, sold, partners)
        sent = advance_payout(world.uow(now=LATER), partners=partners, payout_id=payout.id)
        assert (sent.status, sent.due_at, sent.paid_at) == (PayoutStatus.IN_TRANSIT, LATER + DAY / 4, None)
        assert world.uow().references.find(provider="books", reference=f"bk_{payout.id}") == payout.id
        partners.payments.payout_state = PayoutState.IN_TRANSIT
        postpone_step(world.uow(now=LATER), entity_id=payout.id, reason_code="partner_unavailable")
        polled = advance_payout(world.uow(now=LATER + DAY / 4), partners=partners, payout_id=payout.id)
        assert (polled.status, polled.due_at, polled.step_tries) == (PayoutStatus.IN_TRANSIT, LATER + DAY / 2, 0)
        partners.payments.payout_state = PayoutState.PAID
        paid = advance_payout(world.uow(now=LATER + DAY), partners=partners, payout_id=payout.id)
        assert (paid.status, paid.due_at, paid.paid_at) == (PayoutStatus.PAID, LATER + 2 * DAY, LATER + DAY)
        watched = advance_payout(world.uow(now=LATER + 2 * DAY), partners=partners, payout_id=payout.id)
        assert (watched.due_at, watched.step_tries) == (LATER + 3 * DAY, 0)
        assert books.references == [None, *[f"bk_{payout.id}"] * 3]
        over = advance_payout(world.uow(now=LATER + 9 * DAY), partners=partners, payout_id=payout.id)
        assert (over.status, over.due_at) == (PayoutStatus.PAID, None)


class TestStuck:
    @pytest.mark.parametrize("state", [PayoutState.STUCK, PayoutState.UNREACHABLE])
    def test_is_told_to_staff_once_and_looked_at_daily(self, world: World, sold: Order, state: PayoutState) -> None:
        partners = Partners(Books(payout_state=state))
        payout = started(world, sold, partners)
        for _ in range(2):  # sent, and looked up
            payout = advance_payout(world.uow(now=LATER), partners=partners, payout_id=payout.id)
        assert (payout.status, payout.attention) == (PayoutStatus.IN_TRANSIT, "payout_stuck")
        assert payout.due_at == LATER + DAY
        early = advance_payout(world.uow(now=LATER), partners=partners, payout_id=payout.id)
        again = advance_payout(world.uow(now=LATER + DAY), partners=partners, payout_id=payout.id)
        assert (early.version, again.version) == (payout.version, payout.version + 1)
        assert (again.attention, again.due_at) == ("payout_stuck", LATER + 2 * DAY)
        assert available(world, sold) == 0

    def test_is_the_sellers_again_when_the_transfer_was_reversed(self, world: World, sold: Order) -> None:
        partners = Partners(Books(payout_state=PayoutState.STUCK))
        payout = started(world, sold, partners)
        for _ in range(2):
            payout = advance_payout(world.uow(now=LATER), partners=partners, payout_id=payout.id)
        partners.payments.payout_state = PayoutState.FAILED
        failed = advance_payout(world.uow(now=LATER + DAY), partners=partners, payout_id=payout.id)
        assert (failed.status, failed.attention) == (PayoutStatus.FAILED, None)
        assert available(world, sold) == payout.amount

    def test_goes_on_when_the_account_is_back(self, world: World, sold: Order) -> None:
        partners = Partners(Books(payout_state=PayoutState.UNREACHABLE))
        payout = started(world, sold, partners)
        for state in (PayoutState.UNREACHABLE, PayoutState.UNREACHABLE, PayoutState.PAID):
            partners.payments.payout_state = state
            payout = advance_payout(world.uow(now=LATER), partners=partners, payout_id=payout.id)
        assert (payout.status, payout.attention) == (PayoutStatus.PAID, None)

    def test_is_found_by_its_reference_when_the_answer_to_its_sending_was_lost(self, world: World, sold: Order) -> None:
        partners = Partners(Books(payout_state=PayoutState.STUCK))
        payout = started(world, sold, partners)
        partners.payments.lose["pay_out"] = 1
        with pytest.raises(Unavailable):
            advance_payout(world.uow(now=LATER), partners=partners, payout_id=payout.id)
        stuck = advance_payout(world.uow(now=LATER), partners=partners, payout_id=payout.id)
        assert (stuck.status, stuck.provider_reference) == (PayoutStatus.PENDING, f"bk_{payout.id}")
        known = world.uow().references.find(provider="books", reference=f"bk_{payout.id}")
        assert known == payout.id

    def test_is_the_only_issue_once_the_partner_answers(self, world: World, sold: Order) -> None:
        partners = Partners(Books(payout_state=PayoutState.STUCK))
        payout = started(world, sold, partners)
        payout = advance_payout(world.uow(now=LATER), partners=partners, payout_id=payout.id)
        postpone_step(world.uow(now=LATER), entity_id=payout.id, reason_code="partner_balance_too_low")
        assert issues_of(world.uow().payouts.get(payout.id)) == (Issue.BALANCE_TOO_LOW,)
        stuck = advance_payout(world.uow(now=LATER), partners=partners, payout_id=payout.id)
        assert issues_of(stuck) == (Issue.PAYOUT_STUCK,)


class TestPaid:
    def test_an_account_that_leaves_after_it_was_paid_changes_nothing(self, world: World, sold: Order) -> None:
        partners = Partners()
        payout = started(world, sold, partners)
        for _ in range(2):
            payout = advance_payout(world.uow(now=LATER), partners=partners, payout_id=payout.id)
        partners.payments.payout_state = PayoutState.UNREACHABLE
        after = advance_payout(world.uow(now=LATER + DAY), partners=partners, payout_id=payout.id)
        assert (after.status, after.attention) == (PayoutStatus.PAID, None)

    def test_one_that_came_back_and_is_not_returned_is_told_to_staff(self, world: World, sold: Order) -> None:
        partners = Partners()
        payout = started(world, sold, partners)
        for _ in range(2):
            payout = advance_payout(world.uow(now=LATER), partners=partners, payout_id=payout.id)
        partners.payments.payout_state = PayoutState.STUCK
        stuck = advance_payout(world.uow(now=LATER + DAY), partners=partners, payout_id=payout.id)
        assert (stuck.status, stuck.attention) == (PayoutStatus.PAID, "payout_stuck")
        late = LATER + 30 * DAY
        partners.payments.payout_state = PayoutState.RETURNED
        returned = advance_payout(world.uow(now=late), partners=partners, payout_id=payout.id)
        assert (returned.status, returned.attention) == (PayoutStatus.RETURNED, None)

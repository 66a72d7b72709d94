"""A payout of an account that left the provider: staff know, and the money is the seller's again once it is back."""

from datetime import timedelta

import pytest

from resale.application.operations.payouts import advance_payout, start_payout
from resale.application.operations.sellers import edit_seller
from resale.domain.orders import Order
from resale.domain.payouts import Payout, PayoutState, PayoutStatus
from resale.domain.sellers import SellerEdit, seller_id_of
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

"""A disputed sale's earnings stay on the balance: no payout takes them before the dispute is over."""

from datetime import datetime, timedelta

import msgspec
import pytest

from resale.application.operations.customers import Shopper
from resale.application.operations.orders import record_dispute
from resale.application.operations.payouts import advance_payout, start_due_payout, start_payout
from resale.application.operations.sellers import edit_seller
from resale.bootstrap import Container
from resale.domain.orders import Order, OrderStatus
from resale.domain.payments import Dispute, DisputeStatus
from resale.domain.payouts import NothingToPayOut, PayoutMethod, PayoutState, PayoutStatus
from resale.domain.sellers import Seller, SellerEdit
from tests.operations.partners import Books, Partners
from tests.operations.world import World
from tests.unit.builders import NOW

LATER = NOW + timedelta(days=4)
MUCH_LATER = NOW + timedelta(days=20)
OPEN, WON, LOST = DisputeStatus.OPEN, DisputeStatus.WON, DisputeStatus.LOST


@pytest.fixture
def seller(world: World) -> Shopper:
    return world.shopper()


def completed(world: World, partners: Partners, seller: Shopper) -> Order:
    order = world.run(world.delivered(partners, seller=seller), partners, now=LATER)
    assert order.status == OrderStatus.COMPLETED
    edit = SellerEdit(payout_destination="acct_123456")
    edit_seller(world.uow(now=LATER), shopper=seller, edit=edit)
    return order


def disputed(
    world: World, order: Order, status: DisputeStatus, *, now: datetime = LATER, reference: str = "dp_1"
) -> Seller:
    dispute = Dispute(provider_reference=reference, status=status, amount=12_000, reason_code="fraudulent", told_at=now)
    record_dispute(world.uow(now=now), order_id=order.id, dispute=dispute)
    account = world.seller_account(order)
    assert account is not None
    return account


class TestAnOpenDispute:
    @pytest.mark.parametrize("method", PayoutMethod)
    def test_keeps_its_sale_from_every_payout(self, world: World, seller: Shopper, method: PayoutMethod) -> None:
        order = completed(world, Partners(), seller)
        account = disputed(world, order, OPEN)
        assert (account.available, account.frozen, account.due_at) == (10_800, 10_800, None)
        assert world.transfer(order).is_frozen
        with pytest.raises(NothingToPayOut, match=r"^The balance has nothing available to pay out\.$"):
            start_payout(world.uow(now=MUCH_LATER), seller_id=account.id, method=method)

    def test_leaves_the_sellers_other_sales(self, world: World, seller: Shopper) -> None:
        partners = Partners()
        order = completed(world, partners, seller)
        completed(world, partners, seller)
        account = disputed(world, order, OPEN)
        assert account.due_at is not None
        payout = start_due_payout(world.uow(now=account.due_at), seller_id=account.id)
        assert payout is not None
        assert payout.amount == 10_800
        left = world.seller_account(order)
        assert left is not None
        assert (left.available, left.frozen, left.due_at) == (10_800, 10_800, None)

    def test_cancels_a_payout_that_is_not_sent_yet(self, world: World, seller: Shopper) -> None:
        partners = Partners()
        order = completed(world, partners, seller)
        started = start_payout(world.uow(now=LATER), seller_id=world.account_id_of(order), method=None)
        disputed(world, order, OPEN)
        payout = advance_payout(world.uow(now=LATER), partners=partners, payout_id=started.id)
        assert payout.status == PayoutStatus.CANCELLED
        assert world.last_change(payout.id) == ("payout.cancelled", "dispute_open")
        assert not partners.payments.payouts
        account = world.seller_account(order)
        assert account is not None
        assert (account.available, account.frozen, account.payout_destination) == (10_800, 10_800, "acct_123456")
        assert world.transfer(order).is_frozen

    def test_that_is_won_lets_the_sale_be_paid_out(self, world: World, seller: Shopper) -> None:
        order = completed(world, Partners(), seller)
        disputed(world, order, OPEN)
        account = disputed(world, order, WON, now=MUCH_LATER)
        assert (account.available, account.frozen) == (10_800, 0)
        assert account.due_at is not None
        assert start_payout(world.uow(now=MUCH_LATER), seller_id=account.id, method=None).amount == 10_800

    def test_that_is_lost_takes_what_was_frozen(self, world: World, seller: Shopper) -> None:
        order = completed(world, Partners(), seller)
        disputed(world, order, OPEN)
        account = disputed(world, order, LOST, now=MUCH_LATER)
        assert (account.available, account.frozen) == (0, 0)

    def test_beside_another_one_freezes_until_both_are_over(self, world: World, seller: Shopper) -> None:
        order = completed(world, Partners(), seller)
        disputed(world, order, OPEN)
        disputed(world, order, OPEN, reference="dp_2")
        assert disputed(world, order, WON, now=MUCH_LATER).frozen == 10_800
        assert disputed(world, order, WON, now=MUCH_LATER, reference="dp_2").frozen == 0

    def test_that_comes_after_the_payout_makes_the_loss_a_debt(self, world: World, seller: Shopper) -> None:
        order = completed(world, Partners(), seller)
        account = world.seller_account(order)
        assert account is not None
        start_payout(world.uow(now=LATER), seller_id=account.id, method=None)
        assert disputed(world, order, OPEN).frozen == 0
        assert disputed(world, order, LOST, now=MUCH_LATER).available == -10_800

    def test_freezes_what_a_failed_payout_brings_back(self, world: World, seller: Shopper) -> None:
        partners = Partners(Books(payout_state=PayoutState.FAILED))
        order = completed(world, partners, seller)
        account = world.seller_account(order)
        assert account is not None
        payout = start_payout(world.uow(now=LATER), seller_id=account.id, method=None)
        payout = advance_payout(world.uow(now=LATER), partners=partners, payout_id=payout.id)  # its sending begins
        disputed(world, order, OPEN)
        for _ in range(2):
            payout = advance_payout(world.uow(now=LATER), partners=partners, payout_id=payout.id)
        assert payout.status == PayoutStatus.FAILED
        back = world.seller_account(order)
        assert back is not None
        assert (back.available, back.frozen, back.payable) == (10_800, 10_800, 0)

    def test_freezes_what_an_earlier_one_gave_back_when_its_payout_fails(self, world: World, seller: Shopper) -> None:
        partners = Partners(Books(payout_state=PayoutState.FAILED))
        order = completed(world, partners, seller)
        disputed(world, order, LOST)
        reinstated = LATER + timedelta(days=1)
        account = disputed(world, order, WON, now=reinstated)
        payout = start_payout(world.uow(now=MUCH_LATER), seller_id=account.id, method=None)
        assert len(payout.transfers) == 3
        payout = advance_payout(world.uow(now=MUCH_LATER), partners=partners, payout_id=payout.id)
        disputed(world, order, OPEN, now=MUCH_LATER, reference="dp_2")
        for _ in range(2):
            payout = advance_payout(world.uow(now=MUCH_LATER), partners=partners, payout_id=payout.id)
        assert payout.status == PayoutStatus.FAILED
        back = world.seller_account(order)
        assert back is not None
        assert (back.available, back.frozen, back.payable) == (10_800, 21_600, -10_800)

    def test_freezes_nothing_where_the_shop_bears_the_risk(self, container: Container, world: World) -> None:
        policies = msgspec.structs.replace(world.tenant.policies, dispute_holds_payout=False)
        bold = World(container, msgspec.structs.replace(world.tenant, policies=policies))
        order = completed(bold, Partners(), bold.shopper())
        assert disputed(bold, order, OPEN).payable == 10_800

"""The delay of a payout counts per sale, and binds whoever starts it; debts are netted before anything is paid."""

from datetime import datetime, timedelta

import msgspec
import pytest

from resale.application.operations.customers import Shopper
from resale.application.operations.orders import NewRefund, refund_order
from resale.application.operations.payouts import start_due_payout, start_payout
from resale.application.operations.sellers import edit_seller
from resale.domain.changes import ChangeType
from resale.domain.orders import Order
from resale.domain.payouts import NothingToPayOut, Payout, PayoutMethod, PayoutStatus
from resale.domain.policies import Policies
from resale.domain.sellers import Seller, SellerEdit
from resale.domain.versions import next_version
from tests.operations.partners import Partners
from tests.operations.world import BRAND, World
from tests.unit.builders import NOW

DAY = timedelta(days=1)
EARNED = 10_800
COMPLETED = NOW + 4 * DAY
PAYABLE = COMPLETED + 2 * DAY  # by the default of the policy


@pytest.fixture
def world(world: World) -> World:
    """The tenant with the policies that a new shop has."""
    return World(world.container, msgspec.structs.replace(world.tenant, policies=Policies()))


@pytest.fixture
def partners() -> Partners:
    return Partners()


@pytest.fixture
def seller(world: World) -> Shopper:
    return world.shopper()


def complete(world: World, seller: Shopper, partners: Partners, *, now: datetime = COMPLETED) -> Order:
    order = world.run(world.delivered(partners, seller=seller), partners, now=now)
    edit_seller(world.uow(now=now), shopper=seller, edit=SellerEdit(payout_destination="acct_ok"))
    return order


def start(world: World, order: Order, *, now: datetime, method: PayoutMethod | None = None) -> Payout:
    return start_payout(world.uow(now=now), seller_id=world.account_id_of(order), method=method)


def account(world: World, order: Order) -> Seller:
    found = world.seller_account(order)
    assert found is not None
    return found


class TestDelay:
    @pytest.mark.parametrize("method", list(PayoutMethod))
    def test_binds_a_payout_that_the_seller_starts(
        self, world: World, seller: Shopper, partners: Partners, method: PayoutMethod
    ) -> None:
        order = complete(world, seller, partners)
        with pytest.raises(NothingToPayOut, match=r"108\.00 GBP can be paid out from 2026-11-27T09:30:00Z"):
            start(world, order, now=PAYABLE - timedelta(seconds=1), method=method)
        assert start(world, order, now=PAYABLE, method=method).amount == EARNED

    def test_counts_for_each_sale_apart(self, world: World, seller: Shopper, partners: Partners) -> None:
        order = complete(world, seller, partners)
        complete(world, seller, partners, now=COMPLETED + DAY)
        payout = start(world, order, now=PAYABLE)
        assert (payout.amount, payout.waiting, payout.waiting_until) == (EARNED, EARNED, PAYABLE + DAY)
        assert account(world, order).due_at == PAYABLE + DAY
        rest = start_due_payout(world.uow(now=PAYABLE + DAY), seller_id=world.account_id_of(order))
        assert rest is not None
        assert (rest.amount, account(world, order).due_at) == (EARNED, None)

    def test_a_wake_up_before_it_is_over_waits_for_its_end(
        self, world: World, seller: Shopper, partners: Partners
    ) -> None:
        order = complete(world, seller, partners)
        early = msgspec.structs.replace(account(world, order), due_at=COMPLETED)
        uow = world.uow(now=COMPLETED)
        stored = uow.sellers.find(early.id)
        assert stored is not None
        uow.sellers.save(
            next_version(msgspec.structs.replace(stored, due_at=COMPLETED), now=COMPLETED),
            change_type=ChangeType.SELLER_EDITED,
        )
        uow.commit()
        assert start_due_payout(world.uow(now=COMPLETED), seller_id=early.id) is None
        assert account(world, order).due_at == PAYABLE

    def test_of_store_credit_ends_at_once_where_the_shop_says_so(self, world: World, partners: Partners) -> None:
        policies = msgspec.structs.replace(world.tenant.policies, store_credit_waits=False)
        generous = World(world.container, msgspec.structs.replace(world.tenant, policies=policies))
        order = complete(generous, generous.shopper(), partners)
        payout = start(generous, order, now=COMPLETED, method=PayoutMethod.STORE_CREDIT)
        assert (payout.status, payout.amount) == (PayoutStatus.PAID, EARNED)


class TestDebts:
    def test_are_netted_before_anything_is_paid(self, world: World, seller: Shopper, partners: Partners) -> None:
        first = complete(world, seller, partners)
        start(world, first, now=PAYABLE)
        refund_order(world.uow(now=PAYABLE, principal=BRAND), new=NewRefund(order_id=first.id, amount=2_000))
        world.run(first, partners, now=PAYABLE)
        second = complete(world, seller, partners, now=PAYABLE)
        payout = start(world, second, now=PAYABLE + 2 * DAY)
        assert payout.amount == EARNED - 1_800
        assert len(payout.transfers) == 2

    def test_are_not_covered_by_what_still_waits(self, world: World, seller: Shopper, partners: Partners) -> None:
        first = complete(world, seller, partners)
        start(world, first, now=PAYABLE)
        refund_order(world.uow(now=PAYABLE, principal=BRAND), new=NewRefund(order_id=first.id))
        world.run(first, partners, now=PAYABLE)
        due = complete(world, seller, partners, now=PAYABLE)
        complete(world, seller, partners, now=PAYABLE + DAY)
        with pytest.raises(NothingToPayOut, match="from 2026-11-30"):
            start(world, due, now=PAYABLE + 2 * DAY)

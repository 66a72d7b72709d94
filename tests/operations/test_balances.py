"""A seller's balance and what moved it: held, available, owed, on its way, and the list of it all, page by page."""

from datetime import timedelta

import pytest

from resale.application.operations.customers import Shopper
from resale.application.operations.orders import NewRefund, refund_order
from resale.application.operations.payouts import advance_payout, start_payout
from resale.application.operations.sellers import edit_seller
from resale.application.queries.balances import (
    BalanceTransactionView,
    BalanceView,
    CurrencyBalanceView,
    get_own_balance,
    list_own_balance_transactions,
)
from resale.domain.access import Principal
from resale.domain.orders import Order
from resale.domain.payouts import Payout, PayoutMethod, PayoutState, PayoutStatus
from resale.domain.sellers import SellerEdit
from tests.operations.partners import Books, Partners
from tests.operations.world import BRAND, World
from tests.unit.builders import NOW

LATER = NOW + timedelta(days=4)
EARNED = 10_800


@pytest.fixture
def seller(world: World) -> Shopper:
    return world.shopper()


@pytest.fixture
def partners() -> Partners:
    return Partners()


def balance(world: World, seller: Shopper) -> BalanceView:
    return get_own_balance(reader=world.reader, principal=world.principal(seller))


def nothing(world: World) -> BalanceView:
    currency = world.tenant.currency
    return BalanceView(currency=currency, balances=(CurrencyBalanceView(currency=currency),))


def moved(world: World, seller: Shopper, *, limit: int = 100) -> list[BalanceTransactionView]:
    """All pages of the list."""
    found: list[BalanceTransactionView] = []
    cursor: str | None = None
    while True:
        page = list_own_balance_transactions(
            reader=world.reader, principal=world.principal(seller), limit=limit, cursor=cursor
        )
        assert len(page.data) <= limit
        found += page.data
        cursor = page.next_cursor
        if cursor is None:
            return found


def complete(world: World, seller: Shopper, partners: Partners) -> Order:
    order = world.run(world.delivered(partners, seller=seller), partners, now=LATER)
    edit_seller(world.uow(), shopper=seller, edit=SellerEdit(payout_destination="acct_ok"))
    return order


def pay(world: World, order: Order, *, method: PayoutMethod = PayoutMethod.CASH, seconds: int = 0) -> Payout:
    now = LATER + timedelta(seconds=seconds)
    return start_payout(world.uow(now=now), seller_id=world.account_id_of(order), method=method)


def refund(world: World, order: Order, partners: Partners, amount: int, *, seconds: int) -> None:
    now = LATER + timedelta(seconds=seconds)
    new = NewRefund(order_id=order.id, amount=amount, reason="goodwill")
    refund_order(world.uow(now=now, principal=BRAND), new=new)
    world.run(order, partners, now=now)


class TestGetOwnBalance:
    def test_of_who_never_sold_is_nothing(self, world: World, seller: Shopper) -> None:
        assert balance(world, seller) == nothing(world)

    def test_a_sale_is_pending_until_it_is_completed(self, world: World, seller: Shopper, partners: Partners) -> None:
        order = world.delivered(partners, seller=seller)
        world.sold(partners, seller=seller)
        seen = balance(world, seller)
        assert (seen.available, seen.pending, seen.next_payout_at) == (0, 2 * EARNED, None)
        world.run(order, partners, now=LATER)
        seen = balance(world, seller)
        assert (seen.available, seen.pending, seen.pending_is_partial) == (EARNED, EARNED, False)

    def test_what_is_paid_is_on_its_way_until_it_arrived(
        self, world: World, seller: Shopper, partners: Partners
    ) -> None:
        order = complete(world, seller, partners)
        assert balance(world, seller).next_payout_at is not None
        payout = pay(world, order)
        assert (balance(world, seller).available, balance(world, seller).in_transit) == (0, EARNED)
        for _ in range(3):  # sending begins, it is sent, it has ended
            advance_payout(world.uow(now=LATER), partners=partners, payout_id=payout.id)
        seen = balance(world, seller)
        assert (seen.available, seen.in_transit, seen.next_payout_at) == (0, 0, None)

    def test_a_debt_is_owed_and_not_a_balance_below_nought(
        self, world: World, seller: Shopper, partners: Partners
    ) -> None:
        order = complete(world, seller, partners)
        pay(world, order)
        refund(world, order, partners, 2_000, seconds=1)
        seen = balance(world, seller)
        assert (seen.available, seen.owed, seen.store_credit, seen.in_transit) == (0, 1_800, 0, EARNED)

    def test_store_credit_pays_a_debt(self, world: World, seller: Shopper, partners: Partners) -> None:
        order = complete(world, seller, partners)
        pay(world, order, method=PayoutMethod.STORE_CREDIT)
        refund(world, order, partners, 2_000, seconds=1)
        seen = balance(world, seller)
        assert (seen.available, seen.owed, seen.store_credit) == (0, 0, EARNED - 1_800)

    def test_is_nobody_elses(self, world: World, seller: Shopper, partners: Partners) -> None:
        complete(world, seller, partners)
        assert balance(world, world.shopper()) == nothing(world)


class TestListOwnBalanceTransactions:
    def test_tells_what_came_and_what_went_for_which_order_newest_first(
        self, world: World, seller: Shopper, partners: Partners
    ) -> None:
        order = complete(world, seller, partners)
        payout = pay(world, order, seconds=1)
        refund(world, order, partners, 2_000, seconds=2)
        reversal, out, sale = moved(world, seller)
        assert (sale.type, sale.amount, sale.status, sale.order_id) == ("sale", EARNED, "settled", order.id)
        assert (sale.payout_id, sale.available_at) == (payout.id, LATER)
        assert (out.type, out.amount, out.status, out.id) == ("payout", -EARNED, "pending", payout.id)
        assert (reversal.type, reversal.amount, reversal.order_id) == ("reversal", -1_800, order.id)

    def test_shows_what_is_held_and_what_came_to_nothing(
        self, world: World, seller: Shopper, partners: Partners
    ) -> None:
        order = world.delivered(partners, seller=seller)
        (held,) = moved(world, seller)
        assert (held.type, held.status, held.amount) == ("sale", "held", EARNED)
        refund_order(world.uow(principal=BRAND), new=NewRefund(order_id=order.id, reason="goodwill"))
        world.run(order, partners)
        assert [(one.status, one.payout_id) for one in moved(world, seller)] == [("reversed", None)]
        assert balance(world, seller).pending == 0

    def test_a_payout_that_failed_is_shown_as_such(self, world: World, seller: Shopper) -> None:
        partners = Partners(Books(payout_state=PayoutState.FAILED))
        order = complete(world, seller, partners)
        payout = pay(world, order, seconds=1)
        for _ in range(3):  # sending begins, it is sent, it has ended
            advance_payout(world.uow(now=LATER), partners=partners, payout_id=payout.id)
        out, sale = moved(world, seller)
        assert (out.status, sale.status) == (PayoutStatus.FAILED, "available")
        assert balance(world, seller).in_transit == 0

    @pytest.mark.parametrize("limit", [1, 2, 3])
    def test_pages_give_each_once(self, world: World, seller: Shopper, partners: Partners, limit: int) -> None:
        for _ in range(2):
            order = complete(world, seller, partners)
            pay(world, order, seconds=1)
        whole = [one.id for one in moved(world, seller)]
        assert [one.id for one in moved(world, seller, limit=limit)] == whole
        assert len(set(whole)) == len(whole) == 4

    def test_is_nobody_elses(self, world: World, seller: Shopper, partners: Partners) -> None:
        complete(world, seller, partners)
        assert moved(world, world.shopper()) == []
        assert (
            list_own_balance_transactions(reader=world.reader, principal=Principal(), limit=1, cursor=None).data == ()
        )

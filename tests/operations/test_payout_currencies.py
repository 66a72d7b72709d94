"""Balances and payouts of several currencies, and of currencies whose amounts cannot all be paid out."""

from datetime import timedelta

import msgspec
import pytest

from resale.application.operations.customers import Shopper
from resale.application.operations.orders import NewRefund, refund_order
from resale.application.operations.payouts import advance_payout, cancel_payout, start_due_payout, start_payout
from resale.application.operations.sellers import edit_seller
from resale.application.queries.balances import get_own_balance
from resale.domain.access import Principal
from resale.domain.listings import PriceInput
from resale.domain.orders import Order
from resale.domain.payouts import NothingToPayOut, PayoutMethod, PayoutStatus
from resale.domain.sellers import Seller, SellerEdit
from resale.domain.shipments import ShipmentStatus
from tests.operations.partners import Partners
from tests.operations.world import BRAND, SHIP_FROM, World
from tests.unit.builders import NOW

LATER = NOW + timedelta(days=4)


def in_currency(world: World, currency: str, *, commission: int = 1_000) -> World:
    """The same tenant, which sells in another currency from now on."""
    tenant = msgspec.structs.replace(world.tenant, currency=currency, commission_basis_points=commission)
    return World(world.container, tenant)


def complete(world: World, seller: Shopper, *, price: int, partners: Partners | None = None) -> Order:
    partners = partners or Partners()
    listing = world.active(seller, price=PriceInput(amount=price, currency=world.tenant.currency))
    edit = SellerEdit(ship_from=SHIP_FROM, payout_destination="acct_ok")
    edit_seller(world.uow(), shopper=seller, edit=edit)
    order = world.run(world.order(world.shopper(), listing), partners)
    order = world.scan(order, ShipmentStatus.IN_TRANSIT, ShipmentStatus.DELIVERED)
    return world.run(order, partners, now=LATER)


def account(world: World, order: Order) -> Seller:
    found = world.seller_account(order)
    assert found is not None
    return found


@pytest.fixture
def seller(world: World) -> Shopper:
    return world.shopper()


@pytest.fixture
def pounds(world: World, seller: Shopper) -> Order:
    """A sale in pounds, by a seller who then sells in yen."""
    return complete(world, seller, price=12_000)


@pytest.fixture
def japan(world: World) -> World:
    return in_currency(world, "JPY")


@pytest.fixture
def yen(japan: World, pounds: Order, seller: Shopper) -> Order:
    assert pounds.currency == "GBP"
    return complete(japan, seller, price=5_000)


class TestShopWithAnotherCurrency:
    def test_never_adds_yen_to_pounds(self, japan: World, yen: Order) -> None:
        balances = {one.currency: one.available for one in account(japan, yen).balances}
        assert balances == {"GBP": 10_800, "JPY": 4_500}

    def test_pays_each_currency_apart(self, japan: World, yen: Order) -> None:
        seller_id = japan.account_id_of(yen)
        first = start_due_payout(japan.uow(now=LATER), seller_id=seller_id)
        assert first is not None
        assert (first.currency, first.amount) == ("JPY", 4_500)
        due_at = account(japan, yen).due_at
        assert due_at is not None
        second = start_due_payout(japan.uow(now=due_at), seller_id=seller_id)
        assert second is not None
        assert (second.currency, second.amount) == ("GBP", 10_800)
        assert {one.available for one in account(japan, yen).balances} == {0}

    def test_pays_the_currency_that_the_seller_asks_for(self, japan: World, yen: Order) -> None:
        seller_id = japan.account_id_of(yen)
        with pytest.raises(NothingToPayOut):
            start_payout(japan.uow(now=LATER), seller_id=seller_id, method=None, currency="EUR")
        payout = start_payout(japan.uow(now=LATER), seller_id=seller_id, method=None, currency="GBP")
        assert (payout.currency, payout.amount) == ("GBP", 10_800)
        cancel_payout(japan.uow(now=LATER, principal=Principal(customer_id=yen.seller_id)), payout_id=payout.id)
        assert account(japan, yen).available == 10_800

    def test_a_refund_of_one_currency_is_a_debt_in_it(self, japan: World, yen: Order, pounds: Order) -> None:
        assert yen.payment is not None
        partners = Partners()
        partners.payments.captured[yen.payment.id] = 5_000
        partners.payments.orders[yen.payment.id] = yen.id
        partners.payments.currency = "JPY"
        start_payout(japan.uow(now=LATER), seller_id=japan.account_id_of(yen), method=None, currency="JPY")
        refund_order(japan.uow(now=LATER, principal=BRAND), new=NewRefund(order_id=yen.id))
        japan.run(yen, partners, now=LATER)
        assert {one.currency: one.available for one in account(japan, pounds).balances} == {
            "GBP": 10_800,
            "JPY": -4_500,
        }

    def test_shows_the_balance_of_each(self, japan: World, yen: Order) -> None:
        start_payout(japan.uow(now=LATER), seller_id=japan.account_id_of(yen), method=None, currency="JPY")
        seen = get_own_balance(reader=japan.reader, principal=Principal(customer_id=yen.seller_id))
        assert (seen.currency, seen.available, seen.in_transit) == ("GBP", 10_800, 0)
        assert [(one.currency, one.available, one.in_transit) for one in seen.balances] == [
            ("GBP", 10_800, 0),
            ("JPY", 0, 4_500),
        ]


class TestRemainder:
    """1,045,050 fillér: 10,450 forints and 50 fillér, which no bank can be paid."""

    @pytest.fixture
    def hungary(self, world: World) -> World:
        return in_currency(world, "HUF", commission=0)

    @pytest.fixture
    def sale(self, hungary: World, seller: Shopper) -> Order:
        return complete(hungary, seller, price=1_045_050)

    def test_stays_on_the_balance_and_is_shown(self, hungary: World, sale: Order) -> None:
        payout = start_payout(hungary.uow(now=LATER), seller_id=hungary.account_id_of(sale), method=None)
        assert (payout.amount, payout.remainder) == (1_045_000, 50)
        seller = account(hungary, sale)
        assert (seller.available, seller.carried, seller.due_at) == (50, 50, None)
        with pytest.raises(NothingToPayOut, match=r"0\.50 HUF stays on the balance"):
            start_payout(hungary.uow(now=LATER), seller_id=hungary.account_id_of(sale), method=None)

    def test_is_paid_with_the_next_sale(self, hungary: World, seller: Shopper, sale: Order) -> None:
        start_payout(hungary.uow(now=LATER), seller_id=hungary.account_id_of(sale), method=None)
        complete(hungary, seller, price=1_045_050)
        payout = start_payout(hungary.uow(now=LATER), seller_id=hungary.account_id_of(sale), method=None)
        assert (payout.amount, payout.carried, payout.remainder) == (1_045_100, 50, 0)
        assert (account(hungary, sale).available, account(hungary, sale).carried) == (0, 0)

    def test_is_not_lost_when_the_payout_fails(self, hungary: World, sale: Order) -> None:
        partners = Partners()
        payout = start_payout(hungary.uow(now=LATER), seller_id=hungary.account_id_of(sale), method=None)
        advance_payout(hungary.uow(now=LATER), partners=partners, payout_id=payout.id)
        partners.payments.payout_state = partners.payments.payout_state.FAILED
        for _ in range(2):
            payout = advance_payout(hungary.uow(now=LATER), partners=partners, payout_id=payout.id)
        assert payout.status == PayoutStatus.FAILED
        assert (account(hungary, sale).available, account(hungary, sale).carried) == (1_045_050, 0)

    def test_is_store_credit_in_full(self, hungary: World, sale: Order) -> None:
        payout = start_payout(
            hungary.uow(now=LATER), seller_id=hungary.account_id_of(sale), method=PayoutMethod.STORE_CREDIT
        )
        assert (payout.amount, payout.remainder) == (1_045_050, 0)

"""Store credit: a clawback is netted against it first, and reverses its bonus in proportion."""

from datetime import timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from resale.application.operations.orders import NewRefund, record_dispute, refund_order
from resale.application.operations.payouts import start_payout
from resale.bootstrap import Container
from resale.domain.ledger import BONUSES, seller_account, store_credit_account
from resale.domain.orders import Order
from resale.domain.payments import Dispute, DisputeStatus
from resale.domain.payouts import PayoutMethod, PayoutStatus
from resale.domain.sellers import Seller, SellerBalance, net_debt
from tests.operations.partners import Partners
from tests.operations.world import BRAND, World
from tests.unit.builders import NOW

COMPLETED = NOW + timedelta(days=4)
PAYABLE = COMPLETED + timedelta(days=2)


@pytest.fixture
def shop(container: Container, world: World) -> World:
    """A shop that adds a fifth to store credit."""
    policies = msgspec.structs.replace(world.tenant.policies, store_credit_bonus_basis_points=2_000)
    return World(container, msgspec.structs.replace(world.tenant, policies=policies))


@pytest.fixture
def credited(shop: World) -> Order:
    """A sale that was paid out as store credit."""
    order = shop.run(shop.delivered(Partners()), Partners(), now=COMPLETED)
    payout = start_payout(shop.uow(now=PAYABLE), seller_id=shop.account_id_of(order), method=PayoutMethod.STORE_CREDIT)
    assert (payout.status, payout.amount, payout.bonus) == (PayoutStatus.PAID, 10_800, 2_160)
    return order


def account(world: World, order: Order) -> Seller:
    found = world.seller_account(order)
    assert found is not None
    return found


def credit_of(seller: Seller) -> tuple[int, int, int]:
    return seller.available, seller.store_credit, seller.store_credit_bonus


class TestClawback:
    def test_of_a_lost_dispute_takes_credit_and_bonus_instead_of_a_debt(self, shop: World, credited: Order) -> None:
        assert credit_of(account(shop, credited)) == (0, 12_960, 2_160)
        lost = Dispute(provider_reference="dp_1", status=DisputeStatus.LOST, amount=12_000, reason_code="fraudulent")
        record_dispute(shop.uow(now=PAYABLE), order_id=credited.id, dispute=lost)
        assert credit_of(account(shop, credited)) == (0, 0, 0)
        booked = shop.balances(credited)
        assert booked[store_credit_account(credited.seller_id)] == 12_960
        assert booked[BONUSES] == -2_160
        # the sale credited 10,800, the chargeback took it back, and the store credit paid that
        assert booked[seller_account(credited.seller_id)] == -10_800

    def test_of_a_part_reverses_the_bonus_in_proportion(self, shop: World, credited: Order) -> None:
        partners = Partners()
        assert credited.payment is not None
        partners.payments.captured[credited.payment.id] = 12_000
        partners.payments.orders[credited.payment.id] = credited.id
        refund_order(shop.uow(now=PAYABLE, principal=BRAND), new=NewRefund(order_id=credited.id, amount=6_000))
        shop.run(credited, partners, now=PAYABLE)
        assert credit_of(account(shop, credited)) == (0, 6_480, 1_080)

    def test_a_later_sale_is_paid_in_full(self, shop: World, credited: Order) -> None:
        lost = Dispute(provider_reference="dp_1", status=DisputeStatus.LOST, amount=12_000, reason_code="fraudulent")
        record_dispute(shop.uow(now=PAYABLE), order_id=credited.id, dispute=lost)
        seller = account(shop, credited)
        assert (seller.available, seller.carried) == (0, 10_800)


class TestNetDebt:
    @given(st.integers(-10_000, 10_000), st.integers(0, 10_000), st.integers(0, 5_000))
    def test_never_takes_more_than_is_owed_or_there(self, available: int, earned: int, bonus: int) -> None:
        bonus = bonus if earned else 0
        before = SellerBalance(
            currency="GBP", available=available, store_credit=earned + bonus, store_credit_bonus=bonus
        )
        after, debt, reversed_bonus = net_debt(before)
        assert debt == max(0, min(-available, earned))
        assert after.available == available + debt
        assert after.store_credit == before.store_credit - debt - reversed_bonus
        assert 0 <= after.store_credit_bonus <= after.store_credit
        if debt == earned:
            assert after.store_credit == 0

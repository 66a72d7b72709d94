"""What sellers owe is written off after the days of the policy, once, and nothing is deducted from later earnings."""

from datetime import timedelta

import msgspec
import pytest

from resale.application.operations.orders import NewRefund, refund_order
from resale.application.operations.payouts import advance_payout, start_payout
from resale.application.operations.sellers import edit_seller
from resale.application.operations.write_offs import write_off_debts
from resale.application.queries.ledger import LedgerNotFound, get_reconciliation, iter_debtors
from resale.domain.access import Principal
from resale.domain.accounts import seller_account
from resale.domain.orders import Order
from resale.domain.payouts import PayoutMethod
from resale.domain.sellers import Seller, SellerEdit, seller_id_of
from tests.operations.partners import Books, Partners
from tests.operations.world import BRAND, World
from tests.unit.builders import NOW

PAID_AT = NOW + timedelta(days=7)
DUE_AT = PAID_AT + timedelta(days=180)


@pytest.fixture
def owing(world: World) -> Order:
    """An order that was refunded after its seller was paid: the seller owes 10,800."""
    partners, seller = Partners(), world.shopper()
    order = world.run(world.delivered(partners, seller=seller), partners, now=PAID_AT - timedelta(days=3))
    edit_seller(world.uow(), shopper=seller, edit=SellerEdit(payout_destination="acct_ok"))
    payout = start_payout(world.uow(now=PAID_AT), seller_id=seller_id_of(order.seller_id), method=PayoutMethod.CASH)
    for _ in range(3):
        payout = advance_payout(world.uow(now=PAID_AT), partners=partners, payout_id=payout.id)
    refund_order(world.uow(now=PAID_AT, principal=BRAND), new=NewRefund(order_id=order.id))
    return world.run(order, partners, now=PAID_AT)


def account(world: World, order: Order) -> Seller:
    seller = world.seller_account(order)
    assert seller is not None
    return seller


def posted(world: World, order: Order) -> dict[str, int]:
    return {entry.account: entry.amount for entry in world.reader.iter_ledger_source(account(world, order).id)}


class TestWriteOffDebts:
    def test_makes_the_debt_an_expense(self, world: World, owing: Order) -> None:
        assert account(world, owing).available == -10_800
        assert write_off_debts(world.uow(now=DUE_AT), seller_id=account(world, owing).id) == 1
        assert (account(world, owing).available, account(world, owing).carried) == (0, 10_800)
        assert posted(world, owing) == {"bad_debt": 10_800, seller_account(owing.seller_id): -10_800}

    def test_is_idempotent(self, world: World, owing: Order) -> None:
        for _ in range(2):
            write_off_debts(world.uow(now=DUE_AT), seller_id=account(world, owing).id)
        assert write_off_debts(world.uow(now=DUE_AT + timedelta(days=400)), seller_id=account(world, owing).id) == 0
        assert posted(world, owing)["bad_debt"] == 10_800

    def test_waits_for_the_days_of_the_policy(self, world: World, owing: Order) -> None:
        early = DUE_AT - timedelta(seconds=1)
        assert write_off_debts(world.uow(now=early), seller_id=account(world, owing).id) == 0
        policies = msgspec.structs.replace(world.tenant.policies, bad_debt_days=0)
        never = World(world.container, msgspec.structs.replace(world.tenant, policies=policies))
        assert write_off_debts(never.uow(now=DUE_AT), seller_id=account(world, owing).id) == 0
        assert account(world, owing).available == -10_800

    def test_leaves_balance_ledger_and_transfers_equal(self, world: World, owing: Order) -> None:
        write_off_debts(world.uow(now=DUE_AT), seller_id=account(world, owing).id)
        until = DUE_AT + timedelta(hours=1)
        report = get_reconciliation(
            reader=world.reader, principal=BRAND, payments=Books(), back=timedelta(days=1), now=until, wall_now=until
        )
        assert not [found for found in report.differences if found.source_id == owing.seller_id]


class TestIterDebtors:
    def test_has_sellers_who_owe(self, world: World, owing: Order) -> None:
        debtors = list(iter_debtors(reader=world.reader, principal=BRAND))
        assert account(world, owing).id in debtors
        write_off_debts(world.uow(now=DUE_AT), seller_id=account(world, owing).id)
        assert account(world, owing).id not in list(iter_debtors(reader=world.reader, principal=BRAND))

    def test_is_not_for_shoppers(self, world: World) -> None:
        with pytest.raises(LedgerNotFound):
            list(iter_debtors(reader=world.reader, principal=Principal()))

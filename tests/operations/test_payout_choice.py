"""What one payout settles, of more transfers than it takes."""

import uuid
from datetime import timedelta

import msgspec
import pytest

from resale.application.operations.customers import Shopper
from resale.application.operations.payouts import start_due_payout
from resale.application.operations.sellers import edit_seller
from resale.domain.changes import ChangeType
from resale.domain.ids import OrderId, SellerId, TransferId
from resale.domain.sellers import SellerEdit
from resale.domain.transfers import Transfer, TransferStatus
from tests.operations.world import World
from tests.unit.builders import NOW

LATER = NOW + timedelta(days=4)


@pytest.fixture
def seller(world: World) -> Shopper:
    return world.shopper()


def a_balance_of(world: World, seller: Shopper, amounts: tuple[int, ...]) -> SellerId:
    """A seller whose transfers, oldest first, are these; they can be paid now."""
    made = edit_seller(world.uow(), shopper=seller, edit=SellerEdit(payout_destination="acct_ok"))
    uow = world.uow()
    stored = uow.sellers.find(made.id)
    assert stored is not None
    account = msgspec.structs.replace(stored, available=sum(amounts), due_at=NOW)
    uow.sellers.save(account, change_type=ChangeType.SELLER_BALANCE_CHANGED)
    for position, amount in enumerate(amounts):
        number = uuid.uuid4().hex
        when = NOW + timedelta(seconds=position)
        transfer = Transfer(
            id=TransferId(f"trf_{number}"),
            livemode=False,
            status=TransferStatus.AVAILABLE,
            order_id=OrderId(f"ord_{number}"),
            seller_id=made.customer_id,
            amount=amount,
            currency="GBP",
            available_at=when,
            created_at=when,
            updated_at=when,
        )
        uow.transfers.add(transfer, change_type=ChangeType.TRANSFER_AVAILABLE)
    uow.commit()
    return made.id


class TestAPayoutOfLittle:
    def test_pays_one_minor_unit(self, world: World, seller: Shopper) -> None:
        payout = start_due_payout(world.uow(now=LATER), seller_id=a_balance_of(world, seller, (1,)))
        assert payout is not None
        assert (payout.amount, len(payout.transfers)) == (1, 1)


class TestAPayoutOfMany:
    """One payout takes 40 transfers, and a debt may lie behind them."""

    def test_a_debt_behind_the_first_forty_does_not_hold_up_the_rest(self, world: World, seller: Shopper) -> None:
        seller_id = a_balance_of(world, seller, (*(100,) * 40, -50))
        payout = start_due_payout(world.uow(now=LATER), seller_id=seller_id)
        assert payout is not None
        assert (payout.amount, len(payout.transfers)) == (3_900, 39)
        left = world.uow().sellers.find(seller_id)
        assert left is not None
        assert (left.available, left.due_at) == (50, LATER + timedelta(seconds=30))
        rest = start_due_payout(world.uow(now=LATER + timedelta(minutes=1)), seller_id=seller_id)
        assert rest is not None
        assert rest.amount == 50

    def test_earnings_behind_forty_debts_are_found(self, world: World, seller: Shopper) -> None:
        seller_id = a_balance_of(world, seller, (*(-1,) * 40, 300, 300))
        payout = start_due_payout(world.uow(now=LATER), seller_id=seller_id)
        assert payout is not None
        assert payout.amount == 280

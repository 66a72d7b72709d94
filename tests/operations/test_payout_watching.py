"""A payout that was paid may come back days later, and the webhook that says so may be lost: it is looked at."""

from datetime import datetime, timedelta

import pytest

from resale.application.operations.payouts import advance_payout, start_payout
from resale.application.operations.postponing import postpone_step
from resale.application.operations.sellers import edit_seller
from resale.domain.orders import Order
from resale.domain.payouts import WATCHED_FOR, Payout, PayoutState, PayoutStatus
from resale.domain.sellers import SellerEdit, seller_id_of
from resale.domain.transfers import TransferStatus
from tests.operations.partners import Partners
from tests.operations.world import World
from tests.unit.builders import NOW

PAID_AT = NOW + timedelta(days=4)


@pytest.fixture
def partners() -> Partners:
    return Partners()


@pytest.fixture
def sold(world: World, partners: Partners) -> Order:
    seller = world.shopper()
    order = world.run(world.delivered(partners, seller=seller), partners, now=PAID_AT)
    edit_seller(world.uow(), shopper=seller, edit=SellerEdit(payout_destination="acct_ok"))
    return order


@pytest.fixture
def paid(world: World, sold: Order, partners: Partners) -> Payout:
    seller_id = seller_id_of(sold.seller_id)
    payout = start_payout(world.uow(now=PAID_AT), seller_id=seller_id, method=None)
    while payout.status != PayoutStatus.PAID:
        payout = look(world, payout, partners, PAID_AT)
    return payout


def look(world: World, payout: Payout, partners: Partners, now: datetime) -> Payout:
    return advance_payout(world.uow(now=now), partners=partners, payout_id=payout.id)


def test_is_looked_at_daily_until_it_cannot_come_back(world: World, paid: Payout, partners: Partners) -> None:
    looks = 0
    while paid.due_at is not None:
        assert paid.due_at <= PAID_AT + WATCHED_FOR + timedelta(days=1)
        paid, looks = look(world, paid, partners, paid.due_at), looks + 1
    assert looks == WATCHED_FOR.days
    assert paid.status == PayoutStatus.PAID


def test_before_its_time_it_is_asked_and_nothing_is_written(world: World, paid: Payout, partners: Partners) -> None:
    assert look(world, paid, partners, PAID_AT + timedelta(hours=1)).version == paid.version


def test_what_came_back_unheard_is_the_sellers_again(
    world: World, sold: Order, paid: Payout, partners: Partners
) -> None:
    partners.payments.payout_state = PayoutState.RETURNED
    assert paid.due_at is not None
    back = look(world, paid, partners, paid.due_at)
    assert (back.status, back.due_at) == (PayoutStatus.RETURNED, None)
    assert world.transfer(sold).status == TransferStatus.AVAILABLE
    assert world.balances(sold)["provider"] == 12_000


def test_a_provider_that_is_silent_is_asked_later(world: World, paid: Payout) -> None:
    at = PAID_AT + timedelta(days=1)
    postpone_step(world.uow(now=at), entity_id=paid.id, reason_code="partner_unavailable")
    later = world.uow().payouts.get(paid.id)
    assert (later.status, later.due_at) == (PayoutStatus.PAID, at + timedelta(seconds=30))


def test_one_at_rest_is_not_put_off(world: World, paid: Payout, partners: Partners) -> None:
    end = PAID_AT + WATCHED_FOR
    rests = look(world, paid, partners, end)
    assert rests.due_at is None
    postpone_step(world.uow(now=end), entity_id=paid.id, reason_code="partner_unavailable")
    again = world.uow().payouts.get(paid.id)
    assert again.version == rests.version

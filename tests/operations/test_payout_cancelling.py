"""A payout is cancelled only while the provider cannot have been asked for it; then nothing of it is left."""

from datetime import timedelta

import msgspec
import pytest

from resale.application.operations.customers import Shopper
from resale.application.operations.payouts import advance_payout, cancel_payout, start_payout
from resale.application.operations.sellers import edit_seller
from resale.domain.access import Principal, Role
from resale.domain.changes import ChangeType
from resale.domain.ids import PayoutId
from resale.domain.orders import Order
from resale.domain.payouts import (
    Payout,
    PayoutChanged,
    PayoutMethod,
    PayoutNotFound,
    PayoutRequest,
    PayoutStatus,
    PayoutTransitionRefused,
)
from resale.domain.sellers import SellerEdit, seller_id_of
from resale.domain.transfers import TransferStatus
from resale.errors import Forbidden
from tests.operations.partners import Books, Partners
from tests.operations.world import BRAND, World
from tests.unit.builders import NOW, a_payout

LATER = NOW + timedelta(days=4)


@pytest.fixture
def seller(world: World) -> Shopper:
    return world.shopper()


@pytest.fixture
def sold(world: World, seller: Shopper) -> Order:
    partners = Partners()
    order = world.run(world.delivered(partners, seller=seller), partners, now=LATER)
    edit_seller(world.uow(), shopper=seller, edit=SellerEdit(payout_destination="acct_ok"))
    return order


@pytest.fixture
def payout(world: World, sold: Order) -> Payout:
    return start(world, sold)


def start(world: World, order: Order, method: PayoutMethod | None = None) -> Payout:
    seller_id = seller_id_of(order.seller_id)
    return start_payout(world.uow(now=LATER), seller_id=seller_id, method=method)


def advance(world: World, payout: Payout, partners: Partners) -> Payout:
    return advance_payout(world.uow(now=LATER), partners=partners, payout_id=payout.id)


def cancel(
    world: World, payout: Payout, *, principal: Principal = BRAND, expected_version: int | None = None
) -> Payout:
    return cancel_payout(
        world.uow(now=LATER, principal=principal, expected_version=expected_version), payout_id=payout.id
    )


class TestCancelPayout:
    def test_gives_everything_back_and_keeps_the_destination(self, world: World, sold: Order, payout: Payout) -> None:
        ended = cancel(world, payout, principal=Principal(customer_id=sold.seller_id))
        assert (ended.status, ended.due_at, ended.may_be_cancelled) == (PayoutStatus.CANCELLED, None, False)
        account = world.seller_account(sold)
        assert account is not None
        assert (account.available, account.payout_destination) == (10_800, "acct_ok")
        assert account.due_at is not None
        transfer = world.transfer(sold)
        assert (transfer.status, transfer.payout_id) == (TransferStatus.AVAILABLE, None)
        entries = list(world.reader.iter_ledger_source(payout.id))
        sums: dict[str, int] = {}
        for entry in entries:
            sums[entry.account] = sums.get(entry.account, 0) + entry.amount
        assert set(sums.values()) == {0}
        assert {entry.step for entry in entries} == {"started", "cancelled"}

    def test_what_was_cancelled_is_paid_by_another_one(self, world: World, sold: Order, payout: Payout) -> None:
        cancel(world, payout)
        again = start(world, sold)
        assert (again.amount, again.id != payout.id) == (10_800, True)

    def test_said_again_changes_nothing(self, world: World, payout: Payout) -> None:
        assert cancel(world, payout) == cancel(world, payout, expected_version=payout.version)

    def test_is_refused_once_its_sending_has_begun(self, world: World, payout: Payout) -> None:
        begun = advance(world, payout, Partners())
        assert (begun.status, begun.may_be_cancelled) == (PayoutStatus.PENDING, False)
        with pytest.raises(PayoutTransitionRefused):
            cancel(world, begun)

    def test_never_while_the_provider_is_asked(self, world: World, payout: Payout) -> None:
        """Somebody cancels at the very moment the provider pays, and its response is lost: the money is not doubled."""
        refused = []

        class CancelledMeanwhile(Books):
            def pay_out(self, request: PayoutRequest):  # type: ignore[no-untyped-def]  # noqa: ANN202 - as its parent
                with pytest.raises(PayoutTransitionRefused):
                    cancel(world, payout)
                refused.append(request.payout_id)
                return super().pay_out(request)

        partners = Partners(CancelledMeanwhile())
        advance(world, payout, partners)
        assert advance(world, payout, partners).status == PayoutStatus.IN_TRANSIT
        assert refused == [payout.id]

    def test_that_sending_begins_fails_when_it_was_cancelled_meanwhile(self, world: World, payout: Payout) -> None:
        slow = world.uow(now=LATER)
        read = slow.payouts.get(payout.id)
        cancel(world, payout)
        slow.payouts.save(
            msgspec.structs.replace(read, version=read.version + 1, may_be_cancelled=False),
            change_type=ChangeType.PAYOUT_SENDING_STARTED,
        )
        with pytest.raises(PayoutChanged):
            slow.commit()

    def test_a_cancelled_one_is_never_sent(self, world: World, payout: Payout) -> None:
        cancel(world, payout)
        partners = Partners()
        assert advance(world, payout, partners).status == PayoutStatus.CANCELLED
        assert not partners.payments.calls["pay_out"]

    def test_store_credit_is_there_at_once_and_stays(self, world: World, sold: Order) -> None:
        credit = start(world, sold, PayoutMethod.STORE_CREDIT)
        with pytest.raises(PayoutTransitionRefused):
            cancel(world, credit)

    def test_one_stored_before_it_could_be_cancelled_is_not(self, world: World) -> None:
        stored = a_payout(id=PayoutId(f"pyt_{world.shopper().new_id[4:]}"))
        uow = world.uow()
        uow.payouts.add(stored, change_type=ChangeType.PAYOUT_CREATED)
        uow.commit()
        with pytest.raises(PayoutTransitionRefused):
            cancel(world, stored)

    def test_is_its_sellers_and_the_brands(self, world: World, payout: Payout) -> None:
        with pytest.raises(PayoutNotFound):
            cancel(world, payout, principal=Principal(customer_id=world.shopper().new_id))
        with pytest.raises(Forbidden):
            cancel(world, payout, principal=Principal(standing=Role.VIEWER))
        with pytest.raises(PayoutChanged):
            cancel(world, payout, expected_version=payout.version + 1)

    def test_another_tenant_has_none(self, other_world: World, payout: Payout) -> None:
        with pytest.raises(PayoutNotFound):
            cancel(other_world, payout)

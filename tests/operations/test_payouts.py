"""Operations on payouts and refunds after completion: balances are netted, failures give everything back."""

from collections.abc import Callable
from datetime import datetime, timedelta

import msgspec
import pytest

from resale.application.operations.customers import Shopper
from resale.application.operations.orders import NewRefund, RefundTooLarge, RefundUnderWay, record_dispute, refund_order
from resale.application.operations.payouts import advance_payout, start_due_payout, start_payout
from resale.application.operations.postponing import postpone_step
from resale.application.operations.sellers import edit_seller
from resale.application.ports import IdempotencyConflict
from resale.application.queries.ledger import (
    DifferenceKind,
    get_balance_sheet,
    get_reconciliation,
    list_source_transactions,
)
from resale.application.queries.payouts import get_payout, list_payouts
from resale.domain.access import Principal
from resale.domain.changes import ChangeType
from resale.domain.command_context import command_key
from resale.domain.ids import SellerId
from resale.domain.orders import Order, OrderNotFound, OrderStatus, OrderTransitionRefused
from resale.domain.payments import Dispute, DisputeStatus, RefundState
from resale.domain.payouts import (
    NothingToPayOut,
    Payout,
    PayoutDestinationMissing,
    PayoutMethod,
    PayoutNotFound,
    PayoutState,
    PayoutStatus,
)
from resale.domain.sellers import Seller, SellerChanged, SellerEdit, seller_id_of
from resale.domain.transfers import TransferStatus
from resale.errors import Forbidden, Unavailable
from tests.operations.partners import Books, Partners
from tests.operations.world import BRAND, World
from tests.unit.builders import NOW

LATER = NOW + timedelta(days=4)


@pytest.fixture
def seller(world: World) -> Shopper:
    return world.shopper()


@pytest.fixture
def partners() -> Partners:
    return Partners()


@pytest.fixture
def completed(world: World, seller: Shopper, partners: Partners) -> Order:
    return complete(world, seller, partners)


def complete(world: World, seller: Shopper, partners: Partners) -> Order:
    order = world.run(world.delivered(partners, seller=seller), partners, now=LATER)
    assert order.status == OrderStatus.COMPLETED
    edit_seller(world.uow(), shopper=seller, edit=SellerEdit(payout_destination="acct_ok"))
    return order


def account(world: World, order: Order) -> Seller:
    found = world.seller_account(order)
    assert found is not None
    return found


def start(world: World, order: Order, *, method: PayoutMethod | None = None) -> Payout:
    return start_payout(world.uow(now=LATER), seller_id=seller_id_of(order.seller_id), method=method)


def advance(world: World, payout: Payout, partners: Partners, *, now: datetime = LATER) -> Payout:
    """Take its next step, after the one that only says that sending begins."""
    if world.uow().payouts.get(payout.id).may_be_cancelled:
        advance_payout(world.uow(now=now), partners=partners, payout_id=payout.id)
    return advance_payout(world.uow(now=now), partners=partners, payout_id=payout.id)


def refund(world: World, order: Order, partners: Partners, amount: int | None = None) -> Order:
    new = NewRefund(order_id=order.id, amount=amount)
    refund_order(world.uow(now=LATER, principal=BRAND), new=new)
    return world.run(order, partners, now=LATER)


class TestStartPayout:
    def test_takes_what_is_available_and_settles_its_transfers(self, world: World, completed: Order) -> None:
        payout = start(world, completed)
        assert (payout.status, payout.amount) == (PayoutStatus.PENDING, 10_800)
        assert account(world, completed).available == 0
        transfer = world.transfer(completed)
        assert (transfer.status, transfer.payout_id) == (TransferStatus.SETTLED, payout.id)

    def test_a_second_one_finds_nothing(self, world: World, completed: Order) -> None:
        start(world, completed)
        with pytest.raises(NothingToPayOut):
            start(world, completed)

    def test_store_credit_gets_the_shops_bonus_at_once(self, world: World, completed: Order) -> None:
        payout = start(world, completed, method=PayoutMethod.STORE_CREDIT)
        assert (payout.status, payout.bonus, payout.due_at) == (PayoutStatus.PAID, 0, None)
        assert account(world, completed).store_credit == 10_800
        (booking,) = list_source_transactions(reader=world.reader, principal=BRAND, source_id=payout.id)
        assert {leg.account for leg in booking.entries} == {
            f"seller:{completed.seller_id}",
            f"store_credit:{completed.seller_id}",
        }

    def test_cash_needs_a_destination(self, world: World, partners: Partners) -> None:
        order = world.run(world.delivered(partners), partners, now=LATER)
        with pytest.raises(PayoutDestinationMissing):
            start(world, order)

    def test_the_same_key_pays_once(self, world: World, completed: Order) -> None:
        key = command_key(caller="s", command="start_payout", client_key=completed.id, body=b"{}")
        seller_id = seller_id_of(completed.seller_id)
        start_payout(world.uow(now=LATER, key=key), seller_id=seller_id, method=None)
        other = complete(world, world.shopper(), Partners())
        with pytest.raises(IdempotencyConflict):
            start_payout(world.uow(now=LATER, key=key), seller_id=seller_id_of(other.seller_id), method=None)

    def test_a_balance_changed_meanwhile_is_told(self, world: World, completed: Order) -> None:
        slow = world.uow()
        read = slow.sellers.find(seller_id_of(completed.seller_id))
        assert read is not None
        start(world, completed)
        slow.sellers.save(read, change_type=ChangeType.SELLER_EDITED)
        with pytest.raises(SellerChanged):
            slow.commit()

    def test_another_tenant_has_no_such_balance(self, other_world: World, completed: Order) -> None:
        with pytest.raises(NothingToPayOut):
            start(other_world, completed)


class TestDuePayout:
    def test_an_account_paid_out_between_two_reads_of_it_is_not_written_over(
        self, world: World, completed: Order, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        seller_id, due = seller_id_of(completed.seller_id), LATER + timedelta(days=3)
        slow = world.uow(now=due)
        find = slow.sellers.find

        def overtaken(asked: SellerId) -> Seller | None:
            read = find(asked)
            monkeypatch.setattr(slow.sellers, "find", find)
            assert start_due_payout(world.uow(now=due), seller_id=seller_id) is not None
            return read

        monkeypatch.setattr(slow.sellers, "find", overtaken)
        with pytest.raises(SellerChanged):
            start_due_payout(slow, seller_id=seller_id)

        assert (account(world, completed).available, account(world, completed).due_at) == (0, None)

    def test_begins_by_itself_when_its_time_has_come(self, world: World, completed: Order) -> None:
        seller_id = seller_id_of(completed.seller_id)
        assert start_due_payout(world.uow(), seller_id=seller_id) is None
        when = account(world, completed).due_at
        assert when is not None
        payout = start_due_payout(world.uow(now=when), seller_id=seller_id)
        assert payout is not None
        assert account(world, completed).due_at is None

    def test_looks_again_for_what_the_index_does_not_show_yet(self, world: World, seller: Shopper) -> None:
        edit = SellerEdit(payout_destination="acct_ok")
        made = edit_seller(world.uow(), shopper=seller, edit=edit)
        uow = world.uow()
        stored = uow.sellers.find(made.id)
        assert stored is not None
        uow.sellers.save(
            msgspec.structs.replace(stored, available=500, due_at=NOW), change_type=ChangeType.SELLER_BALANCE_CHANGED
        )
        uow.commit()
        assert start_due_payout(world.uow(now=LATER), seller_id=made.id) is None
        waiting = world.uow().sellers.find(made.id)
        assert waiting is not None
        assert waiting.due_at == LATER + timedelta(hours=1)


class TestAdvancePayout:
    def test_is_sent_once_though_the_answer_is_lost(self, world: World, completed: Order) -> None:
        partners = Partners(Books(lose={"pay_out": 1}))
        payout = start(world, completed)
        with pytest.raises(Unavailable):
            advance(world, payout, partners)
        paid = advance(world, payout, partners)
        assert (paid.status, paid.due_at) == (PayoutStatus.PAID, LATER + timedelta(days=1))
        assert partners.payments.calls["pay_out"] == 1

    @pytest.mark.parametrize("state", [PayoutState.FAILED, PayoutState.RETURNED])
    def test_what_did_not_arrive_is_the_sellers_again(self, world: World, completed: Order, state: PayoutState) -> None:
        partners = Partners(Books(payout_state=state))
        payout = start(world, completed)
        advance(world, payout, partners)
        ended = advance(world, payout, partners)
        assert ended.status == PayoutStatus(state.value)
        assert world.transfer(completed).status == TransferStatus.AVAILABLE
        assert account(world, completed).available == 10_800
        assert account(world, completed).payout_destination is None
        booked = list_source_transactions(reader=world.reader, principal=BRAND, source_id=payout.id)
        assert {one.step: sum(leg.amount for leg in one.entries) for one in booked} == {"started": 0, state: 0}

    def test_what_came_back_before_we_heard_that_it_went_is_the_sellers_again(
        self, world: World, completed: Order
    ) -> None:
        partners = Partners(Books(payout_state=PayoutState.RETURNED, lose={"pay_out": 1}))
        payout = start(world, completed)
        with pytest.raises(Unavailable):
            advance(world, payout, partners)
        assert advance(world, payout, partners).status == PayoutStatus.RETURNED
        assert account(world, completed).available == 10_800

    def test_what_did_not_arrive_is_paid_the_other_way_by_itself(
        self, world: World, completed: Order, seller: Shopper
    ) -> None:
        partners = Partners(Books(payout_state=PayoutState.FAILED))
        payout = start(world, completed)
        other = SellerEdit(payout_method=PayoutMethod.STORE_CREDIT)
        edit_seller(world.uow(now=LATER), shopper=seller, edit=other)
        advance(world, payout, partners)
        advance(world, payout, partners)
        when = account(world, completed).due_at
        assert when is not None
        again = start_due_payout(world.uow(now=when), seller_id=seller_id_of(completed.seller_id))
        assert again is not None
        assert (again.method, again.amount) == (PayoutMethod.STORE_CREDIT, 10_800)

    def test_paid_again_changes_nothing(self, world: World, completed: Order, partners: Partners) -> None:
        payout = start(world, completed)
        advance(world, payout, partners)
        paid = advance(world, payout, partners)
        assert advance(world, payout, partners).version == paid.version

    def test_a_step_is_put_off_while_it_waits(self, world: World, completed: Order) -> None:
        payout = start(world, completed)
        postpone_step(world.uow(now=LATER), entity_id=payout.id, reason_code="partner_unavailable")
        later = world.uow().payouts.get(payout.id)
        assert (later.step_tries, later.due_at) == (1, LATER + timedelta(seconds=30))

    def test_is_seen_by_its_seller_and_the_brand(self, world: World, completed: Order) -> None:
        payout = start(world, completed)
        mine = Principal(customer_id=completed.seller_id)
        assert get_payout(reader=world.reader, principal=mine, payout_id=payout.id).amount == 10_800
        assert [one.id for one in list_payouts(reader=world.reader, principal=mine, limit=5, cursor=None).data] == [
            payout.id
        ]
        with pytest.raises(PayoutNotFound):
            get_payout(reader=world.reader, principal=Principal(), payout_id=payout.id)


class TestRefundAfterCompletion:
    def test_is_a_negative_transfer_and_netted(
        self, world: World, seller: Shopper, completed: Order, partners: Partners
    ) -> None:
        start(world, completed)
        refund(world, completed, partners)
        assert account(world, completed).available == -10_800
        with pytest.raises(NothingToPayOut):
            start(world, completed)
        complete(world, seller, partners)
        complete(world, seller, partners)
        assert account(world, completed).available == 10_800
        assert start(world, completed).amount == 10_800

    def test_parts_reverse_the_commission_in_proportion(
        self, world: World, completed: Order, partners: Partners
    ) -> None:
        for amount in (1_001, 2_003, 3_005):
            refund(world, completed, partners, amount)
        order = refund(world, completed, partners)
        assert order.status == OrderStatus.REFUNDED
        assert order.remaining_minor == 0
        assert sum(one.parts.commission for one in order.refunds) == 1_200
        assert [one.parts.commission for one in order.refunds[:3]] == [100, 200, 301]
        assert {account for account, amount in world.balances(order).items() if amount} == {"labels", "carriers"}

    def test_a_refund_whose_answer_was_lost_is_given_once(self, world: World, completed: Order) -> None:
        payment = completed.payment
        assert payment is not None
        partners = Partners(Books(lose={"refund": 1}))
        partners.payments.captured[payment.id] = 12_000
        with pytest.raises(Unavailable):
            refund(world, completed, partners)
        order = world.run(completed, partners, now=LATER)
        assert order.status == OrderStatus.REFUNDED
        assert partners.payments.calls["refund"] == 1

    def test_one_that_failed_is_tried_again_under_another_id(self, world: World, completed: Order) -> None:
        payment = completed.payment
        assert payment is not None
        partners = Partners(Books(refund_state=RefundState.FAILED))
        partners.payments.captured[payment.id] = 12_000
        failed = refund(world, completed, partners)
        assert failed.failed_refund is not None
        assert failed.due_at is not None
        partners.payments.refund_state = RefundState.SUCCEEDED
        order = world.run(completed, partners, now=failed.due_at)
        assert order.status == OrderStatus.REFUNDED
        assert order.refunds[0].tries == 2
        assert len(partners.payments.refunds) == 2

    def test_refuses_what_cannot_be(self, world: World, completed: Order) -> None:
        def ask(amount: int | None, principal: Principal = BRAND) -> Callable[[], Order]:
            new = NewRefund(order_id=completed.id, amount=amount)
            return lambda: refund_order(world.uow(now=LATER, principal=principal), new=new)

        for asked, outcome in (
            (ask(12_001), RefundTooLarge),
            (ask(1, Principal(customer_id=completed.seller_id)), Forbidden),
            (ask(1, Principal()), OrderNotFound),
        ):
            with pytest.raises(outcome):
                asked()
        ask(1)()
        with pytest.raises(RefundUnderWay):
            ask(1)()

    def test_is_too_late_after_half_a_year(self, world: World, completed: Order) -> None:
        late = NOW + timedelta(days=181)
        with pytest.raises(OrderTransitionRefused):
            refund_order(world.uow(now=late, principal=BRAND), new=NewRefund(order_id=completed.id))


class TestDispute:
    def _told(self, world: World, order: Order, status: DisputeStatus) -> Order:
        dispute = Dispute(provider_reference="dp_1", status=status, amount=12_000, reason_code="fraudulent")
        return record_dispute(world.uow(), order_id=order.id, dispute=dispute)

    def test_holds_completion_until_it_is_won(self, world: World, partners: Partners) -> None:
        order = world.delivered(partners)
        self._told(world, order, DisputeStatus.OPEN)
        held = world.run(order, partners, now=LATER)
        assert held.status == OrderStatus.DELIVERED
        assert held.due_at is not None
        self._told(world, order, DisputeStatus.WON)
        assert world.run(order, partners, now=LATER).status == OrderStatus.COMPLETED

    def test_lost_before_completion_takes_the_held_transfer(self, world: World, partners: Partners) -> None:
        order = world.delivered(partners)
        lost = self._told(world, order, DisputeStatus.LOST)
        assert lost.status == OrderStatus.REFUNDED
        assert world.transfer(order).status == TransferStatus.REVERSED
        assert world.balances(order) == {"labels": 450, "carriers": -450}

    def test_lost_after_completion_is_a_debt(self, world: World, completed: Order) -> None:
        start(world, completed)
        self._told(world, completed, DisputeStatus.LOST)
        assert account(world, completed).available == -10_800

    def test_told_twice_or_late_changes_nothing(self, world: World, partners: Partners) -> None:
        order = world.delivered(partners)
        lost = self._told(world, order, DisputeStatus.LOST)
        assert self._told(world, order, DisputeStatus.LOST).version == lost.version
        assert self._told(world, order, DisputeStatus.OPEN).version == lost.version


class TestReconciliation:
    def test_three_records_agree_after_everything(
        self, world: World, seller: Shopper, completed: Order, partners: Partners
    ) -> None:
        refund(world, completed, partners, 2_000)
        complete(world, seller, partners)
        payout = start(world, completed)
        for _ in range(2):
            advance(world, payout, partners)
        report = self._report(world, partners, mine={completed.id, payout.id})
        assert report == []

    def test_shows_what_only_the_provider_knows(self, world: World, completed: Order, partners: Partners) -> None:
        partners.payments.captured["pay_forged"] = 500
        partners.payments.orders["pay_forged"] = "ord_" + "9" * 32
        (found,) = self._report(world, partners, mine={"ord_" + "9" * 32})
        assert (found, completed.status) == (DifferenceKind.NOT_IN_LEDGER, OrderStatus.COMPLETED)

    def test_shows_what_the_provider_does_not_know(self, world: World, completed: Order) -> None:
        (found,) = self._report(world, Partners(), mine={completed.id})
        assert found == DifferenceKind.NOT_AT_PROVIDER

    def test_the_house_owes_what_customers_have(self, world: World, completed: Order) -> None:
        sheet = get_balance_sheet(reader=world.reader, principal=BRAND, now=LATER)
        sums = {balance.account: balance.amounts[0].amount for balance in sheet.accounts}
        assert sums["provider"] > 0
        assert sheet.owed_to_customers[0].amount >= account(world, completed).available

    def test_agrees_although_the_shops_time_has_run_far_ahead_of_the_providers(
        self, world: World, seller: Shopper, completed: Order, partners: Partners
    ) -> None:
        refund(world, completed, partners, 2_000)
        complete(world, seller, partners)
        payout = start(world, completed)
        for _ in range(2):
            advance(world, payout, partners)
        far_ahead = LATER + timedelta(days=400)
        assert self._report(world, partners, mine={completed.id, payout.id}, now=far_ahead) == []
        assert partners.payments.asked_since == NOW - timedelta(days=6)

    def _report(
        self, world: World, partners: Partners, *, mine: set[str], now: datetime = LATER + timedelta(days=1)
    ) -> list[DifferenceKind]:
        """Other tests' orders lie in the same books; only this test's are looked at."""
        report = get_reconciliation(
            reader=world.reader,
            principal=BRAND,
            payments=partners.payments,
            back=timedelta(days=2) + (LATER - NOW),
            now=now,
            wall_now=NOW,
        )
        return [one.kind for one in report.differences if one.source_id in mine]

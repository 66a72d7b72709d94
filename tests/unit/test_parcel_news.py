"""The tables of what a parcel's news means: every cell is decided, and none leaves one party with item and money."""

import pytest

from resale.domain.claims import ClaimStatus
from resale.domain.ids import PaymentId, RefundId
from resale.domain.issues import Issue
from resale.domain.order_states import ORDERS
from resale.domain.orders import OrderStatus
from resale.domain.parcel_news import (
    RETURN_EFFECTS,
    SALE_EFFECTS,
    ParcelNews,
    ReturnStage,
    SaleStage,
    effect_on_sale,
    return_stage_of,
    stage_of,
)
from resale.domain.payments import Payment, Refund, RefundParts, RefundState
from resale.domain.shipments import Shipment, ShipmentStatus
from tests.unit.builders import NOW, a_claim, an_order

_UNPAID = {OrderStatus.SUBMITTED, OrderStatus.PAYMENT_PENDING, OrderStatus.PAYMENT_FAILED}
_N, _G, _T = ParcelNews, SaleStage, ReturnStage


class TestTheTables:
    def test_decide_every_pair(self) -> None:
        assert SALE_EFFECTS.keys() == set(SaleStage)
        assert RETURN_EFFECTS.keys() == set(ReturnStage)
        for table in (SALE_EFFECTS, RETURN_EFFECTS):
            assert all(cells.keys() == set(ParcelNews) for cells in table.values())

    @pytest.mark.parametrize("status", OrderStatus)
    def test_know_every_paid_order(self, status: OrderStatus) -> None:
        assert (stage_of(an_order(status=status)) is None) == (status in _UNPAID)

    @pytest.mark.parametrize("status", ClaimStatus)
    def test_know_every_decided_claim(self, status: ClaimStatus) -> None:
        undecided = {ClaimStatus.OPENED, ClaimStatus.AWAITING_EVIDENCE, ClaimStatus.UNDER_REVIEW}
        assert (return_stage_of(a_claim(status=status)) is None) == (status in undecided)

    @pytest.mark.parametrize("status", OrderStatus)
    @pytest.mark.parametrize("news", ParcelNews)
    def test_name_commands_that_the_order_has(self, status: OrderStatus, news: ParcelNews) -> None:
        command = effect_on_sale(an_order(status=status), news).command
        assert command is None or ORDERS.permits(status, command)

    @pytest.mark.parametrize(
        ("stage", "news"),
        [
            (_G.DELIVERED, _N.BACK),
            (_G.PAID, _N.BACK),
            (_G.PAID, _N.LOST),
            (_G.REFUNDED, _N.DELIVERED),
            (_G.REFUNDED, _N.ON_ITS_WAY),
            (_G.COMPENSATED, _N.DELIVERED),
            (_G.COMPENSATED, _N.BACK),
            (_G.ENDING, _N.DELIVERED),
            (_G.LOST, _N.DELIVERED),
        ],
    )
    def test_tell_staff_where_one_party_has_item_and_money(self, stage: SaleStage, news: ParcelNews) -> None:
        assert SALE_EFFECTS[stage][news].issue is not None

    @pytest.mark.parametrize("news", [_N.GOING_BACK, _N.BACK, _N.LOST])
    def test_tell_staff_of_a_refunded_return_that_does_not_arrive(self, news: ParcelNews) -> None:
        assert RETURN_EFFECTS[_T.REFUNDED][news].issue == Issue.RETURN_NOT_DELIVERED

    @pytest.mark.parametrize("news", [_N.ON_ITS_WAY, _N.DELIVERED, _N.LOST])
    def test_tell_staff_of_an_item_sent_back_for_no_refund(self, news: ParcelNews) -> None:
        assert RETURN_EFFECTS[_T.CLOSED][news].issue == Issue.RETURN_AFTER_CLOSE


class TestStageOfAnEndedOrder:
    @pytest.mark.parametrize("state", [RefundState.PENDING, RefundState.FAILED])
    @pytest.mark.parametrize(("amount", "stage"), [(12_000, _G.REFUNDED), (1_000, _G.PAID)])
    def test_counts_a_refund_under_way_as_refunded(self, state: RefundState, amount: int, stage: SaleStage) -> None:
        payment = Payment(id=PaymentId("pay_" + "7" * 32), started_at=NOW, captured_minor=12_000)
        refund = Refund(
            id=RefundId("ref_" + "6" * 32),
            status=state,
            amount=amount,
            parts=RefundParts(seller=amount, commission=0, shipping=0, tax=0),
            reason_code="staff_cancelled",
            started_at=NOW,
        )
        order = an_order(status=OrderStatus.CANCELLED, payment=payment, refunds=(refund,))
        assert stage_of(order) == stage


class TestStageOfAClaim:
    @pytest.mark.parametrize(("status", "stage"), [(ShipmentStatus.PRE_TRANSIT, _T.KEPT)])
    def test_that_was_refunded_without_its_return_expects_none(
        self, status: ShipmentStatus, stage: ReturnStage
    ) -> None:
        parcel = Shipment(id="rtn_1", status=status)  # type: ignore[arg-type]  # any id
        assert return_stage_of(a_claim(status=ClaimStatus.REFUNDED, return_shipment=parcel)) == stage

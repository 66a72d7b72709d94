"""Commission in the ledger: deferred until it is earned, and its VAT never drifts by rounding."""

from collections import Counter

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from resale.domain import ledger
from resale.domain.commissions import CommissionPosting, CommissionRecognition, included_vat
from resale.domain.ids import RefundId
from resale.domain.orders import Amounts, Commission, Order
from resale.domain.payments import Refund, RefundState
from tests.unit.builders import NOW, SELLER, an_order

EARNED = ledger.seller_account(SELLER)
_AT_COMPLETION = CommissionRecognition.AT_COMPLETION
_AT_CAPTURE = CommissionRecognition.AT_CAPTURE


def sold(recognition: CommissionRecognition, *, vat: int = 0, item: int = 12_000, commission: int = 1_200) -> Order:
    return an_order(
        amounts=Amounts(currency="GBP", item_total=item, shipping_total=499, tax_total=77, grand_total=item + 576),
        commission=Commission(basis_points=1_000, base=item, amount=commission, rule_version="2026-1"),
        commission_posting=CommissionPosting(recognition=recognition, vat_basis_points=vat),
    )


def refunded(order: Order, number: int, amount: int) -> tuple[Order, Refund]:
    refund = Refund(
        id=RefundId(f"ref_{number:032x}"),
        status=RefundState.SUCCEEDED,
        amount=amount,
        parts=ledger.split_refund(order, amount),
        reason_code="goodwill",
        started_at=NOW,
    )
    return msgspec.structs.replace(order, refunds=(*order.refunds, refund)), refund


def failed(order: Order, refund: Refund) -> tuple[Order, Refund]:
    back = msgspec.structs.replace(refund, status=RefundState.FAILED)
    return msgspec.structs.replace(
        order, refunds=tuple(back if one.id == back.id else one for one in order.refunds)
    ), back


def summed(*transactions: ledger.LedgerTransaction) -> dict[str, int]:
    sums: Counter[str] = Counter()
    for transaction in transactions:
        for entry in ledger.entries_of(transaction):
            sums[entry.account] += entry.amount
    return {account: amount for account, amount in sums.items() if amount}


class TestCommission:
    def test_is_a_liability_until_the_sale_is_completed(self) -> None:
        order = sold(_AT_COMPLETION)
        captured = ledger.capture(order, at=NOW)
        assert summed(captured)["commission_deferred"] == -1_200
        assert "commission" not in summed(captured)
        earned = summed(captured, ledger.release(order, amount=10_800, at=NOW))
        assert (earned["commission"], earned.get("commission_deferred")) == (-1_200, None)

    def test_of_an_order_captured_before_there_was_a_choice_is_income_once(self) -> None:
        order = msgspec.structs.replace(sold(_AT_COMPLETION), commission_posting=CommissionPosting())
        captured, released = ledger.capture(order, at=NOW), ledger.release(order, amount=10_800, at=NOW)
        assert summed(captured)["commission"] == -1_200
        assert summed(released) == {"sellers_pending": 10_800, EARNED: -10_800}

    def test_is_reversed_where_it_is(self) -> None:
        order = sold(_AT_COMPLETION)
        order, refund = refunded(order, 1, 6_288)
        pending = summed(ledger.refund(order, refund, seller=ledger.SELLERS_PENDING, at=NOW))
        completed = summed(ledger.refund(order, refund, seller=EARNED, at=NOW))
        assert (pending["commission_deferred"], pending.get("commission")) == (600, None)
        assert (completed["commission"], completed.get("commission_deferred")) == (600, None)

    def test_of_a_seller_who_earns_nothing_is_recognised_all_the_same(self) -> None:
        order = sold(_AT_COMPLETION, item=1_200, commission=1_200)
        assert summed(ledger.release(order, amount=0, at=NOW)) == {"commission_deferred": 1_200, "commission": -1_200}

    @pytest.mark.parametrize("recognition", CommissionRecognition)
    def test_includes_vat_that_is_posted_apart(self, recognition: CommissionRecognition) -> None:
        order = sold(recognition, vat=2_000)
        sums = summed(ledger.capture(order, at=NOW), ledger.release(order, amount=10_800, at=NOW))
        assert (sums["commission"], sums["vat_on_commission"]) == (-1_000, -200)

    @given(st.data())
    def test_and_its_vat_are_those_of_what_is_left_whatever_is_refunded(self, data: st.DataObject) -> None:
        rate = data.draw(st.integers(0, 10_000))
        order = sold(
            data.draw(st.sampled_from(CommissionRecognition)),
            vat=rate,
            item=data.draw(st.integers(1_300, 99_999)),
            commission=data.draw(st.integers(0, 1_300)),
        )
        posted, seller = [ledger.capture(order, at=NOW)], ledger.SELLERS_PENDING
        for number in range(data.draw(st.integers(1, 6))):
            step = data.draw(st.sampled_from(("refund", "complete", "come back")))
            given_back = [one for one in order.refunds if one.status == RefundState.SUCCEEDED]
            left = order.amounts.grand_total - sum(one.amount for one in given_back)
            if step == "refund" and left:
                order, refund = refunded(order, number, data.draw(st.integers(1, left)))
                posted.append(ledger.refund(order, refund, seller=seller, at=NOW))
            elif step == "come back" and given_back:
                order, refund = failed(order, data.draw(st.sampled_from(given_back)))
                posted.append(ledger.refund_reversal(order, refund, seller=seller, at=NOW))
            elif step == "complete" and seller == ledger.SELLERS_PENDING:
                posted.append(ledger.release(order, amount=ledger.seller_left(order), at=NOW))
                seller = EARNED
        if seller == ledger.SELLERS_PENDING:
            posted.append(ledger.release(order, amount=ledger.seller_left(order), at=NOW))
        sums, left = summed(*posted), ledger.parts_left(order).commission
        vat = included_vat(left, rate)
        assert -sums.get("commission", 0) == left - vat
        assert -sums.get("vat_on_commission", 0) == vat
        assert "commission_deferred" not in sums

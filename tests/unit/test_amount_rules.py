"""Amounts that a payment provider can move, by currency, and the split of a sale by them."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from resale.domain import ledger
from resale.domain.amount_rules import AmountNotSupported, rules_of, share_of_seller
from resale.domain.money import share
from resale.domain.orders import Amounts, Commission, Order
from resale.domain.partners import Provider
from resale.domain.payments import Refund, RefundParts, RefundState
from tests.unit.builders import NOW, an_order


class TestRules:
    @pytest.mark.parametrize(
        ("currency", "amount", "code"),
        [
            ("GBP", 29, "amount_too_small"),
            ("GBP", 30, None),
            ("KWD", 12_345, "amount_not_supported"),
            ("KWD", 12_340, None),
            ("MGA", 150, "amount_not_supported"),
            ("HUF", 17_499, "amount_too_small"),
            ("HUF", 1_045_050, None),
            ("ISK", 5, None),
            ("ISK", 99_999_999_999, "amount_too_large"),
            ("JPY", 49, "amount_too_small"),
            ("IQD", 1_000, "amount_too_large"),
        ],
    )
    def test_states_what_can_be_charged(self, currency: str, amount: int, code: str | None) -> None:
        fault = rules_of(Provider.STRIPE, currency).find_charge_fault(amount)
        assert (None if fault is None else fault[0]) == code

    @pytest.mark.parametrize(
        ("currency", "amount", "payable"),
        [("HUF", 1_045_050, 1_045_000), ("TWD", 99, 0), ("KWD", 11_106, 11_100), ("GBP", 1, 1), ("JPY", -5, 0)],
    )
    def test_states_what_can_be_paid_out(self, currency: str, amount: int, payable: int) -> None:
        assert rules_of(Provider.STRIPE, currency).payable(amount) == payable

    def test_refuses_a_refund_that_cannot_be_carried_and_names_the_step(self) -> None:
        with pytest.raises(AmountNotSupported, match=r"multiples of 0\.010 KWD") as refused:
            rules_of(Provider.STRIPE, "KWD").check_refund(1_005, pointer="/amount")
        assert refused.value.errors[0].pointer == "/amount"
        rules_of(Provider.STRIPE, "KWD").check_refund(1_000, pointer="/amount")

    def test_the_sandbox_accepts_no_more_than_stripe(self) -> None:
        for currency in ("GBP", "KWD", "HUF", "MGA", "UGX"):
            assert rules_of(Provider.SANDBOX, currency) == rules_of(Provider.STRIPE, currency)


class TestShareOfSeller:
    def test_the_commission_bears_the_rounding(self) -> None:
        assert share_of_seller(12_340, commission=1_234, unit=10) == 11_110

    def test_a_sale_without_commission_is_the_sellers_whole(self) -> None:
        assert share_of_seller(1_045_050, commission=0, unit=100) == 1_045_050

    @given(st.integers(1, 10**9), st.integers(1, 10_000), st.sampled_from([1, 10, 100]))
    def test_is_payable_and_near_the_rate(self, total: int, basis_points: int, unit: int) -> None:
        commission = share(total, basis_points)
        seller = share_of_seller(total, commission=commission, unit=unit)
        assert 0 <= seller <= total
        assert not commission or seller % unit == 0
        assert abs(seller - (total - commission)) < unit


def _sale(total: int, *, commission: int, unit: int) -> Order:
    return an_order(
        amounts=Amounts(currency="KWD", item_total=total, shipping_total=0, tax_total=0, grand_total=total),
        commission=Commission(basis_points=1_000, base=total, amount=commission, rule_version="1", unit=unit),
    )


class TestSplitRefund:
    @given(st.integers(10, 100_000), st.lists(st.integers(1, 3_000), max_size=6), st.sampled_from([10, 100]))
    def test_the_sellers_share_stays_payable(self, tens: int, parts: list[int], unit: int) -> None:
        total = tens * 10
        commission = total - share_of_seller(total, commission=share(total, 1_000), unit=unit)
        order, left = _sale(total, commission=commission, unit=unit), total
        for number, part in enumerate([*(one * 10 for one in parts), total]):
            amount = min(part, left)
            if not amount:
                break
            split = ledger.split_refund(order, amount)
            assert split.seller + split.commission == amount
            assert split.seller >= 0
            assert split.commission >= 0
            order = _refunded(order, number, amount, split)
            left -= amount
        if not left:
            assert ledger.parts_left(order) == RefundParts(seller=0, commission=0, shipping=0, tax=0)

    def test_rounds_to_what_can_be_paid_out(self) -> None:
        split = ledger.split_refund(_sale(12_340, commission=1_230, unit=10), 1_000)
        assert (split.seller, split.commission) == (900, 100)
        odd = ledger.split_refund(_sale(12_340, commission=1_230, unit=10), 1_010)
        assert (odd.seller, odd.commission) == (910, 100)


def _refunded(order: Order, number: int, amount: int, parts: RefundParts) -> Order:
    done = Refund(
        id=f"ref_{number:032x}",  # type: ignore[arg-type]
        amount=amount,
        parts=parts,
        reason_code="goodwill",
        started_at=NOW,
        status=RefundState.SUCCEEDED,
    )
    return msgspec.structs.replace(order, refunds=(*order.refunds, done))

"""The ledger transaction of each step of a sale, entry by entry."""

from typing import Any

import msgspec
import pytest

from resale.domain import ledger
from resale.domain.commissions import CommissionPosting, CommissionRecognition
from resale.domain.ids import PaymentId, RefundId
from resale.domain.ledger import LedgerTransaction, Posting, Unbalanced
from resale.domain.money import Money
from resale.domain.orders import Amounts, Commission, Order
from resale.domain.payments import Payment, Refund, RefundParts, RefundState
from tests.unit.builders import NOW, ORDER, SELLER, an_order

EARNED = ledger.seller_account(SELLER)
DEFERRED = CommissionPosting(recognition=CommissionRecognition.AT_COMPLETION)


def sold(*refunds: Refund, **fields: Any) -> Order:
    """An item of 100.00 with 10.00 commission, shipping and tax: 108.00 in all."""
    amounts = Amounts(currency="GBP", item_total=10_000, shipping_total=500, tax_total=300, grand_total=10_800)
    commission = Commission(basis_points=1_000, base=10_000, amount=1_000, rule_version="1")
    return an_order(**{"amounts": amounts, "commission": commission, "refunds": refunds, **fields})


def captured(amount: int) -> Payment:
    return Payment(id=PaymentId("pay_" + "7" * 32), started_at=NOW, captured_minor=amount)


def a_refund(number: int, *parts: int, status: RefundState = RefundState.SUCCEEDED) -> Refund:
    seller, commission, shipping, tax = parts
    return Refund(
        id=RefundId(f"ref_{number:032x}"),
        status=status,
        amount=sum(parts),
        parts=RefundParts(seller=seller, commission=commission, shipping=shipping, tax=tax),
        reason_code="goodwill",
        started_at=NOW,
    )


def entries(transaction: LedgerTransaction) -> dict[str, int]:
    return {entry.account: entry.amount for entry in ledger.entries_of(transaction)}


def parts(of: RefundParts) -> tuple[int, ...]:
    return msgspec.structs.astuple(of)


class TestLedgerTransaction:
    @pytest.mark.parametrize("amounts", [(1,), (5, -4), (1, -2)])
    def test_refuses_what_does_not_sum_to_zero_and_names_it(self, amounts: tuple[int, ...]) -> None:
        postings = tuple(Posting(f"account_{at}", amount) for at, amount in enumerate(amounts))
        with pytest.raises(Unbalanced, match=rf"{ORDER}:step does not sum to zero"):
            LedgerTransaction(source_id=ORDER, step="step", currency="GBP", at=NOW, postings=postings)

    def test_has_one_entry_for_each_account_and_none_of_zero(self) -> None:
        postings = (Posting("a", 5), Posting("b", -9), Posting("a", 4), Posting("c", 3), Posting("c", -3))
        posted = LedgerTransaction(source_id=ORDER, step="step", currency="GBP", at=NOW, postings=postings)
        assert entries(posted) == {"a": 9, "b": -9}


class TestParts:
    def test_are_the_shares_of_the_total(self) -> None:
        assert parts(ledger.parts_of(sold())) == (9_000, 1_000, 500, 300)

    @pytest.mark.parametrize("amount", [0, 10_800])
    def test_of_what_is_captured_are_the_same_before_the_capture_and_after(self, amount: int) -> None:
        assert parts(ledger.captured_parts(sold(payment=captured(amount)))) == (9_000, 1_000, 500, 300)

    def test_of_an_order_without_a_payment_are_those_of_the_total(self) -> None:
        assert parts(ledger.captured_parts(sold(payment=None))) == (9_000, 1_000, 500, 300)

    @pytest.mark.parametrize(
        ("amount", "shares"),
        [(5_400, (4_500, 500, 250, 150)), (108, (90, 10, 5, 3)), (3, (3, 0, 0, 0)), (1, (1, 0, 0, 0))],
    )
    def test_of_a_part_that_was_captured_are_in_proportion(self, amount: int, shares: tuple[int, ...]) -> None:
        assert parts(ledger.captured_parts(sold(payment=captured(amount)))) == shares

    def test_that_are_left_lack_pending_refunds_and_not_those_that_came_back(self) -> None:
        order = sold(
            a_refund(1, 90, 10, 5, 3),
            a_refund(2, 900, 100, 50, 30, status=RefundState.PENDING),
            a_refund(3, 1, 1, 1, 1, status=RefundState.FAILED),
            a_refund(4, 1, 1, 1, 1, status=RefundState.REINSTATED),
        )
        assert parts(ledger.parts_left(order)) == (8_010, 890, 445, 267)

    def test_of_the_seller_lack_only_what_was_refunded(self) -> None:
        order = sold(a_refund(1, 90, 10, 5, 3), a_refund(2, 900, 100, 50, 30, status=RefundState.PENDING))
        assert ledger.seller_left(order) == 8_910


def in_tens(*refunds: Refund, item: int = 10_000, commission: int = 1_000, others: int = 0) -> Order:
    """A sale of a currency in which only multiples of ten are paid out."""
    total = item + others
    return an_order(
        amounts=Amounts(currency="KWD", item_total=item, shipping_total=others, tax_total=0, grand_total=total),
        commission=Commission(basis_points=1_000, base=item, amount=commission, rule_version="1", unit=10),
        refunds=refunds,
    )


class TestSplitRefund:
    def test_is_in_proportion(self) -> None:
        assert parts(ledger.split_refund(sold(), 108)) == (90, 10, 5, 3)

    def test_rounds_all_shares_together_where_every_amount_can_be_paid_out(self) -> None:
        assert parts(ledger.split_refund(sold(), 52)) == (43, 5, 2, 2)

    def test_gives_the_rest_at_the_end(self) -> None:
        order = sold(a_refund(1, 90, 10, 5, 3))
        assert parts(ledger.split_refund(order, 10_692)) == (8_910, 990, 495, 297)

    @pytest.mark.parametrize(
        ("amount", "shares"),
        [
            (100, (90, 10, 0, 0)),
            (104, (90, 14, 0, 0)),  # 93.6 for the seller: down to the unit
            (106, (100, 6, 0, 0)),  # 95.4: up
            (5, (5, 0, 0, 0)),  # 4.5 would be up to 10: never more than the refund
            (10_000, (9_000, 1_000, 0, 0)),  # all that there is
        ],
    )
    def test_rounds_the_sellers_share_to_the_unit(self, amount: int, shares: tuple[int, ...]) -> None:
        split = ledger.split_refund(in_tens(), amount)
        assert parts(split) == shares
        assert isinstance(split.seller, int)

    def test_gives_the_last_part_whatever_its_unit(self) -> None:
        order = in_tens(a_refund(1, 4_500, 493, 0, 0))
        assert parts(ledger.split_refund(order, 5_007)) == (4_500, 507, 0, 0)

    def test_takes_from_the_seller_what_the_others_do_not_have(self) -> None:
        order = in_tens(a_refund(1, 0, 993, 0, 0))
        assert parts(ledger.split_refund(order, 8_999)) == (8_992, 7, 0, 0)

    def test_takes_from_the_seller_no_more_than_is_left_of_their_share(self) -> None:
        # Without commission their share need not be a multiple of the unit: 5 of the last 6 would be rounded up to 10.
        order = in_tens(a_refund(1, 9_998, 0, 495, 0), item=10_004, commission=0, others=500)
        assert parts(ledger.split_refund(order, 10)) == (6, 0, 4, 0)

    def test_splits_the_rest_among_the_others_by_what_they_were_given(self) -> None:
        order = in_tens(a_refund(1, 900, 100, 400, 0), others=500)
        assert parts(ledger.split_refund(order, 1_004)) == (1_000, 4, 0, 0)


class TestCapture:
    def test_owes_each_its_share(self) -> None:
        posted = ledger.capture(sold(), at=NOW)
        assert posted.id == f"{ORDER}:captured"
        assert entries(posted) == {
            "provider": 10_800, "sellers_pending": -9_000, "commission": -1_000, "shipping": -500, "tax": -300,
        }  # fmt: skip

    def test_of_a_part_owes_parts(self) -> None:
        posted = ledger.capture(sold(payment=captured(5_400), commission_posting=DEFERRED), at=NOW)
        assert entries(posted) == {
            "provider": 5_400, "sellers_pending": -4_500, "commission_deferred": -500, "shipping": -250, "tax": -150,
        }  # fmt: skip


class TestRefund:
    def test_is_borne_by_each_in_their_part_and_its_reversal_is_the_opposite(self) -> None:
        given = a_refund(1, 90, 10, 5, 3)
        order = sold(given)
        posted = ledger.refund(order, given, seller=EARNED, at=NOW)
        assert posted.id == f"{ORDER}:{given.id}"
        assert entries(posted) == {"provider": -108, EARNED: 90, "commission": 10, "shipping": 5, "tax": 3}
        back = ledger.refund_reversal(order, given, seller=EARNED, at=NOW)
        assert back.id == f"{ORDER}:{given.id}:returned"
        assert ledger.refund_of_step(back.step) == ledger.refund_of_step(posted.step) == given.id
        assert entries(back) == {account: -amount for account, amount in entries(posted).items()}

    @pytest.mark.parametrize("others", [RefundState.SUCCEEDED, RefundState.FAILED])
    def test_reverses_the_vat_of_what_was_left_before_it(self, others: RefundState) -> None:
        # The VAT in 1,000 is 166.67, in 998 it is 166.33; in 501 83.50, in 499 83.17.
        given = a_refund(2, 0, 2, 0, 0)
        posting = CommissionPosting(vat_basis_points=2_000)
        order = sold(a_refund(1, 0, 499, 0, 0, status=others), given, commission_posting=posting)
        posted = entries(ledger.refund(order, given, seller=ledger.SELLERS_PENDING, at=NOW))
        assert posted == {"provider": -2, "commission": 1, "vat_on_commission": 1}
        back = entries(ledger.refund_reversal(order, given, seller=ledger.SELLERS_PENDING, at=NOW))
        assert back == {"provider": 2, "commission": -1, "vat_on_commission": -1}


class TestLabel:
    def test_is_owed_to_the_carrier_until_it_is_voided(self) -> None:
        cost = Money(amount=420, currency="EUR")
        bought = ledger.label_purchase(sold(), cost, step="label", at=NOW)
        assert (bought.currency, entries(bought)) == ("EUR", {"labels": 420, "carriers": -420})
        voided = ledger.label_void(sold(), cost, step="label_void", at=NOW)
        assert (voided.step, voided.currency, entries(voided)) == (
            "label_void",
            "EUR",
            {"labels": -420, "carriers": 420},
        )


class TestRelease:
    def test_moves_the_earnings_and_recognises_deferred_commission(self) -> None:
        posting = msgspec.structs.replace(DEFERRED, vat_basis_points=2_000)
        order = sold(a_refund(1, 90, 10, 5, 3), commission_posting=posting)
        posted = ledger.release(order, amount=8_910, at=NOW)
        assert posted.id == f"{ORDER}:released"
        assert entries(posted) == {
            "sellers_pending": 8_910, EARNED: -8_910,
            "commission_deferred": 990, "commission": -825, "vat_on_commission": -165,
        }  # fmt: skip

    def test_leaves_commission_alone_that_was_income_at_once(self) -> None:
        assert entries(ledger.release(sold(), amount=9_000, at=NOW)) == {"sellers_pending": 9_000, EARNED: -9_000}

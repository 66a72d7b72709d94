"""Seller accounts: a balance of each currency, never summed."""

import msgspec
import pytest

from resale.domain.sellers import (
    PayoutAccount,
    PayoutAccountStatus,
    Seller,
    SellerBalance,
    net_debt,
    with_balance,
    with_payout_account,
)
from tests.unit.builders import a_seller


class TestBalances:
    def test_the_first_is_the_accounts_own_fields(self) -> None:
        seller = a_seller(currency="GBP", available=10_800, store_credit=5)
        assert seller.balances == (SellerBalance(currency="GBP", available=10_800, store_credit=5),)

    def test_of_another_currency_is_empty_and_kept_apart(self) -> None:
        seller = a_seller(currency="GBP", available=10_800)
        assert seller.balance_in("JPY") == SellerBalance(currency="JPY")
        yen = SellerBalance(currency="JPY", available=900)
        both = with_balance(seller, yen)
        assert (both.available, both.balance_in("JPY")) == (10_800, yen)
        changed = with_balance(both, msgspec.structs.replace(yen, available=0))
        assert [one.available for one in changed.balances] == [10_800, 0]

    def test_every_amount_of_the_first_is_read_and_written(self) -> None:
        balance = SellerBalance(
            currency="GBP", available=900, carried=-5, frozen=100, store_credit=70, store_credit_bonus=7
        )
        seller = with_balance(a_seller(currency="GBP"), balance)
        assert seller.balance_in("GBP") == balance
        assert seller.other_balances == ()

    def test_of_several_others_only_the_one_of_its_currency_is_replaced(self) -> None:
        seller = with_balance(a_seller(), SellerBalance(currency="JPY", available=1))
        seller = with_balance(seller, SellerBalance(currency="EUR", available=2))
        seller = with_balance(seller, SellerBalance(currency="JPY", available=3))
        assert {one.currency: one.available for one in seller.other_balances} == {"EUR": 2, "JPY": 3}
        assert seller.balance_in("EUR").available == 2

    def test_an_account_stored_before_is_read(self) -> None:
        stored = msgspec.json.encode(msgspec.to_builtins(a_seller(available=7)))
        fields = msgspec.json.decode(stored)
        for name in ("carried", "store_credit_bonus", "other_balances", "payout_account_status", "payout_requirements"):
            del fields[name]
        seller = msgspec.convert(fields, Seller, strict=False)
        assert (seller.available, seller.carried, seller.payout_account_status) == (7, 0, None)


class TestPayoutAccount:
    def test_is_recorded_and_cleared(self) -> None:
        account = PayoutAccount(status=PayoutAccountStatus.RESTRICTED, requirements=("external_account",))
        seller = with_payout_account(a_seller(), account)
        assert (seller.payout_account_status, seller.payout_requirements) == ("restricted", ("external_account",))
        cleared = with_payout_account(seller, None)
        assert (cleared.payout_account_status, cleared.payout_requirements) == (None, ())


class TestNetDebt:
    @pytest.mark.parametrize(("available", "credit", "bonus"), [(0, 500, 0), (10, 500, 0), (-10, 0, 0), (-10, 50, 50)])
    def test_leaves_a_balance_without_debt_or_without_earned_credit(
        self, available: int, credit: int, bonus: int
    ) -> None:
        balance = SellerBalance(currency="GBP", available=available, store_credit=credit, store_credit_bonus=bonus)
        assert net_debt(balance) == (balance, 0, 0)

    @pytest.mark.parametrize(
        ("debt", "credit", "bonus", "reversed_bonus"),
        [
            (1, 100, 0, 0),
            (50, 110, 10, 5),
            (100, 110, 10, 10),
            (25, 110, 10, 3),  # 2.5: half of a minor unit is reversed
            (24, 110, 10, 2),  # 2.4
        ],
    )
    def test_pays_the_debt_with_credit_and_reverses_the_bonus_in_proportion(
        self, debt: int, credit: int, bonus: int, reversed_bonus: int
    ) -> None:
        balance = SellerBalance(
            currency="GBP", available=-debt, carried=7, store_credit=credit, store_credit_bonus=bonus
        )
        netted = SellerBalance(
            currency="GBP",
            available=0,
            carried=7 + debt,
            store_credit=credit - debt - reversed_bonus,
            store_credit_bonus=bonus - reversed_bonus,
        )
        assert net_debt(balance) == (netted, debt, reversed_bonus)

    def test_leaves_a_debt_that_the_earned_credit_does_not_cover(self) -> None:
        balance = SellerBalance(currency="GBP", available=-150, store_credit=110, store_credit_bonus=10)
        netted, debt, bonus = net_debt(balance)
        assert (netted.available, netted.store_credit, netted.store_credit_bonus) == (-50, 0, 0)
        assert (debt, bonus) == (100, 10)

"""Seller accounts: a balance of each currency, never summed."""

import msgspec

from resale.domain.sellers import Seller, SellerBalance, with_balance
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

    def test_an_account_stored_before_is_read(self) -> None:
        stored = msgspec.json.encode(msgspec.to_builtins(a_seller(available=7)))
        fields = msgspec.json.decode(stored)
        for name in ("carried", "store_credit_bonus", "other_balances", "payout_account_status", "payout_requirements"):
            del fields[name]
        seller = msgspec.convert(fields, Seller, strict=False)
        assert (seller.available, seller.carried, seller.payout_account_status) == (7, 0, None)

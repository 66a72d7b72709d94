"""The chart of accounts: names that entries already have stay, and each account has a side of its own type."""

import pytest

from resale.domain.accounts import CHART, HOUSE_ACCOUNTS, AccountType, Side, find_account, seller_account
from resale.domain.ids import CustomerId

#: Names under which entries were posted before the chart existed.
POSTED_BEFORE = {
    "provider",
    "sellers_pending",
    "commission",
    "shipping",
    "tax",
    "labels",
    "carriers",
    "payouts_in_transit",
    "bonuses",
}


class TestChart:
    def test_keeps_the_names_of_earlier_entries(self) -> None:
        assert set(HOUSE_ACCOUNTS) >= POSTED_BEFORE
        assert seller_account(CustomerId("cus_1")) == "seller:cus_1"

    def test_names_and_titles_are_unique(self) -> None:
        assert len({one.name for one in CHART}) == len({one.title for one in CHART}) == len(CHART)

    def test_is_in_the_order_of_types(self) -> None:
        order = list(AccountType)
        ranks = [order.index(one.type) for one in CHART]
        assert ranks == sorted(ranks)

    @pytest.mark.parametrize(
        ("name", "side"),
        [
            ("provider", Side.DEBIT),
            ("bank", Side.DEBIT),
            ("carrier_claims", Side.DEBIT),
            ("provider_fees", Side.DEBIT),
            ("seller:cus_1", Side.CREDIT),
            ("store_credit:cus_1", Side.CREDIT),
            ("commission_deferred", Side.CREDIT),
            ("commission", Side.CREDIT),
            ("vat_on_commission", Side.CREDIT),
        ],
    )
    def test_increases_an_account_on_the_side_of_its_type(self, name: str, side: Side) -> None:
        account = find_account(name)
        assert account is not None
        assert account.normal_side == side

    def test_does_not_know_other_names(self) -> None:
        assert find_account("petty_cash") is None
        assert find_account("sell:cus_1") is None

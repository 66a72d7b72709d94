"""Shipping profiles, tax tables and the parts of a price."""

from fractions import Fraction
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from resale.domain.listings import PriceRefused
from resale.domain.money import MAX_AMOUNT_MINOR, Money
from resale.domain.price_rules import PriceRules
from resale.domain.quotes import OrderQuote, price_listing
from resale.domain.shipping_profiles import (
    Bracket,
    BracketBasis,
    DestinationNotServed,
    ShippingKind,
    ShippingProfile,
    ShippingRate,
    quote_shipping,
)
from resale.domain.taxes import TaxBase, TaxRate, TaxTable
from tests.adapters.partners import a_tenant
from tests.unit.builders import a_listing

FLAT = ShippingRate(countries=("GB",), amount=395, free_from=10_000)
BY_PRICE = ShippingRate(
    countries=("DE", "FR"), kind=ShippingKind.TABLE, brackets=(Bracket(995, 5_000), Bracket(1_495, 20_000))
)
BY_WEIGHT = ShippingRate(
    kind=ShippingKind.TABLE, basis=BracketBasis.WEIGHT, brackets=(Bracket(1_000, 500), Bracket(2_500))
)
PROFILE = ShippingProfile(version="2026-1", rates=(FLAT, BY_PRICE, BY_WEIGHT))


def shipping(country: str, price: int, weight: int | None = None, profile: ShippingProfile = PROFILE) -> int:
    return quote_shipping(profile, country=country, price_minor=price, weight_grams=weight).amount


class TestQuoteShipping:
    @pytest.mark.parametrize(("price", "amount"), [(1, 395), (9_999, 395), (10_000, 0), (10_001, 0)])
    def test_is_flat_and_free_from_a_threshold_on(self, price: int, amount: int) -> None:
        assert shipping("GB", price) == amount

    def test_says_why_it_is_free(self) -> None:
        line = quote_shipping(PROFILE, country="GB", price_minor=10_000, weight_grams=None)
        assert (line.is_free, line.kind, line.rule_version) == (True, ShippingKind.FLAT, "2026-1")

    @pytest.mark.parametrize(("price", "amount"), [(1, 995), (5_000, 995), (5_001, 1_495), (20_000, 1_495)])
    def test_is_the_bracket_of_the_price_whose_bound_belongs_to_it(self, price: int, amount: int) -> None:
        assert shipping("FR", price) == amount

    @pytest.mark.parametrize(("weight", "amount"), [(1, 1_000), (500, 1_000), (501, 2_500), (90_000, 2_500)])
    def test_is_the_bracket_of_the_weight_for_countries_without_a_rate(self, weight: int, amount: int) -> None:
        assert shipping("JP", 12_000, weight) == amount

    def test_costs_as_much_as_the_heaviest_where_nobody_gave_a_weight(self) -> None:
        assert shipping("JP", 12_000) == 2_500

    def test_refuses_above_the_last_bracket(self) -> None:
        with pytest.raises(DestinationNotServed):
            shipping("DE", 20_001)

    def test_refuses_a_country_without_a_rate(self) -> None:
        with pytest.raises(DestinationNotServed):
            shipping("US", 1, profile=ShippingProfile(version="1", rates=(FLAT,)))


class TestPriceRules:
    @pytest.mark.parametrize(
        "wrong",
        [
            {"shipping": {"GB": {"version": "1", "rates": []}}},
            {"shipping": {"GB": {"rates": [{}]}}},
            {"shipping": {"uk": {"version": "1", "rates": [{}]}}},
            {"shipping": {"GB": {"version": "1", "rates": [{"amount": -1}]}}},
            {"shipping": {"GB": {"version": "1", "rates": [{"amount": 1.5}]}}},
            {"shipping": {"GB": {"version": "1", "rates": [{}, {}]}}},
            {"shipping": {"GB": {"version": "1", "rates": [{"countries": ["GB"]}, {"countries": ["FR", "GB"]}]}}},
            {"shipping": {"GB": {"version": "1", "rates": [{"kind": "table"}]}}},
            {"shipping": {"GB": {"version": "1", "rates": [{"brackets": [{"amount": 1}]}]}}},
            {"taxes": {"version": "1", "rates": [{"country": "GB", "basis_points": 0}]}},
            {"taxes": {"version": "1", "rates": [{"country": "GB", "basis_points": 5_001}]}},
            {"taxes": {"version": "1", "rates": [{"country": "GB", "basis_points": 1}] * 2}},
        ],
    )
    def test_refuse_what_contradicts_itself(self, wrong: dict[str, Any]) -> None:
        with pytest.raises(msgspec.ValidationError):
            msgspec.convert(wrong, PriceRules)

    @pytest.mark.parametrize("bounds", [(2, 1), (1, 1), (None, 1), (None, None)])
    def test_refuse_brackets_that_do_not_ascend(self, bounds: tuple[int | None, ...]) -> None:
        brackets = [{"amount": 1} | ({} if bound is None else {"up_to": bound}) for bound in bounds]
        rate = {"kind": "table", "brackets": brackets}
        with pytest.raises(msgspec.ValidationError):
            msgspec.convert({"shipping": {"GB": {"version": "1", "rates": [rate]}}}, PriceRules)

    def test_survive_the_registry(self) -> None:
        rules = PriceRules(
            shipping={"GB": PROFILE}, taxes=TaxTable(version="1", rates=(TaxRate(country="GB", basis_points=1),))
        )
        assert msgspec.convert(msgspec.to_builtins(rules), PriceRules) == rules
        assert msgspec.convert({}, PriceRules) == PriceRules()


def tax_of(item: int, shipping: int, **rate: Any) -> tuple[int, int]:
    table = TaxTable(version="1", rates=(TaxRate(country="GB", **rate),))
    line = table.calculate(TaxBase(country="GB", currency="GBP", item_minor=item, shipping_minor=shipping))
    assert line is not None
    return line.item_tax, line.shipping_tax


class TestTaxTable:
    def test_takes_an_inclusive_tax_out_of_item_and_shipping(self) -> None:
        assert tax_of(12_000, 600, basis_points=2_000) == (2_000, 100)

    def test_adds_an_exclusive_tax(self) -> None:
        assert tax_of(12_000, 600, basis_points=2_000, is_inclusive=False) == (2_400, 120)

    def test_leaves_shipping_untaxed_where_it_is(self) -> None:
        assert tax_of(12_000, 600, basis_points=2_000, is_shipping_taxed=False) == (2_000, 0)

    def test_is_none_for_a_country_without_a_rate(self) -> None:
        base = TaxBase(country="US", currency="USD", item_minor=1, shipping_minor=1)
        assert TaxTable(version="1", rates=(TaxRate(country="GB", basis_points=1),)).calculate(base) is None
        assert TaxTable().calculate(base) is None

    @given(amount=st.integers(0, MAX_AMOUNT_MINOR), points=st.integers(1, 5_000), inclusive=st.booleans())
    def test_is_exact_and_rounded_half_to_even(self, *, amount: int, points: int, inclusive: bool) -> None:
        exact = Fraction(amount * points, 10_000 + (points if inclusive else 0))
        assert tax_of(amount, 0, basis_points=points, is_inclusive=inclusive)[0] == round(exact)


def price(country: str = "GB", *, amount: int = 12_000, currency: str = "GBP", **rules: Any) -> OrderQuote:
    listing = a_listing(price=Money(amount, currency), market="GB")
    tenant = msgspec.structs.replace(a_tenant("a"), currency="GBP", price_rules=PriceRules(**rules))
    return price_listing(listing, tenant=tenant, country=country)


class TestPriceListing:
    def test_is_the_listings_price_alone_by_default(self) -> None:
        amounts = price("JP").amounts
        assert msgspec.structs.astuple(amounts) == ("GBP", 12_000, 0, 0, 12_000)

    def test_has_the_same_total_with_an_inclusive_tax(self) -> None:
        taxes = TaxTable(version="1", rates=(TaxRate(country="GB", basis_points=2_000),))
        quote = price(amount=9_000, shipping={"GB": PROFILE}, taxes=taxes)
        assert msgspec.structs.astuple(quote.amounts) == ("GBP", 7_500, 329, 1_566, 9_395)

    def test_has_a_higher_total_with_an_exclusive_tax(self) -> None:
        taxes = TaxTable(version="1", rates=(TaxRate(country="GB", basis_points=2_000, is_inclusive=False),))
        quote = price(amount=9_000, shipping={"GB": PROFILE}, taxes=taxes)
        assert msgspec.structs.astuple(quote.amounts) == ("GBP", 9_000, 395, 1_879, 11_274)

    def test_rounds_an_added_tax_to_what_the_provider_charges(self) -> None:
        taxes = TaxTable(version="1", rates=(TaxRate(country="GB", basis_points=500, is_inclusive=False),))
        amounts = price(amount=12_350, currency="KWD", taxes=taxes).amounts  # a multiple of ten; 617.5 of tax
        assert msgspec.structs.astuple(amounts) == ("KWD", 12_350, 0, 620, 12_970)

    def test_refuses_a_total_that_the_provider_does_not_charge(self) -> None:
        with pytest.raises(PriceRefused):
            price(amount=12_345, currency="KWD")

    def test_has_no_shipping_in_a_market_without_a_profile(self) -> None:
        assert price(shipping={"FR": PROFILE}).shipping is None

    def test_refuses_a_listing_in_another_currency_than_the_rates(self) -> None:
        with pytest.raises(DestinationNotServed):
            price(currency="EUR", shipping={"GB": PROFILE})

    def test_refuses_a_total_that_no_order_can_have(self) -> None:
        with pytest.raises(PriceRefused):
            price(
                "FR",
                amount=MAX_AMOUNT_MINOR,
                shipping={"GB": ShippingProfile(version="1", rates=(ShippingRate(amount=1),))},
            )

    @given(
        amount=st.integers(30, 10**9),
        flat=st.integers(0, 10**6),
        points=st.integers(1, 5_000),
        inclusive=st.booleans(),
        taxed=st.booleans(),
    )
    def test_parts_sum_to_the_total(self, *, amount: int, flat: int, points: int, inclusive: bool, taxed: bool) -> None:
        rate = TaxRate(country="GB", basis_points=points, is_inclusive=inclusive, is_shipping_taxed=taxed)
        profile = ShippingProfile(version="1", rates=(ShippingRate(amount=flat),))
        amounts = price(amount=amount, shipping={"GB": profile}, taxes=TaxTable(version="1", rates=(rate,))).amounts
        assert amounts.item_total + amounts.shipping_total + amounts.tax_total == amounts.grand_total
        assert min(amounts.item_total, amounts.shipping_total, amounts.tax_total) >= 0
        if inclusive:
            assert amounts.grand_total == amount + flat

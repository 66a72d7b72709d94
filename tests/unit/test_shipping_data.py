"""What carriers and customs are told of an item: its listing's own words, else its product's, else its shop's."""

from typing import Any

import pytest

from resale.domain.parcel_sizes import Parcel, ParcelRefused, ProductType, check_parcel
from resale.domain.policies import Policies
from resale.domain.shipping_data import shipping_data
from tests.unit.builders import a_listing


def a_parcel(**fields: Any) -> Parcel:
    return Parcel(**{"weight_grams": 1_800, "length_mm": 400, "width_mm": 300, "height_mm": 150, **fields})


COATS = ProductType(product="jacket-", parcel=a_parcel(weight_grams=2_500), hs_code="620193")
WAXED = ProductType(product="jacket-01", origin_country="PT")
ALL = ProductType(parcel=a_parcel(weight_grams=700), hs_code="620000", origin_country="GB")
SHOP = Policies(product_types=(ALL, COATS, WAXED), parcel_weight_grams=900)


class TestShippingData:
    def test_is_the_listings_own_where_it_has_any(self) -> None:
        listing = a_listing(parcel=a_parcel(), ships_from="IE", hs_code="620113", origin_country="IT")
        data = shipping_data(listing, SHOP)
        assert (data.parcel, data.country) == (a_parcel(), "IE")
        assert (data.hs_code, data.origin_country) == ("620113", "IT")

    def test_is_else_of_the_most_specific_product_type_that_knows(self) -> None:
        data = shipping_data(a_listing(product="jacket-01"), SHOP)
        assert (data.parcel.weight_grams, data.hs_code, data.origin_country) == (2_500, "620193", "PT")

    def test_of_another_product_is_that_of_all(self) -> None:
        data = shipping_data(a_listing(product="shoe-7"), SHOP)
        assert (data.parcel.weight_grams, data.hs_code, data.origin_country) == (700, "620000", "GB")

    def test_is_else_the_shops_parcel_and_no_customs_data(self) -> None:
        data = shipping_data(a_listing(), Policies(parcel_weight_grams=900, parcel_height_mm=80))
        assert data.parcel == Parcel(weight_grams=900, length_mm=350, width_mm=250, height_mm=80)
        assert (data.country, data.hs_code, data.origin_country) == ("GB", None, None)


class TestCheckParcel:
    def test_measures_the_longest_side_and_twice_the_others(self) -> None:
        assert a_parcel(length_mm=150, height_mm=400).length_and_girth_mm == 400 + 2 * (300 + 150)

    def test_takes_what_is_within_the_limits(self) -> None:
        check_parcel(a_parcel(), max_weight_grams=1_800, max_length_and_girth_mm=1_300)

    def test_names_each_limit_that_is_passed(self) -> None:
        with pytest.raises(ParcelRefused) as raised:
            check_parcel(a_parcel(), max_weight_grams=1_799, max_length_and_girth_mm=1_299)
        assert [(error.pointer, error.code) for error in raised.value.errors] == [
            ("/parcel/weight_grams", "too_heavy"),
            ("/parcel", "too_large"),
        ]

"""Quotes over HTTP: the price of an order before it is made, with shipping and tax, for anybody."""

from collections.abc import Iterator

import msgspec
import pytest

from apps.tenancy import models, registry
from resale.domain.listings import Listing
from resale.domain.price_rules import PriceRules
from resale.domain.shipping_profiles import ShippingProfile, ShippingRate
from resale.domain.taxes import TaxRate, TaxTable
from tests.fixtures.storefront import Front

RULES = PriceRules(
    shipping={"GB": ShippingProfile(version="ship-1", rates=(ShippingRate(countries=("GB",), amount=395),))},
    taxes=TaxTable(version="tax-1", rates=(TaxRate(country="GB", basis_points=2_000),)),
)


@pytest.fixture
def _rules(front: Front) -> Iterator[None]:
    row = models.Tenant.objects.filter(slug=front.shop.tenant.slug)
    row.update(price_rules=msgspec.to_builtins(RULES))
    registry.clear()
    yield
    row.update(price_rules={})
    registry.clear()


@pytest.fixture
def active(front: Front) -> Listing:
    return front.world.active(front.shopper())


@pytest.mark.usefixtures("_rules")
class TestGetOrderQuote:
    def test_is_the_price_that_the_order_then_has(self, front: Front, active: Listing) -> None:
        quote = front.get(f"/v1/listings/{active.id}/quote?country=GB").json
        assert quote["amounts"] == {
            "currency": "GBP",
            "item_total": 10_000,
            "shipping_total": 329,
            "tax_total": 2_066,
            "grand_total": 12_395,
        }
        seen = {"amount": quote["amounts"]["grand_total"], "currency": quote["amounts"]["currency"]}
        version = quote["listing_version"]
        ordered = front.buy(active, by=front.shopper(), expected_total=seen, listing_version=version)
        assert (ordered.status, ordered.json["amounts"]) == (202, quote["amounts"])
        assert (ordered.json["shipping"], ordered.json["tax"]) == (quote["shipping"], quote["tax"])

    def test_is_of_the_listings_market_without_a_country(self, front: Front, active: Listing) -> None:
        quote = front.get(f"/v1/listings/{active.id}/quote").json
        assert (quote["country"], quote["amounts"]["grand_total"]) == ("GB", 12_395)

    def test_refuses_a_country_that_the_shop_does_not_ship_to(self, front: Front, active: Listing) -> None:
        assert front.get(f"/v1/listings/{active.id}/quote?country=FR").code == "409 destination_not_served"

    @pytest.mark.parametrize("country", ["gb", "GBR", "", "%00"])
    def test_refuses_what_is_no_country(self, front: Front, active: Listing, country: str) -> None:
        refused = front.get(f"/v1/listings/{active.id}/quote?country={country}")
        assert (refused.code, refused.pointers) == ("422 validation_failed", ["/country"])

    def test_is_not_there_for_a_draft(self, front: Front) -> None:
        draft, _ = front.world.draft(front.shopper())
        assert front.get(f"/v1/listings/{draft.id}/quote").code == "404 listing_not_found"

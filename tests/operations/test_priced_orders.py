"""Orders with shipping and tax: their parts on the order, in the ledger, in refunds, and in everyone's view."""

import msgspec
import pytest

from resale.application.operations.orders import NewRefund, correct_address, refund_order, submit_order
from resale.application.queries.orders import BuyerOrder, SellerOrder, get_order
from resale.application.queries.quotes import get_quote
from resale.domain import ledger
from resale.domain.access import Principal
from resale.domain.listings import ListingNotFound, ListingStatus
from resale.domain.orders import ExpectedTotal, Order, OrderStatus
from resale.domain.parcel_sizes import Parcel
from resale.domain.price_rules import PriceRules
from resale.domain.quotes import PriceChanged
from resale.domain.shipping_profiles import (
    Bracket,
    BracketBasis,
    DestinationNotServed,
    ShippingKind,
    ShippingProfile,
    ShippingRate,
)
from resale.domain.taxes import TaxRate, TaxTable
from resale.errors import Invalid
from tests.operations.partners import Partners
from tests.operations.world import BRAND, World, a_new_order

#: 395 to Great Britain, 1,295 to Ireland, nowhere else; 20 % inclusive in Great Britain, 7 % added in Ireland.
RULES = PriceRules(
    shipping={
        "GB": ShippingProfile(
            version="ship-1",
            rates=(ShippingRate(countries=("GB",), amount=395), ShippingRate(countries=("IE",), amount=1_295)),
        )
    },
    taxes=TaxTable(
        version="tax-1",
        rates=(
            TaxRate(country="GB", basis_points=2_000),
            TaxRate(country="IE", basis_points=700, is_inclusive=False),
        ),
    ),
)


@pytest.fixture
def shop(world: World) -> World:
    return World(world.container, msgspec.structs.replace(world.tenant, price_rules=RULES))


def parts(order: Order) -> tuple[int, int, int, int]:
    amounts = order.amounts
    return amounts.item_total, amounts.shipping_total, amounts.tax_total, amounts.grand_total


class TestSubmitOrder:
    def test_adds_shipping_and_takes_an_inclusive_tax_out_of_the_parts(self, shop: World) -> None:
        order = shop.order(shop.shopper(), shop.active(shop.shopper()))
        assert parts(order) == (10_000, 329, 2_066, 12_395)
        assert order.shipping is not None
        assert (order.shipping.amount, order.shipping.rule_version) == (395, "ship-1")
        assert order.tax is not None
        assert (order.tax.item_tax, order.tax.shipping_tax, order.tax.rule_version) == (2_000, 66, "tax-1")

    def test_takes_commission_of_the_item_alone(self, shop: World) -> None:
        order = shop.order(shop.shopper(), shop.active(shop.shopper()))
        assert (order.commission.base, order.commission.amount) == (10_000, 1_000)

    def test_prices_the_country_of_the_address(self, shop: World) -> None:
        listing = shop.active(shop.shopper(), hs_code="620193", origin_country="PT")
        new = a_new_order(listing.id)
        address = msgspec.structs.replace(new.shipping_address, city="Dublin", postal_code="D02 AF30", country="IE")
        new = msgspec.structs.replace(new, shipping_address=address, expected_total=ExpectedTotal(14_226, "GBP"))
        order = submit_order(shop.uow(), shopper=shop.shopper(), new=new)
        assert parts(order) == (12_000, 1_295, 840 + 91, 14_226)

    def test_refuses_a_country_that_the_shop_does_not_ship_to(self, shop: World) -> None:
        listing = shop.active(shop.shopper())
        new = a_new_order(listing.id)
        address = msgspec.structs.replace(new.shipping_address, city="Paris", postal_code="75001", country="FR")
        with pytest.raises(DestinationNotServed):
            submit_order(shop.uow(), shopper=shop.shopper(), new=msgspec.structs.replace(new, shipping_address=address))
        assert shop.listing(listing.id).status == ListingStatus.ACTIVE

    def test_refuses_the_price_without_shipping(self, shop: World) -> None:
        listing = shop.active(shop.shopper())
        new = msgspec.structs.replace(a_new_order(listing.id), expected_total=ExpectedTotal(12_000, "GBP"))
        with pytest.raises(PriceChanged) as refusal:
            submit_order(shop.uow(), shopper=shop.shopper(), new=new)
        assert refusal.value.members["quote"].amounts.grand_total == 12_395


class TestGetQuote:
    def test_is_the_price_of_the_order_that_follows(self, shop: World) -> None:
        listing = shop.active(shop.shopper())
        quote = get_quote(reader=shop.reader, principal=Principal(), listing_id=listing.id, country="GB")
        agreed = ExpectedTotal(quote.amounts.grand_total, quote.amounts.currency)
        new = msgspec.structs.replace(
            a_new_order(listing.id), expected_total=agreed, listing_version=quote.listing_version
        )
        order = submit_order(shop.uow(), shopper=shop.shopper(), new=new)
        assert (order.amounts, order.shipping, order.tax) == (quote.amounts, quote.shipping, quote.tax)

    @pytest.mark.parametrize(("weight", "total"), [(500, 12_400), (501, 12_900)])
    def test_is_by_the_weight_of_the_parcel_as_the_order_is(self, world: World, weight: int, total: int) -> None:
        brackets = (Bracket(400, 500), Bracket(900))
        rate = ShippingRate(kind=ShippingKind.TABLE, basis=BracketBasis.WEIGHT, brackets=brackets)
        rules = PriceRules(shipping={"GB": ShippingProfile(version="w", rates=(rate,))})
        shop = World(world.container, msgspec.structs.replace(world.tenant, price_rules=rules))
        parcel = Parcel(weight_grams=weight, length_mm=300, width_mm=200, height_mm=100)
        listing = shop.active(shop.shopper(), parcel=parcel)
        quote = get_quote(reader=shop.reader, principal=Principal(), listing_id=listing.id, country="GB")
        order = shop.order(shop.shopper(), listing)
        assert (quote.amounts.grand_total, order.amounts.grand_total) == (total, total)

    def test_is_of_the_listings_market_by_default(self, shop: World) -> None:
        listing = shop.active(shop.shopper())
        quote = get_quote(reader=shop.reader, principal=Principal(), listing_id=listing.id, country=None)
        assert (quote.country, quote.amounts.grand_total) == ("GB", 12_395)

    def test_is_not_there_for_a_listing_in_review(self, shop: World) -> None:
        listing = shop.pending(shop.shopper())
        with pytest.raises(ListingNotFound):
            get_quote(reader=shop.reader, principal=Principal(), listing_id=listing.id, country="GB")

    def test_is_not_another_shops(self, shop: World, other_world: World) -> None:
        listing = shop.active(shop.shopper())
        with pytest.raises(ListingNotFound):
            get_quote(reader=other_world.reader, principal=Principal(), listing_id=listing.id, country="GB")


class TestMoney:
    def test_is_posted_in_parts(self, shop: World) -> None:
        order = shop.run(shop.order(shop.shopper(), shop.active(shop.shopper())), Partners())
        assert order.status == OrderStatus.CONFIRMED
        assert shop.balances(order) == {
            ledger.PROVIDER: 12_395,
            ledger.SELLERS_PENDING: -9_000,
            ledger.COMMISSION_DEFERRED: -1_000,
            ledger.SHIPPING: -329,
            ledger.TAX: -2_066,
        }
        assert shop.transfer(order).amount == 9_000

    def test_goes_back_in_proportion_and_to_the_last_penny(self, shop: World) -> None:
        partners = Partners()
        order = shop.delivered(partners)
        whole = ledger.parts_of(order)
        for amount in (1, 4_131, 7):
            new = NewRefund(order_id=order.id, amount=amount)
            order = shop.run(refund_order(shop.uow(principal=BRAND), new=new), partners)
        given = [
            sum(share) for share in zip(*(msgspec.structs.astuple(one.parts) for one in order.refunds), strict=True)
        ]
        assert sum(given) == 4_139
        for back, part in zip(given, msgspec.structs.astuple(whole), strict=True):
            assert abs(back * 12_395 - 4_139 * part) <= 12_395  # one penny
        rest = NewRefund(order_id=order.id, amount=order.remaining_minor)
        order = shop.run(refund_order(shop.uow(principal=BRAND), new=rest), partners)
        assert order.status == OrderStatus.REFUNDED
        assert shop.balances(order) == {ledger.LABELS: 450, ledger.CARRIERS: -450}
        assert partners.payments.refunded(order.payment.id) == 12_395  # type: ignore[union-attr]  # it has one


class TestGetOrder:
    def test_shows_the_parts_to_each_party(self, shop: World) -> None:
        order = shop.order(shop.shopper(), shop.active(shop.shopper()))
        for who, kind in ((order.buyer_id, BuyerOrder), (order.seller_id, SellerOrder)):
            view = get_order(reader=shop.reader, principal=Principal(customer_id=who), order_id=order.id)
            assert isinstance(view, kind)
            assert (view.amounts, view.shipping, view.tax) == (order.amounts, order.shipping, order.tax)


class TestCorrectAddress:
    def test_refuses_a_country_with_another_price(self, shop: World) -> None:
        order = shop.order(shop.shopper(), shop.active(shop.shopper()))
        home = a_new_order(order.listing_id).shipping_address
        abroad = msgspec.structs.replace(home, city="Dublin", postal_code="D02 AF30", country="IE")
        with pytest.raises(Invalid) as refusal:
            correct_address(shop.uow(principal=BRAND), order_id=order.id, address=abroad)
        assert [wrong.pointer for wrong in refusal.value.errors] == ["/country"]
        moved = msgspec.structs.replace(home, line1="3 Test Street")
        assert correct_address(shop.uow(principal=BRAND), order_id=order.id, address=moved).amounts == order.amounts

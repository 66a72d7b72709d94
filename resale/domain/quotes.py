"""The price of an order: its parts, the quote that a buyer is shown, and what they agreed to."""

from typing import Final, Protocol

import msgspec

from resale.domain.amount_rules import AmountRules
from resale.domain.ids import ListingId
from resale.domain.listings import PriceRefused
from resale.domain.money import Money
from resale.domain.orders import Amounts, NewOrder, Order
from resale.domain.shipping_profiles import DestinationNotServed, ShippingLine, quote_shipping
from resale.domain.taxes import TaxBase, TaxCalculator, TaxLine
from resale.domain.tenants import Tenant
from resale.errors import FieldError, Invalid, Rejected

_EXPECTED_TOTAL: Final = "/expected_total"


class PricedListing(Protocol):
    """The facts of a listing that its price depends on."""

    @property
    def id(self) -> ListingId:
        """Its id."""

    @property
    def version(self) -> int:
        """Its version."""

    @property
    def market(self) -> str:
        """The market, whose shipping profile applies."""

    @property
    def price(self) -> Money:
        """The price that its seller set."""


class OrderQuote(msgspec.Struct, frozen=True, kw_only=True):
    """The price of a listing now, shipped to ``country``. Send ``amounts.grand_total`` as ``expected_total``.

    ``shipping`` and ``tax`` are null where the shop charges none.
    """

    object: str = "order_quote"
    listing_id: ListingId
    listing_version: int
    country: str
    amounts: Amounts
    shipping: ShippingLine | None = None
    tax: TaxLine | None = None


class PriceChanged(Rejected):
    """The total is another one than the buyer agreed to."""

    code = "price_changed"
    title = "Price changed"
    default_detail = (
        "The total is not the one in `expected_total`. Show the buyer the new one, which is in `quote`, and submit "
        "the order with it if they agree."
    )


class ListingVersionChanged(Rejected):
    """The listing has another version than the one that the buyer saw."""

    code = "listing_version_changed"
    title = "Listing has another version"
    default_detail = (
        "The listing is not in the version `listing_version` any more. Show the buyer the listing again, and submit "
        "the order with the version in `quote` if they agree."
    )


def price_listing(
    listing: PricedListing, *, tenant: Tenant, country: str, weight_grams: int | None = None
) -> OrderQuote:
    """Return the price of a listing for a buyer.

    Args:
        listing: What is bought.
        tenant: The shop: its shipping profile of the listing's market, its tax table, and what its provider charges.
        country: Of the shipping address.
        weight_grams: The parcel's weight, if it is known.

    Raises:
        DestinationNotServed: The market's shipping profile has no rate for the country, or none in this currency.
        PriceRefused: The total is no amount that the payment provider charges.
    """
    price, rules, shipping = listing.price, tenant.price_rules, None
    charges = tenant.amount_rules(price.currency)
    if (profile := rules.shipping.get(listing.market)) is not None:
        if price.currency != tenant.currency:
            raise DestinationNotServed("The shop has no shipping rates in the currency of this listing.")
        shipping = quote_shipping(profile, country=country, price_minor=price.amount, weight_grams=weight_grams)
    base = TaxBase(
        country=country,
        currency=price.currency,
        item_minor=price.amount,
        shipping_minor=0 if shipping is None else shipping.amount,
        unit=charges.charge_unit,
    )
    taxes: TaxCalculator = rules.taxes
    tax = taxes.calculate(base)
    return OrderQuote(
        listing_id=listing.id,
        listing_version=listing.version,
        country=country,
        amounts=_amounts_of(base, tax, charges),
        shipping=shipping,
        tax=tax,
    )


def _amounts_of(base: TaxBase, tax: TaxLine | None, charges: AmountRules) -> Amounts:
    item_tax, shipping_tax = (0, 0) if tax is None else (tax.item_tax, tax.shipping_tax)
    is_inside = tax is not None and tax.is_inclusive
    item = base.item_minor - (item_tax if is_inside else 0)
    shipping = base.shipping_minor - (shipping_tax if is_inside else 0)
    total = item + shipping + item_tax + shipping_tax
    if (fault := charges.find_charge_fault(total)) is not None:
        raise PriceRefused(f"The total with shipping and tax cannot be charged. {fault[1]}")
    return Amounts(
        currency=base.currency,
        item_total=item,
        shipping_total=shipping,
        tax_total=item_tax + shipping_tax,
        grand_total=total,
    )


def check_agreement(new: NewOrder, quote: OrderQuote, *, is_required: bool) -> None:
    """Verify that the buyer agreed to the price of now.

    Args:
        new: What the buyer sent.
        quote: The price of now.
        is_required: Whether an order without ``expected_total`` is refused.

    Raises:
        Invalid: ``expected_total`` is missing.
        PriceChanged: The buyer agreed to another total. It carries the quote.
        ListingVersionChanged: The buyer saw another version. It carries the quote.
    """
    agreed, amounts = new.expected_total, quote.amounts
    if agreed is None:
        if is_required:
            raise _not_agreed()
    elif (agreed.amount, agreed.currency) != (amounts.grand_total, amounts.currency):
        raise PriceChanged(members={"quote": quote})
    if new.listing_version is not None and new.listing_version != quote.listing_version:
        raise ListingVersionChanged(members={"quote": quote})


def _not_agreed() -> Invalid:
    detail = "This shop requires `expected_total`: the total that the buyer agreed to."
    return Invalid(detail, errors=(FieldError(pointer=_EXPECTED_TOTAL, code="required", detail=detail),))


def check_priced_country(order: Order, *, before: str, after: str) -> None:
    """Verify that an address can be corrected without another price: shipping and tax are those of a country.

    Raises:
        Invalid: The order was priced for another country.
    """
    if before != after and (order.shipping is not None or order.tax is not None):
        detail = f"Shipping and tax were charged for {before}. Cancel the order to ship the item to another country."
        raise Invalid(detail, errors=(FieldError(pointer="/country", code="not_applicable", detail=detail),))

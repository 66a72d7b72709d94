"""Shipping profiles: what buyers pay for shipping, by market and destination. Without a profile, nothing.

The model is the field's: zones of countries, a flat rate or a table of brackets by order price or parcel weight, and
free shipping above a threshold (help.shopify.com/manual/shipping/setting-up-and-managing-your-shipping).
"""

from enum import StrEnum
from itertools import pairwise
from typing import Annotated

import msgspec

from resale.domain.money import AmountMinor
from resale.errors import Rejected

Country = Annotated[str, msgspec.Meta(pattern=r"^[A-Z]{2}\Z")]
RuleVersion = Annotated[str, msgspec.Meta(min_length=1, max_length=40)]


class DestinationNotServed(Rejected):
    """The shop's shipping profile has no rate for the country or the parcel."""

    code = "destination_not_served"
    title = "Destination not served"
    default_detail = "The shop does not ship this listing to this country. Use another shipping address."


class ShippingKind(StrEnum):
    """How a rate is determined."""

    FLAT = "flat"
    TABLE = "table"


class BracketBasis(StrEnum):
    """What the brackets of a table are of: the item's price in minor units, or the parcel's weight in grams."""

    PRICE = "price"
    WEIGHT = "weight"


class Bracket(msgspec.Struct, frozen=True):
    """One row of a table: the amount up to a bound, which belongs to it; None: without a bound."""

    amount: AmountMinor
    up_to: Annotated[int, msgspec.Meta(ge=1)] | None = None


class ShippingRate(msgspec.Struct, frozen=True, kw_only=True):
    """The rate of some countries; without countries, of all that no other rate names.

    ``amount`` is a flat rate's, ``basis`` and ``brackets`` are a table's. From an item price of ``free_from`` on,
    shipping is free; 0: never.
    """

    countries: tuple[Country, ...] = ()
    kind: ShippingKind = ShippingKind.FLAT
    amount: AmountMinor = 0
    basis: BracketBasis = BracketBasis.PRICE
    brackets: Annotated[tuple[Bracket, ...], msgspec.Meta(max_length=50)] = ()
    free_from: AmountMinor = 0

    def __post_init__(self) -> None:
        """Verify the table. Raises ValueError, which msgspec converts into its own error."""
        bounds = [bracket.up_to for bracket in self.brackets]
        if self.kind == ShippingKind.TABLE and not bounds:
            raise ValueError("A table of shipping rates needs brackets.")
        if self.kind == ShippingKind.FLAT and bounds:
            raise ValueError("A flat shipping rate has no brackets.")
        bounded = [bound for bound in bounds if bound is not None]
        is_ascending = all(low < high for low, high in pairwise(bounded))
        if not is_ascending or None in bounds[:-1]:
            raise ValueError("Brackets of shipping rates ascend, and only the last one can be without `up_to`.")


class ShippingProfile(msgspec.Struct, frozen=True, kw_only=True):
    """The rates of one market, in the shop's currency. ``version`` is on each order that was priced by it."""

    version: RuleVersion
    rates: Annotated[tuple[ShippingRate, ...], msgspec.Meta(min_length=1, max_length=100)]

    def __post_init__(self) -> None:
        """Verify that no country has two rates. Raises ValueError, which msgspec converts into its own error."""
        named = [country for rate in self.rates for country in rate.countries or ("*",)]
        if len(set(named)) < len(named):
            raise ValueError("A country has at most one shipping rate, and one rate at most has no countries.")


class ShippingLine(msgspec.Struct, frozen=True, kw_only=True):
    """The shipping of an order as it was priced, before tax was taken out of it or added."""

    kind: ShippingKind
    amount: AmountMinor
    is_free: bool = False
    rule_version: str


def quote_shipping(
    profile: ShippingProfile, *, country: str, price_minor: int, weight_grams: int | None
) -> ShippingLine:
    """Return the price of shipping to a country.

    Args:
        profile: The market's.
        country: Of the destination.
        price_minor: The item's price.
        weight_grams: The parcel's weight; None, where nobody gave one, costs as much as the heaviest.

    Raises:
        DestinationNotServed: No rate is for this country, or for a parcel or price as high.
    """
    rate = _rate_for(profile, country)
    if 0 < rate.free_from <= price_minor:
        return ShippingLine(kind=rate.kind, amount=0, is_free=True, rule_version=profile.version)
    amount = rate.amount
    if rate.kind == ShippingKind.TABLE:
        amount = _amount_of(rate, price_minor if rate.basis == BracketBasis.PRICE else weight_grams)
    return ShippingLine(kind=rate.kind, amount=amount, rule_version=profile.version)


def _rate_for(profile: ShippingProfile, country: str) -> ShippingRate:
    named = next((rate for rate in profile.rates if country in rate.countries), None)
    rate = named or next((rate for rate in profile.rates if not rate.countries), None)
    if rate is None:
        raise DestinationNotServed
    return rate


def _amount_of(rate: ShippingRate, measure: int | None) -> int:
    if measure is None:
        return rate.brackets[-1].amount
    fits = (bracket.amount for bracket in rate.brackets if bracket.up_to is None or measure <= bracket.up_to)
    amount = next(fits, None)
    if amount is None:
        raise DestinationNotServed("The shop ships no parcel of this weight or price to this country.")
    return amount

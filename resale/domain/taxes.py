"""Taxes on an order: the port, and a fixed table by country. Without a table, no tax.

A table is for a shop that knows its rates. One with obligations in many places needs a provider behind the same port:
what is taxed where, and for whom, is not in this file (docs.stripe.com/tax/calculating describes such a provider).
"""

from typing import Annotated, Protocol

import msgspec

from resale.domain.money import AmountMinor, share
from resale.domain.shipping_profiles import Country, RuleVersion

_WHOLE: int = 10_000  # basis points


class TaxBase(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be taxed: the prices as the shop shows them, and the destination.

    An amount that the payment provider charges is a multiple of ``unit``, so a tax that is added has to be one.
    """

    country: str
    currency: str
    item_minor: int
    shipping_minor: int
    unit: int = 1


class TaxLine(msgspec.Struct, frozen=True, kw_only=True):
    """The tax of an order as it was calculated, in parts. An inclusive tax is a part of the prices shown."""

    country: str
    basis_points: int
    is_inclusive: bool
    item_tax: AmountMinor
    shipping_tax: AmountMinor
    rule_version: str


class TaxCalculator(Protocol):
    """The port of a tax service. One that is remote has a time-out, and is never called to create an order."""

    def calculate(self, base: TaxBase) -> TaxLine | None:
        """Return the tax; None where none is due."""


class TaxRate(msgspec.Struct, frozen=True, kw_only=True):
    """The rate of one country in basis points."""

    country: Country
    basis_points: Annotated[int, msgspec.Meta(ge=1, le=5_000)]
    is_inclusive: bool = True
    is_shipping_taxed: bool = True


class TaxTable(msgspec.Struct, frozen=True, kw_only=True):
    """Rates by country of destination; a country without one is not taxed. Implements ``TaxCalculator``."""

    version: RuleVersion = "none"
    rates: Annotated[tuple[TaxRate, ...], msgspec.Meta(max_length=300)] = ()

    def __post_init__(self) -> None:
        """Verify that no country has two rates. Raises ValueError, which msgspec converts into its own error."""
        if len({rate.country for rate in self.rates}) < len(self.rates):
            raise ValueError("A country has at most one tax rate.")

    def calculate(self, base: TaxBase) -> TaxLine | None:
        """Return the tax by the rate of the destination, item and shipping rounded on their own, half to even."""
        rate = next((rate for rate in self.rates if rate.country == base.country), None)
        if rate is None:
            return None
        return TaxLine(
            country=rate.country,
            basis_points=rate.basis_points,
            is_inclusive=rate.is_inclusive,
            item_tax=_tax_of(base.item_minor, rate, base.unit),
            shipping_tax=_tax_of(base.shipping_minor, rate, base.unit) if rate.is_shipping_taxed else 0,
            rule_version=self.version,
        )


def _tax_of(amount_minor: int, rate: TaxRate, unit: int) -> int:
    if not rate.is_inclusive:
        added = share(amount_minor, rate.basis_points)
        return (added + unit // 2) // unit * unit
    whole, rest = divmod(amount_minor * rate.basis_points, divisor := _WHOLE + rate.basis_points)
    is_up = rest * 2 > divisor or (rest * 2 == divisor and whole % 2 == 1)
    return whole + is_up

"""What buyers pay and hold: shops with shipping and tax, what a buyer saw, and the checks of both."""

from collections.abc import Iterator
from typing import Final

import msgspec

from resale.domain.price_rules import PriceRules
from resale.domain.shipping_profiles import Bracket, ShippingKind, ShippingProfile, ShippingRate
from resale.domain.taxes import TaxRate, TaxTable
from resale.domain.tenants import Tenant
from tests.simulation.evidence import Evidence

_FLAT: Final = ShippingProfile(version="flat", rates=(ShippingRate(countries=("GB",), amount=390, free_from=80_000),))
_BY_PRICE: Final = ShippingProfile(
    version="table", rates=(ShippingRate(kind=ShippingKind.TABLE, brackets=(Bracket(110, 5_000), Bracket(990))),)
)
#: Amounts are multiples of ten, which can be charged in each currency of a run.
#: Every second shop charges nothing besides the price; the others have taxes that are included or added.
_RULES: Final = (
    PriceRules(),
    PriceRules(
        shipping={"GB": _FLAT}, taxes=TaxTable(version="in", rates=(TaxRate(country="GB", basis_points=2_000),))
    ),
    PriceRules(),
    PriceRules(
        shipping={"GB": _BY_PRICE},
        taxes=TaxTable(version="on", rates=(TaxRate(country="GB", basis_points=725, is_inclusive=False),)),
    ),
)
_MAX_OPEN_HOLDS: Final = 2


def as_priced(tenant: Tenant, seed: int) -> Tenant:
    """Give a run's shop its rules of prices, and few unpaid orders a buyer."""
    policies = msgspec.structs.replace(tenant.policies, max_open_holds=_MAX_OPEN_HOLDS)
    return msgspec.structs.replace(tenant, policies=policies, price_rules=_RULES[seed % len(_RULES)])


def charged_as_agreed(seen: Evidence) -> Iterator[str]:
    """A buyer who named the total they saw was charged this total, or nothing."""
    for order in seen.orders:
        agreed = seen.agreed.get(order.id)
        if agreed is not None and agreed != order.amounts.grand_total:
            yield f"{order.id} costs {order.amounts.grand_total}, its buyer saw {agreed}"


def parts_are_the_total(seen: Evidence) -> Iterator[str]:
    """The parts of an order sum to its total, with shipping and tax as its rates give them."""
    for order in seen.orders:
        amounts, shipping, tax = order.amounts, order.shipping, order.tax
        if amounts.item_total + amounts.shipping_total + amounts.tax_total != amounts.grand_total:
            yield f"{order.id}: its parts do not sum to {amounts.grand_total}"
        if amounts.tax_total != (0 if tax is None else tax.item_tax + tax.shipping_tax):
            yield f"{order.id} has {amounts.tax_total} of tax and not that of its rate"
        inside = tax.shipping_tax if tax is not None and tax.is_inclusive else 0
        if amounts.shipping_total != (0 if shipping is None else shipping.amount - inside):
            yield f"{order.id} has {amounts.shipping_total} of shipping and not that of its rate"
        if order.commission.base != amounts.item_total:
            yield f"{order.id}: commission is taken of {order.commission.base}"


def holds_are_released(seen: Evidence) -> Iterator[str]:
    """At the end, when every order is paid or over, no buyer has an open hold."""
    yield from (f"{buyer_id} still has the holds {held}" for buyer_id, held in seen.held.items() if held)

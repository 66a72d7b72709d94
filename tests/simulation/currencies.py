"""The currency of a run: most are sold in pounds, some in one whose amounts a provider cannot all move."""

from typing import Final

import msgspec

from resale.domain.amount_rules import AmountRules
from resale.domain.tenants import Tenant

#: By the last digit of the seed: three decimals and charges in tens, and payouts in whole forints only.
_BY_DIGIT: Final = {4: "KWD", 7: "HUF"}
_DEFAULT: Final = "GBP"
_FORINTS: Final = 777  # of a penny: a price in forints has fillers, which cannot be paid out


def in_currency_of(seed: int, tenant: Tenant) -> Tenant:
    """Return the tenant of a seed's run; the currency needs no chance, so that it changes no other seed."""
    return msgspec.structs.replace(tenant, currency=_BY_DIGIT.get(seed % 10, _DEFAULT))


def price_in(rules: AmountRules, pence: int) -> int:
    """Return a price of about so many pence that can be charged."""
    amount = pence * _FORINTS if rules.payout_unit > rules.charge_unit else pence
    return max(amount // rules.charge_unit * rules.charge_unit, rules.lowest_charge)


def part_in(rules: AmountRules, amount: int) -> int:
    """Return a part of about this amount that can be refunded or disputed."""
    return max(amount // rules.refund_unit, 1) * rules.refund_unit

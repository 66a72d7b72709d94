"""Which amounts a payment provider can charge, refund, transfer and pay out, by currency: data, asked without a call.

The amounts are in ISO 4217 minor units, as everywhere in this code. The sandbox stands in for a provider that a shop
will use later, so it has the rules of Stripe.

Source: docs.stripe.com/currencies (zero-decimal currencies, special cases, three-decimal currencies, minimum and
maximum charge amounts).
"""

from collections.abc import Mapping
from typing import Final

import msgspec

from resale.domain.money import MAX_AMOUNT_MINOR, format_amount
from resale.domain.partners import Provider
from resale.errors import FieldError, Invalid

#: ISO 4217 gives these no decimals; Stripe counts them in hundredths, of which it takes whole ones only.
IN_HUNDREDTHS: Final = frozenset({"ISK", "UGX"})
#: ISO 4217 gives it two decimals; Stripe counts it in whole ones.
IN_WHOLE: Final = frozenset({"MGA"})
#: Of their three decimals Stripe takes the last as 0 only.
IN_TENS: Final = frozenset({"BHD", "JOD", "KWD", "OMR", "TND"})
#: Charged in hundredths, and paid out in whole ones.
PAID_OUT_WHOLE: Final = frozenset({"HUF", "TWD"})
#: ISO 4217 gives these three decimals; Stripe does not list them among the currencies of charges.
NOT_CHARGED: Final = frozenset({"IQD", "LYD"})

#: The lowest charge of each currency that settles in itself. Others are converted, and have the lowest charge of the
#: currency of the shop's bank account, which is not known here: the provider refuses them when they are paid.
_LOWEST_CHARGES: Final[Mapping[str, int]] = {
    **dict.fromkeys(("ARS", "AUD", "BRL", "CAD", "CHF", "COP", "EUR", "IDR", "ILS", "INR"), 50),
    **dict.fromkeys(("JPY", "KRW", "NZD", "PHP", "RUB", "SGD", "USD", "ZAR"), 50),
    **dict.fromkeys(("AED", "MYR", "PLN", "RON"), 200),
    **dict.fromkeys(("NOK", "SEK"), 300),
    **dict.fromkeys(("MXN", "THB"), 1_000),
    "CZK": 1_500,
    "DKK": 250,
    "GBP": 30,
    "HKD": 400,
    "HUF": 17_500,
}
_HUNDRED: Final = 100
_TEN: Final = 10
_LARGEST_CHARGE: Final = 999_999_999_999  # twelve digits, in Stripe's units, "for most card payments"


class AmountNotSupported(Invalid):
    """The payment provider cannot move this amount: it is not a multiple of what the currency is counted in."""

    code = "amount_not_supported"
    title = "Amount not supported"
    default_detail = "The payment provider cannot move this amount in this currency. Send a multiple of its unit."


class AmountRules(msgspec.Struct, frozen=True, kw_only=True):
    """The amounts of one currency at one provider, in minor units.

    Each ``unit`` is what an amount must be a multiple of. A payout is a transfer to the seller's account first, so it
    has to be a multiple of both; ``payout_unit`` is.
    """

    currency: str
    charge_unit: int = 1
    refund_unit: int = 1
    transfer_unit: int = 1
    payout_unit: int = 1
    lowest_charge: int = 1
    highest_charge: int = MAX_AMOUNT_MINOR

    def find_charge_fault(self, amount: int) -> tuple[str, str] | None:
        """Find why an amount cannot be charged: a code and a sentence; None if it can be."""
        if amount < self.lowest_charge:
            lowest = format_amount(self.lowest_charge, self.currency)
            return "amount_too_small", f"The payment provider charges no amount below {lowest}."
        if amount > self.highest_charge:
            highest = format_amount(self.highest_charge, self.currency)
            return "amount_too_large", f"The payment provider charges no amount above {highest}."
        if amount % self.charge_unit:
            step = format_amount(self.charge_unit, self.currency)
            return "amount_not_supported", f"The payment provider charges multiples of {step} only."
        return None

    def check_refund(self, amount: int, *, pointer: str) -> None:
        """Verify that a part of a payment can be refunded. Raises AmountNotSupported with the step."""
        if amount % self.refund_unit:
            step = format_amount(self.refund_unit, self.currency)
            detail = f"The payment provider refunds multiples of {step} only."
            raise AmountNotSupported(detail, errors=(FieldError(pointer, "amount_not_supported", detail),))

    def payable(self, amount: int) -> int:
        """Return the largest amount not above this one that can be paid out; 0 if there is none."""
        return max(amount, 0) // self.payout_unit * self.payout_unit


def rules_of(provider: Provider, currency: str) -> AmountRules:
    """Return what a payment provider can do with amounts of a currency. No call is made."""
    return _RULES[provider](currency)


def _stripe_rules(currency: str) -> AmountRules:
    unit = _unit_of(currency)
    scale = _HUNDRED if currency in IN_HUNDREDTHS else 1
    return AmountRules(
        currency=currency,
        charge_unit=unit,
        refund_unit=unit,
        transfer_unit=unit,
        payout_unit=_HUNDRED if currency in PAID_OUT_WHOLE else unit,
        lowest_charge=max(_LOWEST_CHARGES.get(currency, unit), unit),
        highest_charge=0 if currency in NOT_CHARGED else min(MAX_AMOUNT_MINOR, _LARGEST_CHARGE // scale),
    )


def _unit_of(currency: str) -> int:
    if currency in IN_TENS:
        return _TEN
    return _HUNDRED if currency in IN_WHOLE else 1


_RULES: Final = {Provider.STRIPE: _stripe_rules, Provider.SANDBOX: _stripe_rules}


def share_of_seller(total: int, *, commission: int, unit: int) -> int:
    """Return what a seller earns of a sale: the total minus the commission, as a multiple of what can be paid out.

    The commission bears the rounding, so that no seller keeps a remainder that can never be paid. A sale without
    commission has nothing to round with: what cannot be paid stays on the balance.

    Args:
        total: What the buyer pays for the item.
        commission: The share of the rate, from 0 to the total.
        unit: What a payout is a multiple of.
    """
    seller = total - commission
    if not commission or not seller % unit:
        return seller
    nearest = (seller + unit // 2) // unit * unit
    return nearest if nearest <= total else nearest - unit

"""Amounts in Stripe's units: ISO 4217 minor units, except for a few currencies.

Source: docs.stripe.com/currencies, zero-decimal, three-decimal and special-case currencies.
"""

from typing import Final

from resale.domain.amount_rules import IN_HUNDREDTHS, IN_WHOLE, rules_of
from resale.domain.money import Money
from resale.domain.partners import Provider

_HUNDRED: Final = 100


class AmountNotCarriedError(ValueError):
    """Raised for an amount that Stripe cannot represent: it is smaller than the currency's coins."""


def to_stripe(money: Money) -> int:
    """Convert an amount of a charge, a refund or a transfer into Stripe's units.

    Raises:
        AmountNotCarriedError: Stripe cannot represent it.
    """
    return _convert(money, unit=rules_of(Provider.STRIPE, money.currency).charge_unit)


def payout_to_stripe(money: Money) -> int:
    """Convert an amount of a payout into Stripe's units: for some currencies in larger steps than a charge.

    Raises:
        AmountNotCarriedError: Stripe cannot pay it out.
    """
    return _convert(money, unit=rules_of(Provider.STRIPE, money.currency).payout_unit)


def _convert(money: Money, *, unit: int) -> int:
    if money.amount % unit:
        raise AmountNotCarriedError(f"{money.currency} amounts must be multiples of {unit} minor units.")
    if money.currency in IN_HUNDREDTHS:
        return money.amount * _HUNDRED
    return money.amount // _HUNDRED if money.currency in IN_WHOLE else money.amount


def from_stripe(amount: int, currency: str) -> Money:
    """Convert an amount from Stripe's units; its currency is in lower case."""
    currency = currency.upper()
    if currency in IN_HUNDREDTHS:
        return Money(amount=amount // _HUNDRED, currency=currency)
    if currency in IN_WHOLE:
        return Money(amount=amount * _HUNDRED, currency=currency)
    return Money(amount=amount, currency=currency)

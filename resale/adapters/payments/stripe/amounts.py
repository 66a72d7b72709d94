"""Amounts in Stripe's units: ISO 4217 minor units, except for a few currencies.

Source: docs.stripe.com/currencies, zero-decimal, three-decimal and special-case currencies.
"""

from typing import Final

from resale.domain.money import Money

#: ISO 4217 gives these no decimals; Stripe counts them in hundredths, and takes whole ones only.
_IN_HUNDREDTHS: Final = {"ISK", "UGX"}
#: ISO 4217 gives it two decimals; Stripe counts it in whole ones.
_IN_WHOLE: Final = {"MGA"}
#: Of their three decimals Stripe takes the last as 0 only.
_IN_TENS: Final = {"BHD", "JOD", "KWD", "OMR", "TND"}
_HUNDRED: Final = 100
_TEN: Final = 10


class AmountNotCarriedError(ValueError):
    """Raised for an amount that Stripe cannot represent: it is smaller than the currency's coins."""


def to_stripe(money: Money) -> int:
    """Convert an amount into Stripe's units.

    Raises:
        AmountNotCarriedError: It cannot be said.
    """
    if money.currency in _IN_HUNDREDTHS:
        return money.amount * _HUNDRED
    if money.currency in _IN_WHOLE:
        whole, rest = divmod(money.amount, _HUNDRED)
        if rest:
            raise AmountNotCarriedError(f"{money.currency} amounts must be whole units.")
        return whole
    if money.currency in _IN_TENS and money.amount % _TEN:
        raise AmountNotCarriedError(f"{money.currency} amounts must be multiples of ten minor units.")
    return money.amount


def from_stripe(amount: int, currency: str) -> Money:
    """Convert an amount from Stripe's units; its currency is in lower case."""
    currency = currency.upper()
    if currency in _IN_HUNDREDTHS:
        return Money(amount=amount // _HUNDRED, currency=currency)
    if currency in _IN_WHOLE:
        return Money(amount=amount * _HUNDRED, currency=currency)
    return Money(amount=amount, currency=currency)

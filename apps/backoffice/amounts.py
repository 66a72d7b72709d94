"""Amounts as people write and read them: 12.50, in major units. Between them and minor units there is no float."""

import re
from typing import Any, Final

from django import forms

from resale.domain.money import MAX_AMOUNT_MINOR, minor_digits

_SIGNS: Final = {"GBP": "£", "USD": "$", "EUR": "€", "JPY": "¥"}
_MINUS: Final = "\N{MINUS SIGN}"
_TYPED_CHARS: Final = 20
_TYPED: Final = re.compile(r"(?P<whole>[0-9]{1,12})(?:\.(?P<part>[0-9]+))?")


def write_amount(amount_minor: int, currency: str) -> str:
    """Write minor units with the currency's sign, or its code."""
    number = _number(abs(amount_minor), currency, separator=",")
    sign = _MINUS if amount_minor < 0 else ""
    return f"{sign}{_SIGNS[currency]}{number}" if currency in _SIGNS else f"{sign}{number} {currency}"


def parse_amount(text: str, currency: str) -> int:
    """Read what somebody typed, exactly: digits, and a point before the minor units if there are any.

    Nothing else is guessed at: a comma is a point to some people and nothing to others.

    Raises:
        ValueError: It is not an amount of this currency; says how to write one.
    """
    digits = minor_digits(currency)
    found = _TYPED.fullmatch(text)
    part = "" if found is None else found["part"] or ""
    if found is None or len(part) > digits:
        raise ValueError(f"Enter an amount such as {_example(currency)}: digits only, no sign and no separators.")
    amount = int(found["whole"] + part.ljust(digits, "0"))
    if not 1 <= amount <= MAX_AMOUNT_MINOR:
        raise ValueError("The amount is zero, or larger than the maximum of an order.")
    return amount


class AmountField(forms.CharField):
    """An amount that somebody types; cleaned, it is in minor units, or None where none is needed and given."""

    def __init__(self, *, currency: str, **kwargs: Any) -> None:
        attrs = {"class": "bo-input", "inputmode": "decimal", "autocomplete": "off", "placeholder": _example(currency)}
        super().__init__(max_length=_TYPED_CHARS, widget=forms.TextInput(attrs=attrs), **kwargs)
        self._currency = currency

    def clean(self, value: Any) -> Any:
        """Check and convert what was typed."""
        text = super().clean(value)
        if not text:
            return None
        try:
            return parse_amount(text, self._currency)
        except ValueError as error:
            raise forms.ValidationError(str(error)) from error


def _example(currency: str) -> str:
    return _number(125 * 10 ** minor_digits(currency) // 10, currency)


def _number(amount_minor: int, currency: str, *, separator: str = "") -> str:
    digits = minor_digits(currency)
    whole, part = divmod(amount_minor, 10**digits)
    return f"{whole:{separator}}" + (f".{part:0{digits}}" if digits else "")

"""Money: integer minor units and an ISO 4217 code. Never a float."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Annotated, Final

import msgspec

from resale.domain.text import code

#: Above this a price is a typing error in any currency we know; bounds sums far below 2**53.
MAX_AMOUNT_MINOR = 10**11

AmountMinor = Annotated[int, msgspec.Meta(ge=0, le=MAX_AMOUNT_MINOR)]
Currency = Annotated[str, code(r"^[A-Z]{3}\Z")]

_BASIS_POINTS = 10_000
#: Currencies whose minor unit is not a hundredth (ISO 4217, list one).
_DIGITS: Final[Mapping[str, int]] = {
    **dict.fromkeys(("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "VND", "VUV"), 0),
    **dict.fromkeys(("XAF", "XOF", "XPF"), 0),
    **dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3),
}


class Money(msgspec.Struct, frozen=True):
    """An amount in minor units of one currency."""

    amount: AmountMinor
    currency: Currency


def share(amount_minor: int, basis_points: int) -> int:
    """Return the share of an amount at a rate in basis points, rounded half to even."""
    whole, rest = divmod(amount_minor * basis_points, _BASIS_POINTS)
    rounds_up = rest * 2 > _BASIS_POINTS or (rest * 2 == _BASIS_POINTS and whole % 2 == 1)
    return whole + rounds_up


def allocate(amount_minor: int, weights: Sequence[int], *, given: Sequence[int]) -> tuple[int, ...]:
    """Split the next part of a total in proportion to all parts so far, so that rounding errors do not add up.

    Each weight is owed its share of everything given so far, this amount included; what rounding leaves goes to whom
    most is owed.

    Args:
        amount_minor: From 0 to what is left of the weights.
        weights: The whole: not negative, at least one above 0 unless the amount is 0.
        given: What of each weight was given before, none above its weight.

    Returns:
        Shares in the order of the weights: they sum to the amount; with what was given before none is above its weight.
    """
    if amount_minor == 0:
        return (0,) * len(weights)
    total, after = sum(weights), sum(given) + amount_minor
    owed = [after * weight - total * before for weight, before in zip(weights, given, strict=True)]  # times the total
    shares = [max(0, one // total) for one in owed]
    while (missing := amount_minor - sum(shares)) != 0:
        ahead = [one - total * share for one, share in zip(owed, shares, strict=True)]
        if missing > 0:
            shares[max(range(len(ahead)), key=ahead.__getitem__)] += 1
        else:
            shares[min((at for at, one in enumerate(shares) if one), key=ahead.__getitem__)] -= 1
    return tuple(shares)


def minor_digits(currency: str) -> int:
    """Return the number of decimal digits of a currency."""
    return _DIGITS.get(currency, 2)


def format_amount(amount_minor: int, currency: str) -> str:
    """Format an amount for people: ``12.50 GBP``."""
    return f"{Decimal(amount_minor).scaleb(-minor_digits(currency)):f} {currency}"


def to_minor(amount: Decimal, currency: str) -> int:
    """Convert an amount into minor units, rounded half to even."""
    return round(amount.scaleb(minor_digits(currency)))

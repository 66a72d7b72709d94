"""Money: integer minor units and an ISO 4217 code. Never a float."""

from fractions import Fraction
from typing import Annotated

import msgspec

#: Above this a price is a typing error in any currency we know; bounds sums far below 2**53.
MAX_AMOUNT_MINOR = 10**11

AmountMinor = Annotated[int, msgspec.Meta(ge=0, le=MAX_AMOUNT_MINOR)]
Currency = Annotated[str, msgspec.Meta(pattern=r"^[A-Z]{3}\Z")]

_BASIS_POINTS = 10_000


class Money(msgspec.Struct, frozen=True):
    """An amount in minor units of one currency."""

    amount: AmountMinor
    currency: Currency


def share(amount_minor: int, basis_points: int) -> int:
    """Take a rate in basis points of an amount, rounded half to even, in minor units."""
    return round(Fraction(amount_minor * basis_points, _BASIS_POINTS))

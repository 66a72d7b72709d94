"""The shop's commission in the ledger: when it becomes income, and the VAT that it includes."""

from enum import StrEnum
from typing import Annotated, Final

import msgspec

_BASIS_POINTS: Final = 10_000


class CommissionRecognition(StrEnum):
    """The moment at which commission becomes income."""

    AT_COMPLETION = "at_completion"
    AT_CAPTURE = "at_capture"


class CommissionPosting(msgspec.Struct, frozen=True, kw_only=True):
    """How the commission of an order is posted: fixed in the commit that captures its payment.

    The defaults are those of orders that were captured before there was a choice.
    """

    recognition: CommissionRecognition = CommissionRecognition.AT_CAPTURE
    vat_basis_points: Annotated[int, msgspec.Meta(ge=0, le=_BASIS_POINTS)] = 0


def included_vat(amount_minor: int, basis_points: int) -> int:
    """Return the VAT that an amount includes at a rate in basis points, rounded half to even."""
    whole = _BASIS_POINTS + basis_points
    vat, rest = divmod(amount_minor * basis_points, whole)
    return vat + (rest * 2 > whole or (rest * 2 == whole and vat % 2 == 1))

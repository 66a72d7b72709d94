"""Parcels: weight and size of an item ready to ship, as its listing, its product or its shop gives them."""

from collections.abc import Sequence
from typing import Annotated

import msgspec

from resale.domain.customs import CountryCode, HSCode
from resale.domain.text import reference
from resale.errors import FieldError, Invalid


class Parcel(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The weight and size of a parcel in grams and millimetres, packaging included."""

    weight_grams: Annotated[int, msgspec.Meta(ge=1, le=50_000)]
    length_mm: Annotated[int, msgspec.Meta(ge=1, le=3_000)]
    width_mm: Annotated[int, msgspec.Meta(ge=1, le=3_000)]
    height_mm: Annotated[int, msgspec.Meta(ge=1, le=3_000)]

    @property
    def length_and_girth_mm(self) -> int:
        """The longest side and the circumference around it, as carriers limit them."""
        longest, *others = sorted((self.length_mm, self.width_mm, self.height_mm), reverse=True)
        return longest + 2 * sum(others)


class ProductType(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a shop knows of the products whose reference begins with ``product``; an empty one stands for all."""

    product: Annotated[str, reference(r"^[A-Za-z0-9._:/-]*\Z", max_length=120)] = ""
    parcel: Parcel | None = None
    hs_code: HSCode | None = None
    origin_country: CountryCode | None = None


class ParcelRefused(Invalid):
    """The parcel is heavier or larger than the carriers of the shop accept."""

    code = "parcel_refused"
    title = "Parcel too heavy or too large"
    default_detail = "No carrier of this shop accepts a parcel of this weight or size. Correct `parcel`."


def types_of(product: str, types: Sequence[ProductType]) -> tuple[ProductType, ...]:
    """Return the product types of a product, the most specific one first."""
    fitting = (one for one in types if product.startswith(one.product))
    return tuple(sorted(fitting, key=lambda one: len(one.product), reverse=True))


def check_parcel(parcel: Parcel, *, max_weight_grams: int, max_length_and_girth_mm: int) -> None:
    """Verify a parcel against the limits of the shop's carriers. Raises ParcelRefused."""
    errors = []
    if parcel.weight_grams > max_weight_grams:
        detail = f"The carriers of this shop accept at most {max_weight_grams} grams."
        errors.append(FieldError("/parcel/weight_grams", "too_heavy", detail))
    if parcel.length_and_girth_mm > max_length_and_girth_mm:
        detail = (
            "The carriers of this shop accept at most "
            f"{max_length_and_girth_mm} millimetres of the longest side and twice each of the two others."
        )
        errors.append(FieldError("/parcel", "too_large", detail))
    if errors:
        raise ParcelRefused(errors[0].detail, errors=tuple(errors))

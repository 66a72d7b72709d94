"""A postal address. Personal: it lies sealed in ``private`` and nowhere else."""

from typing import Annotated

import msgspec

Line = Annotated[str, msgspec.Meta(min_length=1, max_length=120)]


class Address(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where a parcel goes to or comes from."""

    name: Line
    line1: Line
    line2: Annotated[str, msgspec.Meta(max_length=120)] = ""
    city: Line
    region: Annotated[str, msgspec.Meta(max_length=120)] = ""
    postal_code: Annotated[str, msgspec.Meta(min_length=1, max_length=20)]
    country: Annotated[str, msgspec.Meta(pattern=r"^[A-Z]{2}\Z")]
    phone: Annotated[str, msgspec.Meta(pattern=r"^\+[1-9][0-9]{6,14}\Z")] | None = None

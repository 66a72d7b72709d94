"""Identifiers: a prefix, an underscore, a UUIDv7 in hex (RFC 9562). They sort by time of making."""

import re
from collections.abc import Callable
from typing import NewType

TenantId = NewType("TenantId", str)
ListingId = NewType("ListingId", str)
MediaId = NewType("MediaId", str)
OrderId = NewType("OrderId", str)
CustomerId = NewType("CustomerId", str)
PaymentId = NewType("PaymentId", str)

#: Makes a new id for a prefix: ``ids("lst") -> "lst_0197…"``. Randomness and clock are the caller's.
IdSource = Callable[[str], str]

_ID = re.compile(r"[a-z]{3}_[0-9a-f]{32}")


def is_id(prefix: str, value: str) -> bool:
    """Say whether ``value`` has the shape of an id with this prefix."""
    return value.startswith(prefix + "_") and _ID.fullmatch(value) is not None

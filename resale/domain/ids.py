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
RefundId = NewType("RefundId", str)
ShipmentId = NewType("ShipmentId", str)
ClaimId = NewType("ClaimId", str)
TransferId = NewType("TransferId", str)
PayoutId = NewType("PayoutId", str)
SellerId = NewType("SellerId", str)  # of a seller account: the customer number under sel_
ConnectionId = NewType("ConnectionId", str)
InboundId = NewType("InboundId", str)
PurchaseId = NewType("PurchaseId", str)
ClockId = NewType("ClockId", str)
DeadLetterId = NewType("DeadLetterId", str)

#: Makes a new id for a prefix: ``ids("lst") -> "lst_0197…"``. Randomness and clock are the caller's.
IdSource = Callable[[str], str]

_ID = re.compile(r"[a-z]{3}_[0-9a-f]{32}")


def is_id(prefix: str, value: str) -> bool:
    """Say whether ``value`` has the shape of an id with this prefix."""
    return value.startswith(prefix + "_") and _ID.fullmatch(value) is not None


def is_any_id(value: str) -> bool:
    """Say whether ``value`` has the shape of an id of ours, whatever it names."""
    return _ID.fullmatch(value) is not None


def sibling(prefix: str, entity_id: str) -> str:
    """Name the one part of another kind that an entity has: the same number under another prefix."""
    return f"{prefix}_{entity_id.partition('_')[2]}"

"""Identifiers: a prefix, an underscore, a UUIDv7 in hexadecimal (RFC 9562). They sort by creation time."""

import re
from collections.abc import Callable
from typing import Final, Generic, NewType, TypeGuard, TypeVar

import msgspec

I = TypeVar("I", bound=str)  # noqa: E741 - an id

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


class IdType(msgspec.Struct, Generic[I], frozen=True):
    """The type of an id, with its prefix."""

    prefix: str
    type: Callable[[str], I]

    def matches(self, value: str) -> TypeGuard[I]:
        """Return whether ``value`` has the format of an id of this type."""
        return value.startswith(self.prefix + "_") and _ID.fullmatch(value) is not None

    @property
    def pattern(self) -> str:
        r"""The regular expression of an id of this type, with ``^`` and ``\Z``."""
        return rf"^{self.prefix}_[0-9a-f]{{32}}\Z"

    def of(self, number: str) -> I:
        """Return the id with a number of 32 hexadecimal digits, for derived ids."""
        return self.type(f"{self.prefix}_{number}")

    def new(self, ids: IdSource) -> I:
        """Return a new id."""
        return self.type(ids(self.prefix))

    def sibling_of(self, entity_id: str) -> I:
        """Return the id of an entity's single part of this type: the same number with this prefix."""
        return self.type(f"{self.prefix}_{entity_id.partition('_')[2]}")


LISTING_ID: Final = IdType("lst", ListingId)
MEDIA_ID: Final = IdType("med", MediaId)
ORDER_ID: Final = IdType("ord", OrderId)
CUSTOMER_ID: Final = IdType("cus", CustomerId)
PAYMENT_ID: Final = IdType("pay", PaymentId)
REFUND_ID: Final = IdType("ref", RefundId)
SHIPMENT_ID: Final = IdType("shp", ShipmentId)
RETURN_ID: Final = IdType("rtn", ShipmentId)  # of the parcel that brings a claim's item back
CLAIM_ID: Final = IdType("clm", ClaimId)
TRANSFER_ID: Final = IdType("trf", TransferId)
PAYOUT_ID: Final = IdType("pyt", PayoutId)
SELLER_ID: Final = IdType("sel", SellerId)
CONNECTION_ID: Final = IdType("con", ConnectionId)
INBOUND_ID: Final = IdType("inb", InboundId)
PURCHASE_ID: Final = IdType("pur", PurchaseId)
CLOCK_ID: Final = IdType("clk", ClockId)
DEAD_LETTER_ID: Final = IdType("dlq", DeadLetterId)


def is_any_id(value: str) -> bool:
    """Return whether ``value`` has the format of an id of any type."""
    return _ID.fullmatch(value) is not None

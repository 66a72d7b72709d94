"""A customer: one shopper of one tenant, buyer and seller alike. Known by a keyed hash, never by name."""

from datetime import datetime

import msgspec

from resale.domain.ids import CustomerId


class Customer(msgspec.Struct, frozen=True, kw_only=True):
    """A shopper, made on the first write."""

    id: CustomerId
    object: str = "customer"
    status: str = "active"
    created_at: datetime
    updated_at: datetime
    version: int = 0

"""Customers: shoppers of one tenant, as buyers and sellers, identified by a keyed hash, never by name."""

from datetime import datetime
from typing import Final

import msgspec

from resale.domain.ids import CustomerId
from resale.errors import Conflict, NotFound

SCHEMA: Final = 1


class CustomerNotFound(NotFound):
    """The customer does not exist."""

    code = "customer_not_found"
    title = "Customer not found"
    default_detail = "No customer with this id exists."


class CustomerChanged(Conflict):
    """Another request created or changed the customer first."""

    code = "customer_changed"
    title = "Customer changed"
    default_detail = "Another request changed the customer meanwhile. Read it again, then retry."


class Customer(msgspec.Struct, frozen=True, kw_only=True):
    """A shopper, created on the first write."""

    id: CustomerId
    object: str = "customer"
    schema: int = SCHEMA
    status: str = "active"
    created_at: datetime
    updated_at: datetime
    version: int = 0

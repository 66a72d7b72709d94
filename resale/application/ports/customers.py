"""Customers, found by a keyed hash of issuer and subject."""

from typing import Protocol

from resale.domain.customers import Customer
from resale.domain.ids import CustomerId


class CustomerRepository(Protocol):
    """Finds and adds customers. A customer is created on the first write of a shopper and never changes."""

    def find_id(self, *, issuer: str, subject: str) -> CustomerId | None:
        """Return the id of a shopper; None before the first write."""

    def add_shopper(self, customer: Customer, *, issuer: str, subject: str) -> None:
        """Buffer a customer with its look-up; a concurrent write of the same shopper is a Conflict."""


class CustomerReads(Protocol):
    """Reads of customers."""

    def find_customer_id(self, *, issuer: str, subject: str) -> CustomerId | None:
        """Return the id of a shopper; None before the first write."""

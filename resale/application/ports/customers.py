"""Customers, found by a keyed hash of (issuer, subject)."""

from typing import Protocol

from resale.domain.customers import Customer
from resale.domain.ids import CustomerId


class CustomerRepository(Protocol):
    """Finds and adds customers. One is made on its first write and never changes."""

    def find_id(self, *, issuer: str, subject: str) -> CustomerId | None:
        """Look a shopper up; None before the first write."""

    def add_shopper(self, customer: Customer, *, issuer: str, subject: str) -> None:
        """Buffer a customer with its look-up; another writer of the same shopper is a Conflict."""


class CustomerReads(Protocol):
    """Reads of customers."""

    def find_customer_id(self, *, issuer: str, subject: str) -> CustomerId | None:
        """Look a shopper up; None before the first write."""

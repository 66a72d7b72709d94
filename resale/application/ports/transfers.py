"""Transfers, stored beside their order."""

from collections.abc import Iterator
from typing import Protocol

from resale.application.ports.records import Page
from resale.application.ports.repositories import WriteRepository
from resale.domain.ids import CustomerId, OrderId, TransferId
from resale.domain.transfers import Transfer


class TransferRepository(WriteRepository[Transfer], Protocol):
    """Transfers of orders."""

    def get(self, order_id: OrderId, transfer_id: TransferId) -> Transfer:
        """Return a transfer, from a consistent read. Raises TransferNotFound."""

    def list_of_order(self, order_id: OrderId) -> tuple[Transfer, ...]:
        """Return the transfers of an order, from a consistent read."""

    def list_available(self, seller_id: CustomerId, *, limit: int) -> tuple[Transfer, ...]:
        """Return a seller's available transfers, oldest first: found by an index, each from a consistent read."""


class TransferReads(Protocol):
    """Reads of transfers and balance transactions."""

    def list_transfers(self, order_id: OrderId) -> tuple[Transfer, ...]:
        """Return the transfers of an order, from a consistent read."""

    def iter_held_transfers(self, seller_id: CustomerId) -> Iterator[Transfer]:
        """Iterate over a seller's transfers whose order is not completed, oldest first; eventually consistent."""

    def list_balance_transactions(self, *, seller_id: CustomerId, limit: int, cursor: str | None) -> Page:
        """List a seller's transfers and payouts, newest first; eventually consistent. Raises InvalidCursor."""

    def iter_available_transfers(self, seller_id: CustomerId) -> Iterator[Transfer]:
        """Iterate over a seller's transfers that no payout settled, oldest first; eventually consistent."""

"""Transfers: they lie beside their order."""

from collections.abc import Iterator
from typing import Protocol

from resale.application.ports.records import Page
from resale.application.ports.repositories import WriteRepository
from resale.domain.ids import CustomerId, OrderId, TransferId
from resale.domain.transfers import Transfer


class TransferRepository(WriteRepository[Transfer], Protocol):
    """Transfers of orders."""

    def get(self, order_id: OrderId, transfer_id: TransferId) -> Transfer:
        """Read one, consistently. Raises TransferNotFound."""

    def list_available(self, seller_id: CustomerId, *, limit: int) -> tuple[Transfer, ...]:
        """Read a seller's transfers that a payout may take, oldest first; found by an index, each read consistently."""


class TransferReads(Protocol):
    """Reads of transfers, and of a seller's balance: transfers and payouts side by side."""

    def list_transfers(self, order_id: OrderId) -> tuple[Transfer, ...]:
        """Read the transfers of an order, consistently."""

    def iter_held_transfers(self, seller_id: CustomerId) -> Iterator[Transfer]:
        """Go through a seller's transfers whose order is not completed, oldest first; eventually consistent."""

    def list_balance_transactions(self, *, seller_id: CustomerId, limit: int, cursor: str | None) -> Page:
        """A seller's transfers and payouts, newest first; eventually consistent. Raises InvalidCursor."""

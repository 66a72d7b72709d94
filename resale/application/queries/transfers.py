"""Transfers as the brand sees them: a seller's earnings by an order, and their reversals."""

from datetime import datetime

import msgspec

from resale.application.ports import Reader
from resale.application.queries.ledger import LedgerNotFound
from resale.domain.access import Action, Principal, permits
from resale.domain.ids import CustomerId, OrderId, PayoutId, TransferId
from resale.domain.transfers import Transfer, TransferStatus


class TransferView(msgspec.Struct, frozen=True, kw_only=True):
    """A transfer. ``amount`` is negative if it claws back ``reversed_from``. Payable from ``available_on``."""

    id: TransferId
    status: TransferStatus
    order_id: OrderId
    seller_id: CustomerId
    amount: int
    currency: str
    reversed_from: TransferId | None
    payout_id: PayoutId | None
    available_at: datetime | None
    available_on: datetime | None
    created_at: datetime


def list_order_transfers(*, reader: Reader, principal: Principal, order_id: OrderId) -> tuple[TransferView, ...]:
    """List the transfers of an order, oldest first.

    Shape: one query; an order has one transfer, and one more for each refund after its completion.

    Raises:
        LedgerNotFound: No books that the caller may see.
    """
    if not permits(Action.VIEW_LEDGER, principal.standing, ""):
        raise LedgerNotFound
    return tuple(sorted(map(_view, reader.list_transfers(order_id)), key=lambda view: view.created_at))


def _view(transfer: Transfer) -> TransferView:
    return TransferView(**{name: getattr(transfer, name) for name in TransferView.__struct_fields__})

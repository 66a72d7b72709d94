"""Freezing what a disputed or returned sale earned: it stays on the seller's balance, and no payout takes it."""

from collections.abc import Iterator
from typing import Final

import msgspec

from resale.application.operations.orders.completing import credit_seller
from resale.application.ports import UnitOfWork
from resale.domain.changes import ChangeType
from resale.domain.order_states import is_parcel_held
from resale.domain.orders import Order
from resale.domain.transfers import Transfer, TransferStatus
from resale.domain.versions import next_version

_FREEZABLE: Final = frozenset({TransferStatus.AVAILABLE, TransferStatus.SETTLED})


def sync_frozen(uow: UnitOfWork, *, order: Order) -> None:
    """Buffer the freezing of what an order earned, or its end, in a commit that changes nothing else of the seller."""
    if change := freeze_transfers(uow, order=order):
        credit_seller(uow, order=order, amount=0, frozen=change)


def freeze_transfers(uow: UnitOfWork, *, order: Order) -> int:
    """Buffer the transfers of an order as frozen or not; return the change of the seller's frozen amount.

    A settled transfer has left the balance. It is marked as well, because its payout can fail.
    """
    if order.completed_at is None:
        return 0  # the transfer is held until completion
    wanted, change = is_frozen(uow, order=order), 0
    for transfer in _iter_earned(uow, order=order):
        if transfer.is_frozen == wanted or transfer.status not in _FREEZABLE:
            continue
        frozen = next_version(msgspec.structs.replace(transfer, is_frozen=wanted), now=uow.now)
        kind = ChangeType.TRANSFER_FROZEN if wanted else ChangeType.TRANSFER_UNFROZEN
        uow.transfers.save(frozen, change_type=kind)
        if transfer.status == TransferStatus.AVAILABLE:
            change += transfer.amount if wanted else -transfer.amount
    return change


def is_frozen(uow: UnitOfWork, *, order: Order) -> bool:
    """Return whether what the order earned is frozen: staff decide about its parcel, or the bank about its payment."""
    return is_parcel_held(order) or (order.is_money_held and uow.tenant.policies.dispute_holds_payout)


def _iter_earned(uow: UnitOfWork, *, order: Order) -> Iterator[Transfer]:
    """Return the transfer of the sale, and those that gave back what a refund or a dispute had taken."""
    yield from (one for one in uow.transfers.list_of_order(order.id) if one.amount > 0 or one.is_frozen)

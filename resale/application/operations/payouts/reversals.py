"""Reversal of payouts that were not paid."""

from typing import Final

import msgspec

from resale.application.operations.sellers import next_payout_at, seller_account_of
from resale.application.ports import UnitOfWork
from resale.domain.changes import ChangeType
from resale.domain.ids import OrderId
from resale.domain.payouts import Payout, PayoutStatus
from resale.domain.reasons import ReasonCode
from resale.domain.transfers import TransferCommand, transition_transfer
from resale.domain.versions import next_version

#: Why a balance has money again that had left it.
_REASONS: Final = {
    PayoutStatus.FAILED: ReasonCode.PAYOUT_FAILED,
    PayoutStatus.RETURNED: ReasonCode.PAYOUT_FAILED,
    PayoutStatus.CANCELLED: ReasonCode.PAYOUT_CANCELLED,
}


def reverse_payout(uow: UnitOfWork, *, payout: Payout) -> None:
    """Buffer the return of a payout to the balance; a failed one requires another destination."""
    frozen = 0
    for order_id, transfer_id in payout.transfers:
        transfer = uow.transfers.get(OrderId(order_id), transfer_id)
        returned = msgspec.structs.replace(transfer, payout_id=None)
        reopened = transition_transfer(returned, TransferCommand.REOPEN, now=uow.now)
        uow.transfers.save(reopened, change_type=ChangeType.TRANSFER_REOPENED)
        frozen += reopened.amount if reopened.is_frozen else 0
    seller, _ = seller_account_of(uow, customer_id=payout.seller_id)
    was_tried = payout.status != PayoutStatus.CANCELLED
    is_refused = was_tried and seller.payout_destination == payout.destination
    seller = msgspec.structs.replace(
        seller,
        available=seller.available + payout.amount,
        frozen=seller.frozen + frozen,
        payout_destination=None if is_refused else seller.payout_destination,
    )
    seller = next_version(msgspec.structs.replace(seller, due_at=next_payout_at(uow, seller=seller)), now=uow.now)
    uow.sellers.save(seller, change_type=ChangeType.SELLER_BALANCE_CHANGED, reason_code=_REASONS[payout.status])

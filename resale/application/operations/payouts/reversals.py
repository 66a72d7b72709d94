"""Reversal of payouts that were not paid."""

from datetime import timedelta
from typing import Final

import msgspec

from resale.application.operations.sellers import next_payout_at, seller_account_of
from resale.application.ports import UnitOfWork
from resale.domain.changes import ChangeType
from resale.domain.ids import OrderId
from resale.domain.payout_failures import RETRIED_AFTER, FailureCause, cause_of
from resale.domain.payouts import Payout, PayoutStatus
from resale.domain.reasons import ReasonCode
from resale.domain.sellers import PayoutAccountStatus, Seller, with_balance
from resale.domain.transfers import TransferCommand, transition_transfer
from resale.domain.versions import next_version

#: Why a balance has money again that had left it.
_REASONS: Final = {
    PayoutStatus.FAILED: ReasonCode.PAYOUT_FAILED,
    PayoutStatus.RETURNED: ReasonCode.PAYOUT_FAILED,
    PayoutStatus.CANCELLED: ReasonCode.PAYOUT_CANCELLED,
}


def reverse_payout(uow: UnitOfWork, *, payout: Payout) -> None:
    """Buffer the return of a payout to the balance. Only a failure of the seller's account clears its destination."""
    frozen = 0
    for order_id, transfer_id in payout.transfers:
        transfer = uow.transfers.get(OrderId(order_id), transfer_id)
        returned = msgspec.structs.replace(transfer, payout_id=None)
        reopened = transition_transfer(returned, TransferCommand.REOPEN, now=uow.now)
        uow.transfers.save(reopened, change_type=ChangeType.TRANSFER_REOPENED)
        frozen += reopened.amount if reopened.is_frozen else 0
    seller, _ = seller_account_of(uow, customer_id=payout.seller_id)
    balance = seller.balance_in(payout.currency)
    returned_to = msgspec.structs.replace(
        balance,
        available=balance.available + payout.amount,
        carried=balance.carried + payout.carried,
        frozen=balance.frozen + frozen,
    )
    seller = _retry_later(uow, seller=with_balance(seller, returned_to), payout=payout)
    uow.sellers.save(
        next_version(seller, now=uow.now),
        change_type=ChangeType.SELLER_BALANCE_CHANGED,
        reason_code=_REASONS[payout.status],
    )


def _retry_later(uow: UnitOfWork, *, seller: Seller, payout: Payout) -> Seller:
    """Return the account with the wake-up of its next payout, without a destination that cannot be paid to."""
    delay = timedelta(hours=uow.tenant.policies.payout_delay_hours)
    if payout.status != PayoutStatus.CANCELLED:
        cause = cause_of(payout.failure_code)
        delay = max(delay, RETRIED_AFTER[cause])
        if cause == FailureCause.SELLER_ACCOUNT and seller.payout_destination == payout.destination:
            seller = _stop_destination(seller, failure_code=payout.failure_code)
    return msgspec.structs.replace(seller, due_at=next_payout_at(uow, seller=seller, not_before=uow.now + delay))


def _stop_destination(seller: Seller, *, failure_code: str | None) -> Seller:
    """Return the account without its destination; one that was onboarded stays, restricted until it is repaired."""
    if seller.payout_account is None or seller.payout_account != seller.payout_destination:
        return msgspec.structs.replace(seller, payout_destination=None)
    requirements = () if failure_code is None else (failure_code,)
    return msgspec.structs.replace(
        seller, payout_account_status=PayoutAccountStatus.RESTRICTED, payout_requirements=requirements
    )

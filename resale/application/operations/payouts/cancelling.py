"""Cancelling a payout that was not sent."""

import msgspec

from resale.application.operations.access import authorize, require_version
from resale.application.operations.payouts.reversals import reverse_payout
from resale.application.ports import UnitOfWork
from resale.domain import payout_ledger
from resale.domain.access import Action
from resale.domain.changes import ChangeType
from resale.domain.ids import PayoutId
from resale.domain.payouts import Payout, PayoutCommand, PayoutStatus, transition_payout
from resale.domain.reasons import Reason


def cancel_payout(uow: UnitOfWork, *, payout_id: PayoutId) -> Payout:
    """Cancel a cash payout that was not sent; its amount is back on the balance.

    Shape: reads 1-42 items; commits 1 payout, the account, its transfers and the ledger (``payout.cancelled``,
    ``transfer.reopened``, ``seller.balance_changed``). Idempotent: repeating it is a no-op.

    Args:
        uow: Fresh; committed here once.
        payout_id: Which.

    Returns:
        The payout, cancelled; the seller's destination stays.

    Raises:
        PayoutNotFound: None that the caller may see.
        Forbidden: Seen, but not theirs to cancel.
        PayoutTransitionRefused: Its sending has begun, or it is over.
        Conflict: Another writer won, or the version is not the expected one.
    """
    payout = uow.payouts.get(payout_id)
    authorize(uow, entity=payout, action=Action.CANCEL_PAYOUT)
    if payout.status == PayoutStatus.CANCELLED:
        return payout
    require_version(uow, entity=payout)
    return cancel_unsent(uow, payout=payout)


def cancel_unsent(uow: UnitOfWork, *, payout: Payout, reason: Reason | None = None) -> Payout:
    """Commit the cancellation of a payout whose sending has not begun. Raises PayoutTransitionRefused if it has."""
    cancelled = transition_payout(payout, PayoutCommand.CANCEL, now=uow.now)
    cancelled = msgspec.structs.replace(cancelled, may_be_cancelled=False, due_at=None)
    uow.payouts.save(cancelled, change_type=ChangeType.PAYOUT_CANCELLED, reason_code=reason)
    reverse_payout(uow, payout=cancelled)
    if (booking := payout_ledger.settle(payout, cancelled, at=uow.now)) is not None:
        uow.ledger.post(booking)
    uow.commit()
    return cancelled

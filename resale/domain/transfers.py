"""Transfers: what a seller earns by one order, or owes; held until the order is completed."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Final

import msgspec

from resale.domain.ids import CustomerId, OrderId, PayoutId, TransferId
from resale.domain.states import Machine, Row
from resale.domain.versions import next_version
from resale.errors import Conflict, NotFound, Rejected

SCHEMA: Final = 1


class TransferStatus(StrEnum):
    """The status of a transfer."""

    HELD = "held"
    AVAILABLE = "available"
    SETTLED = "settled"
    REVERSED = "reversed"


class TransferCommand(StrEnum):
    """A command on a transfer."""

    REDUCE = "reduce"
    REVERSE = "reverse"
    RESTORE = "restore"
    RELEASE = "release"
    SETTLE = "settle"
    REOPEN = "reopen"


class TransferNotFound(NotFound):
    """The transfer does not exist, or the caller has no permission to see it."""

    code = "transfer_not_found"
    title = "Transfer not found"
    default_detail = "No transfer with this id exists, or this caller cannot see it."


class TransferTransitionRefused(Rejected):
    """The status of the transfer does not allow the command."""

    code = "transfer_transition_refused"
    title = "Transfer status does not allow this"
    default_detail = "The status of the transfer does not allow this. Read the order again."


class TransferChanged(Conflict):
    """Another writer changed the transfer first."""

    code = "transfer_changed"
    title = "Transfer changed"
    default_detail = "Another request changed the transfer meanwhile. Read it again, then retry."


_S = TransferStatus
_C = TransferCommand

TRANSFERS: Final = Machine(
    "transfer",
    (
        Row(_S.HELD, _C.REDUCE, _S.HELD),
        Row(_S.HELD, _C.REVERSE, _S.REVERSED),
        Row(_S.HELD, _C.RESTORE, _S.HELD),  # what went back to the buyer came back
        Row(_S.REVERSED, _C.RESTORE, _S.HELD),
        Row(_S.HELD, _C.RELEASE, _S.AVAILABLE),
        Row(_S.AVAILABLE, _C.SETTLE, _S.SETTLED),
        Row(_S.SETTLED, _C.REOPEN, _S.AVAILABLE),  # its payout failed
    ),
    refused=TransferTransitionRefused,
    initial=_S.HELD,
    cannot={
        _C.REDUCE: "be reduced",
        _C.REVERSE: "be reversed",
        _C.RESTORE: "be restored",
        _C.RELEASE: "be released",
        _C.SETTLE: "be settled",
        _C.REOPEN: "be reopened",
    },
)


class Transfer(msgspec.Struct, frozen=True, kw_only=True):
    """A transfer as stored. ``amount`` is negative if a refund after completion claws back ``reversed_from``.

    One that makes good what was so taken is a transfer of its own, too, above zero. ``available_at`` is when it came
    on the balance, ``available_on`` when it can be paid out: after the delay of the sale. One stored before there was
    such a time can be paid out at once; so can a clawback, which is netted.
    """

    id: TransferId
    object: str = "transfer"
    schema: int = SCHEMA
    version: int = 0
    livemode: bool
    status: TransferStatus = TransferStatus.HELD
    order_id: OrderId
    seller_id: CustomerId
    amount: int
    currency: str
    is_frozen: bool = False  # its payment is disputed: it is not paid out, and not again if its payout fails
    reversed_from: TransferId | None = None
    payout_id: PayoutId | None = None
    available_at: datetime | None = None
    available_on: datetime | None = None
    created_at: datetime
    updated_at: datetime


def transition_transfer(transfer: Transfer, command: TransferCommand, *, now: datetime) -> Transfer:
    """Return the next version of a transfer with changed fields, in the status that the command leads to.

    Raises:
        TransferTransitionRefused: The table has no such row.
    """
    status = TRANSFERS.next_status(transfer.status, command)
    return next_version(msgspec.structs.replace(transfer, status=status), now=now)


def payable(
    transfers: Sequence[Transfer], *, balance: int, limit: int, carried: int = 0
) -> tuple[Transfer, ...] | None:
    """Return the transfers of one payout: debts, and earnings as far as the balance covers them with the debts.

    The balance may hold debts that are not among ``transfers``, so a sum of all of them may be more than there is.

    Args:
        transfers: Available ones, oldest first.
        balance: What the seller has, without what is frozen.
        limit: Of one payout, 2 or more.
        carried: What the balance has apart from transfers; it is paid with them.

    Returns:
        Transfers that sum, with what is carried, to more than nothing and at most to the balance; None when no choice
        does.
    """
    debts = [transfer for transfer in transfers if transfer.amount < 0]
    earned = [transfer for transfer in transfers if transfer.amount > 0 and not transfer.is_frozen]
    for most in (limit // 2, limit - 1, 0):
        chosen = debts[:most]
        left = balance - carried - sum(transfer.amount for transfer in chosen)
        for transfer in earned:
            if transfer.amount <= left and len(chosen) < limit:
                chosen.append(transfer)
                left -= transfer.amount
        if 0 <= left < balance:
            return tuple(chosen)
    return None

"""The disputes of an order: the one that matters most, and the issues of those that are open or do not fit."""

from typing import Final

import msgspec

from resale.domain.issues import Issue, clear_issues, raise_issue
from resale.domain.orders import Order, disputes_of
from resale.domain.payments import Dispute, DisputeStatus

#: The most important first: an open one needs evidence, a lost one moved money.
_RANKS: Final = {
    status: rank
    for rank, status in enumerate((DisputeStatus.OPEN, DisputeStatus.LOST, DisputeStatus.WON, DisputeStatus.PREVENTED))
}


def set_dispute(order: Order, dispute: Dispute) -> Order:
    """Return the order with a new or changed dispute, and the issue ``dispute_open`` as long as one is open."""
    others = tuple(one for one in disputes_of(order) if one.provider_reference != dispute.provider_reference)
    disputes = (*others, dispute)
    first = min(reversed(disputes), key=lambda one: _RANKS[one.status])  # the newest of equal ones
    order = msgspec.structs.replace(order, disputes=disputes, dispute=first)
    flag = raise_issue if order.is_disputed else clear_issues
    return flag(order, Issue.DISPUTE_OPEN)


def forget_mismatch(order: Order, *, reference: str) -> Order:
    """Return the order without a mismatch that is over, and without its issue if that was the last one."""
    if reference not in order.unposted:
        return order
    unposted = tuple(one for one in order.unposted if one != reference)
    order = msgspec.structs.replace(order, unposted=unposted)
    return order if unposted else clear_issues(order, Issue.AMOUNT_MISMATCH)

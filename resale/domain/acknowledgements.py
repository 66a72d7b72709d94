"""Issues that staff can acknowledge: those that record something, once nothing is left to do about them."""

from collections.abc import Mapping
from typing import Final

from resale.domain.issues import Issue
from resale.domain.orders import OrderStatus

#: Issues that need no action any more → the states of the order in which it is so.
ACKNOWLEDGEABLE: Final[Mapping[str, frozenset[OrderStatus]]] = {
    Issue.AMOUNT_MISMATCH: frozenset(OrderStatus) - {OrderStatus.PAYMENT_PENDING},
    Issue.REFUNDED_AT_PROVIDER: frozenset(OrderStatus),
    Issue.CHARGED_BACK: frozenset(OrderStatus),
    Issue.LABEL_REFUSED: frozenset({OrderStatus.COMPLETED, OrderStatus.REFUNDED, OrderStatus.CANCELLED}),
    Issue.PARCEL_RETURNED: frozenset(OrderStatus),  # acknowledged: the seller is paid, or keeps the money
    Issue.PARCEL_LOST: frozenset(OrderStatus),
    Issue.PARCEL_AFTER_REFUND: frozenset(OrderStatus),
    Issue.RETURN_AFTER_CLOSE: frozenset(OrderStatus),
    Issue.RETURN_NOT_DELIVERED: frozenset(OrderStatus),
    Issue.LABEL_NOT_REFUNDED: frozenset(OrderStatus),
}


def can_acknowledge(issue: str | None, status: OrderStatus) -> bool:
    """Return whether an issue needs no more action, so that staff can acknowledge it."""
    return issue is not None and status in ACKNOWLEDGEABLE.get(issue, frozenset())

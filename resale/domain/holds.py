"""The open holds of a buyer: the unpaid orders for which listings are reserved, and their bound."""

from datetime import datetime, timedelta
from typing import Final

import msgspec

from resale.domain.ids import OrderId
from resale.errors import Rejected

#: A hold that nobody released is forgotten this long after its end: by then its order has ended in every case we know.
FORGOTTEN_AFTER: Final = timedelta(days=1)


class TooManyOpenOrders(Rejected):
    """The buyer has as many unpaid orders as the shop permits."""

    code = "too_many_open_orders"
    title = "Too many unpaid orders"
    default_detail = (
        "The buyer has the maximum number of unpaid orders. Complete a payment, cancel an order, or wait until one "
        "expires; then retry."
    )


class Hold(msgspec.Struct, frozen=True):
    """The reservation of a listing by an unpaid order."""

    order_id: OrderId
    ends_at: datetime


def add_hold(holds: tuple[Hold, ...], hold: Hold, *, limit: int, now: datetime) -> tuple[Hold, ...]:
    """Return a buyer's holds with a new one.

    Raises:
        TooManyOpenOrders: There are ``limit`` others.
    """
    others = tuple(one for one in holds if one.order_id != hold.order_id and one.ends_at + FORGOTTEN_AFTER > now)
    if len(others) >= limit:
        raise TooManyOpenOrders
    return (*others, hold)


def remove_hold(holds: tuple[Hold, ...], hold: Hold) -> tuple[Hold, ...]:
    """Return a buyer's holds without one."""
    return tuple(one for one in holds if one.order_id != hold.order_id)

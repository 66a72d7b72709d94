"""Acknowledging an issue that has nothing left to do."""

from typing import Annotated

import msgspec

from resale.application.operations.access import authorize, require_version
from resale.application.operations.orders.freezing import sync_frozen
from resale.application.ports import UnitOfWork
from resale.domain.access import Action
from resale.domain.acknowledgements import can_acknowledge
from resale.domain.changes import ChangeType
from resale.domain.ids import OrderId
from resale.domain.issues import Issue, clear_issues, issues_of
from resale.domain.order_states import is_held
from resale.domain.order_steps import update_order
from resale.domain.orders import IssueNeedsAction, Order
from resale.domain.reasons import FreeCode
from resale.domain.text import code
from resale.domain.versions import next_version


class Acknowledgement(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The reason for an acknowledgement: a code of the brand's own, recorded in the history."""

    reason: Annotated[str, code(r"^[a-z][a-z_]{2,39}\Z")]


def acknowledge_order(uow: UnitOfWork, *, order_id: OrderId, acknowledgement: Acknowledgement) -> Order:
    """Clear the issues that only record what happened, such as a lost dispute.

    Shape: reads 1 item; commits 1 (``order.acknowledged``, with the reason). Nothing needs a person: no-op.

    Args:
        uow: Fresh; committed here at most once.
        order_id: Which.
        acknowledgement: Why nothing is left to do.

    Returns:
        The order without them. A delivered one that was held for them completes.

    Raises:
        OrderNotFound: None that the caller may see.
        Forbidden: Not theirs to say.
        IssueNeedsAction: None of its issues is of that kind: something is left to do, or it clears by itself.
        Conflict: Another writer won, or the version is not the expected one.
    """
    order = uow.orders.get(order_id)
    authorize(uow, entity=order, action=Action.ACKNOWLEDGE_ORDER)
    issues = issues_of(order)
    if not issues:
        return order
    require_version(uow, entity=order)
    settled = [issue for issue in issues if can_acknowledge(issue, order.status)]
    if not settled:
        raise IssueNeedsAction(f"The issue {order.attention} still needs action. It clears when that is done.")
    was_held = is_held(order)
    if Issue.AMOUNT_MISMATCH in settled:
        order = msgspec.structs.replace(order, settled_by_hand=order.unposted)
    order = clear_issues(order, *settled)
    # What held the money is gone, so its end is scheduled anew; every other wake-up stays as it is.
    order = update_order(order, now=uow.now) if was_held else next_version(order, now=uow.now)
    uow.orders.save(order, change_type=ChangeType.ORDER_ACKNOWLEDGED, reason_code=FreeCode(acknowledgement.reason))
    if was_held:
        sync_frozen(uow, order=order)
    uow.commit()
    return order

"""Postponing the step of an order, a claim or a payout whose partner does not respond."""

from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from resale.application.ports import UnitOfWork
from resale.domain.changes import ChangeType
from resale.domain.claims import Claim, ClaimStep, next_claim_step
from resale.domain.entities import CLAIM, ORDER, PAYOUT, AnyEntityType, entity_type_of
from resale.domain.ids import ClaimId, OrderId, PayoutId
from resale.domain.order_steps import OrderStep, next_step
from resale.domain.orders import Order
from resale.domain.payouts import Payout
from resale.domain.postponing import postpone
from resale.domain.reasons import FreeCode


def postpone_step(uow: UnitOfWork, *, entity_id: OrderId | ClaimId | PayoutId, reason_code: str) -> None:
    """Postpone the present step with back-off: its partner did not respond to several attempts.

    After about a day the order, claim or payout has an issue, and at once where the shop's balance at the partner is
    too low; the next step that is taken clears it.

    Shape: reads 1 item; commits at most 1 (``order.postponed``, ``claim.postponed`` or ``payout.postponed``), due again
    in half a minute to an hour. A step taken meanwhile: no-op.

    Args:
        uow: Fresh; committed here at most once.
        entity_id: Which order, claim or payout.
        reason_code: The outcome's code.

    Raises:
        OrderNotFound, ClaimNotFound, PayoutNotFound: There is none.
        Conflict: Another worker was faster; read again.
    """
    workflow = _WORKFLOWS[entity_type_of(entity_id).prefix]
    repository = uow.repository(workflow.entity_type)
    entity = repository.get(entity_id)
    if not workflow.has_step(uow, entity):
        return
    postponed = postpone(entity, reason_code=reason_code, now=uow.now)
    repository.save(postponed, change_type=workflow.change_type, reason_code=FreeCode(reason_code))
    uow.commit()


class _Workflow(msgspec.Struct, frozen=True):
    """An entity type with steps: whether an entity has a step to run, and the change of a postponement."""

    entity_type: AnyEntityType
    has_step: Callable[[UnitOfWork, Any], bool]
    change_type: ChangeType


def _order_has_step(uow: UnitOfWork, order: Order) -> bool:
    return next_step(order, now=uow.now) != OrderStep.NOTHING


def _claim_has_step(uow: UnitOfWork, claim: Claim) -> bool:
    return next_claim_step(claim, now=uow.now) != ClaimStep.NOTHING


def _payout_has_step(_uow: UnitOfWork, payout: Payout) -> bool:
    return payout.due_at is not None


_WORKFLOWS: Final[Mapping[str, _Workflow]] = {
    workflow.entity_type.prefix: workflow
    for workflow in (
        _Workflow(ORDER, _order_has_step, ChangeType.ORDER_POSTPONED),
        _Workflow(CLAIM, _claim_has_step, ChangeType.CLAIM_POSTPONED),
        _Workflow(PAYOUT, _payout_has_step, ChangeType.PAYOUT_POSTPONED),
    )
}

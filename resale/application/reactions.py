"""The reactions: one table from change type to tasks. Delivery after the stream is at least once."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

import msgspec

from resale.application.ports import DueItem
from resale.domain.changes import ChangeType
from resale.domain.entities import (
    CLAIM,
    ENTITIES,
    IMAGE,
    INBOUND_EVENT,
    LISTING,
    ORDER,
    PAYOUT,
    SELLER,
    TEST_CLOCK,
    Absent,
    AnyEntityType,
    entity_type_of,
)
from resale.domain.task_names import (
    ADVANCE_CLAIM,
    ADVANCE_ORDER,
    ADVANCE_PAYOUT,
    EXPIRE_LISTING,
    PROCESS_IMAGE,
    PROCESS_INBOUND,
    PUBLISH_PHOTOS,
    RETIRE_PHOTOS,
    START_PAYOUT,
    SWEEP_AFTER_JUMP,
)


class Purpose(StrEnum):
    """A tenant's queues by purpose."""

    CHANGES = "changes"
    ORDERS = "orders"
    IMAGES = "images"


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """A message to send: ids only. ``id`` is equal for every delivery of the same change."""

    name: str
    purpose: Purpose
    kwargs: Mapping[str, str]
    id: str


class Route(msgspec.Struct, frozen=True):
    """The queue of a task, and the entity type of its messages."""

    purpose: Purpose
    entity_type: AnyEntityType

    @property
    def arguments(self) -> tuple[str, ...]:
        """The names of its arguments: the id of the parent, if any, and the id of the entity."""
        parent, own = self.entity_type.parent, self.entity_type.argument
        return (own,) if parent is None else (parent, own)


#: task → its route; of those that follow a change or a wake-up of one entity.
TASKS: Final[Mapping[str, Route]] = {
    ADVANCE_ORDER: Route(Purpose.ORDERS, ORDER),
    ADVANCE_CLAIM: Route(Purpose.ORDERS, CLAIM),
    ADVANCE_PAYOUT: Route(Purpose.ORDERS, PAYOUT),
    START_PAYOUT: Route(Purpose.ORDERS, SELLER),
    EXPIRE_LISTING: Route(Purpose.ORDERS, LISTING),
    PUBLISH_PHOTOS: Route(Purpose.IMAGES, LISTING),
    RETIRE_PHOTOS: Route(Purpose.IMAGES, LISTING),
    PROCESS_IMAGE: Route(Purpose.IMAGES, IMAGE),
    SWEEP_AFTER_JUMP: Route(Purpose.ORDERS, TEST_CLOCK),
    PROCESS_INBOUND: Route(Purpose.ORDERS, INBOUND_EVENT),
}

#: change type → task names. A change that nothing follows is not in it.
REACTIONS: Final[Mapping[str, tuple[str, ...]]] = {
    ChangeType.ORDER_SUBMITTED: (ADVANCE_ORDER,),
    ChangeType.ORDER_PAYMENT_STARTED: (ADVANCE_ORDER,),
    ChangeType.ORDER_PAYMENT_AUTHORIZED: (ADVANCE_ORDER,),
    ChangeType.ORDER_CANCEL_REQUESTED: (ADVANCE_ORDER,),
    ChangeType.ORDER_PAYMENT_FAILED: (ADVANCE_ORDER,),
    ChangeType.ORDER_CONFIRMED: (ADVANCE_ORDER,),
    ChangeType.ORDER_SALE_BOOKED: (ADVANCE_ORDER,),
    ChangeType.ORDER_LABEL_REQUESTED: (ADVANCE_ORDER,),
    ChangeType.ORDER_ADDRESS_CORRECTED: (ADVANCE_ORDER,),
    ChangeType.ORDER_LABEL_VOIDED: (ADVANCE_ORDER,),
    ChangeType.ORDER_CANCELLING: (ADVANCE_ORDER,),
    ChangeType.ORDER_SHIP_EXPIRED: (ADVANCE_ORDER,),
    ChangeType.ORDER_LOST: (ADVANCE_ORDER,),
    ChangeType.ORDER_RECEIPT_CONFIRMED: (ADVANCE_ORDER,),
    ChangeType.ORDER_REFUND_STARTED: (ADVANCE_ORDER,),
    ChangeType.ORDER_DISPUTE_CLOSED: (ADVANCE_ORDER,),
    ChangeType.ORDER_FUNDS_REINSTATED: (ADVANCE_ORDER,),
    ChangeType.CLAIM_APPROVED: (ADVANCE_CLAIM,),
    ChangeType.CLAIM_RETURN_LABEL_REQUESTED: (ADVANCE_CLAIM,),
    ChangeType.PAYOUT_CREATED: (ADVANCE_PAYOUT,),
    ChangeType.PAYOUT_SENDING_STARTED: (ADVANCE_PAYOUT,),
    ChangeType.TEST_CLOCK_ADVANCED: (SWEEP_AFTER_JUMP,),
    ChangeType.TEST_CLOCK_CREATED: (SWEEP_AFTER_JUMP,),
    ChangeType.INBOUND_RECEIVED: (PROCESS_INBOUND,),
    ChangeType.LISTING_APPROVED: (PUBLISH_PHOTOS,),
    ChangeType.LISTING_REJECTED: (RETIRE_PHOTOS,),
    ChangeType.LISTING_REMOVED: (RETIRE_PHOTOS,),
    ChangeType.LISTING_WITHDRAWN: (RETIRE_PHOTOS,),
}

#: prefix of an id → what wakes its entity when it is due.
WAKES: Final[Mapping[str, str]] = {
    entity_type.prefix: entity_type.wake_task
    for entity_type in ENTITIES.values()
    if not isinstance(entity_type.wake_task, Absent)
}


def tasks_after(*, change_type: str, entity_id: str, version: int) -> tuple[Task, ...]:
    """Return the tasks that follow a committed change."""
    names = REACTIONS.get(change_type, ())
    return tuple(_task(name, (entity_id,), task_id=f"{name}:{entity_id}:{version}") for name in names)


def task_when_due(item: DueItem) -> Task:
    """Return the task that wakes an item; its id contains the wake-up, so that each one is sent."""
    entity_type = entity_type_of(item.entity_id)
    entity_ids = (item.entity_id,) if entity_type.parent is None else (item.parent_id, item.entity_id)
    return _task(WAKES[entity_type.prefix], entity_ids, task_id=f"due:{item.entity_id}:{item.due_at.isoformat()}")


def _task(name: str, entity_ids: tuple[str, ...], *, task_id: str) -> Task:
    route = TASKS[name]
    kwargs = dict(zip(route.arguments, entity_ids, strict=True))
    return Task(name=name, purpose=route.purpose, kwargs=kwargs, id=task_id)

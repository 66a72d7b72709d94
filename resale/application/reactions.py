"""What follows a change: one table, change type → tasks. Everything after the stream is at-least-once."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

import msgspec

from resale.application.ports import DueItem
from resale.domain.changes import ChangeType


class Purpose(StrEnum):
    """A tenant's queues by purpose."""

    CHANGES = "changes"
    ORDERS = "orders"
    IMAGES = "images"


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """A message to send: ids only. ``id`` is the same however often the same change is seen."""

    name: str
    purpose: Purpose
    kwargs: Mapping[str, str]
    id: str


class Route(msgspec.Struct, frozen=True):
    """Where the messages of a task go, and the argument that takes the id of what changed."""

    purpose: Purpose
    argument: str


ADVANCE_ORDER: Final = "orders.advance"
ADVANCE_CLAIM: Final = "claims.advance"
ADVANCE_PAYOUT: Final = "payouts.advance"
START_PAYOUT: Final = "payouts.start"
EXPIRE_LISTING: Final = "listings.expire"
PROCESS_IMAGE: Final = "images.process"
RETIRE_PHOTOS: Final = "listings.retire_photos"
PROCESS_INBOUND: Final = "inbound.process"
PROCESS_UPLOAD: Final = "images.process_upload"
SWEEP_AFTER_JUMP: Final = "clocks.sweep"

#: task → its route; of those that follow a change or a wake-up of one entity.
TASKS: Final[Mapping[str, Route]] = {
    ADVANCE_ORDER: Route(Purpose.ORDERS, "order_id"),
    ADVANCE_CLAIM: Route(Purpose.ORDERS, "claim_id"),
    ADVANCE_PAYOUT: Route(Purpose.ORDERS, "payout_id"),
    START_PAYOUT: Route(Purpose.ORDERS, "seller_id"),
    EXPIRE_LISTING: Route(Purpose.ORDERS, "listing_id"),
    RETIRE_PHOTOS: Route(Purpose.IMAGES, "listing_id"),
    SWEEP_AFTER_JUMP: Route(Purpose.ORDERS, "clock_id"),
    PROCESS_INBOUND: Route(Purpose.ORDERS, "inbound_id"),
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
    ChangeType.PAYOUT_CREATED: (ADVANCE_PAYOUT,),
    ChangeType.PAYOUT_SENDING_STARTED: (ADVANCE_PAYOUT,),
    ChangeType.TEST_CLOCK_ADVANCED: (SWEEP_AFTER_JUMP,),
    ChangeType.TEST_CLOCK_CREATED: (SWEEP_AFTER_JUMP,),
    ChangeType.INBOUND_RECEIVED: (PROCESS_INBOUND,),
    ChangeType.LISTING_REJECTED: (RETIRE_PHOTOS,),
    ChangeType.LISTING_REMOVED: (RETIRE_PHOTOS,),
    ChangeType.LISTING_WITHDRAWN: (RETIRE_PHOTOS,),
}

#: kind of entity, by the prefix of its id → what wakes it when it is due (an image: ``PROCESS_IMAGE``).
WAKES: Final[Mapping[str, str]] = {
    "lst": EXPIRE_LISTING,
    "ord": ADVANCE_ORDER,
    "clm": ADVANCE_CLAIM,
    "pyt": ADVANCE_PAYOUT,
    "sel": START_PAYOUT,
    "inb": PROCESS_INBOUND,
}

#: Every change type there is; the ones not in REACTIONS are only recorded.
CHANGE_TYPES: Final = frozenset(ChangeType)


def tasks_after(*, change_type: str, entity_id: str, version: int) -> tuple[Task, ...]:
    """List what follows a committed change."""
    names = REACTIONS.get(change_type, ())
    return tuple(_task(name, entity_id, task_id=f"{name}:{entity_id}:{version}") for name in names)


def task_when_due(item: DueItem) -> Task:
    """Say what wakes something that waited; the id changes with the wake-up, so each one is sent."""
    task_id = f"due:{item.entity_id}:{item.due_at.isoformat()}"
    if item.entity_id.startswith("med_"):
        kwargs = {"listing_id": item.parent_id, "media_id": item.entity_id}
        return Task(name=PROCESS_IMAGE, purpose=Purpose.IMAGES, kwargs=kwargs, id=task_id)
    return _task(WAKES[item.entity_id[:3]], item.entity_id, task_id=task_id)


def _task(name: str, entity_id: str, *, task_id: str) -> Task:
    route = TASKS[name]
    return Task(name=name, purpose=route.purpose, kwargs={route.argument: entity_id}, id=task_id)

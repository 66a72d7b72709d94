"""What follows a change: one table, change type → tasks. Everything after the stream is at-least-once."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

import msgspec

from resale.application.ports import DueItem


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
PROCESS_IMAGE: Final = "images.process"
PROCESS_UPLOAD: Final = "images.process_upload"

#: task → its route; of those that follow a change or a wake-up of one entity.
TASKS: Final[Mapping[str, Route]] = {
    ADVANCE_ORDER: Route(Purpose.ORDERS, "order_id"),
}

#: change type → task names. A change that nothing follows is not in it.
REACTIONS: Final[Mapping[str, tuple[str, ...]]] = {
    "order.submitted": (ADVANCE_ORDER,),
    "order.payment_started": (ADVANCE_ORDER,),
    "order.cancel_requested": (ADVANCE_ORDER,),
    "order.payment_failed": (ADVANCE_ORDER,),
}

#: Every change type there is; the ones not in REACTIONS are only recorded.
CHANGE_TYPES: Final = frozenset(
    {
        "customer.created",
        "image.awaited",
        "image.expired",
        "image.ready",
        "image.rejected",
        "image.requested",
        "listing.approved",
        "listing.changes_requested",
        "listing.created",
        "listing.edited",
        "listing.rejected",
        "listing.released",
        "listing.reserved",
        "listing.sold",
        "listing.submitted",
        "listing.withdrawn",
        "order.cancel_requested",
        "order.cancelled",
        "order.confirmed",
        "order.payment_failed",
        "order.payment_started",
        "order.submitted",
    }
)


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
    return _task(ADVANCE_ORDER, item.entity_id, task_id=task_id)


def _task(name: str, entity_id: str, *, task_id: str) -> Task:
    route = TASKS[name]
    return Task(name=name, purpose=route.purpose, kwargs={route.argument: entity_id}, id=task_id)

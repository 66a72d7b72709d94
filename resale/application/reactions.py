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
    "order.submitted": (ADVANCE_ORDER,),
    "order.payment_started": (ADVANCE_ORDER,),
    "order.payment_authorized": (ADVANCE_ORDER,),
    "order.cancel_requested": (ADVANCE_ORDER,),
    "order.payment_failed": (ADVANCE_ORDER,),
    "order.confirmed": (ADVANCE_ORDER,),
    "order.sale_booked": (ADVANCE_ORDER,),
    "order.label_requested": (ADVANCE_ORDER,),
    "order.address_corrected": (ADVANCE_ORDER,),
    "order.label_voided": (ADVANCE_ORDER,),
    "order.cancelling": (ADVANCE_ORDER,),
    "order.ship_expired": (ADVANCE_ORDER,),
    "order.lost": (ADVANCE_ORDER,),
    "order.receipt_confirmed": (ADVANCE_ORDER,),
    "order.refund_started": (ADVANCE_ORDER,),
    "order.dispute_closed": (ADVANCE_ORDER,),
    "order.funds_reinstated": (ADVANCE_ORDER,),
    "claim.approved": (ADVANCE_CLAIM,),
    "payout.created": (ADVANCE_PAYOUT,),
    "payout.sending_started": (ADVANCE_PAYOUT,),
    "test_clock.advanced": (SWEEP_AFTER_JUMP,),
    "test_clock.created": (SWEEP_AFTER_JUMP,),
    "inbound.received": (PROCESS_INBOUND,),
    "listing.rejected": (RETIRE_PHOTOS,),
    "listing.removed": (RETIRE_PHOTOS,),
    "listing.withdrawn": (RETIRE_PHOTOS,),
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
CHANGE_TYPES: Final = frozenset(
    {
        "claim.approved",
        "claim.approved_without_return",
        "claim.denied",
        "claim.evidence_added",
        "claim.evidence_requested",
        "claim.expired",
        "claim.opened",
        "claim.postponed",
        "claim.refunded",
        "claim.return_label_issued",
        "claim.return_label_refused",
        "claim.return_label_sought",
        "claim.return_label_voided",
        "claim.return_polled",
        "claim.return_scanned",
        "claim.return_tracked",
        "claim.withdrawn",
        "connection.degraded",
        "connection.recovered",
        "customer.created",
        "dead_letter.discarded",
        "dead_letter.replay_started",
        "dead_letter.replayed",
        "image.awaited",
        "image.expired",
        "image.ready",
        "image.rejected",
        "image.requested",
        "image.retried",
        "inbound.failed",
        "inbound.ignored",
        "inbound.postponed",
        "inbound.processed",
        "inbound.received",
        "listing.approved",
        "listing.changes_requested",
        "listing.created",
        "listing.edited",
        "listing.expired",
        "listing.paused",
        "listing.rejected",
        "listing.released",
        "listing.relisted",
        "listing.removed",
        "listing.reserved",
        "listing.resumed",
        "listing.sold",
        "listing.submitted",
        "listing.withdrawn",
        "order.acknowledged",
        "order.address_corrected",
        "order.cancel_requested",
        "order.cancelled",
        "order.cancelling",
        "order.charged_back",
        "order.claim_closed",
        "order.claim_opened",
        "order.completed",
        "order.confirmed",
        "order.delivered",
        "order.dispute_closed",
        "order.dispute_opened",
        "order.funds_reinstated",
        "order.label_issued",
        "order.label_refused",
        "order.label_requested",
        "order.label_sought",
        "order.label_voided",
        "order.lost",
        "order.payment_authorized",
        "order.payment_awaited",
        "order.payment_failed",
        "order.payment_requires_action",
        "order.payment_started",
        "order.postponed",
        "order.receipt_confirmed",
        "order.refund_awaited",
        "order.refund_failed",
        "order.refund_started",
        "order.refunded",
        "order.sale_booked",
        "order.ship_expired",
        "order.shipped",
        "order.submitted",
        "order.tracked",
        "order.tracking_polled",
        "payout.awaited",
        "payout.cancelled",
        "payout.created",
        "payout.failed",
        "payout.paid",
        "payout.postponed",
        "payout.returned",
        "payout.sending_started",
        "payout.sent",
        "purchase.claimed",
        "purchase.recorded",
        "purchase.released",
        "seller.balance_changed",
        "seller.edited",
        "seller.payout_passed",
        "test_clock.advanced",
        "test_clock.created",
        "transfer.available",
        "transfer.held",
        "transfer.reduced",
        "transfer.reopened",
        "transfer.restored",
        "transfer.reversed",
        "transfer.settled",
        "transfer.taken_back",
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
    return _task(WAKES[item.entity_id[:3]], item.entity_id, task_id=task_id)


def _task(name: str, entity_id: str, *, task_id: str) -> Task:
    route = TASKS[name]
    return Task(name=name, purpose=route.purpose, kwargs={route.argument: entity_id}, id=task_id)

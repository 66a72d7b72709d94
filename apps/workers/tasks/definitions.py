"""The tasks: each converts its message, runs one operation and converts the outcome. Task names never change."""

import logging
import time
from datetime import datetime
from typing import Any, Final
from urllib.parse import unquote_plus

import msgspec
from celery import shared_task

from apps.core import clock
from apps.core.container import get_container
from apps.core.metering import USAGE
from apps.workers.sweep import Sweeper
from apps.workers.tasks.base import TenantTask
from apps.workers.tasks.handlers import (
    TASK_HANDLERS,
    Delivery,
    process_image_slot,
    publish_listing_photos,
    retire_listing_photos,
)
from resale.application.ports import UnitOfWork
from resale.domain.actors import Actor, ActorKind
from resale.domain.command_context import CommandContext
from resale.domain.ids import ListingId, MediaId
from resale.domain.media import MediaNotFound, parse_original_key
from resale.domain.task_names import (
    ADVANCE_CLAIM,
    ADVANCE_ORDER,
    ADVANCE_PAYOUT,
    EXPIRE_LISTING,
    PROCESS_IMAGE,
    PROCESS_INBOUND,
    PROCESS_UPLOAD,
    PUBLISH_PHOTOS,
    RETIRE_PHOTOS,
    START_PAYOUT,
    SWEEP_AFTER_JUMP,
)
from resale.domain.usage import Meter

logger = logging.getLogger(__name__)

_CREATED: Final = "ObjectCreated:"
_UNKNOWN_UPLOAD: Final = {"event": "upload.unknown"}  # stable: alarms are set on it


class _S3Object(msgspec.Struct):
    key: str


class _S3Entity(msgspec.Struct):
    uploaded: _S3Object = msgspec.field(name="object")


class _S3Record(msgspec.Struct):
    event_name: str = msgspec.field(name="eventName")
    s3: _S3Entity


class _S3Event(msgspec.Struct):
    """An S3 event notification. The test event that S3 sends first has no records."""

    records: tuple[_S3Record, ...] = msgspec.field(default=(), name="Records")


@shared_task(bind=True, base=TenantTask, name=ADVANCE_ORDER)
def advance(self: TenantTask, *, order_id: str) -> None:
    """Take an order's next step: payment, label, tracking, refund or completion."""
    TASK_HANDLERS[ADVANCE_ORDER](_delivery(self), order_id=order_id)


@shared_task(bind=True, base=TenantTask, name=ADVANCE_CLAIM)
def advance_one_claim(self: TenantTask, *, claim_id: str) -> None:
    """Take a claim's next step: return label, return parcel, or expiry."""
    TASK_HANDLERS[ADVANCE_CLAIM](_delivery(self), claim_id=claim_id)


@shared_task(bind=True, base=TenantTask, name=ADVANCE_PAYOUT)
def advance_one_payout(self: TenantTask, *, payout_id: str) -> None:
    """Send a payout, or check with the provider what became of it."""
    TASK_HANDLERS[ADVANCE_PAYOUT](_delivery(self), payout_id=payout_id)


@shared_task(bind=True, base=TenantTask, name=START_PAYOUT)
def start_one_payout(self: TenantTask, *, seller_id: str) -> None:
    """Create the payout of a seller that is due."""
    TASK_HANDLERS[START_PAYOUT](_delivery(self), seller_id=seller_id)


@shared_task(bind=True, base=TenantTask, name=EXPIRE_LISTING)
def expire_one_listing(self: TenantTask, *, listing_id: str) -> None:
    """Expire a listing whose time on sale ended."""
    TASK_HANDLERS[EXPIRE_LISTING](_delivery(self), listing_id=listing_id)


@shared_task(bind=True, base=TenantTask, name=PROCESS_INBOUND)
def process_event(self: TenantTask, *, inbound_id: str) -> None:
    """Act on a partner's event: update the object that it is about, then settle the event."""
    TASK_HANDLERS[PROCESS_INBOUND](_delivery(self), inbound_id=inbound_id)


@shared_task(bind=True, base=TenantTask, name=SWEEP_AFTER_JUMP)
def sweep_after_advance(self: TenantTask, *, clock_id: str) -> None:
    """Send the tasks of items that a test clock made due; otherwise the next sweep sends them."""
    container, tenant = get_container(), self.tenant
    sweeper = Sweeper(reader=container.reader(tenant), queues=container.queues(tenant))
    woken = sweeper.run_once(now=clock.for_tenant(tenant, fresh=True))
    logger.info("woken after the test clock was advanced", extra={"clock_id": clock_id, "count": woken})


@shared_task(bind=True, base=TenantTask, name=PROCESS_IMAGE)
def process(self: TenantTask, *, listing_id: str, media_id: str) -> None:
    """Process the upload of an image slot, or expire a slot without one."""
    _process(self, ListingId(listing_id), MediaId(media_id))


@shared_task(bind=True, base=TenantTask, name=PUBLISH_PHOTOS)
def publish_photos_of_listing(self: TenantTask, *, listing_id: str) -> None:
    """Make the photos of a listing public after it was approved."""
    store = get_container().media_store(self.tenant)
    count = publish_listing_photos(_delivery(self), store=store, listing_id=ListingId(listing_id))
    logger.info("photos are public", extra={"listing_id": listing_id, "count": count})


@shared_task(bind=True, base=TenantTask, name=RETIRE_PHOTOS)
def retire_photos_of_listing(self: TenantTask, *, listing_id: str) -> None:
    """Make the photos of a listing private after it was withdrawn, rejected or removed."""
    store = get_container().media_store(self.tenant)
    count = retire_listing_photos(_delivery(self), store=store, listing_id=ListingId(listing_id))
    logger.info("photos are no longer public", extra={"listing_id": listing_id, "count": count})


@shared_task(bind=True, base=TenantTask, name=PROCESS_UPLOAD)
def process_upload(self: TenantTask, *, event: dict[str, Any]) -> None:
    """Process the upload that an S3 event reports. Keys arrive URL-encoded; a key of no image slot is ignored."""
    for record in msgspec.convert(event, _S3Event).records:
        slot = parse_original_key(unquote_plus(record.s3.uploaded.key))
        if slot is None or not record.event_name.removeprefix("s3:").startswith(_CREATED):
            continue
        try:
            _process(self, *slot)
        except MediaNotFound:  # an object under originals/ that no slot was made for: nobody waits for it
            logger.warning("upload of no image slot of this tenant", extra=_UNKNOWN_UPLOAD)


def _process(task: TenantTask, listing_id: ListingId, media_id: MediaId) -> None:
    container = get_container()
    store = container.media_store(task.tenant)
    began = time.monotonic()
    try:
        media = process_image_slot(
            _delivery(task), store=store, codec=container.codec, listing_id=listing_id, media_id=media_id
        )
    finally:
        USAGE.add(task.tenant.id, Meter.IMAGE_SECONDS, time.monotonic() - began)
    if media.renditions:
        stored_bytes = media.slot.bytes + sum(rendition.bytes for rendition in media.renditions)
        USAGE.add(task.tenant.id, Meter.STORED_BYTES, stored_bytes)


def _delivery(task: TenantTask) -> Delivery:
    """Return the tenant's unit of work, partners and clock for a message."""
    container, tenant = get_container(), task.tenant
    actor, request_id = Actor(kind=ActorKind.SYSTEM, id=task.name or "task"), str(task.request.id)

    def open_uow(now: datetime) -> UnitOfWork:
        return container.unit_of_work(tenant, CommandContext(actor=actor, request_id=request_id, now=now))

    return Delivery(
        open_uow=open_uow,
        partners=container.partners(tenant),
        now=lambda: clock.for_tenant(tenant, fresh=True),
        receive_count=task.receive_count,
    )

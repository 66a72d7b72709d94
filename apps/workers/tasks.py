"""The tasks: translate in, call one operation, translate out. Their names are shipped and never change."""

from collections.abc import Callable
from typing import Any, Final, TypeVar
from urllib.parse import unquote_plus

import msgspec
from celery import shared_task

from apps.core import clock
from apps.core.commands import perform
from apps.core.container import get_container
from apps.workers.base import TenantTask
from resale.application.operations.media import process_image
from resale.application.operations.orders import advance_order
from resale.application.ports import UnitOfWork
from resale.application.reactions import ADVANCE_ORDER, PROCESS_IMAGE, PROCESS_UPLOAD
from resale.domain.actors import Actor, ActorKind
from resale.domain.ids import ListingId, MediaId, OrderId
from resale.domain.media import MediaNotFound, parse_original_key

R = TypeVar("R")

_CREATED: Final = "ObjectCreated:"


class _S3Object(msgspec.Struct):
    key: str


class _S3Entity(msgspec.Struct):
    uploaded: _S3Object = msgspec.field(name="object")


class _S3Record(msgspec.Struct):
    event_name: str = msgspec.field(name="eventName")
    s3: _S3Entity


class _S3Event(msgspec.Struct):
    """An S3 event notification; the test event S3 sends first has no records."""

    records: tuple[_S3Record, ...] = msgspec.field(default=(), name="Records")


@shared_task(bind=True, base=TenantTask, name=ADVANCE_ORDER)
def advance(self: TenantTask, *, order_id: str) -> None:
    """Take an order's next step."""
    tenant = self.tenant
    payments = get_container().payments(tenant)
    _run(
        self,
        lambda uow: advance_order(uow=uow, payments=payments, order_id=OrderId(order_id), now=clock.for_tenant(tenant)),
    )


@shared_task(bind=True, base=TenantTask, name=PROCESS_IMAGE)
def process(self: TenantTask, *, listing_id: str, media_id: str) -> None:
    """Look at an image slot: process its upload, or see that none came."""
    _process(self, ListingId(listing_id), MediaId(media_id))


@shared_task(bind=True, base=TenantTask, name=PROCESS_UPLOAD)
def process_upload(self: TenantTask, *, event: dict[str, Any]) -> None:
    """Process what S3 says was uploaded. Keys arrive URL-encoded; what is no slot of ours is passed over."""
    for record in msgspec.convert(event, _S3Event).records:
        slot = parse_original_key(unquote_plus(record.s3.uploaded.key))
        if slot is None or not record.event_name.removeprefix("s3:").startswith(_CREATED):
            continue
        try:
            _process(self, *slot)
        except MediaNotFound:
            continue  # an object under originals/ that no slot was made for: nobody waits for it


def _process(task: TenantTask, listing_id: ListingId, media_id: MediaId) -> None:
    tenant, container = task.tenant, get_container()
    store = container.media_store(tenant)
    _run(
        task,
        lambda uow: process_image(
            uow=uow,
            store=store,
            codec=container.codec,
            listing_id=listing_id,
            media_id=media_id,
            now=clock.for_tenant(tenant),
        ),
    )


def _run(task: TenantTask, operation: Callable[[UnitOfWork], R]) -> R:
    tenant = task.tenant
    actor = Actor(kind=ActorKind.SYSTEM, id=task.name or "task")
    return perform(
        lambda: get_container().unit_of_work(
            tenant, actor=actor, request_id=str(task.request.id), now=clock.for_tenant(tenant)
        ),
        operation,
    )

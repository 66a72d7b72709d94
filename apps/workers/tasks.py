"""The tasks: translate in, call one operation, translate out. Their names are shipped and never change."""

import logging
from collections.abc import Callable
from datetime import datetime
from typing import Any, Final, TypeVar
from urllib.parse import unquote_plus

import msgspec
from celery import shared_task

from apps.core import clock
from apps.core.commands import perform
from apps.core.container import get_container
from apps.workers.base import TenantTask
from apps.workers.sweep import Sweeper
from resale.application.operations.claims import advance_claim, postpone_claim
from resale.application.operations.inbound import Settlement, process_inbound, settle_inbound
from resale.application.operations.media import process_image
from resale.application.operations.orders import advance_order, postpone_order
from resale.application.operations.payouts import advance_payout, postpone_payout, start_due_payout
from resale.application.ports import UnitOfWork
from resale.application.reactions import (
    ADVANCE_CLAIM,
    ADVANCE_ORDER,
    ADVANCE_PAYOUT,
    PROCESS_IMAGE,
    PROCESS_INBOUND,
    PROCESS_UPLOAD,
    START_PAYOUT,
    SWEEP_AFTER_JUMP,
)
from resale.domain.actors import Actor, ActorKind
from resale.domain.ids import ClaimId, InboundId, ListingId, MediaId, OrderId, PayoutId, SellerId
from resale.domain.media import MediaNotFound, parse_original_key
from resale.domain.partners import PartnerPaused, PartnerUnavailable
from resale.errors import Unavailable

R = TypeVar("R")
logger = logging.getLogger(__name__)

Operation = Callable[[UnitOfWork, datetime], R]

_CREATED: Final = "ObjectCreated:"
_SOON: Final = 3  # deliveries of a message before its step is put off


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
    entity_id, partners = OrderId(order_id), get_container().partners(self.tenant)
    _step(
        self,
        lambda uow, now: advance_order(uow=uow, partners=partners, order_id=entity_id, now=now),
        lambda uow, now, code: postpone_order(uow=uow, order_id=entity_id, reason_code=code, now=now),
    )


@shared_task(bind=True, base=TenantTask, name=ADVANCE_CLAIM)
def advance_one_claim(self: TenantTask, *, claim_id: str) -> None:
    """Take a claim's next step."""
    entity_id, partners = ClaimId(claim_id), get_container().partners(self.tenant)
    _step(
        self,
        lambda uow, now: advance_claim(uow=uow, partners=partners, claim_id=entity_id, now=now),
        lambda uow, now, code: postpone_claim(uow=uow, claim_id=entity_id, reason_code=code, now=now),
    )


@shared_task(bind=True, base=TenantTask, name=ADVANCE_PAYOUT)
def advance_one_payout(self: TenantTask, *, payout_id: str) -> None:
    """Send a payout, or see what became of it."""
    entity_id, partners = PayoutId(payout_id), get_container().partners(self.tenant)
    _step(
        self,
        lambda uow, now: advance_payout(uow=uow, partners=partners, payout_id=entity_id, now=now),
        lambda uow, now, code: postpone_payout(uow=uow, payout_id=entity_id, reason_code=code, now=now),
    )


@shared_task(bind=True, base=TenantTask, name=START_PAYOUT)
def start_one_payout(self: TenantTask, *, seller_id: str) -> None:
    """Pay a seller whose time has come."""
    _run(self, lambda uow, now: start_due_payout(uow=uow, seller_id=SellerId(seller_id), now=now))


@shared_task(bind=True, base=TenantTask, name=SWEEP_AFTER_JUMP)
def sweep_after_jump(self: TenantTask, *, clock_id: str) -> None:
    """Wake at once what a test clock has made due; without it, the next sweep does."""
    container, tenant = get_container(), self.tenant
    sweeper = Sweeper(reader=container.reader(tenant), queues=container.queues(tenant))
    woken = sweeper.run_once(now=clock.for_tenant(tenant, fresh=True))
    logger.info("woken after a test clock was moved", extra={"clock_id": clock_id, "count": woken})


@shared_task(bind=True, base=TenantTask, name=PROCESS_INBOUND)
def process_event(self: TenantTask, *, inbound_id: str) -> None:
    """Act on what a partner told, then settle it: two commits, each of which may be repeated."""
    event_id, partners = InboundId(inbound_id), get_container().partners(self.tenant)
    try:
        settlement = _run(
            self,
            lambda uow, now: process_inbound(uow=uow, partners=partners, inbound_id=event_id, now=now),
        )
    except Unavailable as outcome:
        if _is_soon(self, outcome):
            raise
        settlement = Settlement(command=None, reason_code=outcome.code)
    _run(self, lambda uow, now: settle_inbound(uow=uow, inbound_id=event_id, settlement=settlement, now=now))


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


def _step(task: TenantTask, operation: Operation[R], postpone: Callable[[UnitOfWork, datetime, str], R]) -> None:
    """Take a step with a partner in it.

    A partner that does not answer is asked again by the same message a few times, soon; then the step is put off, as
    data: an outage of a partner fills no dead-letter queue.
    """
    try:
        _run(task, operation)
    except PartnerUnavailable as outcome:
        code = outcome.code
        if _is_soon(task, outcome):
            raise
        _run(task, lambda uow, now: postpone(uow, now, code))


def _is_soon(task: TenantTask, outcome: Unavailable) -> bool:
    """Say whether to let the same message come again: few times, and not while the partner is not asked at all."""
    return task.receive_count < _SOON and not isinstance(outcome, PartnerPaused)


def _process(task: TenantTask, listing_id: ListingId, media_id: MediaId) -> None:
    container = get_container()
    store = container.media_store(task.tenant)
    _run(
        task,
        lambda uow, now: process_image(
            uow=uow, store=store, codec=container.codec, listing_id=listing_id, media_id=media_id, now=now
        ),
    )


def _run(task: TenantTask, operation: Operation[R]) -> R:
    """Run an operation at one moment: what it decides by is what is put on record."""
    tenant = task.tenant
    actor = Actor(kind=ActorKind.SYSTEM, id=task.name or "task")
    now = clock.for_tenant(tenant, fresh=True)
    return perform(
        lambda: get_container().unit_of_work(tenant, actor=actor, request_id=str(task.request.id), now=now),
        lambda uow: operation(uow, now),
    )

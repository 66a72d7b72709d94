"""Effects of a replay as data: for each task, a function that reads like the task and writes nothing."""

from collections.abc import Callable, Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, TypeVar

import msgspec
from msgspec import UNSET

from resale.application.ports import HistoryRow, MediaStore, Reader
from resale.domain import task_names
from resale.domain.claims import Claim, ClaimStep, next_claim_step
from resale.domain.dead_letters import Contents, uploads_of
from resale.domain.entities import CLAIM, INBOUND_EVENT, LISTING, ORDER, PAYOUT, SELLER, EntityType
from resale.domain.ids import ListingId, MediaId, is_any_id
from resale.domain.inbound import Inbound, InboundStatus
from resale.domain.listings import LISTINGS, Listing, ListingCommand, find_unpublished
from resale.domain.media import Media, MediaNotFound, MediaStatus, original_key, upload_deadline_of
from resale.domain.order_steps import OrderStep, next_step
from resale.domain.orders import Order
from resale.domain.payouts import Payout, PayoutMethod, PayoutStatus
from resale.domain.sellers import Seller
from resale.errors import NotFound

I = TypeVar("I", bound=str)  # noqa: E741 - an id
E = TypeVar("E", bound=msgspec.Struct)


class EffectKind(StrEnum):
    """The kind of an effect."""

    STEP = "step"  # the entity's workflow takes ``step``
    RECORD = "record"  # ``version`` is appended to the entity's history
    SEND = "send"  # ``task`` is sent
    REFUSE = "refuse"  # the rules say no: noted with ``code``, and the message is done
    RUN = "run"  # ``task`` runs; what it would do is not described
    FAIL = "fail"  # it would fail as before: nothing can be read from it, or the history says otherwise


class Effect(msgspec.Struct, frozen=True, kw_only=True):
    """One effect of a replay."""

    kind: EffectKind
    entity_id: str | None = None
    status: str | None = None
    due_at: datetime | None = None
    step: str | None = None
    version: int | None = None
    task: str | None = None
    code: str | None = None


class DryRunContext(msgspec.Struct, frozen=True, kw_only=True):
    """The resources that the description of effects can read."""

    reader: Reader
    store: MediaStore
    now: datetime
    tasks_after: Callable[[HistoryRow], tuple[str, ...]]  # the reactions' own table


Describer = Callable[[DryRunContext, Contents], tuple[Effect, ...]]


def describe_task(context: DryRunContext, contents: Contents) -> tuple[Effect, ...]:
    """Return the effects of running a message's task; none if its work is already done."""
    if contents.task is None:
        return (Effect(kind=EffectKind.FAIL),)
    describe = DESCRIBERS.get(contents.task)
    if describe is None:
        return (Effect(kind=EffectKind.RUN, task=contents.task),)
    return describe(context, contents)


def describe_change(context: DryRunContext, row: HistoryRow | None) -> tuple[Effect, ...]:
    """Return the effects of processing a change: a row that history lacks, and the tasks that follow."""
    if row is None:
        return (Effect(kind=EffectKind.FAIL),)
    known = context.reader.find_history_row(row.entity_id, row.version)
    if known is not None and known.change != row.change:
        return (Effect(kind=EffectKind.FAIL, entity_id=row.entity_id, version=row.version),)  # the history is forked
    record = Effect(kind=EffectKind.RECORD, entity_id=row.entity_id, version=row.version)
    sends = (Effect(kind=EffectKind.SEND, entity_id=row.entity_id, task=task) for task in context.tasks_after(row))
    return (*((record,) if known is None else ()), *sends)


# ---------------------------------------------------------------- the next step of an entity
def _order_step(order: Order, context: DryRunContext) -> str | None:
    step = next_step(order, now=context.now)
    return None if step == OrderStep.NOTHING else step


def _claim_step(claim: Claim, context: DryRunContext) -> str | None:
    step = next_claim_step(claim, now=context.now)
    return None if step == ClaimStep.NOTHING else step


def _payout_step(payout: Payout, _: DryRunContext) -> str | None:
    """Return the step of a payout: a call to the provider, whose response is unknown."""
    if payout.may_be_cancelled:
        return "begin_sending"
    return _PAYOUT_STEPS.get(payout.status) if payout.method == PayoutMethod.CASH else None


def _seller_step(seller: Seller, context: DryRunContext) -> str | None:
    return "start_payout" if seller.due_at is not None and context.now >= seller.due_at else None


def _listing_step(listing: Listing, context: DryRunContext) -> str | None:
    ends = LISTINGS.allows(listing.status, ListingCommand.EXPIRE, entity=listing, now=context.now)
    return "expire" if ends and listing.due_at is not UNSET else None


def _photos_step(listing: Listing, context: DryRunContext) -> str | None:
    return "publish_photos" if find_unpublished(listing, context.store.list_pending(listing.id)) else None


def _inbound_step(inbound: Inbound, _: DryRunContext) -> str | None:
    """Return the step of an event: its processing, which runs a step of its subject."""
    return "process" if inbound.status == InboundStatus.RECEIVED else None


def _describer(
    entity_type: EntityType[I, E], next_step_of: Callable[[E, DryRunContext], str | None], *, refuses: bool = True
) -> Describer:
    """Build the function that describes the task of an entity; ``refuses``: a missing entity is a refusal."""

    def describe(context: DryRunContext, contents: Contents) -> tuple[Effect, ...]:
        entity_id = _argument(contents, entity_type.argument)
        document = context.reader.find(entity_type, entity_id) if entity_type.id.matches(entity_id) else None
        if document is None:
            return _refusal(entity_type.not_found, entity_id) if refuses else ()
        entity: Any = msgspec.json.decode(document.doc, type=entity_type.struct)
        step = next_step_of(entity, context)
        due_at = None if entity.due_at is UNSET else entity.due_at
        return () if step is None else _step(entity.id, entity.status, due_at, step)

    return describe


# ---------------------------------------------------------------- images
def _describe_image(context: DryRunContext, contents: Contents) -> tuple[Effect, ...]:
    listing_id, media_id = _argument(contents, "listing_id"), _argument(contents, "media_id")
    return _describe_slot(context, ListingId(listing_id), MediaId(media_id))


def _describe_upload(context: DryRunContext, contents: Contents) -> tuple[Effect, ...]:
    """Describe each slot of an S3 event; other keys are ignored, like in the task."""
    slots = dict.fromkeys(uploads_of(contents.kwargs.get("event")))
    effects = (effect for slot in slots for effect in _describe_slot(context, *slot))
    return tuple(effect for effect in effects if effect.kind != EffectKind.REFUSE)


def _describe_slot(context: DryRunContext, listing_id: ListingId, media_id: MediaId) -> tuple[Effect, ...]:
    slots = context.reader.list_media(listing_id) if is_any_id(listing_id) else ()
    media = next((one for one in slots if one.id == media_id), None)
    if media is None:
        return _refusal(MediaNotFound, media_id)
    step = None if media.status != MediaStatus.AWAITING_UPLOAD else _image_step(context, media)
    return () if step is None else _step(media.id, media.status, media.due_at, step)


def _image_step(context: DryRunContext, media: Media) -> str | None:
    """Return the step of an open slot."""
    if context.store.find_first_version(original_key(media.listing_id, media.id)) is not None:
        return "process_upload"
    if context.now >= upload_deadline_of(media):
        return "expire"
    return None if media.due_at == upload_deadline_of(media) else "await_upload"


def _argument(contents: Contents, name: str) -> str:
    return str(contents.kwargs.get(name, ""))


def _step(entity_id: str, status: str, due_at: datetime | None, step: str) -> tuple[Effect, ...]:
    effect = Effect(kind=EffectKind.STEP, entity_id=entity_id, status=str(status), due_at=due_at, step=str(step))
    return (effect,)


def _refusal(kind: type[NotFound], entity_id: str) -> tuple[Effect, ...]:
    """Return the effect of a refusal, without an id that is not ours."""
    return (Effect(kind=EffectKind.REFUSE, entity_id=entity_id if is_any_id(entity_id) else None, code=kind.code),)


#: What asking for a payout would do, by where it is.
_PAYOUT_STEPS: Final[Mapping[PayoutStatus, str]] = {
    PayoutStatus.PENDING: "pay_out",
    PayoutStatus.IN_TRANSIT: "look_up",
    PayoutStatus.PAID: "look_up",
}
#: task → what it would do. A test holds it to the tasks there are.
DESCRIBERS: Final[Mapping[str, Describer]] = {
    task_names.ADVANCE_ORDER: _describer(ORDER, _order_step),
    task_names.ADVANCE_CLAIM: _describer(CLAIM, _claim_step),
    task_names.ADVANCE_PAYOUT: _describer(PAYOUT, _payout_step),
    task_names.START_PAYOUT: _describer(SELLER, _seller_step, refuses=False),
    task_names.EXPIRE_LISTING: _describer(LISTING, _listing_step),
    task_names.PUBLISH_PHOTOS: _describer(LISTING, _photos_step),
    task_names.PROCESS_INBOUND: _describer(INBOUND_EVENT, _inbound_step),
    task_names.PROCESS_IMAGE: _describe_image,
    task_names.PROCESS_UPLOAD: _describe_upload,
}

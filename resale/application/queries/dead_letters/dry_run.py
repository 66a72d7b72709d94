"""What a replay would do, as data: each task has a function that reads what the task would read, and writes nothing."""

from collections.abc import Callable, Mapping
from datetime import datetime
from enum import StrEnum
from typing import Final

import msgspec
from msgspec import UNSET

from resale.application.ports import HistoryRow, MediaStore, Reader
from resale.domain.claims import Claim, ClaimNotFound, ClaimStep, next_claim_step
from resale.domain.dead_letters import Contents, uploads_of
from resale.domain.entities import CLAIM, INBOUND_EVENT, LISTING, ORDER, PAYOUT, SELLER
from resale.domain.ids import ClaimId, InboundId, ListingId, MediaId, OrderId, PayoutId, SellerId, is_any_id, is_id
from resale.domain.inbound import Inbound, InboundNotFound, InboundStatus
from resale.domain.listings import LISTINGS, Listing, ListingCommand, ListingNotFound
from resale.domain.media import Media, MediaNotFound, MediaStatus, last_look_at, original_key
from resale.domain.order_steps import OrderStep, next_step
from resale.domain.orders import Order, OrderNotFound
from resale.domain.payouts import Payout, PayoutMethod, PayoutNotFound, PayoutStatus
from resale.domain.sellers import Seller
from resale.errors import NotFound


class EffectKind(StrEnum):
    """What would happen."""

    STEP = "step"  # the entity's workflow takes ``step``
    RECORD = "record"  # ``version`` is appended to the entity's history
    SEND = "send"  # ``task`` is sent
    REFUSE = "refuse"  # the rules say no: noted with ``code``, and the message is done
    RUN = "run"  # ``task`` runs; what it would do is not described
    FAIL = "fail"  # it would fail as before: nothing can be read from it, or the history says otherwise


class Effect(msgspec.Struct, frozen=True, kw_only=True):
    """One thing a replay would do."""

    kind: EffectKind
    entity_id: str | None = None
    status: str | None = None
    due_at: datetime | None = None
    step: str | None = None
    version: int | None = None
    task: str | None = None
    code: str | None = None


class Looking(msgspec.Struct, frozen=True, kw_only=True):
    """What a description may look at."""

    reader: Reader
    store: MediaStore
    now: datetime
    tasks_after: Callable[[HistoryRow], tuple[str, ...]]  # the reactions' own table


Describer = Callable[[Looking, Contents], tuple[Effect, ...]]


def describe_task(looking: Looking, contents: Contents) -> tuple[Effect, ...]:
    """Say what running a message's task would do; nothing when it would find its work done."""
    if contents.task is None:
        return (Effect(kind=EffectKind.FAIL),)
    describe = DESCRIBERS.get(contents.task)
    if describe is None:
        return (Effect(kind=EffectKind.RUN, task=contents.task),)
    return describe(looking, contents)


def describe_change(looking: Looking, row: HistoryRow | None) -> tuple[Effect, ...]:
    """Say what taking in a change would do: a row that history lacks, and the tasks that follow once more."""
    if row is None:
        return (Effect(kind=EffectKind.FAIL),)
    known = looking.reader.find_history_row(row.entity_id, row.version)
    if known is not None and known.change != row.change:
        return (Effect(kind=EffectKind.FAIL, entity_id=row.entity_id, version=row.version),)  # the history is forked
    record = Effect(kind=EffectKind.RECORD, entity_id=row.entity_id, version=row.version)
    sends = (Effect(kind=EffectKind.SEND, entity_id=row.entity_id, task=task) for task in looking.tasks_after(row))
    return (*((record,) if known is None else ()), *sends)


# ---------------------------------------------------------------- task by task
def _describe_order(looking: Looking, contents: Contents) -> tuple[Effect, ...]:
    order_id = OrderId(_argument(contents, "order_id"))
    document = looking.reader.find(ORDER, order_id) if is_id("ord", order_id) else None
    if document is None:
        return _refusal(OrderNotFound, order_id)
    order = msgspec.json.decode(document.doc, type=Order)
    step = next_step(order, now=looking.now)
    return () if step == OrderStep.NOTHING else _step(order.id, order.status, order.due_at, step)


def _describe_claim(looking: Looking, contents: Contents) -> tuple[Effect, ...]:
    claim_id = ClaimId(_argument(contents, "claim_id"))
    document = looking.reader.find(CLAIM, claim_id) if is_id("clm", claim_id) else None
    if document is None:
        return _refusal(ClaimNotFound, claim_id)
    claim = msgspec.json.decode(document.doc, type=Claim)
    step = next_claim_step(claim, now=looking.now)
    return () if step == ClaimStep.NOTHING else _step(claim.id, claim.status, claim.due_at, step)


def _describe_payout(looking: Looking, contents: Contents) -> tuple[Effect, ...]:
    """Say whether the provider would be asked; what it says nobody knows before."""
    payout_id = PayoutId(_argument(contents, "payout_id"))
    document = looking.reader.find(PAYOUT, payout_id) if is_id("pyt", payout_id) else None
    if document is None:
        return _refusal(PayoutNotFound, payout_id)
    payout = msgspec.json.decode(document.doc, type=Payout)
    step = _PAYOUT_STEPS.get(payout.status) if payout.method == PayoutMethod.CASH else None
    step = "begin_sending" if payout.may_be_cancelled else step
    return () if step is None else _step(payout.id, payout.status, payout.due_at, step)


def _describe_seller(looking: Looking, contents: Contents) -> tuple[Effect, ...]:
    seller_id = SellerId(_argument(contents, "seller_id"))
    document = looking.reader.find(SELLER, seller_id) if is_id("sel", seller_id) else None
    seller = None if document is None else msgspec.json.decode(document.doc, type=Seller)
    if seller is None or seller.due_at is None or looking.now < seller.due_at:
        return ()
    return _step(seller.id, seller.status, seller.due_at, "start_payout")


def _describe_listing(looking: Looking, contents: Contents) -> tuple[Effect, ...]:
    listing_id = ListingId(_argument(contents, "listing_id"))
    document = looking.reader.find(LISTING, listing_id) if is_id("lst", listing_id) else None
    if document is None:
        return _refusal(ListingNotFound, listing_id)
    listing = msgspec.json.decode(document.doc, type=Listing)
    ends = LISTINGS.allows(listing.status, ListingCommand.EXPIRE, entity=listing, now=looking.now)
    if not ends or listing.due_at is UNSET:
        return ()
    return _step(listing.id, listing.status, listing.due_at, "expire")


def _describe_inbound(looking: Looking, contents: Contents) -> tuple[Effect, ...]:
    """Say whether what a partner told would be acted on; what follows is its entity's own step."""
    inbound_id = InboundId(_argument(contents, "inbound_id"))
    document = looking.reader.find(INBOUND_EVENT, inbound_id) if is_id("inb", inbound_id) else None
    if document is None:
        return _refusal(InboundNotFound, inbound_id)
    inbound = msgspec.json.decode(document.doc, type=Inbound)
    waits = inbound.status == InboundStatus.RECEIVED
    return _step(inbound.id, inbound.status, inbound.due_at, "process") if waits else ()


def _describe_image(looking: Looking, contents: Contents) -> tuple[Effect, ...]:
    listing_id, media_id = _argument(contents, "listing_id"), _argument(contents, "media_id")
    return _describe_slot(looking, ListingId(listing_id), MediaId(media_id))


def _describe_upload(looking: Looking, contents: Contents) -> tuple[Effect, ...]:
    """Describe each slot of an S3 event; a key that is no slot of ours is passed over, as the task does."""
    slots = dict.fromkeys(uploads_of(contents.kwargs.get("event")))
    effects = (effect for slot in slots for effect in _describe_slot(looking, *slot))
    return tuple(effect for effect in effects if effect.kind != EffectKind.REFUSE)


def _describe_slot(looking: Looking, listing_id: ListingId, media_id: MediaId) -> tuple[Effect, ...]:
    slots = looking.reader.list_media(listing_id) if is_any_id(listing_id) else ()
    media = next((one for one in slots if one.id == media_id), None)
    if media is None:
        return _refusal(MediaNotFound, media_id)
    step = None if media.status != MediaStatus.AWAITING_UPLOAD else _image_step(looking, media)
    return () if step is None else _step(media.id, media.status, media.due_at, step)


def _image_step(looking: Looking, media: Media) -> str | None:
    """Say what the task would do with a slot that is still open."""
    if looking.store.find_first_version(original_key(media.listing_id, media.id)) is not None:
        return "process_upload"
    if looking.now >= last_look_at(media):
        return "expire"
    return None if media.due_at == last_look_at(media) else "await_upload"


def _argument(contents: Contents, name: str) -> str:
    return str(contents.kwargs.get(name, ""))


def _step(entity_id: str, status: str, due_at: datetime | None, step: str) -> tuple[Effect, ...]:
    effect = Effect(kind=EffectKind.STEP, entity_id=entity_id, status=str(status), due_at=due_at, step=str(step))
    return (effect,)


def _refusal(kind: type[NotFound], entity_id: str) -> tuple[Effect, ...]:
    """Say that the task would be refused; what is no id of ours is not repeated."""
    return (Effect(kind=EffectKind.REFUSE, entity_id=entity_id if is_any_id(entity_id) else None, code=kind.code),)


#: What asking for a payout would do, by where it is.
_PAYOUT_STEPS: Final[Mapping[PayoutStatus, str]] = {
    PayoutStatus.PENDING: "pay_out",
    PayoutStatus.IN_TRANSIT: "look_up",
    PayoutStatus.PAID: "look_up",
}
#: task → what it would do. A test holds it to the tasks there are.
DESCRIBERS: Final[Mapping[str, Describer]] = {
    "orders.advance": _describe_order,
    "claims.advance": _describe_claim,
    "payouts.advance": _describe_payout,
    "payouts.start": _describe_seller,
    "listings.expire": _describe_listing,
    "inbound.process": _describe_inbound,
    "images.process": _describe_image,
    "images.process_upload": _describe_upload,
}

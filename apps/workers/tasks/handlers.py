"""Handlers of the orders queue: one operation each, and a postponement if a partner does not respond.

Knows no Celery, so the simulation of the tests runs this very code.
"""

import contextlib
import logging
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from functools import partial
from typing import Concatenate, Final, ParamSpec, TypeVar

import msgspec

from apps.core.execution import run_with_retries
from resale.application.operations.claims import advance_claim
from resale.application.operations.inbound import NOT_BELIEVED, Settlement, process_inbound, settle_inbound
from resale.application.operations.listings import expire_listing
from resale.application.operations.media import (
    count_attempt,
    find_photos_left,
    forget_attempts,
    process_image,
    publish_photos,
    retire_photos,
)
from resale.application.operations.orders import advance_order
from resale.application.operations.payouts import advance_payout, start_due_payout
from resale.application.operations.postponing import postpone_step
from resale.application.ports import ImageCodec, MediaStore, Partners, UnitOfWork
from resale.domain.ids import ClaimId, InboundId, ListingId, MediaId, OrderId, PayoutId, SellerId
from resale.domain.media import ImageNotRendered, Media
from resale.domain.partners import PartnerBalanceTooLow, PartnerPaused, PartnerUnavailable
from resale.domain.task_names import (
    ADVANCE_CLAIM,
    ADVANCE_ORDER,
    ADVANCE_PAYOUT,
    EXPIRE_LISTING,
    PROCESS_INBOUND,
    START_PAYOUT,
)
from resale.errors import Conflict, Unavailable

logger = logging.getLogger(__name__)

P = ParamSpec("P")
R = TypeVar("R")

_LEFT_PUBLIC: Final = {"event": "photos.left_public"}  # stable: alarms are set on it
_NOT_BELIEVED: Final = {"event": "inbound.not_believed"}  # stable: alarms are set on it
_SOON: Final = 3  # deliveries of a message before its step is put off


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """A message, and the resources that its task uses."""

    open_uow: Callable[[datetime], UnitOfWork]
    partners: Partners
    now: Callable[[], datetime]
    receive_count: int

    def run(self, operation: Callable[Concatenate[UnitOfWork, P], R], /, *args: P.args, **arguments: P.kwargs) -> R:
        """Run an operation with one time, for its decisions and its record. A lost race is retried."""
        return run_with_retries(partial(self.open_uow, self.now()), operation, *args, **arguments)

    def is_soon(self, outcome: Unavailable) -> bool:
        """Return whether the message may be delivered again soon: a few times, and only if that can help."""
        takes_longer = isinstance(outcome, (PartnerPaused, PartnerBalanceTooLow))
        return self.receive_count < _SOON and not takes_longer


#: What a delivery does, with its message's own ids by name.
TaskHandler = Callable[..., None]


def process_image_slot(
    at: Delivery, *, store: MediaStore, codec: ImageCodec, listing_id: ListingId, media_id: MediaId
) -> Media:
    """Process an image slot; a repeated delivery first counts the attempt.

    A fault of the store, at whatever point, sets the count back in a commit of its own: it says nothing of the image.
    """
    if at.receive_count > 1:
        at.run(count_attempt, store=store, listing_id=listing_id, media_id=media_id)
    try:
        return at.run(process_image, store=store, codec=codec, listing_id=listing_id, media_id=media_id)
    except ImageNotRendered:
        raise
    except Unavailable:
        with contextlib.suppress(Unavailable, Conflict):
            at.run(forget_attempts, listing_id=listing_id, media_id=media_id)
        raise


def publish_listing_photos(at: Delivery, *, store: MediaStore, listing_id: ListingId) -> int:
    """Make the approved photos of a listing public."""
    return at.run(publish_photos, store=store, listing_id=listing_id)


def retire_listing_photos(at: Delivery, *, store: MediaStore, listing_id: ListingId) -> int:
    """Make the photos of a removed listing private; report those that cannot be."""

    def retire(uow: UnitOfWork) -> int:
        count = retire_photos(uow, store=store, listing_id=listing_id)
        if left := find_photos_left(uow, listing_id=listing_id):
            where = {"tenant": uow.tenant.slug, "listing_id": listing_id, "count": len(left)}
            logger.error("photos of a withdrawn listing are still public", extra=_LEFT_PUBLIC | where)
        return count

    return at.run(retire)


def _advance_order(at: Delivery, *, order_id: str) -> None:
    entity_id = OrderId(order_id)
    with _postponing(at, entity_id):
        at.run(advance_order, partners=at.partners, order_id=entity_id)


def _advance_claim(at: Delivery, *, claim_id: str) -> None:
    entity_id = ClaimId(claim_id)
    with _postponing(at, entity_id):
        at.run(advance_claim, partners=at.partners, claim_id=entity_id)


def _advance_payout(at: Delivery, *, payout_id: str) -> None:
    entity_id = PayoutId(payout_id)
    with _postponing(at, entity_id):
        at.run(advance_payout, partners=at.partners, payout_id=entity_id)


def _start_payout(at: Delivery, *, seller_id: str) -> None:
    at.run(start_due_payout, seller_id=SellerId(seller_id))


def _expire_listing(at: Delivery, *, listing_id: str) -> None:
    at.run(expire_listing, listing_id=ListingId(listing_id))


def _process_inbound(at: Delivery, *, inbound_id: str) -> None:
    """Process an event of a partner, then settle it: two commits, each of them idempotent."""
    event_id = InboundId(inbound_id)
    try:
        settlement = at.run(process_inbound, partners=at.partners, inbound_id=event_id)
    except Unavailable as outcome:
        if at.is_soon(outcome):
            raise
        settlement = Settlement(command=None, reason_code=outcome.code)
    if settlement.reason_code in NOT_BELIEVED:
        logger.warning("event of a partner not believed: %s", settlement.reason_code, extra=_NOT_BELIEVED)
    at.run(settle_inbound, inbound_id=event_id, settlement=settlement)


#: task → what a delivery of it does, of those that take a step of the workflow.
TASK_HANDLERS: Final[Mapping[str, TaskHandler]] = {
    ADVANCE_ORDER: _advance_order,
    ADVANCE_CLAIM: _advance_claim,
    ADVANCE_PAYOUT: _advance_payout,
    START_PAYOUT: _start_payout,
    EXPIRE_LISTING: _expire_listing,
    PROCESS_INBOUND: _process_inbound,
}


@contextlib.contextmanager
def _postponing(at: Delivery, entity_id: OrderId | ClaimId | PayoutId) -> Iterator[None]:
    """Postpone a step whose partner does not respond.

    The same message retries a few times, soon; then the step is postponed, as data, so that an outage of a partner
    fills no dead-letter queue.
    """
    try:
        yield
    except PartnerUnavailable as outcome:
        if at.is_soon(outcome):
            raise
        at.run(postpone_step, entity_id=entity_id, reason_code=outcome.code)

"""What a message of the orders queue does, whoever hands it over: one operation, and what follows a partner's silence.

Knows no Celery, so the simulation of the tests runs this very code.
"""

import contextlib
import logging
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final, TypeVar

import msgspec

from apps.core.execution import perform
from resale.application.operations.claims import advance_claim
from resale.application.operations.inbound import Settlement, process_inbound, settle_inbound
from resale.application.operations.listings import expire_listing
from resale.application.operations.media import (
    count_attempt,
    find_photos_left,
    forget_attempts,
    process_image,
    retire_photos,
)
from resale.application.operations.orders import advance_order
from resale.application.operations.payouts import advance_payout, start_due_payout
from resale.application.operations.postponing import postpone_step
from resale.application.ports import ImageCodec, MediaStore, Partners, UnitOfWork
from resale.domain.ids import ClaimId, InboundId, ListingId, MediaId, OrderId, PayoutId, SellerId
from resale.domain.media import ImageNotRendered, Media
from resale.domain.partners import PartnerPaused, PartnerUnavailable
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

R = TypeVar("R")

Operation = Callable[[UnitOfWork, datetime], R]

_LEFT_PUBLIC: Final = {"event": "photos.left_public"}  # stable: alarms are set on it
_SOON: Final = 3  # deliveries of a message before its step is put off


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """One message as it was handed out, and what its task is given."""

    open_uow: Callable[[datetime], UnitOfWork]
    partners: Partners
    now: Callable[[], datetime]
    receive_count: int

    def run(self, operation: Operation[R]) -> R:
        """Run an operation at one moment: what it decides by is what is put on record. A lost race is tried again."""
        now = self.now()
        return perform(lambda: self.open_uow(now), lambda uow: operation(uow, now))

    def is_soon(self, outcome: Unavailable) -> bool:
        """Say whether to let the same message come again: few times, and not while a partner is not asked at all."""
        return self.receive_count < _SOON and not isinstance(outcome, PartnerPaused)


#: What a task does, with its message's own ids by name.
Step = Callable[..., None]


def look_at_image(
    at: Delivery, *, store: MediaStore, codec: ImageCodec, listing_id: ListingId, media_id: MediaId
) -> Media:
    """Look at an image slot; of a repeated delivery the attempt is counted first.

    A fault of the store, at whatever point, sets the count back in a commit of its own: it says nothing of the image.
    """
    if at.receive_count > 1:
        at.run(lambda uow, now: count_attempt(uow=uow, store=store, listing_id=listing_id, media_id=media_id, now=now))
    try:
        return at.run(
            lambda uow, now: process_image(
                uow=uow, store=store, codec=codec, listing_id=listing_id, media_id=media_id, now=now
            )
        )
    except ImageNotRendered:
        raise
    except Unavailable:
        with contextlib.suppress(Unavailable, Conflict):
            at.run(lambda uow, now: forget_attempts(uow=uow, listing_id=listing_id, media_id=media_id, now=now))
        raise


def retire_listing_photos(at: Delivery, *, store: MediaStore, listing_id: ListingId) -> int:
    """Make the photos of a listing private that was taken down; tell an operator of those that cannot be."""

    def retire(uow: UnitOfWork, _: datetime) -> int:
        count = retire_photos(uow=uow, store=store, listing_id=listing_id)
        if left := find_photos_left(uow=uow, listing_id=listing_id):
            where = {"tenant": uow.tenant.slug, "listing_id": listing_id, "count": len(left)}
            logger.error("photos of a listing that is taken down stay public", extra=_LEFT_PUBLIC | where)
        return count

    return at.run(retire)


def _advance_order(at: Delivery, *, order_id: str) -> None:
    entity_id = OrderId(order_id)
    _take(at, entity_id, lambda uow, now: advance_order(uow=uow, partners=at.partners, order_id=entity_id, now=now))


def _advance_claim(at: Delivery, *, claim_id: str) -> None:
    entity_id = ClaimId(claim_id)
    _take(at, entity_id, lambda uow, now: advance_claim(uow=uow, partners=at.partners, claim_id=entity_id, now=now))


def _advance_payout(at: Delivery, *, payout_id: str) -> None:
    entity_id = PayoutId(payout_id)
    _take(at, entity_id, lambda uow, now: advance_payout(uow=uow, partners=at.partners, payout_id=entity_id, now=now))


def _start_payout(at: Delivery, *, seller_id: str) -> None:
    at.run(lambda uow, now: start_due_payout(uow=uow, seller_id=SellerId(seller_id), now=now))


def _expire_listing(at: Delivery, *, listing_id: str) -> None:
    at.run(lambda uow, now: expire_listing(uow=uow, listing_id=ListingId(listing_id), now=now))


def _process_inbound(at: Delivery, *, inbound_id: str) -> None:
    """Act on what a partner told, then settle it: two commits, each of which may be repeated."""
    event_id = InboundId(inbound_id)
    try:
        settlement = at.run(
            lambda uow, now: process_inbound(uow=uow, partners=at.partners, inbound_id=event_id, now=now)
        )
    except Unavailable as outcome:
        if at.is_soon(outcome):
            raise
        settlement = Settlement(command=None, reason_code=outcome.code)
    at.run(lambda uow, now: settle_inbound(uow=uow, inbound_id=event_id, settlement=settlement, now=now))


#: task → what it does, of those that take a step of the workflow.
STEPS: Final[Mapping[str, Step]] = {
    ADVANCE_ORDER: _advance_order,
    ADVANCE_CLAIM: _advance_claim,
    ADVANCE_PAYOUT: _advance_payout,
    START_PAYOUT: _start_payout,
    EXPIRE_LISTING: _expire_listing,
    PROCESS_INBOUND: _process_inbound,
}


def _take(at: Delivery, entity_id: OrderId | ClaimId | PayoutId, operation: Operation[R]) -> None:
    """Take a step with a partner in it.

    A partner that does not answer is asked again by the same message a few times, soon; then the step is put off, as
    data: an outage of a partner fills no dead-letter queue.
    """
    try:
        at.run(operation)
    except PartnerUnavailable as outcome:
        code = outcome.code
        if at.is_soon(outcome):
            raise
        at.run(lambda uow, now: postpone_step(uow=uow, entity_id=entity_id, reason_code=code, now=now))

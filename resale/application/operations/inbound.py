"""Inbound webhook events: stored before the response, processed, then settled; each step is idempotent."""

import zlib
from collections.abc import Callable, Mapping
from typing import Final

import msgspec

from resale.application.operations.claims import advance_claim, record_return_tracking, settle_return_void
from resale.application.operations.orders import advance_order, record_tracking, review_payment, settle_void
from resale.application.operations.payouts import advance_payout
from resale.application.operations.payouts.accounts import review_payout_account
from resale.application.ports import Partners, UnitOfWork
from resale.domain.changes import ChangeType
from resale.domain.ids import (
    CLAIM_ID,
    ORDER_ID,
    PAYOUT_ID,
    RETURN_ID,
    SELLER_ID,
    SHIPMENT_ID,
    CustomerId,
    InboundId,
    OrderId,
    PayoutId,
    SellerId,
)
from resale.domain.inbound import (
    INBOUND,
    UNKNOWN_FOR,
    Inbound,
    InboundChanged,
    InboundCommand,
    InboundPrivate,
    InboundStatus,
    receive,
    waits_until,
)
from resale.domain.partners import Connection, PartnerEvent
from resale.domain.reasons import ReasonCode, free_code
from resale.domain.versions import next_version
from resale.errors import NotFound, Rejected

#: Whose data key payloads are sealed under: they belong to no one shopper, and may name several.
OWNER: Final = CustomerId("tenant")

#: Reasons of an event that is ignored because it is of another mode, account or object than it says.
NOT_BELIEVED: Final = frozenset({ReasonCode.MODE_MISMATCH, ReasonCode.ACCOUNT_MISMATCH, ReasonCode.REFERENCE_MISMATCH})

_CHANGES: Final = {
    InboundCommand.PROCESS: ChangeType.INBOUND_PROCESSED,
    InboundCommand.IGNORE: ChangeType.INBOUND_IGNORED,
    InboundCommand.FAIL: ChangeType.INBOUND_FAILED,
}


class Settlement(msgspec.Struct, frozen=True, kw_only=True):
    """The result of processing an event: how it is settled, or that it must wait (``command`` is None).

    One that waits is due again in half a minute, then after twice as long each time, at most half a day.
    """

    command: InboundCommand | None
    target_id: str | None = None
    reason_code: str | None = None


def record_inbound(uow: UnitOfWork, *, connection: Connection, event: PartnerEvent, payload: bytes) -> Inbound:
    """Store an event of a partner before its webhook is acknowledged.

    Shape: reads nothing; commits 1 (``inbound.received``). The same event again: no-op.

    Args:
        uow: Fresh; committed here once.
        connection: Which of the tenant's connections it came by.
        event: What the webhook says, verified and read.
        payload: Its body as it came.

    Returns:
        The event as it was first taken, or would have been: both have the same id.

    Raises:
        TooLarge: The body is too large to keep, even deflated (Rejected).
        Unavailable: Not kept, or not known to be: the partner must tell it again.
    """
    inbound = receive(connection=connection, event=event, livemode=not uow.tenant.sandbox, now=uow.now)
    private = InboundPrivate(payload=zlib.compress(payload))
    sealed = uow.vault.seal(private, owner_id=OWNER, entity_id=inbound.id)
    uow.inbound.add(msgspec.structs.replace(inbound, private=sealed), change_type=ChangeType.INBOUND_RECEIVED)
    try:
        uow.commit()
    except InboundChanged:
        return inbound  # its id is the event's: whoever wrote it kept the same
    return inbound


def process_inbound(uow: UnitOfWork, *, partners: Partners, inbound_id: InboundId) -> Settlement:
    """Process an event: find its subject, and run the subject's own operation.

    An event is only believed for the mode and the account that it belongs to; any other is ignored with a reason.

    Shape: reads 1-2 items and what the operation reads; commits what the operation commits, at most once, and nothing
    of the event: ``settle_inbound`` does. A crash between the two is harmless, since the operation bears repeating.

    Args:
        uow: Fresh; committed here at most once.
        partners: The tenant's partners: most events only say what to ask them about.
        inbound_id: Which.

    Returns:
        How to settle the event. What is unknown waits for up to three days; what the rules refuse twice has failed.

    Raises:
        InboundNotFound: There is no such event.
        Unavailable: Partner or store did not respond; nothing was committed.
        Conflict: Another writer won; read again.
    """
    inbound = uow.inbound.get(inbound_id)
    if inbound.status != InboundStatus.RECEIVED:
        return Settlement(command=None)
    target_id = _look_up(uow, inbound) or inbound.target_id
    try:
        if (reason := _reason_to_ignore(uow, inbound, target_id)) is not None:
            return Settlement(command=InboundCommand.IGNORE, target_id=target_id, reason_code=reason)
        if target_id is None:
            return _settle_unknown(uow, inbound)
        _ACTS[_kind_of(target_id)](uow, partners, inbound, target_id)
    except NotFound as outcome:
        return _settle_unknown(uow, inbound, target_id=target_id, reason_code=outcome.code)
    except Rejected as outcome:
        # Said once, it may be that another worker moved the thing between two reads; said twice, it is believed.
        command = InboundCommand.FAIL if inbound.reason_code == outcome.code else None
        return Settlement(command=command, target_id=target_id, reason_code=outcome.code)
    return Settlement(command=InboundCommand.PROCESS, target_id=target_id)


def settle_inbound(uow: UnitOfWork, *, inbound_id: InboundId, settlement: Settlement) -> Inbound:
    """Record the result of an event after the operation that it led to has committed.

    Shape: reads 1 item; commits at most 1 (``inbound.processed``, ``inbound.ignored``, ``inbound.failed``; or
    ``inbound.postponed``, when it has to wait). One settled before: no-op, whatever the settlement.

    Args:
        uow: Fresh; committed here at most once.
        inbound_id: Which.
        settlement: From ``process_inbound``; or that it has to wait, for what did not respond after several tries.

    Returns:
        The event as it stands.

    Raises:
        InboundNotFound: No such event.
        Conflict: Another writer won; read again.
    """
    inbound = uow.inbound.get(inbound_id)
    if inbound.status != InboundStatus.RECEIVED:
        return inbound
    if settlement.command is None:
        return _postpone(uow, inbound, reason_code=settlement.reason_code)
    settled = msgspec.structs.replace(
        inbound,
        status=INBOUND.next_status(inbound.status, settlement.command),
        target_id=settlement.target_id,
        reason_code=settlement.reason_code,
        due_at=None,
    )
    settled = next_version(settled, now=uow.now)
    uow.inbound.save(settled, change_type=_CHANGES[settlement.command], reason_code=free_code(settlement.reason_code))
    uow.commit()
    return settled


# ---------------------------------------------------------------- what it is about
def _look_up(uow: UnitOfWork, inbound: Inbound) -> str | None:
    """Return the id behind a partner's reference."""
    if inbound.reference is None:
        return None
    return uow.references.find(provider=inbound.provider, reference=inbound.reference)


def _reason_to_ignore(uow: UnitOfWork, inbound: Inbound, target_id: str | None) -> ReasonCode | None:
    """Return why an event is not acted on; None if it is, or if its subject is not known yet."""
    if inbound.is_of_other_mode:
        return ReasonCode.MODE_MISMATCH
    if target_id is None:
        foreign = ReasonCode.ACCOUNT_MISMATCH if inbound.account is not None else ReasonCode.NOTHING_TO_DO
        return None if inbound.reference is not None else foreign
    if inbound.target_id not in {None, target_id}:
        return ReasonCode.REFERENCE_MISMATCH
    if _kind_of(target_id) not in _ACTS:
        return ReasonCode.NOTHING_TO_DO
    return None if _is_of_its_account(uow, inbound, target_id) else ReasonCode.ACCOUNT_MISMATCH


def _is_of_its_account(uow: UnitOfWork, inbound: Inbound, target_id: str) -> bool:
    """Return whether an event is the shop's own, or of the connected account that its subject belongs to.

    The owner of a connected account writes the metadata of its objects, so it can name any id of ours. Of such an
    account nothing is known here but the payouts to it and its seller (docs.stripe.com/connect/webhooks, ``account``).
    """
    if SELLER_ID.matches(target_id):
        seller = uow.sellers.find(SellerId(target_id))
        return seller is not None and seller.payout_destination == inbound.reference
    if inbound.account is None:
        return True
    return PAYOUT_ID.matches(target_id) and uow.payouts.get(PayoutId(target_id)).destination == inbound.account


def _kind_of(target_id: str) -> str:
    return target_id.partition("_")[0]


def _settle_unknown(
    uow: UnitOfWork,
    inbound: Inbound,
    *,
    target_id: str | None = None,
    reason_code: str = ReasonCode.REFERENCE_UNKNOWN,
) -> Settlement:
    """Return how an unknown subject is settled: retried for days, since its write may be in progress.

    What a connected account does on its own is not retried: it never becomes known here.
    """
    waits = inbound.account is None and uow.now < inbound.created_at + UNKNOWN_FOR
    return Settlement(command=None if waits else InboundCommand.IGNORE, target_id=target_id, reason_code=reason_code)


def _postpone(uow: UnitOfWork, inbound: Inbound, *, reason_code: str | None) -> Inbound:
    due_at = waits_until(inbound, now=uow.now)
    postponed = msgspec.structs.replace(inbound, reason_code=reason_code, tries=inbound.tries + 1, due_at=due_at)
    postponed = next_version(postponed, now=uow.now)
    uow.inbound.save(postponed, change_type=ChangeType.INBOUND_POSTPONED, reason_code=free_code(reason_code))
    uow.commit()
    return postponed


# ---------------------------------------------------------------- what is done about it
def _act_on_order(uow: UnitOfWork, partners: Partners, inbound: Inbound, target_id: str) -> None:
    order_id = OrderId(target_id)
    reviews = inbound.reviews_payment or inbound.dispute is not None or inbound.failed_refund_id is not None
    if reviews and review_payment(uow, partners=partners, order_id=order_id) is not None:
        return
    advance_order(uow, partners=partners, order_id=order_id)


def _act_on_payout(uow: UnitOfWork, partners: Partners, _inbound: Inbound, target_id: str) -> None:
    advance_payout(uow, partners=partners, payout_id=PayoutId(target_id))


def _act_on_seller(uow: UnitOfWork, partners: Partners, _inbound: Inbound, target_id: str) -> None:
    review_payout_account(uow, payments=partners.payments, seller_id=SellerId(target_id))


def _act_on_parcel(uow: UnitOfWork, partners: Partners, inbound: Inbound, target_id: str) -> None:
    order_id = ORDER_ID.sibling_of(target_id)
    if inbound.tracking:
        record_tracking(uow, order_id=order_id, events=inbound.tracking)
        return
    order = uow.orders.get(order_id)
    if order.shipment is not None and order.shipment.awaits_void:
        settle_void(uow, partners=partners, order=order)
    else:
        advance_order(uow, partners=partners, order_id=order_id)


def _act_on_return(uow: UnitOfWork, partners: Partners, inbound: Inbound, target_id: str) -> None:
    claim_id = CLAIM_ID.sibling_of(target_id)
    if inbound.tracking:
        record_return_tracking(uow, claim_id=claim_id, events=inbound.tracking)
        return
    claim = uow.claims.get(claim_id)
    if claim.return_shipment is not None and claim.return_shipment.awaits_void:
        settle_return_void(uow, partners=partners, claim=claim)
    else:
        advance_claim(uow, partners=partners, claim_id=claim_id)


_Act = Callable[[UnitOfWork, Partners, Inbound, str], None]

#: kind of what an event is about, by the prefix of its id → the operation that takes it from there.
_ACTS: Final[Mapping[str, _Act]] = {
    ORDER_ID.prefix: _act_on_order,
    PAYOUT_ID.prefix: _act_on_payout,
    SELLER_ID.prefix: _act_on_seller,
    SHIPMENT_ID.prefix: _act_on_parcel,
    RETURN_ID.prefix: _act_on_return,
}

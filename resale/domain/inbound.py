"""Inbound events: webhooks of partners, stored before the response, processed once."""

import hashlib
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

import msgspec
from msgspec import UNSET, UnsetType

from resale.domain.ids import (
    INBOUND_ID,
    ORDER_ID,
    PAYOUT_ID,
    REFUND_ID,
    RETURN_ID,
    SHIPMENT_ID,
    ConnectionId,
    InboundId,
    RefundId,
)
from resale.domain.partners import Connection, PartnerEvent, PartnerKind, Provider, pause_after
from resale.domain.payments import Dispute
from resale.domain.shipments import MAX_EVENTS, TrackingEvent
from resale.domain.states import Machine, Row
from resale.errors import Conflict, NotFound, Rejected

SCHEMA: Final = 1
MAX_NAME_CHARS: Final = 200  # of what a partner calls something; a longer name is kept as its hash
LOOKED_AT_WITHIN: Final = timedelta(seconds=30)  # one not looked at by then is asked for again by the sweep
#: A partner may tell of something before the write that learned its reference: an event about an unknown object is
#: retried as long as Stripe retries a delivery (docs.stripe.com/webhooks, automatic retries: up to three days).
UNKNOWN_FOR: Final = timedelta(days=3)
_LONGEST_PAUSE: Final = timedelta(hours=12)  # each retry is a version: about fifteen in three days


class InboundStatus(StrEnum):
    """The status of an inbound event."""

    RECEIVED = "received"
    PROCESSED = "processed"
    IGNORED = "ignored"
    FAILED = "failed"


class InboundCommand(StrEnum):
    """A command on an inbound event."""

    PROCESS = "process"
    IGNORE = "ignore"
    FAIL = "fail"


class InboundNotFound(NotFound):
    """The inbound event does not exist."""

    code = "inbound_not_found"
    title = "Inbound event not found"
    default_detail = "No inbound event with this id exists."


class InboundChanged(Conflict):
    """Another worker processed the inbound event first."""

    code = "inbound_changed"
    title = "Inbound event changed"
    default_detail = "Another worker processed this event meanwhile."


class InboundTransitionRefused(Rejected):
    """The status of the inbound event does not allow the command."""

    code = "inbound_transition_refused"
    title = "Inbound event already processed"
    default_detail = "This event has already been processed."


_S = InboundStatus
_C = InboundCommand

INBOUND: Final = Machine(
    "inbound",
    (
        Row(_S.RECEIVED, _C.PROCESS, _S.PROCESSED),
        Row(_S.RECEIVED, _C.IGNORE, _S.IGNORED),
        Row(_S.RECEIVED, _C.FAIL, _S.FAILED),
    ),
    refused=InboundTransitionRefused,
    initial=_S.RECEIVED,
    cannot={
        _C.PROCESS: "be processed",
        _C.IGNORE: "be ignored",
        _C.FAIL: "fail",
    },
)


class InboundPrivate(msgspec.Struct, frozen=True, kw_only=True):
    """The compressed body of the webhook, which may contain personal data."""

    payload: bytes


class Inbound(msgspec.Struct, frozen=True, kw_only=True):
    """An inbound event as stored: everything but ``private`` is its ``doc``.

    ``target_id`` is what of ours it is about: as the partner says, or as its ``reference`` was looked up. ``livemode``
    is the shop's, ``provider_livemode`` the event's; ``account`` is the connected account that the event came from.
    """

    id: InboundId
    object: str = "inbound"
    schema: int = SCHEMA
    version: int = 0
    livemode: bool
    status: InboundStatus = InboundStatus.RECEIVED
    connection_id: ConnectionId
    kind: PartnerKind
    provider: Provider
    provider_event_id: str
    provider_event_kind: str
    occurred_at: datetime | None = None
    target_id: str | None = None
    failed_refund_id: RefundId | None = None
    reviews_payment: bool = False
    reference: str | None = None
    account: str | None = None
    provider_livemode: bool | None = None
    tracking: tuple[TrackingEvent, ...] = ()
    dispute: Dispute | None = None
    reason_code: str | None = None
    tries: int = 0
    created_at: datetime
    updated_at: datetime
    due_at: datetime | None = None
    private: str | UnsetType = UNSET

    @property
    def is_of_other_mode(self) -> bool:
        """Whether a test event reached a live shop, or the other way round."""
        return self.provider_livemode is not None and self.provider_livemode != self.livemode


def inbound_id_of(*, connection_id: ConnectionId, provider_event_id: str) -> InboundId:
    """Derive the id of an event: equal for every delivery of it, and different for other connections."""
    parts = (connection_id.encode(), provider_event_id.encode())
    digest = hashlib.sha256(b"".join(b"%d:%s" % (len(part), part) for part in parts))
    return INBOUND_ID.of(digest.hexdigest()[:32])


def receive(*, connection: Connection, event: PartnerEvent, livemode: bool, now: datetime) -> Inbound:
    """Build an inbound event from a webhook with bounded fields; the caller adds ``private``."""
    return Inbound(
        id=inbound_id_of(connection_id=connection.id, provider_event_id=event.provider_event_id),
        version=1,
        livemode=livemode,
        connection_id=connection.id,
        kind=connection.kind,
        provider=connection.provider,
        provider_event_id=_shorten_name(event.provider_event_id),
        provider_event_kind=event.kind[:MAX_NAME_CHARS],
        occurred_at=event.occurred_at,
        target_id=_find_target(event),
        failed_refund_id=event.failed_refund_id if REFUND_ID.matches(event.failed_refund_id or "") else None,
        reviews_payment=event.reviews_payment or event.dispute is not None or event.failed_refund_id is not None,
        reference=_shorten_name(event.reference) if event.reference else None,
        account=_shorten_name(event.account) if event.account else None,
        provider_livemode=event.livemode,
        tracking=event.tracking[-MAX_EVENTS:],
        dispute=event.dispute,
        created_at=now,
        updated_at=now,
        due_at=now + LOOKED_AT_WITHIN,
    )


def waits_until(inbound: Inbound, *, now: datetime) -> datetime:
    """Return when an event that has to wait is processed again: in half a minute, at most in half a day."""
    return now + pause_after(inbound.tries, longest=_LONGEST_PAUSE)


def _find_target(event: PartnerEvent) -> str | None:
    """Return our id in an event; None if it has no id's format."""
    named = (
        (ORDER_ID, event.order_id),
        (PAYOUT_ID, event.payout_id),
        (SHIPMENT_ID, event.shipment_id),
        (RETURN_ID, event.shipment_id),
    )
    return next((entity_id for ids, entity_id in named if entity_id and ids.matches(entity_id)), None)


def _shorten_name(name: str) -> str:
    return name if len(name) <= MAX_NAME_CHARS else f"sha256:{hashlib.sha256(name.encode()).hexdigest()}"

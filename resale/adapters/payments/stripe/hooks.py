"""Parsing of Stripe's webhooks. An event only names the object to read; only of disputes is its data used.

Events of connected accounts (``account``) are about objects whose metadata their owner writes: of them only payouts
and the account itself are read, and whoever acts on one compares its account. Thin events (v2) carry no object, only
its name.

Source: docs.stripe.com/connect/webhooks; docs.stripe.com/event-destinations, thin events.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

import msgspec

from resale.adapters.payments.signatures import check_signature
from resale.adapters.payments.stripe.amounts import from_stripe
from resale.adapters.payments.stripe.disputes import STATUSES
from resale.domain.ids import OrderId, PayoutId, RefundId
from resale.domain.partners import UNREADABLE, PartnerEvent, WebhookUnreadable
from resale.domain.payments import Dispute

SIGNATURE_HEADER: Final = "stripe-signature"

#: Some banks send a refund back days after it succeeded (docs.stripe.com/refunds#failed-refunds).
FAILED_REFUNDS: Final = {"failed", "canceled"}


class _Metadata(msgspec.Struct):
    order_id: str | None = None
    payout_id: str | None = None
    refund_id: str | None = None


class _Evidence(msgspec.Struct):
    due_by: int | None = None


class _EventObject(msgspec.Struct, tag_field="object"):
    id: str
    metadata: _Metadata | None = None


class _Intent(_EventObject, tag="payment_intent"):
    pass


class _Charge(_EventObject, tag="charge"):
    payment_intent: str | None = None


class _Refund(_EventObject, tag="refund"):
    payment_intent: str | None = None
    status: str | None = None

    @property
    def has_failed(self) -> bool:
        return self.status in FAILED_REFUNDS


class _Payout(_EventObject, tag="payout"):
    pass


class _Account(_EventObject, tag="account"):
    pass


class _Capability(_EventObject, tag="capability"):
    pass


class _Application(_EventObject, tag="application"):
    """The platform itself, in ``account.application.deauthorized``: the event's account has left it."""


class _Dispute(_EventObject, tag="dispute", kw_only=True):
    amount: int
    currency: str
    reason: str
    status: str
    payment_intent: str | None = None
    evidence_details: _Evidence = msgspec.field(default_factory=_Evidence)


class _Data(msgspec.Struct):
    object: _Intent | _Charge | _Refund | _Payout | _Dispute | _Account | _Capability | _Application


class _Event(msgspec.Struct, tag_field="object", tag="event"):
    id: str
    type: str
    created: int
    livemode: bool
    data: _Data
    account: str | None = None


class _RelatedObject(msgspec.Struct):
    id: str
    type: str


class _ThinEvent(msgspec.Struct, tag_field="object", tag="v2.core.event"):
    """An event of an API of version 2. ``context`` is the account it belongs to, below an organisation with a slash."""

    id: str
    type: str
    created: datetime
    livemode: bool
    related_object: _RelatedObject
    context: str | None = None


_EVENT: Final = msgspec.json.Decoder(_Event | _ThinEvent)


def read_webhook(*, body: bytes, headers: Mapping[str, str], secrets: str | None) -> PartnerEvent:
    """Verify and parse an event.

    Raises:
        SignatureInvalid: Not Stripe's, or too old.
        WebhookUnreadable: About something that is no payment, refund, dispute or payout.
        PartnerMisconfigured: There is no secret to check it with.
    """
    check_signature(body, headers.get(SIGNATURE_HEADER), secrets=secrets)
    try:
        event = _EVENT.decode(body)
        return _read_thin(event) if isinstance(event, _ThinEvent) else _read(event)
    except UNREADABLE as error:
        raise WebhookUnreadable("Stripe sent an event about an unknown object.") from error


def _read(event: _Event) -> PartnerEvent:
    object_ = event.data.object
    if event.account is not None and not isinstance(object_, _Payout):
        return _build_foreign(event, event.account)
    metadata = object_.metadata or _Metadata()
    return PartnerEvent(
        provider_event_id=event.id,
        kind=event.type,
        account=event.account,
        livemode=event.livemode,
        occurred_at=datetime.fromtimestamp(event.created, UTC),
        order_id=None if metadata.order_id is None else OrderId(metadata.order_id),
        payout_id=None if metadata.payout_id is None else PayoutId(metadata.payout_id),
        failed_refund_id=_failed_refund(object_, metadata),
        reviews_payment=isinstance(object_, _Refund | _Dispute) or event.type == "charge.refunded",
        reference=getattr(object_, "payment_intent", None) or object_.id,
        dispute=_dispute(object_, told_at=datetime.fromtimestamp(event.created, UTC))
        if isinstance(object_, _Dispute)
        else None,
    )


def _build_foreign(event: _Event, account: str) -> PartnerEvent:
    """Return an event of a connected account: it names the account, if that has changed, and nothing else of ours."""
    return PartnerEvent(
        provider_event_id=event.id,
        kind=event.type,
        occurred_at=datetime.fromtimestamp(event.created, UTC),
        account=account,
        livemode=event.livemode,
        reference=account if isinstance(event.data.object, _Account | _Capability | _Application) else None,
    )


def _read_thin(event: _ThinEvent) -> PartnerEvent:
    context = (event.context or "").rpartition("/")[2]
    return PartnerEvent(
        provider_event_id=event.id,
        kind=event.type,
        occurred_at=event.created,
        account=context if context.startswith("acct_") else None,
        livemode=event.livemode,
        reference=event.related_object.id,
    )


def _failed_refund(object_: _EventObject, metadata: _Metadata) -> RefundId | None:
    has_failed = isinstance(object_, _Refund) and object_.has_failed and metadata.refund_id is not None
    return RefundId(str(metadata.refund_id)) if has_failed else None


def _dispute(data: _Dispute, *, told_at: datetime) -> Dispute | None:
    status = STATUSES.get(data.status)
    if status is None:
        return None
    money, due_by = from_stripe(data.amount, data.currency), data.evidence_details.due_by
    return Dispute(
        provider_reference=data.id,
        status=status,
        amount=money.amount,
        currency=money.currency,
        reason_code=data.reason,
        evidence_due_by=None if due_by is None else datetime.fromtimestamp(due_by, UTC),
        told_at=told_at,
    )

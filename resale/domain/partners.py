"""Partners: connections of tenants, events, and outcomes of calls."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, Final

import msgspec

from resale.domain.ids import ConnectionId, OrderId, PayoutId, RefundId, ShipmentId
from resale.domain.payments import Dispute
from resale.domain.shipments import TrackingEvent
from resale.errors import FieldError, NotFound, Rejected, Unauthenticated, Unavailable

MAX_HOOK_BYTES: Final = 64 * 1024  # of one webhook's body; the providers' own stay below


_FIRST_PAUSE: Final = timedelta(seconds=30)
_LONGEST_PAUSE: Final = timedelta(hours=1)


def pause_after(tries: int, *, longest: timedelta = _LONGEST_PAUSE) -> timedelta:
    """Return the back-off of a step: half a minute, doubled each time, at most an hour.

    ``longest`` is for what may fail for weeks: each try of it is a version on record.
    """
    return min(_FIRST_PAUSE * (1 << min(tries, 12)), longest)


class PartnerKind(StrEnum):
    """The kind of a partner."""

    PAYMENTS = "payments"
    SHIPPING = "shipping"


class Provider(StrEnum):
    """The partner of a connection."""

    SANDBOX = "sandbox"
    STRIPE = "stripe"
    EASYPOST = "easypost"


class Connection(msgspec.Struct, frozen=True, kw_only=True):
    """A tenant's connection to a partner. Its secret is in the tenant's own Secrets Manager, as ``secret_name``."""

    id: ConnectionId
    kind: PartnerKind
    provider: Provider
    secret_name: str | None = None
    # Of all processes of one worker together, never of the platform: n workers make n times as many (0033).
    calls_per_second: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 25
    concurrent_calls: Annotated[int, msgspec.Meta(ge=1, le=100)] = 8


def provider_of(connections: Iterable[Connection], kind: PartnerKind) -> Provider:
    """Return the provider under which references of a kind are stored: a shop without a connection has the sandbox."""
    return next((one.provider for one in connections if one.kind is kind), Provider.SANDBOX)


_OFFERS: Final[Mapping[Provider, frozenset[PartnerKind]]] = {
    Provider.SANDBOX: frozenset(PartnerKind),
    Provider.STRIPE: frozenset({PartnerKind.PAYMENTS}),
    Provider.EASYPOST: frozenset({PartnerKind.SHIPPING}),
}


def iter_faults(connection: Connection, *, slug: str, sandbox: bool) -> Iterator[FieldError]:
    """Iterate over the reasons why a tenant cannot use a connection.

    Args:
        connection: As it is to be registered.
        slug: The tenant's; its secrets' names begin with it, and its access role reads no others.
        sandbox: Whether the tenant is one.
    """
    if connection.kind not in _OFFERS[connection.provider]:
        yield FieldError("/provider", "wrong_kind", f"{connection.provider} is not a provider of {connection.kind}.")
    if connection.provider is Provider.SANDBOX and not sandbox:
        yield FieldError("/provider", "sandbox_only", "A live tenant cannot use the sandbox: no money would move.")
    if connection.provider is not Provider.SANDBOX and connection.secret_name is None:
        yield FieldError("/secret_name", "missing", f"{connection.provider} requires a secret.")
    if connection.secret_name is not None and not connection.secret_name.startswith(f"{slug}/"):
        yield FieldError("/secret_name", "foreign", f"The secret's name must begin with {slug}/.")


class ConnectionNotFound(NotFound):
    """The connection does not exist for this tenant."""

    code = "connection_not_found"
    title = "Connection not found"
    default_detail = "This shop has no connection with this id."


class PartnerUnavailable(Unavailable):
    """The outcome of a partner call is unknown, or the call was not sent."""

    code = "partner_unavailable"
    title = "Partner unavailable"
    default_detail = "The partner does not respond at the moment. Retry later."


class PartnerPaused(PartnerUnavailable):
    """The call was not sent: the partner failed too often, or too many calls wait for it."""

    code = "partner_paused"
    title = "Partner calls paused"
    default_detail = "Calls to the partner are paused, because too many of them failed or are waiting. Retry later."


class PartnerNotReady(PartnerUnavailable):
    """The partner responded: it cannot process this one object yet. It is in service, so no breaker counts it."""

    code = "partner_not_ready"
    title = "Partner not ready"
    default_detail = "The partner cannot process this request yet. Retry later."


class PartnerBalanceTooLow(PartnerNotReady):
    """The shop's balance at the partner does not cover the payout, the refund or the label."""

    code = "partner_balance_too_low"
    title = "Balance at the partner too low"
    default_detail = "The shop's balance at the partner is too low. Top it up; the step is retried then."


class PartnerMisconfigured(PartnerUnavailable):
    """The tenant has no such connection, or the partner refuses its credentials."""

    code = "partner_misconfigured"
    title = "Partner misconfigured"
    default_detail = (
        "The connection to the partner is missing, or its credentials are refused. Correct the shop's connections."
    )


class SignatureInvalid(Unauthenticated):
    """The partner did not sign the webhook, or signed it too long ago."""

    code = "signature_invalid"
    title = "Invalid webhook signature"
    default_detail = (
        "The webhook's signature is not valid, or too old. Check the signing secret and the sender's clock."
    )


#: What reading a webhook's body can end in: no JSON, another shape, a moment out of range, nested too deep.
UNREADABLE: Final = (msgspec.MsgspecError, ValueError, OverflowError, OSError, RecursionError)


class WebhookUnreadable(Rejected):
    """The webhook has a valid signature and a body that cannot be parsed."""

    code = "hook_unreadable"
    title = "Unreadable webhook"
    default_detail = "The webhook's signature is valid, but its body cannot be read as an event."


class PartnerEvent(msgspec.Struct, frozen=True, kw_only=True):
    """A parsed webhook. It names the object to read; only facts that cannot be read are taken from it.

    ``provider_event_id`` is the same in every delivery. An id of ours is there where the partner carries it;
    ``reference`` is the partner's own name of the thing, to be looked up. ``account`` is the connected account (a
    seller's own) whose event it is; None for the shop's own. ``livemode`` is None if the partner has no modes.
    """

    provider_event_id: str
    kind: str  # the provider's own name of the event, for people
    occurred_at: datetime | None = None
    order_id: OrderId | None = None
    payout_id: PayoutId | None = None
    shipment_id: ShipmentId | None = None
    failed_refund_id: RefundId | None = None  # told of that it failed, maybe after it was given
    reviews_payment: bool = False  # about a refund or a dispute: the provider is asked for all of the payment's
    reference: str | None = None
    account: str | None = None
    livemode: bool | None = None
    tracking: tuple[TrackingEvent, ...] = ()
    dispute: Dispute | None = None


class BookingKind(StrEnum):
    """The kind of a money movement at the payment provider; or the balance of a seller, in a reconciliation."""

    CHARGE = "charge"
    REFUND = "refund"
    CHARGEBACK = "chargeback"
    PAYOUT = "payout"
    BALANCE = "balance"
    STORE_CREDIT = "store_credit"


class ProviderTransaction(msgspec.Struct, frozen=True, kw_only=True):
    """A money movement at the provider, with a dispute only after it is lost.

    ``our_id`` is our refund, our payout, or the attempt of a charge or chargeback. A refund that others made has the
    id with which it is adopted.
    """

    kind: BookingKind
    our_id: str
    order_id: OrderId | None
    provider_reference: str
    amount: int  # minor units, positive
    currency: str

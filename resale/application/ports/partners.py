"""Ports of stores, queues, codecs and partners."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Final, Protocol

import msgspec

from resale.domain.account_movements import AccountMovement
from resale.domain.connections import ConnectionState, Observation
from resale.domain.ids import ConnectionId, ListingId, RefundId, ShipmentId
from resale.domain.media import RenderedImage
from resale.domain.money import Money
from resale.domain.onboarding import OnboardingLink, OnboardingRequest
from resale.domain.partners import Connection, PartnerEvent, ProviderTransaction
from resale.domain.payments import Dispute, PaymentOutcome, PaymentRequest, ProviderRefund, RefundOutcome
from resale.domain.payouts import PayoutOutcome, PayoutRequest
from resale.domain.sellers import PayoutAccount
from resale.domain.shipments import Label, LabelRequest, Rate, TrackingEvent, VoidState


class UploadForm(msgspec.Struct, frozen=True, kw_only=True):
    """A presigned POST: send ``fields`` and then ``file`` as multipart to ``url`` before ``expires_at``."""

    url: str
    fields: dict[str, str]
    expires_at: datetime


class StoredObject(msgspec.Struct, frozen=True, kw_only=True):
    """One version of an object. ``bytes`` is its size."""

    key: str
    version_id: str
    bytes: int


class UploadForms(Protocol):
    """Presigned POSTs to the tenant's media bucket."""

    def sign(self, *, key: str, content_type: str, min_bytes: int, max_bytes: int, now: datetime) -> UploadForm:
        """Sign a form bound to key, type and size range, with credentials that are valid longer than it."""


class PrivateLinks(Protocol):
    """Links to private objects of the tenant's media bucket."""

    def sign(self, key: str, *, version_id: str | None = None, seconds: int = 900) -> str:
        """Sign a link to an object, or to one version of it. Raises Unavailable without valid enough credentials."""


class MediaStore(Protocol):
    """The tenant's media bucket."""

    def find_first_version(self, key: str) -> StoredObject | None:
        """Return the oldest version of an object: a slot is used once, later uploads are ignored."""

    def read(self, key: str, *, version_id: str, max_bytes: int) -> bytes:
        """Read one version; more than ``max_bytes`` is refused with ImageRefused(too_large)."""

    def put_rendition(self, key: str, *, body: bytes, content_type: str) -> None:
        """Store a content-addressed private object. Idempotent."""

    def list_pending(self, listing_id: ListingId) -> tuple[str, ...]:
        """List the keys of a listing's renditions that are not public yet."""

    def publish(self, keys: Sequence[str]) -> None:
        """Make pending renditions public. Idempotent; a rendition that is not pending any more stays."""

    def retire(self, listing_id: ListingId) -> int:
        """Make a listing's renditions private; return how many were public. Idempotent."""


class ImageCodec(Protocol):
    """Converts an upload into renditions without metadata."""

    def render(self, data: bytes) -> RenderedImage:
        """Return the renditions of an upload: a pure function of its bytes.

        Raises:
            ImageRefused: What the bytes are, or are not; a retry of the same bytes gives the same.
            Unavailable: The outcome is not known; the bytes are not the reason.
        """


class PaymentProvider(Protocol):
    """A payment service. Every call is idempotent by an id of ours.

    A method answers what is known. PartnerUnavailable is raised when the outcome is not known (time-out, 5xx, no
    response, too many calls): never a refusal; whoever retries asks first (``find_…``). Money moves only by these
    calls.
    """

    @property
    def name(self) -> str:
        """Name of the provider, under which its references are stored."""

    def authorise(self, request: PaymentRequest) -> PaymentOutcome:
        """Authorise the payment with the buyer's bank. States: authorized, requires_action, declined, voided."""

    def find_payment(self, request: PaymentRequest) -> PaymentOutcome | None:
        """Return the state of an attempt; None if the provider never received it."""

    def capture(self, request: PaymentRequest) -> PaymentOutcome:
        """Capture the authorised amount. States: captured, voided or declined (the authorisation had expired)."""

    def void(self, request: PaymentRequest) -> PaymentOutcome:
        """Void an attempt; an unknown one is closed, so that a late authorisation under its id has no effect.

        States: voided, declined; captured when it is too late: then only a refund gives it back.
        """

    def refund(self, request: PaymentRequest, *, refund_id: RefundId, amount: Money) -> RefundOutcome:
        """Refund a captured payment, fully or partially."""

    def find_refund(self, request: PaymentRequest, *, refund_id: RefundId) -> RefundOutcome | None:
        """Return the state of a refund; None if the provider never received it."""

    def list_refunds(self, request: PaymentRequest) -> tuple[ProviderRefund, ...]:
        """List all refunds of a captured payment, also those that were made in the provider's dashboard."""

    def list_disputes(self, request: PaymentRequest) -> tuple[Dispute, ...]:
        """List all disputes of a captured payment in their present state, the oldest first."""

    def onboard(self, request: OnboardingRequest) -> OnboardingLink:
        """Open a seller's account if it has no name yet, and return a link to the form where they enter their data."""

    def pay_out(self, request: PayoutRequest) -> PayoutOutcome:
        """Pay out to a seller."""

    def find_payout(self, request: PayoutRequest) -> PayoutOutcome | None:
        """Return the state of a payout; None if the provider never received it."""

    def find_payout_account(self, destination: str) -> PayoutAccount | None:
        """Return the state of a seller's account; None if the provider has none of this name."""

    def read_event(self, *, body: bytes, headers: Mapping[str, str]) -> PartnerEvent:
        """Verify the signature of a webhook and parse it. Header names are in lower case.

        Raises:
            SignatureInvalid: Not the partner's, or too long ago by the wall clock.
            WebhookUnreadable: The partner's, but nothing we understand.
        """

    def iter_transactions(self, *, since: datetime) -> Iterator[ProviderTransaction]:
        """Iterate over the provider's money movements since a time, for reconciliation."""

    def iter_account_movements(self, *, since: datetime, until: datetime) -> Iterator[AccountMovement]:
        """Iterate over the provider's fees, and payouts to the shop's bank, from a time until before another."""


class ShippingProvider(Protocol):
    """A shipping service. Idempotency and errors are those of PaymentProvider."""

    @property
    def name(self) -> str:
        """Name of the provider, under which its references are stored."""

    def list_rates(self, request: LabelRequest) -> tuple[Rate, ...]:
        """List the rates of carriers, cheapest first."""

    def buy_label(self, request: LabelRequest) -> Label:
        """Buy the cheapest label. States: issued, refused (permanently), voided."""

    def find_label(self, *, shipment_id: ShipmentId) -> Label | None:
        """Return the label of a shipment; None if the provider never received it."""

    def void_label(self, *, shipment_id: ShipmentId, provider_reference: str) -> VoidState:
        """Void a label, unless the parcel is on its way.

        One never heard of (its reference is empty then) is closed against a late purchase, where that can be done.
        """

    def list_tracking(self, *, shipment_id: ShipmentId, provider_reference: str) -> tuple[TrackingEvent, ...]:
        """Return all tracking events of a parcel."""

    def read_event(self, *, body: bytes, headers: Mapping[str, str]) -> PartnerEvent:
        """Verify the signature of a webhook and parse it, like ``PaymentProvider.read_event``."""


class Partners(Protocol):
    """One tenant's partners, each selected at first use. Raises PartnerMisconfigured if there is none."""

    @property
    def payments(self) -> PaymentProvider:
        """The payment provider."""

    @property
    def shipping(self) -> ShippingProvider:
        """The shipping provider."""


class ConnectionStates(Protocol):
    """The recorded states of one tenant's connections, for all workers, its staff and the brand."""

    def find(self, connection_id: ConnectionId) -> ConnectionState | None:
        """Return the last recorded state, from a consistent read; None if it never failed. Raises Unavailable."""

    def report(self, connection: Connection, seen: Observation) -> None:
        """Record the observation of a worker. Raises what the recorder raises."""


class Secrets(Protocol):
    """One tenant's secrets, in its own account."""

    def get(self, name: str) -> Mapping[str, str]:
        """Return a secret, at most five minutes old. Raises PartnerMisconfigured if there is none."""


class Keyring(Protocol):
    """Data keys per owner, wrapped by the tenant's key service."""

    def seal(self, *, owner_id: str, entity_id: str, plaintext: bytes) -> str:
        """Encrypt for an owner, bound to an entity; create the owner's key if there is none."""

    def open(self, *, owner_id: str, entity_id: str, sealed: str) -> bytes:
        """Decrypt. Raises SealBroken if the text was changed or belongs to another entity."""


class Received(msgspec.Struct, frozen=True, kw_only=True):
    """A received message. ``handle`` deletes it; ``receive_count`` is the count of SQS."""

    body: str
    message_id: str
    handle: str
    receive_count: int


#: Codes of a body that a queue will never take: its characters or its size (SQS API reference, SendMessage and
#: SendMessageBatch; InvalidParameterValue is the response to one body above the queue's MaximumMessageSize). Every
# other
#: code is about the queue or the moment, and worth another try.
CONTENT_REFUSED: Final = frozenset({"BatchRequestTooLong", "InvalidMessageContents", "InvalidParameterValue"})


class Queues(Protocol):
    """The queues of one tenant."""

    def receive(self, queue_url: str, *, wait_seconds: int, max_count: int = 10) -> tuple[Received, ...]:
        """Long-poll for messages. Raises Unavailable."""

    def send(self, queue_url: str, bodies: Sequence[str]) -> Mapping[int, str]:
        """Send bodies in batches within the limits of SQS; return the error code of each that failed, by position."""

    def delete(self, queue_url: str, handles: Sequence[str]) -> None:
        """Delete completed messages; one that fails is delivered again, which every consumer tolerates."""

    def postpone(self, queue_url: str, handles: Sequence[str], *, seconds: int) -> None:
        """Hide messages for a time; one that cannot be hidden is delivered earlier."""

    def count(self, queue_url: str) -> int:
        """Return the number of messages, including hidden ones: an estimate, correct within a minute."""

    def count_waiting(self, queue_url: str) -> int:
        """Return the number of messages that no consumer has received: an estimate, correct within a minute."""

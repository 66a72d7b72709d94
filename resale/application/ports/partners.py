"""Stores, queues, codecs and partners behind ports."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Final, Protocol

import msgspec

from resale.domain.connections import ConnectionState, Observation
from resale.domain.ids import ConnectionId, ListingId, RefundId, ShipmentId
from resale.domain.media import RenderedImage
from resale.domain.money import Money
from resale.domain.partners import Connection, PartnerEvent, ProviderBooking
from resale.domain.payments import PaymentOutcome, PaymentRequest, RefundOutcome
from resale.domain.payouts import PayoutOutcome, PayoutRequest
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
        """Sign a form bound to key, type and size range, with credentials that outlive it."""


class PrivateLinks(Protocol):
    """Links to private objects of the tenant's media bucket, for those who may see them."""

    def sign(self, key: str, *, version_id: str | None = None, seconds: int = 900) -> str:
        """Sign a link to an object, or to one version of it. Raises Unavailable without credentials that outlive it."""


class MediaStore(Protocol):
    """The tenant's media bucket."""

    def find_first_version(self, key: str) -> StoredObject | None:
        """Find the oldest version of an object: a slot is consumed once, later uploads never count."""

    def read(self, key: str, *, version_id: str, max_bytes: int) -> bytes:
        """Read one version, refusing more than ``max_bytes`` with ImageRefused(too_large)."""

    def put_rendition(self, key: str, *, body: bytes, content_type: str) -> None:
        """Store a content-addressed object; storing it again is a no-op."""

    def retire(self, listing_id: ListingId) -> int:
        """Make a listing's renditions private; returns how many were public. Repeating it has no effect."""


class ImageCodec(Protocol):
    """Turns an upload into clean renditions."""

    def render(self, data: bytes) -> RenderedImage:
        """Sniff, bound, orient, strip, convert and scale: a pure function of the bytes.

        Raises:
            ImageRefused: What the bytes are, or are not; said again of the same bytes it is the same.
            Unavailable: The outcome is not known; the bytes are not the reason.
        """


class PaymentProvider(Protocol):
    """A payment service. Every call is keyed by an id of ours, so saying it twice does it once.

    A method answers what is known. PartnerUnavailable is raised when the outcome is not known (time-out, 5xx, no
    answer, too many calls): never a refusal; whoever retries asks first (``find_…``). Money moves only by these calls.
    """

    @property
    def name(self) -> str:
        """Name of the provider, as look-ups of its references are kept under."""

    def authorise(self, request: PaymentRequest) -> PaymentOutcome:
        """Ask the buyer's bank to set the money aside. States: authorized, requires_action, declined, voided."""

    def find_payment(self, request: PaymentRequest) -> PaymentOutcome | None:
        """Ask what became of an attempt; None when the provider never heard of it."""

    def capture(self, request: PaymentRequest) -> PaymentOutcome:
        """Take the money set aside. States: captured, voided or declined (it was set aside no longer)."""

    def void(self, request: PaymentRequest) -> PaymentOutcome:
        """Give up an attempt; one never heard of is closed, so that a late authorisation under its id takes nothing.

        States: voided, declined; captured when it is too late: then only a refund gives it back.
        """

    def refund(self, request: PaymentRequest, *, refund_id: RefundId, amount: Money) -> RefundOutcome:
        """Give part or all of a captured payment back."""

    def find_refund(self, request: PaymentRequest, *, refund_id: RefundId) -> RefundOutcome | None:
        """Ask what became of a refund; None when the provider never heard of it."""

    def pay_out(self, request: PayoutRequest) -> PayoutOutcome:
        """Send a seller's money on its way."""

    def find_payout(self, request: PayoutRequest) -> PayoutOutcome | None:
        """Ask what became of a payout; None when the provider never heard of it."""

    def read_event(self, *, body: bytes, headers: Mapping[str, str]) -> PartnerEvent:
        """Verify a webhook against its signature and read it. Header names in lower case.

        Raises:
            SignatureInvalid: Not the partner's, or too long ago by the wall clock.
            HookUnreadable: The partner's, but nothing we understand.
        """

    def iter_bookings(self, *, since: datetime) -> Iterator[ProviderBooking]:
        """Go through the provider's own books from a moment on: money that moved, for reconciliation."""


class ShippingProvider(Protocol):
    """A shipping service. Keyed and failing as a PaymentProvider is."""

    @property
    def name(self) -> str:
        """Name of the provider, as look-ups of its references are kept under."""

    def list_rates(self, request: LabelRequest) -> tuple[Rate, ...]:
        """Say what carriers would ask, cheapest first."""

    def buy_label(self, request: LabelRequest) -> Label:
        """Buy the cheapest label. States: issued, refused (for good), voided."""

    def find_label(self, *, shipment_id: ShipmentId) -> Label | None:
        """Ask what became of a label; None when the provider never heard of it."""

    def void_label(self, *, shipment_id: ShipmentId, provider_reference: str) -> VoidState:
        """Give a label back, unless the parcel is on its way.

        One never heard of (its reference is empty then) is closed against a late purchase, where that can be done.
        """

    def list_tracking(self, *, shipment_id: ShipmentId, provider_reference: str) -> tuple[TrackingEvent, ...]:
        """Ask for everything that was reported of a parcel so far."""

    def read_event(self, *, body: bytes, headers: Mapping[str, str]) -> PartnerEvent:
        """Verify a webhook and read it, as ``PaymentProvider.read_event`` does."""


class Partners(Protocol):
    """One tenant's partners, each found when it is asked for. Raises PartnerMisconfigured where there is none."""

    @property
    def payments(self) -> PaymentProvider:
        """Its payment provider."""

    @property
    def shipping(self) -> ShippingProvider:
        """Its shipping provider."""


class ConnectionStates(Protocol):
    """What is on record of one tenant's connections, for all workers, its staff and the brand."""

    def find(self, connection_id: ConnectionId) -> ConnectionState | None:
        """Read what was recorded last, consistently; None while it never failed. Raises Unavailable."""

    def report(self, connection: Connection, seen: Observation) -> None:
        """Have recorded what a worker saw. Raises what recording it raises."""


class Secrets(Protocol):
    """One tenant's secrets, in its own account."""

    def get(self, name: str) -> Mapping[str, str]:
        """Read one, at most five minutes old. Raises PartnerMisconfigured when there is none."""


class Keyring(Protocol):
    """Data keys per owner, wrapped by the tenant's key service."""

    def seal(self, *, owner_id: str, entity_id: str, plaintext: bytes) -> str:
        """Encrypt for an owner, bound to an entity; makes the owner's key when there is none."""

    def open(self, *, owner_id: str, entity_id: str, sealed: str) -> bytes:
        """Decrypt. Raises SealBroken when the token was changed or belongs elsewhere."""


class Received(msgspec.Struct, frozen=True, kw_only=True):
    """One message as received. ``handle`` deletes it; ``receive_count`` is SQS's own count."""

    body: str
    message_id: str
    handle: str
    receive_count: int


#: Codes of a body that a queue will never take: its characters or its size (SQS API reference, SendMessage and
#: SendMessageBatch; InvalidParameterValue is the answer to one body above the queue's MaximumMessageSize). Every other
#: code is about the queue or the moment, and worth another try.
CONTENT_REFUSED: Final = frozenset({"BatchRequestTooLong", "InvalidMessageContents", "InvalidParameterValue"})


class Queues(Protocol):
    """The queues of one tenant."""

    def receive(self, queue_url: str, *, wait_seconds: int, max_count: int = 10) -> tuple[Received, ...]:
        """Long-poll; raises Unavailable when the queue does not answer."""

    def send(self, queue_url: str, bodies: Sequence[str]) -> Mapping[int, str]:
        """Send in batches packed by ten and by bytes; returns the error code of each body that failed, by position."""

    def delete(self, queue_url: str, handles: Sequence[str]) -> None:
        """Delete what is done; one that fails comes again, which every consumer bears."""

    def postpone(self, queue_url: str, handles: Sequence[str], *, seconds: int) -> None:
        """Hide messages for so long, from now on; one that cannot be is seen again earlier."""

    def count(self, queue_url: str) -> int:
        """Count a queue's messages, the hidden ones too; an estimate that is right within a minute."""

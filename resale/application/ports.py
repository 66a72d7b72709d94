"""What the use cases need of the world. Each Protocol carries its contract; adapters keep it."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Protocol, TypeVar

import msgspec

from resale.domain.actors import Actor
from resale.domain.changes import Change
from resale.domain.customers import Customer
from resale.domain.ids import CustomerId, IdSource, ListingId, MediaId, OrderId
from resale.domain.listings import Listing
from resale.domain.media import Media, RenderedImage
from resale.domain.money import Money
from resale.domain.orders import Order
from resale.domain.payments import PaymentOutcome
from resale.domain.tenants import Tenant
from resale.errors import Conflict, Invalid, Outcome

T = TypeVar("T")

#: What a lost race means, decided from the status that was read: an outcome, or None for a plain Conflict.
LostRace = Callable[[str], Outcome | None]


# ---------------------------------------------------------------- what repositories hand out
class Document(msgspec.Struct, frozen=True, kw_only=True):
    """A stored entity as read: the JSON of everything not personal, upcast, and the sealed rest."""

    id: str
    version: int
    doc: bytes
    private: str | None = None


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """Some documents in order, and the opaque, signed position after them (None: the end)."""

    documents: tuple[Document, ...]
    next_cursor: str | None


class HistoryRow(msgspec.Struct, frozen=True, kw_only=True):
    """One version of an entity as history keeps it: a pure function of the stream record."""

    entity_id: str
    version: int
    change: Change
    doc: str
    private: str | None = None


class IdempotencyRecord(msgspec.Struct, frozen=True, kw_only=True):
    """That a keyed command was done: its request hash and what it made. No body."""

    key: str
    request_hash: str
    entity_id: str
    version: int
    transaction_id: str
    expires_at_seconds: int  # Unix time, as TTL wants it


class IdempotencyConflict(Conflict):
    """The key was used before; whoever catches this reads the record and answers as the first time."""

    code = "idempotency_key_used"


class IdempotencyInProgress(Conflict):
    """The first request with this key is still being written."""

    code = "idempotency_in_progress"


class IdempotencyMismatch(Invalid):
    """The key was used with another body."""

    code = "idempotency_key_reused"


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


# ---------------------------------------------------------------- repositories (one tenant, no tenant argument)
class ListingRepository(Protocol):
    """Listings of the tenant the unit of work was opened for."""

    def get(self, listing_id: ListingId) -> Listing:
        """Read one, consistently.

        Raises:
            NotFound: No such listing.
            Unavailable: The store did not answer in time.
        """

    def add(self, listing: Listing, *, change_type: str) -> None:
        """Buffer the first version of a listing."""

    def save(
        self, listing: Listing, *, change_type: str, reason_code: str | None = None, lost: LostRace | None = None
    ) -> None:
        """Buffer the next version of a listing read in this unit of work.

        On commit another writer is a ListingChanged (Conflict), or what ``lost`` makes of the status found.
        """


class MediaRepository(Protocol):
    """Images of listings."""

    def get(self, listing_id: ListingId, media_id: MediaId) -> Media:
        """Read one, consistently. Raises NotFound."""

    def list_of(self, listing_id: ListingId) -> tuple[Media, ...]:
        """Read all images of a listing, in the order they were asked for."""

    def add(self, media: Media, *, change_type: str) -> None:
        """Buffer the first version of an image."""

    def save(
        self, media: Media, *, change_type: str, reason_code: str | None = None, lost: LostRace | None = None
    ) -> None:
        """Buffer the next version of an image."""


class OrderRepository(Protocol):
    """Orders."""

    def get(self, order_id: OrderId) -> Order:
        """Read one, consistently. Raises NotFound."""

    def add(self, order: Order, *, change_type: str) -> None:
        """Buffer the first version of an order."""

    def save(
        self, order: Order, *, change_type: str, reason_code: str | None = None, lost: LostRace | None = None
    ) -> None:
        """Buffer the next version of an order."""


class CustomerRepository(Protocol):
    """Customers, found by a keyed hash of (issuer, subject)."""

    def find_id(self, *, issuer: str, subject: str) -> CustomerId | None:
        """Look a shopper up; None before the first write."""

    def add_shopper(self, customer: Customer, *, issuer: str, subject: str) -> None:
        """Buffer a customer with its look-up; another writer of the same shopper is a Conflict."""


class IdempotencyRepository(Protocol):
    """Records of keyed commands."""

    def find(self, key: str) -> IdempotencyRecord | None:
        """Read a record, consistently."""

    def add(self, record: IdempotencyRecord) -> None:
        """Buffer a record: a known key fails the commit with IdempotencyConflict."""


class UnitOfWork(Protocol):
    """One tenant, one actor, one commit. What is not committed is dropped."""

    @property
    def tenant(self) -> Tenant:
        """The one tenant it was opened for."""

    @property
    def listings(self) -> ListingRepository:
        """Its listings."""

    @property
    def media(self) -> MediaRepository:
        """Its images."""

    @property
    def orders(self) -> OrderRepository:
        """Its orders."""

    @property
    def customers(self) -> CustomerRepository:
        """Its customers."""

    @property
    def idempotency(self) -> IdempotencyRepository:
        """Its records of keyed commands."""

    @property
    def vault(self) -> "Vault":
        """Where personal data is sealed."""

    @property
    def ids(self) -> IdSource:
        """Makes new ids."""

    @property
    def transaction_id(self) -> str:
        """Names this unit of work in every change it commits."""

    def commit(self) -> None:
        """Write everything buffered in one conditional write or one transaction.

        Shape: at most 100 items, each at most 100 KB; a lost answer is recognised by our own change id.

        Raises:
            Conflict: Another writer won, or the write's own error that its failed condition means.
            Unavailable: Not known or not done within the retry budget.
        """

    def act_as(self, actor: Actor) -> None:
        """Name who acts, once known: a shopper is found or made within the unit of work."""


class Vault(Protocol):
    """Personal data, sealed under the data key of the shopper it belongs to."""

    def seal(self, value: msgspec.Struct, *, owner_id: CustomerId, entity_id: str) -> str:
        """Encrypt a struct for its owner, bound to the entity it will lie in."""

    def open(self, sealed: str, kind: type[T], *, owner_id: CustomerId, entity_id: str) -> T:
        """Decrypt what ``seal`` made. Raises Unavailable when the key service does not answer."""


# ---------------------------------------------------------------- reads
class Reader(Protocol):
    """Reads of one tenant. Cannot commit. Lists take ``limit`` (1-100) and an opaque cursor."""

    @property
    def tenant(self) -> Tenant:
        """The one tenant it was opened for."""

    @property
    def vault(self) -> Vault:
        """Opens personal data."""

    def find_listing(self, listing_id: ListingId) -> Document | None:
        """Read a listing's document, consistently."""

    def list_media(self, listing_id: ListingId) -> tuple[Media, ...]:
        """Read all images of a listing, consistently."""

    def list_active_listings(self, *, market: str, limit: int, cursor: str | None) -> Page:
        """Active listings of a market, newest first. Raises InvalidCursor."""

    def list_product_listings(self, *, product: str, limit: int, cursor: str | None) -> Page:
        """Active listings of a product, newest first."""

    def list_seller_listings(self, *, seller_id: CustomerId, limit: int, cursor: str | None) -> Page:
        """All listings of a seller, newest first."""

    def list_review_queue(self, *, limit: int, cursor: str | None) -> Page:
        """Listings waiting for review, oldest first."""

    def find_order(self, order_id: OrderId) -> Document | None:
        """Read an order's document, consistently."""

    def list_buyer_orders(self, *, buyer_id: CustomerId, limit: int, cursor: str | None) -> Page:
        """A buyer's orders, newest first."""

    def list_seller_orders(self, *, seller_id: CustomerId, limit: int, cursor: str | None) -> Page:
        """A seller's sales, newest first."""

    def list_recent_orders(self, *, limit: int, cursor: str | None) -> Page:
        """All orders, newest first."""

    def find_customer_id(self, *, issuer: str, subject: str) -> CustomerId | None:
        """Look a shopper up; None before the first write."""

    def find_idempotency_record(self, key: str) -> IdempotencyRecord | None:
        """Read the record of a keyed command, consistently."""

    def list_history(self, entity_id: str, *, limit: int, cursor: str | None) -> "HistoryPage":
        """The recorded versions of an entity, oldest first, consistently."""

    def find_head(self, entity_id: str, *, parent_id: str) -> "Head | None":
        """The version and hash an entity stands at now; ``parent_id`` is the listing of an image, else the entity."""

    def list_due(self, *, now: datetime, limit: int) -> tuple["DueItem", ...]:
        """What waits and is due, oldest first over all shards; eventually consistent."""


class HistoryPage(msgspec.Struct, frozen=True, kw_only=True):
    """Some rows of an entity's history, and the position after them."""

    rows: tuple[HistoryRow, ...]
    next_cursor: str | None


class Head(msgspec.Struct, frozen=True, kw_only=True):
    """Where an entity stands: what its newest history row must agree with."""

    version: int
    hash: str


class DueItem(msgspec.Struct, frozen=True, kw_only=True):
    """Something whose wake-up time has come. ``parent_id`` is the listing of an image, else the entity."""

    entity_id: str
    parent_id: str
    due_at: datetime


class HistoryLog(Protocol):
    """Where the changes worker appends. Rows are never changed."""

    def append(self, rows: tuple[HistoryRow, ...]) -> Mapping[tuple[str, int], Exception]:
        """Put each row unless it is there; returns what failed by (entity id, version)."""


# ---------------------------------------------------------------- partners and stores
class UploadForms(Protocol):
    """Presigned POSTs to the tenant's media bucket."""

    def sign(self, *, key: str, content_type: str, min_bytes: int, max_bytes: int, now: datetime) -> UploadForm:
        """Sign a form bound to key, type and size range, with credentials that outlive it."""


class MediaStore(Protocol):
    """The tenant's media bucket."""

    def find_first_version(self, key: str) -> StoredObject | None:
        """Find the oldest version of an object: a slot is consumed once, later uploads never count."""

    def read(self, key: str, *, version_id: str, max_bytes: int) -> bytes:
        """Read one version, refusing more than ``max_bytes`` with ImageRefused(too_large)."""

    def put_rendition(self, key: str, *, body: bytes, content_type: str) -> None:
        """Store a content-addressed object; storing it again is a no-op."""

    def signed_url(self, key: str, *, seconds: int) -> str:
        """A link for staff to a private object."""


class ImageCodec(Protocol):
    """Turns an upload into clean renditions."""

    def render(self, data: bytes, *, declared_content_type: str) -> RenderedImage:
        """Sniff, bound, orient, strip, convert and scale. Raises ImageRefused."""


class PaymentProvider(Protocol):
    """A payment service. Every call is keyed by our attempt id; saying it twice charges once."""

    def charge(self, *, attempt_id: str, order_id: str, amount: Money, token: str) -> PaymentOutcome:
        """Authorise and capture. Raises Unavailable when the outcome is not known."""

    def find_charge(self, *, attempt_id: str) -> PaymentOutcome | None:
        """Ask what became of an attempt; None when the provider never booked it."""

    def refund(self, *, attempt_id: str) -> PaymentOutcome:
        """Give an attempt back, whole; one never booked is closed, so that a late charge under its id takes nothing.

        Returns state refunded or, when there was nothing to give back, voided (declined stays declined).
        """


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


class Queues(Protocol):
    """The queues of one tenant."""

    def receive(self, queue_url: str, *, wait_seconds: int, max_count: int = 10) -> tuple[Received, ...]:
        """Long-poll; raises Unavailable when the queue does not answer."""

    def send(self, queue_url: str, bodies: Sequence[str]) -> Mapping[int, str]:
        """Send in batches packed by ten and by bytes; returns the error code of each body that failed, by position."""

    def delete(self, queue_url: str, handles: Sequence[str]) -> None:
        """Delete what is done; one that fails comes again, which every consumer bears."""


class RecordUnreadable(Exception):  # noqa: N818 - named for what happened
    """A message on the changes queue is no record of an audited item; it stays and ends in the DLQ."""

"""Writes: one tenant, one unit of work, one commit. Repositories take no tenant, so none can be crossed."""

from collections.abc import Callable
from datetime import timedelta
from typing import Protocol, TypeVar

import msgspec

from resale.application.ports.records import IdempotencyRecord
from resale.domain.actors import Actor
from resale.domain.claims import Claim
from resale.domain.clocks import Clock
from resale.domain.connections import ConnectionState
from resale.domain.customers import Customer
from resale.domain.dead_letters import DeadLetter, FailureNote
from resale.domain.ids import (
    ClaimId,
    ClockId,
    ConnectionId,
    CustomerId,
    DeadLetterId,
    IdSource,
    InboundId,
    ListingId,
    MediaId,
    OrderId,
    PayoutId,
    PurchaseId,
    SellerId,
    TransferId,
)
from resale.domain.inbound import Inbound
from resale.domain.ledger import LedgerTransaction
from resale.domain.listings import Listing
from resale.domain.media import Media
from resale.domain.orders import Order
from resale.domain.payouts import Payout
from resale.domain.purchases import Purchase
from resale.domain.sellers import Seller
from resale.domain.tenants import Tenant
from resale.domain.transfers import Transfer
from resale.errors import Outcome

T = TypeVar("T")

#: What a lost race means, decided from the status that was read: an outcome, or None for a plain Conflict.
LostRace = Callable[[str], Outcome | None]


class Vault(Protocol):
    """Personal data, sealed under the data key of the shopper it belongs to."""

    def seal(self, value: msgspec.Struct, *, owner_id: CustomerId, entity_id: str) -> str:
        """Encrypt a struct for its owner, bound to the entity it will lie in."""

    def open(self, sealed: str, kind: type[T], *, owner_id: CustomerId, entity_id: str) -> T:
        """Decrypt what ``seal`` made. Raises Unavailable when the key service does not answer."""


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


class TransferRepository(Protocol):
    """Transfers of orders."""

    def get(self, order_id: OrderId, transfer_id: TransferId) -> Transfer:
        """Read one, consistently. Raises NotFound."""

    def list_available(self, seller_id: CustomerId, *, limit: int) -> tuple[Transfer, ...]:
        """Read a seller's transfers that a payout may take, oldest first; found by an index, each read consistently."""

    def add(self, transfer: Transfer, *, change_type: str) -> None:
        """Buffer the first version of a transfer."""

    def save(
        self, transfer: Transfer, *, change_type: str, reason_code: str | None = None, lost: LostRace | None = None
    ) -> None:
        """Buffer the next version of a transfer."""


class ClaimRepository(Protocol):
    """Claims of orders; an order has one at the most."""

    def get(self, claim_id: ClaimId) -> Claim:
        """Read one, consistently. Raises NotFound."""

    def find(self, claim_id: ClaimId) -> Claim | None:
        """Read one that may not be there, consistently."""

    def add(self, claim: Claim, *, change_type: str) -> None:
        """Buffer the first version of a claim."""

    def save(
        self, claim: Claim, *, change_type: str, reason_code: str | None = None, lost: LostRace | None = None
    ) -> None:
        """Buffer the next version of a claim."""


class PayoutRepository(Protocol):
    """Payouts to sellers."""

    def get(self, payout_id: PayoutId) -> Payout:
        """Read one, consistently. Raises NotFound."""

    def add(self, payout: Payout, *, change_type: str) -> None:
        """Buffer the first version of a payout."""

    def save(
        self, payout: Payout, *, change_type: str, reason_code: str | None = None, lost: LostRace | None = None
    ) -> None:
        """Buffer the next version of a payout."""


class PurchaseRepository(Protocol):
    """Past purchases, with the guarded count of claimed units."""

    def find(self, purchase_id: PurchaseId) -> Purchase | None:
        """Read one that may not be there, consistently."""

    def add(self, purchase: Purchase, *, change_type: str) -> None:
        """Buffer the first version of a purchase."""

    def save(self, purchase: Purchase, *, change_type: str) -> None:
        """Buffer the next version of a purchase."""


class SellerRepository(Protocol):
    """Sellers' accounts, with the guarded balance."""

    def find(self, seller_id: SellerId) -> Seller | None:
        """Read one that may not be there yet, consistently."""

    def add(self, seller: Seller, *, change_type: str) -> None:
        """Buffer the first version of an account."""

    def save(
        self, seller: Seller, *, change_type: str, reason_code: str | None = None, lost: LostRace | None = None
    ) -> None:
        """Buffer the next version of an account."""


class LedgerRepository(Protocol):
    """The double-entry ledger: nothing but new bookings."""

    def post(self, transaction: LedgerTransaction) -> None:
        """Buffer a balanced booking into the commit of what it books; booked before, that fails with AlreadyBooked."""


class CustomerRepository(Protocol):
    """Customers, found by a keyed hash of (issuer, subject)."""

    def find_id(self, *, issuer: str, subject: str) -> CustomerId | None:
        """Look a shopper up; None before the first write."""

    def add_shopper(self, customer: Customer, *, issuer: str, subject: str) -> None:
        """Buffer a customer with its look-up; another writer of the same shopper is a Conflict."""


class InboundRepository(Protocol):
    """What partners told by webhooks."""

    def get(self, inbound_id: InboundId) -> Inbound:
        """Read one, consistently. Raises NotFound."""

    def add(self, inbound: Inbound, *, change_type: str) -> None:
        """Buffer the first version of an event; one that was taken before fails the commit with InboundChanged."""

    def save(
        self, inbound: Inbound, *, change_type: str, reason_code: str | None = None, lost: LostRace | None = None
    ) -> None:
        """Buffer the next version of an event."""


class ConnectionRepository(Protocol):
    """States of the tenant's connections."""

    def find(self, connection_id: ConnectionId) -> ConnectionState | None:
        """Read one, consistently; None while it never failed."""

    def add(self, state: ConnectionState, *, change_type: str, reason_code: str | None = None) -> None:
        """Buffer the first version of a state."""

    def save(self, state: ConnectionState, *, change_type: str, reason_code: str | None = None) -> None:
        """Buffer the next version of a state read in this unit of work."""


class ReferenceRepository(Protocol):
    """Look-ups: what a partner calls by a name of its own, and what we call it."""

    def find(self, *, provider: str, reference: str) -> str | None:
        """Look a partner's name up, consistently; None when nothing was ever learned of it."""

    def add(self, *, provider: str, reference: str, entity_id: str) -> None:
        """Buffer a look-up into the write that learned the name.

        The same look-up again, in this commit or a later one, is none too many; another entity under the same name
        fails the commit with ReferenceTaken.
        """


class ClockRepository(Protocol):
    """The test clock of a sandbox tenant. A live tenant has none: every read raises SandboxOnly and asks no table."""

    def find(self) -> Clock | None:
        """Read it, consistently; None when there is none."""

    def get(self, clock_id: ClockId) -> Clock:
        """Read it by its id, consistently. Raises NotFound."""

    def add(self, clock: Clock, *, change_type: str) -> None:
        """Buffer the first version; a second clock fails the commit with a Conflict."""

    def save(
        self, clock: Clock, *, change_type: str, reason_code: str | None = None, lost: LostRace | None = None
    ) -> None:
        """Buffer the next version of the clock read in this unit of work."""


class DeadLetterRepository(Protocol):
    """Dead letters somebody acted on."""

    def find(self, letter_id: DeadLetterId) -> DeadLetter | None:
        """Read one, consistently; None while nobody acted on it."""

    def find_failure(self, message_id: str) -> FailureNote | None:
        """Read why the newest delivery of a message failed; None when that is not, or no longer, on record."""

    def add(self, letter: DeadLetter, *, change_type: str) -> None:
        """Buffer the first version; another one who acted meanwhile is a DeadLetterChanged (Conflict)."""

    def save(
        self, letter: DeadLetter, *, change_type: str, reason_code: str | None = None, lost: LostRace | None = None
    ) -> None:
        """Buffer the next version of one read here."""


class IdempotencyRepository(Protocol):
    """Records of keyed commands."""

    def find(self, key: str) -> IdempotencyRecord | None:
        """Read a record, consistently."""

    def add(self, record: IdempotencyRecord, *, kept_for: timedelta) -> None:
        """Buffer a record: a known key fails the commit with IdempotencyConflict.

        It is gone after ``kept_for`` by the wall clock, whatever time it is for the tenant.
        """


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
    def transfers(self) -> TransferRepository:
        """Its transfers."""

    @property
    def claims(self) -> ClaimRepository:
        """Its claims."""

    @property
    def payouts(self) -> PayoutRepository:
        """Its payouts."""

    @property
    def purchases(self) -> PurchaseRepository:
        """Its shoppers' past purchases."""

    @property
    def sellers(self) -> SellerRepository:
        """Its sellers' accounts."""

    @property
    def ledger(self) -> LedgerRepository:
        """Its ledger."""

    @property
    def customers(self) -> CustomerRepository:
        """Its customers."""

    @property
    def inbound(self) -> InboundRepository:
        """What its partners told."""

    @property
    def connections(self) -> ConnectionRepository:
        """What is on record of its connections."""

    @property
    def references(self) -> ReferenceRepository:
        """Its look-ups by what partners call things."""

    @property
    def clocks(self) -> ClockRepository:
        """Its test clock."""

    @property
    def dead_letters(self) -> DeadLetterRepository:
        """Its dead letters."""

    @property
    def idempotency(self) -> IdempotencyRepository:
        """Its records of keyed commands."""

    @property
    def vault(self) -> Vault:
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

    def is_torn(self) -> bool:
        """Read again what was read, unless committed: was it never so at one moment? Raises Unavailable."""

    def act_as(self, actor: Actor) -> None:
        """Name who acts, once known: a shopper is found or made within the unit of work."""

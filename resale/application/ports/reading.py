"""Reads of one tenant, which cannot commit, and its append-only history."""

from collections.abc import Iterator, Mapping
from datetime import date, datetime
from typing import Protocol

from resale.application.ports.records import (
    Document,
    DueItem,
    Head,
    HistoryPage,
    HistoryRow,
    IdempotencyRecord,
    LedgerPage,
    Page,
)
from resale.application.ports.writing import Vault
from resale.domain.clocks import Clock
from resale.domain.connections import ConnectionState
from resale.domain.dead_letters import FailureNote
from resale.domain.ids import (
    ClaimId,
    ConnectionId,
    CustomerId,
    DeadLetterId,
    InboundId,
    ListingId,
    OrderId,
    PayoutId,
    PurchaseId,
    SellerId,
)
from resale.domain.ledger import LedgerEntry
from resale.domain.listings import ListingStatus
from resale.domain.media import Media
from resale.domain.tenants import Tenant
from resale.domain.transfers import Transfer


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

    def list_off_sale(self, *, status: ListingStatus, limit: int, cursor: str | None) -> Page:
        """Listings that are off sale in one state (``OFF_SALE``), newest first."""

    def find_order(self, order_id: OrderId) -> Document | None:
        """Read an order's document, consistently."""

    def list_buyer_orders(self, *, buyer_id: CustomerId, limit: int, cursor: str | None) -> Page:
        """A buyer's orders, newest first."""

    def list_seller_orders(self, *, seller_id: CustomerId, limit: int, cursor: str | None) -> Page:
        """A seller's sales, newest first."""

    def list_recent_orders(self, *, limit: int, cursor: str | None) -> Page:
        """All orders, newest first."""

    def find_claim(self, claim_id: ClaimId) -> Document | None:
        """Read a claim's document, consistently."""

    def list_open_claims(self, *, limit: int, cursor: str | None) -> Page:
        """Claims that are not closed, newest first."""

    def list_buyer_claims(self, *, buyer_id: CustomerId, limit: int, cursor: str | None) -> Page:
        """A buyer's claims, newest first."""

    def find_payout(self, payout_id: PayoutId) -> Document | None:
        """Read a payout's document, consistently."""

    def list_seller_payouts(self, *, seller_id: CustomerId, limit: int, cursor: str | None) -> Page:
        """A seller's payouts, newest first."""

    def list_recent_payouts(self, *, limit: int, cursor: str | None) -> Page:
        """All payouts, newest first."""

    def find_purchase(self, purchase_id: PurchaseId) -> Document | None:
        """Read a purchase's document, consistently."""

    def list_customer_purchases(self, *, customer_id: CustomerId, limit: int, cursor: str | None) -> Page:
        """A customer's past purchases, newest first."""

    def find_seller(self, seller_id: SellerId) -> Document | None:
        """Read a seller's account, consistently."""

    def list_transfers(self, order_id: OrderId) -> tuple[Transfer, ...]:
        """Read the transfers of an order, consistently."""

    def iter_held_transfers(self, seller_id: CustomerId) -> Iterator[Transfer]:
        """Go through a seller's transfers whose order is not completed, oldest first; eventually consistent."""

    def list_balance_transactions(self, *, seller_id: CustomerId, limit: int, cursor: str | None) -> Page:
        """A seller's transfers and payouts, newest first; eventually consistent. Raises InvalidCursor."""

    def iter_ledger_account(self, name: str) -> Iterator[LedgerEntry]:
        """Go through all entries of an account, consistently."""

    def iter_ledger_source(self, source_id: str) -> Iterator[LedgerEntry]:
        """Go through what was booked for an order or a payout, oldest first; eventually consistent."""

    def iter_ledger_day(self, day: str) -> Iterator[LedgerEntry]:
        """Go through what was booked on a day (``YYYY-MM-DD``, UTC); eventually consistent."""

    def list_ledger_source(self, source_id: str, *, limit: int, cursor: str | None) -> LedgerPage:
        """Bookings of an order or a payout, oldest first; eventually consistent. Raises InvalidCursor."""

    def list_ledger_days(self, *, first: date, last: date, limit: int, cursor: str | None) -> LedgerPage:
        """Bookings of some days in UTC, both included, oldest first; eventually consistent. Raises InvalidCursor."""

    def find_customer_id(self, *, issuer: str, subject: str) -> CustomerId | None:
        """Look a shopper up; None before the first write."""

    def find_connection(self, connection_id: ConnectionId) -> ConnectionState | None:
        """Read what is on record of a connection, consistently; None while it never failed."""

    def find_idempotency_record(self, key: str) -> IdempotencyRecord | None:
        """Read the record of a keyed command, consistently."""

    def find_test_clock(self) -> Clock | None:
        """Read a sandbox tenant's test clock, consistently; None when it has none.

        Raises:
            SandboxOnly: A live tenant; nothing is read.
            Unavailable: The store did not answer in time.
        """

    def find_inbound(self, inbound_id: InboundId) -> Document | None:
        """Read an inbound event's document, consistently."""

    def find_dead_letter(self, letter_id: DeadLetterId) -> Document | None:
        """Read what was done about a dead letter, consistently; None while nobody acted on it."""

    def find_failure(self, message_id: str) -> FailureNote | None:
        """Read why the newest delivery of a message failed; None when that is not, or no longer, on record."""

    def list_refusals(self, entity_id: str) -> tuple[FailureNote, ...]:
        """Read the last few times the rules refused what a message asked of an entity, oldest first."""

    def list_history(self, entity_id: str, *, limit: int, cursor: str | None) -> HistoryPage:
        """The recorded versions of an entity, oldest first, consistently."""

    def find_history_row(self, entity_id: str, version: int) -> HistoryRow | None:
        """Read one recorded version of an entity, consistently."""

    def find_head(self, entity_id: str, *, parent_id: str) -> Head | None:
        """The version and hash an entity stands at now; ``parent_id`` is the listing of an image, else the entity."""

    def find_current_row(self, entity_id: str, *, parent_id: str) -> HistoryRow | None:
        """The row of the version an entity stands at now, made from the item itself, which carries its change."""

    def iter_due(self, *, now: datetime) -> Iterator[DueItem]:
        """Go through everything that waits and is due, page by page; eventually consistent."""


class HistoryLog(Protocol):
    """Where the changes worker appends. Rows are never changed."""

    def append(self, rows: tuple[HistoryRow, ...]) -> Mapping[tuple[str, int], Exception]:
        """Put each row unless it is there; returns what failed by (entity id, version)."""

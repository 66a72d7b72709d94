"""Reads of one tenant: documents by key, lists by index, history, what is due. Cannot commit."""

from collections.abc import Callable, Iterator
from datetime import date, datetime
from functools import partial
from typing import Any

import msgspec

from resale.adapters.dynamodb import keys
from resale.adapters.dynamodb.audited import ITEM_ATTRIBUTES
from resale.adapters.dynamodb.balances import BalanceBook
from resale.adapters.dynamodb.claims import CLAIMS, claim_key
from resale.adapters.dynamodb.client import DynamoDB, Item
from resale.adapters.dynamodb.clocks import CLOCKS, find_item
from resale.adapters.dynamodb.connection_states import find_connection
from resale.adapters.dynamodb.cursors import Cursors
from resale.adapters.dynamodb.customers import CustomerDirectory
from resale.adapters.dynamodb.dead_letters import DEAD_LETTERS, DynamoDBFailures
from resale.adapters.dynamodb.documents import DocumentKind
from resale.adapters.dynamodb.due import iter_due
from resale.adapters.dynamodb.history import DynamoDBHistory
from resale.adapters.dynamodb.idempotency import find_record
from resale.adapters.dynamodb.inbound import INBOUND_EVENTS
from resale.adapters.dynamodb.ledger import LedgerBook
from resale.adapters.dynamodb.listings import LISTINGS
from resale.adapters.dynamodb.media import media_noun, query_media
from resale.adapters.dynamodb.orders import ORDERS
from resale.adapters.dynamodb.pages import PUBLIC, SEALED, ListQuery, read_page
from resale.adapters.dynamodb.payouts import PAYOUTS
from resale.adapters.dynamodb.purchases import PURCHASES
from resale.adapters.dynamodb.sellers import SELLERS
from resale.adapters.dynamodb.stream_records import row_of
from resale.adapters.dynamodb.transfers import TRANSFERS, transfer_noun
from resale.application.ports import (
    Document,
    DueItem,
    Head,
    HistoryPage,
    HistoryRow,
    IdempotencyRecord,
    LedgerPage,
    Page,
    Vault,
)
from resale.domain.changes import decode_change
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
    sibling,
)
from resale.domain.ledger import LedgerEntry
from resale.domain.listings import ListingStatus
from resale.domain.media import Media
from resale.domain.tenants import Tenant
from resale.domain.transfers import Transfer

_DOCUMENT = ("doc", "private", "version")
_PUBLIC_INDEXES = (keys.LISTINGS_BY_MARKET, keys.LISTINGS_BY_PRODUCT)
_TRANSFERS_MAX = 100  # of one order: one earned, and one taken back by each refund


class _Listed(msgspec.Struct, frozen=True):
    """A noun of the orders table as lists read it: its documents, and the sort key that follows from its pk."""

    kind: DocumentKind[Any]
    sk: Callable[[str], str]


_ORDER = _Listed(ORDERS, lambda _pk: keys.ORDER_SK)
_CLAIM = _Listed(CLAIMS, lambda pk: sibling("clm", pk))
_PAYOUT = _Listed(PAYOUTS, lambda _pk: keys.PAYOUT_SK)
_PURCHASE = _Listed(PURCHASES, lambda _pk: keys.PURCHASE_SK)


class DynamoDBReader:
    """Keeps ``resale.application.ports.Reader``."""

    def __init__(
        self, *, tenant: Tenant, db: DynamoDB, vault: Vault, cursors: Cursors, directory: CustomerDirectory
    ) -> None:
        self.tenant = tenant
        self.vault = vault
        self._db = db
        self._cursors = cursors
        self._directory = directory
        self._tables = tenant.resources.tables

    # ------------------------------------------------------------ one
    def find_listing(self, listing_id: ListingId) -> Document | None:
        """Read a listing's document, consistently."""
        item = self._db.get_item(
            table=self._tables.listings, key=dict(keys.listing_key(listing_id)), attributes=_DOCUMENT
        )
        return None if item is None else _document(LISTINGS, listing_id, item)

    def list_media(self, listing_id: ListingId) -> tuple[Media, ...]:
        """Read all images of a listing, consistently."""
        noun = media_noun(self.tenant)
        return tuple(noun.from_item(item) for item in query_media(self._db, self.tenant, listing_id))

    def find_order(self, order_id: OrderId) -> Document | None:
        """Read an order's document, consistently."""
        return self._find(ORDERS, keys.order_key(order_id), order_id)

    def find_claim(self, claim_id: ClaimId) -> Document | None:
        """Read a claim's document, consistently."""
        return self._find(CLAIMS, claim_key(claim_id), claim_id)

    def find_payout(self, payout_id: PayoutId) -> Document | None:
        """Read a payout's document, consistently."""
        return self._find(PAYOUTS, keys.payout_key(payout_id), payout_id)

    def find_purchase(self, purchase_id: PurchaseId) -> Document | None:
        """Read a purchase's document, consistently."""
        return self._find(PURCHASES, keys.purchase_key(purchase_id), purchase_id)

    def find_seller(self, seller_id: SellerId) -> Document | None:
        """Read a seller's account, consistently."""
        return self._find(SELLERS, keys.seller_key(seller_id), seller_id)

    def list_transfers(self, order_id: OrderId) -> tuple[Transfer, ...]:
        """Read the transfers of an order, consistently."""
        items, _ = self._db.query(
            table=self._tables.orders,
            index=None,
            condition="pk = :order AND begins_with(sk, :prefix)",
            values={":order": order_id, ":prefix": keys.TRANSFER_SK_PREFIX},
            limit=_TRANSFERS_MAX,
            forward=True,
            consistent=True,
        )
        noun = transfer_noun(self.tenant)
        return tuple(noun.from_item(item) for item in items)

    def find_inbound(self, inbound_id: InboundId) -> Document | None:
        """Read an inbound event's document, consistently."""
        return self._find(INBOUND_EVENTS, keys.inbound_key(inbound_id), inbound_id)

    def find_dead_letter(self, letter_id: DeadLetterId) -> Document | None:
        """Read what was done about a dead letter, consistently."""
        return self._find(DEAD_LETTERS, keys.dead_letter_key(letter_id), letter_id)

    def find_failure(self, message_id: str) -> FailureNote | None:
        """Read why the newest delivery of a message failed."""
        return DynamoDBFailures(self._db, self.tenant).find(message_id)

    def list_refusals(self, entity_id: str) -> tuple[FailureNote, ...]:
        """Read the last few times the rules refused what a message asked of an entity, oldest first."""
        return DynamoDBFailures(self._db, self.tenant).list_refusals(entity_id)

    def find_customer_id(self, *, issuer: str, subject: str) -> CustomerId | None:
        """Look a shopper up; None before the first write."""
        return self._directory.find(self._db, self.tenant, issuer=issuer, subject=subject)

    def find_connection(self, connection_id: ConnectionId) -> ConnectionState | None:
        """Read what is on record of a connection, consistently; None while it never failed."""
        return find_connection(self._db, self.tenant, connection_id)

    def find_idempotency_record(self, key: str) -> IdempotencyRecord | None:
        """Read the record of a keyed command, consistently."""
        return find_record(self._db, self.tenant, key)

    def find_test_clock(self) -> Clock | None:
        """Read the test clock, consistently."""
        item = find_item(self._db, self.tenant)
        return None if item is None else CLOCKS.from_doc(str(item["doc"]), private=None)

    def find_head(self, entity_id: str, *, parent_id: str) -> Head | None:
        """The version and hash an entity stands at now."""
        table, key = self._place_of(entity_id, parent_id)
        item = self._db.get_item(table=table, key=dict(key), attributes=("version", "change"))
        if item is None:
            return None
        return Head(version=int(str(item["version"])), hash=decode_change(str(item["change"])).hash)

    def find_current_row(self, entity_id: str, *, parent_id: str) -> HistoryRow | None:
        """The history row of the version an entity stands at now, made from the item itself."""
        table, key = self._place_of(entity_id, parent_id)
        item = self._db.get_item(table=table, key=dict(key), attributes=ITEM_ATTRIBUTES)
        return None if item is None else row_of(item)

    # ------------------------------------------------------------ lists
    def list_active_listings(self, *, market: str, limit: int, cursor: str | None) -> Page:
        """Active listings of a market, newest first."""
        partitions = tuple(keys.market_partition(market, shard) for shard in self._shards())
        return self._listings(keys.LISTINGS_BY_MARKET, partitions, limit=limit, cursor=cursor)

    def list_product_listings(self, *, product: str, limit: int, cursor: str | None) -> Page:
        """Active listings of a product, newest first."""
        partitions = (keys.product_partition(product),)
        return self._listings(keys.LISTINGS_BY_PRODUCT, partitions, limit=limit, cursor=cursor)

    def list_seller_listings(self, *, seller_id: CustomerId, limit: int, cursor: str | None) -> Page:
        """All listings of a seller, newest first."""
        return self._listings(keys.LISTINGS_BY_SELLER, (seller_id,), limit=limit, cursor=cursor)

    def list_review_queue(self, *, limit: int, cursor: str | None) -> Page:
        """Listings waiting for review, oldest first."""
        partitions = tuple(keys.numbered_partition(shard) for shard in self._shards())
        return self._listings(keys.LISTINGS_BY_REVIEW, partitions, limit=limit, cursor=cursor, forward=True)

    def list_off_sale(self, *, status: ListingStatus, limit: int, cursor: str | None) -> Page:
        """Listings that are off sale in one state, newest first."""
        partitions = tuple(keys.off_sale_partition(status, shard) for shard in self._shards())
        return self._listings(keys.LISTINGS_BY_REVIEW, partitions, limit=limit, cursor=cursor)

    def list_buyer_orders(self, *, buyer_id: CustomerId, limit: int, cursor: str | None) -> Page:
        """A buyer's orders, newest first."""
        return self._orders(keys.ORDERS_BY_BUYER, (buyer_id,), limit=limit, cursor=cursor)

    def list_seller_orders(self, *, seller_id: CustomerId, limit: int, cursor: str | None) -> Page:
        """A seller's sales, newest first."""
        return self._orders(keys.ORDERS_BY_SELLER, (seller_id,), limit=limit, cursor=cursor)

    def list_recent_orders(self, *, limit: int, cursor: str | None) -> Page:
        """All orders, newest first."""
        partitions = tuple(keys.numbered_partition(shard) for shard in self._shards())
        return self._orders(keys.ORDERS_RECENT, partitions, limit=limit, cursor=cursor)

    def list_open_claims(self, *, limit: int, cursor: str | None) -> Page:
        """Claims that are not closed, newest first."""
        partitions = tuple(keys.open_claims(shard) for shard in self._shards())
        return self._orders(keys.ORDERS_RECENT, partitions, limit=limit, cursor=cursor, noun=_CLAIM)

    def list_buyer_claims(self, *, buyer_id: CustomerId, limit: int, cursor: str | None) -> Page:
        """A buyer's claims, newest first."""
        partitions = (keys.claims_of(buyer_id),)
        return self._orders(keys.ORDERS_BY_BUYER, partitions, limit=limit, cursor=cursor, noun=_CLAIM)

    def list_customer_purchases(self, *, customer_id: CustomerId, limit: int, cursor: str | None) -> Page:
        """A customer's past purchases, newest first."""
        partitions = (keys.purchases_of(customer_id),)
        return self._orders(keys.ORDERS_BY_BUYER, partitions, limit=limit, cursor=cursor, noun=_PURCHASE)

    def list_seller_payouts(self, *, seller_id: CustomerId, limit: int, cursor: str | None) -> Page:
        """A seller's payouts, newest first."""
        partitions = (keys.payouts_of(seller_id),)
        return self._orders(keys.ORDERS_BY_SELLER, partitions, limit=limit, cursor=cursor, noun=_PAYOUT)

    def list_recent_payouts(self, *, limit: int, cursor: str | None) -> Page:
        """All payouts, newest first."""
        partitions = tuple(keys.all_payouts(shard) for shard in self._shards())
        return self._orders(keys.ORDERS_RECENT, partitions, limit=limit, cursor=cursor, noun=_PAYOUT)

    def iter_held_transfers(self, seller_id: CustomerId) -> Iterator[Transfer]:
        """Go through a seller's transfers whose order is not completed, oldest first."""
        for item in self._balances.iter_held(seller_id):
            yield TRANSFERS.from_doc(str(item["doc"]), private=None)

    def list_balance_transactions(self, *, seller_id: CustomerId, limit: int, cursor: str | None) -> Page:
        """A seller's transfers and payouts, newest first."""
        items, next_cursor = self._balances.page(seller_id, limit=limit, cursor=cursor)
        return Page(documents=tuple(map(_balance_document, items)), next_cursor=next_cursor)

    def iter_ledger_account(self, name: str) -> Iterator[LedgerEntry]:
        """Go through all entries of an account, consistently."""
        return self._ledger.iter_account(name)

    def iter_ledger_source(self, source_id: str) -> Iterator[LedgerEntry]:
        """Go through what was booked for an order or a payout, oldest first; eventually consistent."""
        return self._ledger.iter_source(source_id)

    def iter_ledger_day(self, day: str) -> Iterator[LedgerEntry]:
        """Go through what was booked on a day, in UTC; eventually consistent."""
        return self._ledger.iter_day(day)

    def list_ledger_source(self, source_id: str, *, limit: int, cursor: str | None) -> LedgerPage:
        """Bookings of an order or a payout, oldest first."""
        return self._ledger.page_of_source(source_id, limit=limit, cursor=cursor)

    def list_ledger_days(self, *, first: date, last: date, limit: int, cursor: str | None) -> LedgerPage:
        """Bookings of some days in UTC, both included, oldest first."""
        return self._ledger.page_of_days(first, last, limit=limit, cursor=cursor)

    def list_history(self, entity_id: str, *, limit: int, cursor: str | None) -> HistoryPage:
        """The recorded versions of an entity, oldest first, consistently."""
        return DynamoDBHistory(self._db, self.tenant, self._cursors).page(entity_id, limit=limit, cursor=cursor)

    def find_history_row(self, entity_id: str, version: int) -> HistoryRow | None:
        """Read one recorded version of an entity, consistently."""
        return DynamoDBHistory(self._db, self.tenant, self._cursors).find(entity_id, version)

    def iter_due(self, *, now: datetime) -> Iterator[DueItem]:
        """Go through everything that waits and is due, page by page, shard after shard; eventually consistent."""
        return iter_due(self._db, self.tenant, now=now)

    # ------------------------------------------------------------ inside
    def _listings(
        self,
        index: keys.Index,
        partitions: tuple[str, ...],
        *,
        limit: int,
        cursor: str | None,
        forward: bool = False,
    ) -> Page:
        query = ListQuery(
            table=self._tables.listings,
            index=index,
            partitions=partitions,
            sk=lambda _pk: keys.LISTING_SK,
            forward=forward,
            attributes=PUBLIC if index in _PUBLIC_INDEXES else SEALED,
        )
        return self._page(LISTINGS, query, limit=limit, cursor=cursor)

    def _orders(
        self,
        index: keys.Index,
        partitions: tuple[str, ...],
        *,
        limit: int,
        cursor: str | None,
        noun: _Listed = _ORDER,
    ) -> Page:
        query = ListQuery(
            table=self._tables.orders,
            index=index,
            partitions=partitions,
            sk=noun.sk,
            forward=False,
            attributes=SEALED,
        )
        return self._page(noun.kind, query, limit=limit, cursor=cursor)

    def _find(self, kind: DocumentKind[Any], key: keys.Key, entity_id: str) -> Document | None:
        item = self._db.get_item(table=self._tables.orders, key=dict(key), attributes=_DOCUMENT)
        return None if item is None else _document(kind, entity_id, item)

    def _page(self, kind: DocumentKind[Any], query: ListQuery, *, limit: int, cursor: str | None) -> Page:
        items, next_cursor = read_page(
            self._db, query, limit=limit, cursor=cursor, cursors=self._cursors, scope=self.tenant.id
        )
        return Page(documents=tuple(_document(kind, str(item["pk"]), item) for item in items), next_cursor=next_cursor)

    @property
    def _balances(self) -> BalanceBook:
        return BalanceBook(self._db, self.tenant, self._cursors)

    @property
    def _ledger(self) -> LedgerBook:
        return LedgerBook(self._db, self.tenant, self._cursors)

    def _shards(self) -> range:
        return range(self.tenant.resources.index_shards)

    def _place_of(self, entity_id: str, parent_id: str) -> tuple[str, keys.Key]:
        makers: dict[str, tuple[str, Callable[[str], keys.Key]]] = {
            "lst": (self._tables.listings, keys.listing_key),
            "med": (self._tables.listings, partial(keys.media_key, parent_id)),
            "ord": (self._tables.orders, keys.order_key),
            "cus": (self._tables.customers, keys.customer_key),
            "clk": (self._tables.customers, lambda _id: keys.test_clock_key()),
            "clm": (self._tables.orders, lambda claim_id: claim_key(ClaimId(claim_id))),
            "trf": (self._tables.orders, partial(keys.order_part_key, parent_id)),
            "pyt": (self._tables.orders, keys.payout_key),
            "sel": (self._tables.orders, keys.seller_key),
            "pur": (self._tables.orders, keys.purchase_key),
            "inb": (self._tables.orders, keys.inbound_key),
            "dlq": (self._tables.orders, keys.dead_letter_key),
            "con": (self._tables.orders, keys.connection_key),
        }
        table, make = makers[entity_id[:3]]
        return table, make(entity_id)


def _document(kind: DocumentKind[Any], entity_id: str, item: Item) -> Document:
    private = item.get("private")
    return Document(
        id=entity_id,
        version=int(str(item["version"])),
        doc=kind.upcast(str(item["doc"])),
        private=None if private is None else str(private),
    )


def _balance_document(item: Item) -> Document:
    pk, sk = str(item["pk"]), str(item["sk"])
    return _document(PAYOUTS, pk, item) if sk == keys.PAYOUT_SK else _document(TRANSFERS, sk, item)

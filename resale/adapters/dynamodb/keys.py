"""The keys of all tables. No other module builds keys.

Access patterns, one index each:

=========================================  ==========================================
an entity by id                            its table: pk = id, sk = its ``object``
a part (image, claim, transfer)            its table: pk = id of what it is a part of, sk = its own
what is due                                listings/due, orders/due (sharded, sparse)
a seller's listings, newest first          listings/by_seller
active listings of a market, newest first  listings/by_market (sharded, sparse)
active listings of a product, newest first listings/by_product (sparse)
the moderation queue, oldest first         listings/by_review (sharded, sparse)
listings off sale, newest first, by state  listings/by_review: status + "#" + shard (sparse)
a buyer's, a seller's orders, newest first orders/by_buyer, orders/by_seller
all orders, newest first                   orders/recent (sharded)
what one has of another type, newest first an index of the orders: name + "#" + owner (``ListIndex``)
claims of a buyer; open claims             orders/by_buyer: "claims#" + buyer; orders/recent: "claims#" + shard
a seller's payouts; all payouts            orders/by_seller: "payouts#" + seller; orders/recent: "payouts#" + shard
all seller accounts, last changed first    orders/recent: "sellers#" + shard
a customer's purchases, newest first       orders/by_buyer: "purchases#" + customer
a seller's open transfers, oldest first    orders/by_seller: "transfers#" + seller (sparse: available)
a seller's held transfers                  orders/by_seller: "held#" + seller (sparse: held)
a seller's transfers and payouts, newest   orders/by_buyer: "balance#" + seller
a sandbox tenant's one test clock          customers: pk = "test_clock", sk = "clock"
why a message failed                       idempotency: pk = "failure#" + SQS's message id
what was refused of an entity              idempotency: pk = "refusal#" + entity + "#" + one of eight
the record of a smoke test                 idempotency: pk = "smoke#" + its sentinel
the open holds of a buyer                  idempotency: pk = "holds#" + customer
a customer by (issuer, subject)            lookups: pk = "customer#" + keyed hash
what a partner calls by its own name       lookups: pk = "reference#" + provider + "#" + hash
ledger entries of an account               ledger: pk = account + "#" + shard, sk = source + "#" + step
ledger entries of a source, of a day       ledger/by_source; ledger/by_day (sharded)
history by version, and by time            history: pk = entity, sk = version; history/by_time
the newest heartbeat of the changes        each audited table: pk = "heartbeat", sk = "heartbeat"
which heartbeats history has               history: pk = "heartbeat", sk = entity
=========================================  ==========================================
"""

import hashlib
import zlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

import msgspec

from resale.domain.ids import IdType

TEST_CLOCK_PK: Final = "test_clock"
CLOCK_SK: Final = "clock"

HEARTBEAT_PK: Final = "heartbeat"
HEARTBEAT_SK: Final = "heartbeat"

VERSION_DIGITS: Final = 12

Key = dict[str, str]


class Index(msgspec.Struct, frozen=True):
    """A secondary index: its name and its two key attributes."""

    name: str
    partition: str
    sort: str


LISTINGS_BY_SELLER: Final = Index("by_seller", "seller_key", "seller_sort")
LISTINGS_BY_MARKET: Final = Index("by_market", "market_key", "market_sort")
LISTINGS_BY_PRODUCT: Final = Index("by_product", "product_key", "product_sort")
LISTINGS_BY_REVIEW: Final = Index("by_review", "review_key", "review_sort")
ORDERS_BY_BUYER: Final = Index("by_buyer", "buyer_key", "buyer_sort")
ORDERS_BY_SELLER: Final = Index("by_seller", "seller_key", "seller_sort")
ORDERS_RECENT: Final = Index("recent", "recent_key", "recent_sort")
DUE: Final = Index("due", "due_key", "due_at")
LEDGER_BY_SOURCE: Final = Index("by_source", "source_key", "source_sort")
LEDGER_BY_DAY: Final = Index("by_day", "day_key", "day_sort")
HISTORY_BY_TIME: Final = Index("by_time", "time_key", "time_sort")


def entity_key(object_name: str, entity_id: str) -> Key:
    """Return the key of an entity that is not a part of another: its id and its type."""
    return {"pk": entity_id, "sk": object_name}


def part_key(parent_id: str, entity_id: str) -> Key:
    """Return the key of a part (an image, a claim, a transfer), stored beside its parent."""
    return {"pk": parent_id, "sk": entity_id}


def part_prefix(ids: IdType[Any]) -> str:
    """Return the prefix of the sort keys of all parts of one type."""
    return f"{ids.prefix}_"


def list_partition(name: str, owner: str) -> str:
    """Return the partition of one owner's entities of one type, in an index that several types share."""
    return f"{name}#{owner}"


def ledger_partition(account: str, shard: int) -> str:
    """Return the partition of an account's entries; an account with few writers has one shard."""
    return f"{account}#{shard}"


def ledger_key(*, account: str, source_id: str, step: str, shards: int) -> Key:
    """Return the key of one entry of a ledger transaction; the same source and step have the same key."""
    return {"pk": ledger_partition(account, shard_of(source_id, shards)), "sk": f"{source_id}#{step}"}


def ledger_index_keys(*, account: str, source_id: str, step: str, at: datetime, shards: int) -> Mapping[str, str]:
    """Return the index keys of one entry of a ledger transaction, by source and by day."""
    moment = timestamp(at)
    return {
        LEDGER_BY_SOURCE.partition: source_id,
        LEDGER_BY_SOURCE.sort: f"{moment}#{step}#{account}",
        LEDGER_BY_DAY.partition: ledger_partition(moment[:10], shard_of(source_id, shards)),
        LEDGER_BY_DAY.sort: f"{moment}#{source_id}#{step}#{account}",
    }


def transfers_of(seller_id: str) -> str:
    """Return the partition of a seller's transfers that a payout can take."""
    return f"transfers#{seller_id}"


def held_transfers_of(seller_id: str) -> str:
    """Return the partition of a seller's transfers whose order is not completed."""
    return f"held#{seller_id}"


def balance_of(seller_id: str) -> str:
    """Return the partition of a seller's transfers and payouts."""
    return f"balance#{seller_id}"


def purchases_of(customer_id: str) -> str:
    """Return the partition of a customer's past purchases."""
    return f"purchases#{customer_id}"


def open_claims(shard: int) -> str:
    """Return the partition of the claims that are not closed."""
    return f"claims#{shard}"


def all_payouts(shard: int) -> str:
    """Return the partition of all payouts."""
    return f"payouts#{shard}"


def all_sellers(shard: int) -> str:
    """Return the partition of all seller accounts."""
    return f"sellers#{shard}"


def test_clock_key() -> Key:
    """Return the key of the tenant's test clock: always the same, so that there is at most one."""
    return {"pk": TEST_CLOCK_PK, "sk": CLOCK_SK}


def customer_lookup_key(subject_hash: str) -> Key:
    """Return the key of the look-up item that makes a shopper unique."""
    return {"pk": f"customer#{subject_hash}"}


def reference_key(provider: str, reference: str) -> Key:
    """Return the key of the look-up item of a partner's reference; hashed, so that any length is one key."""
    return {"pk": f"reference#{provider}#{hashlib.sha256(reference.encode()).hexdigest()}"}


def idempotency_key(record_key: str) -> Key:
    """Return the key of an idempotency record."""
    return {"pk": record_key}


def smoke_key(sentinel: str) -> Key:
    """Return the key of the record that the smoke test of a new account writes."""
    return {"pk": f"smoke#{sentinel}"}


def failure_key(message_id: str) -> Key:
    """Return the key of the note of a failed message."""
    return {"pk": f"failure#{message_id}"}


def refusal_key(entity_id: str, slot: int) -> Key:
    """Return the key of one note of a refusal of an entity."""
    return {"pk": f"refusal#{entity_id}#{slot}"}


def holds_key(buyer_id: str) -> Key:
    """Return the key of the open holds of a buyer."""
    return {"pk": f"holds#{buyer_id}"}


def history_key(entity_id: str, version: int) -> Key:
    """Return the key of one version in history; padded, so that text order is version order."""
    return {"pk": entity_id, "sk": f"{version:0{VERSION_DIGITS}d}"}


def history_time_keys(entity_id: str, version: int, at: datetime, shards: int) -> Mapping[str, str]:
    """Return the index keys of a history row by day and time."""
    moment = timestamp(at)
    return {
        HISTORY_BY_TIME.partition: f"{moment[:10]}#{shard_of(entity_id, shards)}",
        HISTORY_BY_TIME.sort: f"{moment}#{entity_id}#{version:0{VERSION_DIGITS}d}",
    }


def heartbeat_key() -> Key:
    """Return the key of a table's heartbeat: always the same, so that it is overwritten."""
    return {"pk": HEARTBEAT_PK, "sk": HEARTBEAT_SK}


def heartbeat_row_key(entity_id: str) -> Key:
    """Return the key of the single history row of a table's heartbeats."""
    return {"pk": HEARTBEAT_PK, "sk": entity_id}


def market_partition(market: str, shard: int) -> str:
    """Return the partition of a market's active listings."""
    return f"{market}#{shard}"


def product_partition(product: str) -> str:
    """Return the partition of a product's active listings."""
    return product


def numbered_partition(shard: int) -> str:
    """Return the partition of an index that is one list over all shards (review, recent, due)."""
    return f"all#{shard}"


def off_sale_partition(status: str, shard: int) -> str:
    """Return the partition of the listings with one status that are not on sale."""
    return f"{status}#{shard}"


def moment_sort(at: datetime, entity_id: str) -> str:
    """Return the sort key of a time; the id makes it unique."""
    return f"{timestamp(at)}#{entity_id}"


def due_keys(entity_id: str, due_at: datetime | None, shards: int) -> Mapping[str, str]:
    """Return the index keys of a waiting item; none if it waits for nothing."""
    if due_at is None:
        return {}
    return {DUE.partition: numbered_partition(shard_of(entity_id, shards)), DUE.sort: timestamp(due_at)}


def shard_of(entity_id: str, shards: int) -> int:
    """Return the shard of an id; the same id always has the same shard."""
    return zlib.crc32(entity_id.encode()) % shards


def timestamp(at: datetime) -> str:
    """Format a time so that text order is time order: always six fractional digits, always Z."""
    return at.replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def data_key_key(owner_id: str) -> Key:
    """Return the key of a shopper's wrapped data key."""
    return {"pk": owner_id}

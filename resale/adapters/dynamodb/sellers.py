"""Seller accounts in DynamoDB: the mapping of an account, whose version guards the balance, and their list."""

from collections.abc import Mapping
from typing import Final

from resale.adapters.dynamodb import keys
from resale.adapters.dynamodb.documents import DocumentKind
from resale.adapters.dynamodb.mapping import EntityMapping, own_key
from resale.adapters.dynamodb.tenant_reads import TenantReads
from resale.application.ports import Page
from resale.domain.entities import SELLER
from resale.domain.ids import SellerId
from resale.domain.sellers import SCHEMA, Seller

SELLERS: Final = DocumentKind(Seller, schema=SCHEMA)


def _index_keys(seller: Seller, shards: int) -> Mapping[str, str]:
    return {
        keys.ORDERS_RECENT.partition: keys.all_sellers(keys.shard_of(seller.id, shards)),
        keys.ORDERS_RECENT.sort: keys.moment_sort(seller.updated_at, seller.id),
    }


SELLER_MAPPING: Final = EntityMapping[SellerId, Seller](
    entity_type=SELLER,
    documents=SELLERS,
    rank=6,
    key=own_key(SELLER),
    index_keys=_index_keys,
)


class SellerReads(TenantReads):
    """Implements ``resale.application.ports.sellers.SellerReads``."""

    def list_recent_sellers(self, *, limit: int, cursor: str | None) -> Page:
        """List all seller accounts, the most recently changed first."""
        partitions = tuple(keys.all_sellers(shard) for shard in self._shards)
        query = self._query(SELLER_MAPPING, keys.ORDERS_RECENT, partitions)
        return self._page(SELLER_MAPPING, query, limit=limit, cursor=cursor)

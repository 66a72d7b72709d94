"""Listings in DynamoDB: the mapping of a listing, and its lists."""

from collections.abc import Mapping
from typing import Final

from resale.adapters.dynamodb import keys
from resale.adapters.dynamodb.documents import DocumentKind
from resale.adapters.dynamodb.mapping import EntityMapping, own_key
from resale.adapters.dynamodb.pages import PUBLIC
from resale.adapters.dynamodb.tenant_reads import TenantReads
from resale.application.ports import Page
from resale.domain.entities import LISTING
from resale.domain.ids import CustomerId, ListingId
from resale.domain.listings import OFF_SALE, SCHEMA, Listing, ListingStatus

LISTINGS: Final = DocumentKind(Listing, schema=SCHEMA)


def _index_keys(listing: Listing, shards: int) -> Mapping[str, str]:
    found = {keys.LISTINGS_BY_SELLER.partition: listing.seller_id, keys.LISTINGS_BY_SELLER.sort: listing.id}
    if listing.status == ListingStatus.ACTIVE and listing.published_at is not None:
        moment = keys.moment_sort(listing.published_at, listing.id)
        shard = keys.shard_of(listing.id, shards)
        found |= {
            keys.LISTINGS_BY_MARKET.partition: keys.market_partition(listing.market, shard),
            keys.LISTINGS_BY_MARKET.sort: moment,
            keys.LISTINGS_BY_PRODUCT.partition: keys.product_partition(listing.product),
            keys.LISTINGS_BY_PRODUCT.sort: moment,
        }
    if listing.status == ListingStatus.PENDING_REVIEW and listing.submitted_at is not None:
        found |= {
            keys.LISTINGS_BY_REVIEW.partition: keys.numbered_partition(keys.shard_of(listing.id, shards)),
            keys.LISTINGS_BY_REVIEW.sort: keys.moment_sort(listing.submitted_at, listing.id),
        }
    if listing.status in OFF_SALE:
        found |= {
            keys.LISTINGS_BY_REVIEW.partition: keys.off_sale_partition(
                listing.status, keys.shard_of(listing.id, shards)
            ),
            keys.LISTINGS_BY_REVIEW.sort: keys.moment_sort(listing.updated_at, listing.id),
        }
    return found


LISTING_MAPPING: Final = EntityMapping[ListingId, Listing](
    entity_type=LISTING,
    documents=LISTINGS,
    rank=2,
    key=own_key(LISTING),
    index_keys=_index_keys,
)


class ListingReads(TenantReads):
    """Implements ``resale.application.ports.listings.ListingReads``."""

    def list_active_listings(self, *, market: str, limit: int, cursor: str | None) -> Page:
        """List the active listings of a market, newest first."""
        partitions = tuple(keys.market_partition(market, shard) for shard in self._shards)
        query = self._query(LISTING_MAPPING, keys.LISTINGS_BY_MARKET, partitions, attributes=PUBLIC)
        return self._page(LISTING_MAPPING, query, limit=limit, cursor=cursor)

    def list_product_listings(self, *, product: str, limit: int, cursor: str | None) -> Page:
        """List the active listings of a product, newest first."""
        partitions = (keys.product_partition(product),)
        query = self._query(LISTING_MAPPING, keys.LISTINGS_BY_PRODUCT, partitions, attributes=PUBLIC)
        return self._page(LISTING_MAPPING, query, limit=limit, cursor=cursor)

    def list_seller_listings(self, *, seller_id: CustomerId, limit: int, cursor: str | None) -> Page:
        """List all listings of a seller, newest first."""
        query = self._query(LISTING_MAPPING, keys.LISTINGS_BY_SELLER, (seller_id,))
        return self._page(LISTING_MAPPING, query, limit=limit, cursor=cursor)

    def list_review_queue(self, *, limit: int, cursor: str | None) -> Page:
        """List the listings that wait for review, oldest first."""
        partitions = tuple(keys.numbered_partition(shard) for shard in self._shards)
        query = self._query(LISTING_MAPPING, keys.LISTINGS_BY_REVIEW, partitions, forward=True)
        return self._page(LISTING_MAPPING, query, limit=limit, cursor=cursor)

    def list_off_sale(self, *, status: ListingStatus, limit: int, cursor: str | None) -> Page:
        """List the listings of one status that are not on sale, newest first."""
        partitions = tuple(keys.off_sale_partition(status, shard) for shard in self._shards)
        query = self._query(LISTING_MAPPING, keys.LISTINGS_BY_REVIEW, partitions)
        return self._page(LISTING_MAPPING, query, limit=limit, cursor=cursor)

"""Listings in DynamoDB: the one mapping of a listing, and its repository."""

from collections.abc import Mapping

from msgspec import UNSET

from resale.adapters.dynamodb import keys
from resale.adapters.dynamodb.audited import AuditedRepository, Noun, Scope
from resale.adapters.dynamodb.documents import DocumentKind
from resale.domain.ids import ListingId
from resale.domain.listings import OFF_SALE, SCHEMA, Listing, ListingChanged, ListingNotFound, ListingStatus
from resale.domain.tenants import Tenant

LISTINGS = DocumentKind(Listing, schema=SCHEMA)


def listing_noun(tenant: Tenant) -> Noun[Listing]:
    """Say how a tenant's listings lie in its table."""
    shards = tenant.resources.index_shards
    return Noun(
        kind=LISTINGS,
        table=tenant.resources.tables.listings,
        rank=2,
        key=lambda listing: keys.listing_key(listing.id),
        index_keys=lambda listing: _index_keys(listing, shards),
        not_found=ListingNotFound,
        changed=ListingChanged,
    )


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
    due_at = None if listing.due_at is UNSET else listing.due_at
    return {**found, **keys.due_keys(listing.id, due_at, shards)}


class DynamoDBListings(AuditedRepository[Listing]):
    """Keeps ``resale.application.ports.ListingRepository``."""

    def __init__(self, scope: Scope) -> None:
        super().__init__(scope, listing_noun(scope.tenant))

    def get(self, listing_id: ListingId) -> Listing:
        """Read one, consistently."""
        return self.load(keys.listing_key(listing_id))

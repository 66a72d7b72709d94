"""Images in DynamoDB: items of their own, beside their listing."""

from resale.adapters.dynamodb import keys
from resale.adapters.dynamodb.audited import AuditedRepository, Noun, Scope
from resale.adapters.dynamodb.client import DynamoDB, Item
from resale.adapters.dynamodb.documents import DocumentKind
from resale.domain.ids import ListingId, MediaId
from resale.domain.media import MAX_STORED_IMAGES, SCHEMA, Media, MediaChanged, MediaNotFound
from resale.domain.tenants import Tenant

MEDIA = DocumentKind(Media, schema=SCHEMA)


def media_noun(tenant: Tenant) -> Noun[Media]:
    """Say how a tenant's images lie in its listings table."""
    shards = tenant.resources.index_shards
    return Noun(
        kind=MEDIA,
        table=tenant.resources.tables.listings,
        rank=3,
        key=lambda media: keys.media_key(media.listing_id, media.id),
        index_keys=lambda media: keys.due_keys(media.id, media.due_at, shards),
        not_found=MediaNotFound,
        changed=MediaChanged,
    )


def query_media(db: DynamoDB, tenant: Tenant, listing_id: ListingId) -> list[Item]:
    """Read all image items of a listing, oldest first, consistently."""
    items, _ = db.query(
        table=tenant.resources.tables.listings,
        index=None,
        condition="pk = :listing AND begins_with(sk, :images)",
        values={":listing": listing_id, ":images": keys.MEDIA_SK_PREFIX},
        limit=MAX_STORED_IMAGES,
        forward=True,
        consistent=True,
    )
    return items


class DynamoDBMedia(AuditedRepository[Media]):
    """Keeps ``resale.application.ports.MediaRepository``."""

    def __init__(self, scope: Scope) -> None:
        super().__init__(scope, media_noun(scope.tenant))

    def get(self, listing_id: ListingId, media_id: MediaId) -> Media:
        """Read one, consistently."""
        return self.load(keys.media_key(listing_id, media_id))

    def list_of(self, listing_id: ListingId) -> tuple[Media, ...]:
        """Read all images of a listing, in the order they were asked for."""
        items = query_media(self._scope.db, self._scope.tenant, listing_id)
        return tuple(self.remember(item) for item in items)

"""Images in DynamoDB: items beside their listing."""

from typing import Final

from resale.adapters.dynamodb import keys
from resale.adapters.dynamodb.audited import AuditedRepository, Scope
from resale.adapters.dynamodb.client import DynamoDB, Item
from resale.adapters.dynamodb.documents import DocumentKind
from resale.adapters.dynamodb.mapping import EntityMapping
from resale.adapters.dynamodb.tenant_reads import TenantReads
from resale.domain.entities import IMAGE
from resale.domain.ids import MEDIA_ID, ListingId, MediaId
from resale.domain.media import MAX_STORED_IMAGES, SCHEMA, Media
from resale.domain.tenants import Tenant

MEDIA: Final = DocumentKind(Media, schema=SCHEMA)
MEDIA_MAPPING: Final = EntityMapping[MediaId, Media](
    entity_type=IMAGE,
    documents=MEDIA,
    rank=3,
    key=keys.part_key,
)


def query_media(db: DynamoDB, tenant: Tenant, listing_id: ListingId) -> list[Item]:
    """Return all image items of a listing, oldest first, from a consistent read."""
    items, _ = db.query(
        table=tenant.resources.tables.listings,
        index=None,
        condition="pk = :listing AND begins_with(sk, :images)",
        values={":listing": listing_id, ":images": keys.part_prefix(MEDIA_ID)},
        limit=MAX_STORED_IMAGES,
        forward=True,
        consistent=True,
    )
    return items


class DynamoDBMedia(AuditedRepository[Media]):
    """Implements ``resale.application.ports.MediaRepository``."""

    def __init__(self, scope: Scope) -> None:
        super().__init__(scope, MEDIA_MAPPING)

    def get(self, listing_id: ListingId, media_id: MediaId) -> Media:
        """Return an image, from a consistent read."""
        return self.load(keys.part_key(listing_id, media_id))

    def list_of(self, listing_id: ListingId) -> tuple[Media, ...]:
        """Return all images of a listing, in the order in which they were requested."""
        items = query_media(self._scope.db, self._scope.tenant, listing_id)
        return tuple(self.remember(item) for item in items)


class MediaReads(TenantReads):
    """Implements ``resale.application.ports.media.MediaReads``."""

    def list_media(self, listing_id: ListingId) -> tuple[Media, ...]:
        """Return all images of a listing, from a consistent read."""
        return tuple(MEDIA_MAPPING.from_item(item) for item in query_media(self._db, self.tenant, listing_id))

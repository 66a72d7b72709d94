"""The base of the reads of every entity type: one tenant, its store, and lists over an index."""

from typing import Any

from resale.adapters.dynamodb import keys
from resale.adapters.dynamodb.client import DynamoDB
from resale.adapters.dynamodb.cursors import Cursors
from resale.adapters.dynamodb.mapping import EntityMapping
from resale.adapters.dynamodb.pages import SEALED, ListQuery, read_page
from resale.application.ports import Page
from resale.domain.tenants import Tenant


class TenantReads:
    """Reads of one tenant. Each entity type has a subclass in the file of its noun."""

    def __init__(self, *, tenant: Tenant, db: DynamoDB, cursors: Cursors) -> None:
        self.tenant = tenant
        self._db = db
        self._cursors = cursors

    @property
    def _shards(self) -> range:
        return range(self.tenant.resources.index_shards)

    def _query(
        self,
        mapping: EntityMapping[Any, Any],
        index: keys.Index,
        partitions: tuple[str, ...],
        *,
        forward: bool = False,
        attributes: tuple[str, ...] = SEALED,
    ) -> ListQuery:
        return ListQuery(
            table=mapping.table(self.tenant),
            index=index,
            partitions=partitions,
            sk=lambda pk: mapping.key(pk, pk)["sk"],
            forward=forward,
            attributes=attributes,
        )

    def _page(self, mapping: EntityMapping[Any, Any], query: ListQuery, *, limit: int, cursor: str | None) -> Page:
        items, next_cursor = read_page(
            self._db, query, limit=limit, cursor=cursor, cursors=self._cursors, scope=self.tenant.id
        )
        documents = tuple(mapping.to_document(str(item["pk"]), item) for item in items)
        return Page(documents=documents, next_cursor=next_cursor)

"""Reads of one tenant: documents by key, lists by index, history, due items. Cannot commit."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any, TypeVar

from resale.adapters.dynamodb.client import DynamoDB, Item
from resale.adapters.dynamodb.cursors import Cursors
from resale.adapters.dynamodb.customers import CustomerDirectory
from resale.adapters.dynamodb.due import iter_due
from resale.adapters.dynamodb.entities import MAPPINGS, EntityReads
from resale.adapters.dynamodb.history import DynamoDBHistory
from resale.adapters.dynamodb.idempotency import find_record
from resale.adapters.dynamodb.ledger import LedgerReads
from resale.adapters.dynamodb.mapping import DOCUMENT_ATTRIBUTES, ITEM_ATTRIBUTES
from resale.adapters.dynamodb.stream_records import row_of
from resale.application.ports import Document, DueItem, Head, HistoryPage, HistoryRow, IdempotencyRecord, Page, Vault
from resale.domain.changes import decode_change
from resale.domain.entities import AnyEntityType, EntityType, entity_type_of
from resale.domain.ids import CustomerId
from resale.domain.tenants import Tenant

I = TypeVar("I", bound=str)  # noqa: E741 - an id


class DynamoDBReader(EntityReads, LedgerReads):
    """Implements ``resale.application.ports.Reader``."""

    def __init__(
        self, *, tenant: Tenant, db: DynamoDB, vault: Vault, cursors: Cursors, directory: CustomerDirectory
    ) -> None:
        super().__init__(tenant=tenant, db=db, cursors=cursors)
        self.vault = vault
        self._directory = directory

    def find(self, entity_type: EntityType[I, Any], entity_id: I) -> Document | None:
        """Return the document of an entity, from a consistent read; None if there is none."""
        mapping = MAPPINGS[entity_type.prefix]
        key = mapping.key(entity_id, entity_id)
        item = self._db.get_item(table=mapping.table(self.tenant), key=dict(key), attributes=DOCUMENT_ATTRIBUTES)
        return None if item is None else mapping.to_document(entity_id, item)

    def list_by(self, entity_type: AnyEntityType, field: str, value: str, *, limit: int, cursor: str | None) -> Page:
        """List the entities of a type with this value in a field, newest first."""
        mapping = MAPPINGS[entity_type.prefix]
        listed = mapping.list_by(field)
        query = self._query(mapping, listed.index, (listed.partition(value),))
        return self._page(mapping, query, limit=limit, cursor=cursor)

    def find_customer_id(self, *, issuer: str, subject: str) -> CustomerId | None:
        """Return the id of a shopper; None before the first write."""
        return self._directory.find(self._db, self.tenant, issuer=issuer, subject=subject)

    def find_idempotency_record(self, key: str) -> IdempotencyRecord | None:
        """Return the idempotency record of a key, from a consistent read; None if there is none."""
        return find_record(self._db, self.tenant, key)

    def find_head(self, entity_id: str, *, parent_id: str) -> Head | None:
        """Return the current version and hash of an entity; None if there is none."""
        item = self._find_item(entity_id, parent_id, ("version", "change"))
        if item is None:
            return None
        return Head(version=int(str(item["version"])), hash=decode_change(str(item["change"])).hash)

    def find_current_row(self, entity_id: str, *, parent_id: str) -> HistoryRow | None:
        """Build the history row of an entity's current version from its item; None if there is none."""
        item = self._find_item(entity_id, parent_id, ITEM_ATTRIBUTES)
        return None if item is None else row_of(item)

    def list_history(self, entity_id: str, *, limit: int, cursor: str | None) -> HistoryPage:
        """Return a page of the recorded versions of an entity, oldest first, from a consistent read."""
        return DynamoDBHistory(self._db, self.tenant, self._cursors).page(entity_id, limit=limit, cursor=cursor)

    def find_history_row(self, entity_id: str, version: int) -> HistoryRow | None:
        """Return one recorded version of an entity, from a consistent read; None if there is none."""
        return DynamoDBHistory(self._db, self.tenant, self._cursors).find(entity_id, version)

    def iter_due(self, *, now: datetime) -> Iterator[DueItem]:
        """Iterate over the due items, page by page and shard after shard; eventually consistent."""
        return iter_due(self._db, self.tenant, now=now)

    def _find_item(self, entity_id: str, parent_id: str, attributes: tuple[str, ...]) -> Item | None:
        mapping = MAPPINGS[entity_type_of(entity_id).prefix]
        key = mapping.key(parent_id, entity_id)
        return self._db.get_item(table=mapping.table(self.tenant), key=dict(key), attributes=attributes)

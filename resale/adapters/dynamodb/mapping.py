"""How an entity type lies in its table: the only to_item and from_item there is."""

from collections.abc import Callable, Mapping
from typing import Final, Generic, TypeVar

import msgspec
from msgspec import UNSET

from resale.adapters.dynamodb.client import Item
from resale.adapters.dynamodb.documents import DocumentKind
from resale.adapters.dynamodb.keys import Key
from resale.application.ports import Document
from resale.domain.changes import Change, encode_change
from resale.domain.entities import EntityType
from resale.domain.tenants import Tenant

I = TypeVar("I", bound=str)  # noqa: E741 - an id
E = TypeVar("E", bound=msgspec.Struct)

#: What a document is made from; with the change, what an entity is saved over.
DOCUMENT_ATTRIBUTES: Final = ("doc", "private", "version")
ITEM_ATTRIBUTES: Final = (*DOCUMENT_ATTRIBUTES, "change")


class EntityMapping(msgspec.Struct, Generic[I, E], frozen=True, kw_only=True):
    """How one entity type lies in its table.

    Attributes:
        entity_type: Which.
        documents: How its documents are written and read.
        rank: Where its failed condition counts among those of a commit; the lowest is the reason (``buffer.commit``).
        key: Its key, from the id of what it is a part of and its own; the same twice where it is a part of nothing.
        parent: Reads the id of what it is a part of; None for a part of nothing.
        index_keys: Its index keys, from the entity and the number of shards; none where it is not listed.
    """

    entity_type: EntityType[I, E]
    documents: DocumentKind[E]
    rank: int
    key: Callable[[str, str], Key]
    parent: Callable[[E], str] | None = None
    index_keys: Callable[[E, int], Mapping[str, str]] = lambda _entity, _shards: {}

    def table(self, tenant: Tenant) -> str:
        """Return the name of a tenant's table."""
        name: str = getattr(tenant.resources.tables, self.entity_type.table)
        return name

    def key_of(self, entity: E) -> Key:
        """Build the key of an entity."""
        entity_id: str = entity.id  # type: ignore[attr-defined]  # every audited entity has one
        return self.key(entity_id if self.parent is None else self.parent(entity), entity_id)

    def to_item(self, entity: E, *, doc: str, change: Change, shards: int) -> Item:
        """Build the stored item: keys, index keys, version, change, doc, and what is sealed."""
        item: Item = {**self.key_of(entity), **self.index_keys(entity, shards)}
        item["version"] = entity.version  # type: ignore[attr-defined]  # every audited entity has one
        item["status"] = str(entity.status)  # type: ignore[attr-defined]  # same; a plain str, not the enum
        item["change"] = encode_change(change)
        item["doc"] = doc
        private = private_of(entity)
        if private is not None:
            item["private"] = private
        return item

    def from_item(self, item: Item) -> E:
        """Read a stored item back."""
        private = item.get("private")
        return self.documents.from_doc(str(item["doc"]), private=None if private is None else str(private))

    def to_document(self, entity_id: str, item: Item) -> Document:
        """Read a stored item as its document, upcast, which a view is made from."""
        private = item.get("private")
        return Document(
            id=entity_id,
            version=int(str(item["version"])),
            doc=self.documents.upcast(str(item["doc"])),
            private=None if private is None else str(private),
        )


def own_key(make: Callable[[str], Key]) -> Callable[[str, str], Key]:
    """Make the key of what is a part of nothing from its own id."""
    return lambda _parent_id, entity_id: make(entity_id)


def private_of(entity: msgspec.Struct) -> str | None:
    """Return what of an entity is sealed, if anything."""
    private = getattr(entity, "private", UNSET)
    return private if isinstance(private, str) else None

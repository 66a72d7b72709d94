"""The mapping between an entity type and its table: the only to_item and from_item."""

from collections.abc import Callable, Mapping
from typing import Final, Generic, TypeVar

import msgspec
from msgspec import UNSET

from resale.adapters.dynamodb import keys
from resale.adapters.dynamodb.client import Item
from resale.adapters.dynamodb.documents import DocumentKind
from resale.adapters.dynamodb.keys import Key
from resale.application.ports import Document
from resale.domain.changes import Change, encode_change
from resale.domain.entities import Absent, AnyEntityType, EntityType
from resale.domain.tenants import Tenant

I = TypeVar("I", bound=str)  # noqa: E741 - an id
E = TypeVar("E", bound=msgspec.Struct)

#: What a document is made from; with the change, what an entity is saved over.
DOCUMENT_ATTRIBUTES: Final = ("doc", "private", "version")
ITEM_ATTRIBUTES: Final = (*DOCUMENT_ATTRIBUTES, "change")


class ListIndex(msgspec.Struct, frozen=True):
    """A list of the entities with the same value in a field, newest first by id.

    Attributes:
        field: Which field.
        index: The index that holds the list.
        name: Tells it from the lists of other types in that index.
    """

    field: str
    index: keys.Index
    name: str

    def partition(self, owner: str) -> str:
        """Return the partition of the entities with this value."""
        return keys.list_partition(self.name, owner)


class EntityMapping(msgspec.Struct, Generic[I, E], frozen=True, kw_only=True):
    """The mapping of one entity type to its table.

    Attributes:
        entity_type: Which.
        documents: How its documents are written and read.
        rank: Where its failed condition counts among those of a commit; the lowest is the reason (``buffer.commit``).
        key: Its key, from the id of what it is a part of and its own; the same twice where it is a part of nothing.
        lists: What it is listed by, in a plain way.
        index_keys: Its other index keys, from the entity and the number of shards.
    """

    entity_type: EntityType[I, E]
    documents: DocumentKind[E]
    rank: int
    key: Callable[[str, str], Key]
    lists: tuple[ListIndex, ...] = ()
    index_keys: Callable[[E, int], Mapping[str, str]] = lambda _entity, _shards: {}

    def table(self, tenant: Tenant) -> str:
        """Return the name of a tenant's table."""
        name: str = getattr(tenant.resources.tables, self.entity_type.table)
        return name

    def key_of(self, entity: E) -> Key:
        """Return the key of an entity."""
        entity_id: str = entity.id  # type: ignore[attr-defined]  # every audited entity has one
        return self.key(self.entity_type.parent_of(entity), entity_id)

    def to_item(self, entity: E, *, doc: str, change: Change, shards: int) -> Item:
        """Build the stored item: keys, index keys, version, change, doc, and the sealed part."""
        item: Item = {
            **self.key_of(entity),
            **self.index_keys(entity, shards),
            **self._plain_index_keys(entity, shards),
        }
        item["version"] = entity.version  # type: ignore[attr-defined]  # every audited entity has one
        item["status"] = str(entity.status)  # type: ignore[attr-defined]  # same; a plain str, not the enum
        item["change"] = encode_change(change)
        item["doc"] = doc
        private = private_of(entity)
        if private is not None:
            item["private"] = private
        return item

    def list_by(self, field: str) -> ListIndex:
        """Return the list of the type by a field. Raises KeyError if there is none."""
        for listed in self.lists:
            if listed.field == field:
                return listed
        raise KeyError(f"a {self.entity_type.name} is not listed by {field}")

    def from_item(self, item: Item) -> E:
        """Convert a stored item into the entity."""
        private = item.get("private")
        return self.documents.from_doc(str(item["doc"]), private=None if private is None else str(private))

    def to_document(self, entity_id: str, item: Item) -> Document:
        """Convert a stored item into its document, upcast, from which views are built."""
        private = item.get("private")
        return Document(
            id=entity_id,
            version=int(str(item["version"])),
            doc=self.documents.upcast(str(item["doc"])),
            private=None if private is None else str(private),
        )

    def _plain_index_keys(self, entity: E, shards: int) -> Mapping[str, str]:
        """Build the index keys of the lists, and of the wake-up if the type has one."""
        entity_id: str = entity.id  # type: ignore[attr-defined]  # every audited entity has one
        found: dict[str, str] = {}
        for listed in self.lists:
            found[listed.index.partition] = listed.partition(getattr(entity, listed.field))
            found[listed.index.sort] = entity_id
        if not isinstance(self.entity_type.wake_task, Absent):
            due_at = entity.due_at  # type: ignore[attr-defined]  # what something wakes has one
            found |= keys.due_keys(entity_id, None if due_at is UNSET else due_at, shards)
        return found


def own_key(entity_type: AnyEntityType) -> Callable[[str, str], Key]:
    """Return the key function of an entity type that is not a part of another."""
    object_name = entity_type.object_name
    return lambda _parent_id, entity_id: keys.entity_key(object_name, entity_id)


def private_of(entity: msgspec.Struct) -> str | None:
    """Return the sealed part of an entity; None if there is none."""
    private = getattr(entity, "private", UNSET)
    return private if isinstance(private, str) else None

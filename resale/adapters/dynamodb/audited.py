"""The base of all repositories: versions, the change chain, the identity map."""

from collections.abc import Callable
from typing import Any, Generic, NamedTuple, TypeVar

import msgspec

from resale.adapters.dynamodb.buffer import Write
from resale.adapters.dynamodb.client import DynamoDB, Item
from resale.adapters.dynamodb.keys import Key
from resale.adapters.dynamodb.mapping import ITEM_ATTRIBUTES, EntityMapping, private_of
from resale.application.ports import LostRace
from resale.domain.actors import Actor
from resale.domain.changes import GENESIS_HASH, Change, ChangeType, decode_change, hash_change
from resale.domain.command_context import CommandContext
from resale.domain.entities import AnyEntityType
from resale.domain.ids import IdSource
from resale.domain.reasons import Reason
from resale.domain.tenants import Tenant
from resale.domain.text import carriable
from resale.errors import Contended, Outcome

I = TypeVar("I", bound=str)  # noqa: E741 - an id
E = TypeVar("E", bound=msgspec.Struct)
R = TypeVar("R")


class Scope(msgspec.Struct, kw_only=True):
    """The parts that the repositories of one unit of work share: tenant, store, buffer, actor."""

    tenant: Tenant
    db: DynamoDB
    ids: IdSource
    context: CommandContext
    actor: Actor  # the context's, until a shopper's customer is found or made
    transaction_id: str
    writes: list[Write]


class _Loaded(NamedTuple, Generic[E]):
    """An item as it was read, and its decoded entity."""

    item: Item
    entity: E

    @property
    def version(self) -> int:
        version = self.item["version"]
        if not isinstance(version, int):
            raise TypeError("a stored version is a number")
        return version


class AuditedRepository(Generic[E]):
    """Reads and buffers entities of one type within one unit of work."""

    def __init__(self, scope: Scope, mapping: EntityMapping[Any, E]) -> None:
        self._scope = scope
        self._mapping = mapping
        self._table = mapping.table(scope.tenant)
        self._loaded: dict[str, _Loaded[E]] = {}

    @property
    def read_count(self) -> int:
        """The number of entities that were read."""
        return len(self._loaded)

    def is_outdated(self) -> bool:
        """Return whether an entity read here has another version now. Reads each of them again."""
        return any(self._version_now(read.entity) != read.version for read in self._loaded.values())

    def load(self, key: Key) -> E:
        """Read one item consistently and remember it for ``save``."""
        found = self.find_at(key)
        if found is None:
            raise self._mapping.entity_type.not_found
        return found

    def find_at(self, key: Key) -> E | None:
        """Read one item; None if there is none."""
        item = self._scope.db.get_item(table=self._table, key=dict(key), attributes=ITEM_ATTRIBUTES)
        return None if item is None else self.remember(item)

    def remember(self, item: Item) -> E:
        """Register an item that was read, for ``save``. A second read with another version raises Conflict.

        Raises:
            Conflict: It was another version before. Saved over this one, what was made of that one would undo it.
        """
        entity = self._mapping.from_item(item)
        read = _Loaded(item, entity)
        known = self._loaded.setdefault(entity.id, read)  # type: ignore[attr-defined]  # every audited entity has one
        if known.version != read.version:
            raise self._mapping.entity_type.changed(
                "Another request changed this object meanwhile. Read it again, then retry."
            )
        return known.entity

    def add(self, entity: E, *, change_type: ChangeType, reason_code: Reason | None = None) -> None:
        """Buffer a first version. Raises TypeError as ``DocumentKind.to_doc`` does."""
        self._buffer(entity, loaded=None, change_type=change_type, reason_code=reason_code, lost=None)

    def save(
        self, entity: E, *, change_type: ChangeType, reason_code: Reason | None = None, lost: LostRace | None = None
    ) -> None:
        """Buffer the next version of an entity read here. Raises TypeError as ``DocumentKind.to_doc`` does."""
        loaded = self._loaded[entity.id]  # type: ignore[attr-defined]  # every audited entity has one
        self._buffer(entity, loaded=loaded, change_type=change_type, reason_code=reason_code, lost=lost)

    def _version_now(self, entity: E) -> object:
        key = self._mapping.key_of(entity)
        item = self._scope.db.get_item(table=self._table, key=dict(key), attributes=("version",))
        return None if item is None else item["version"]

    def _buffer(
        self,
        entity: E,
        *,
        loaded: _Loaded[E] | None,
        change_type: ChangeType,
        reason_code: Reason | None,
        lost: LostRace | None,
    ) -> None:
        expected = None if loaded is None else loaded.version
        entity = msgspec.structs.replace(entity, version=(expected or 0) + 1)
        doc = self._to_doc(entity, loaded)
        change = self._change(entity, loaded=loaded, doc=doc, change_type=change_type, reason_code=reason_code)
        self._scope.writes.append(
            Write(
                table=self._table,
                item=self._mapping.to_item(
                    entity, doc=doc, change=change, shards=self._scope.tenant.resources.index_shards
                ),
                expected_version=expected,
                refused=lambda found: self._refusal(found, lost),
                contended=lambda _found: Contended(
                    "Too many requests change this object at the same time. Retry later."
                ),
                mark=change.id,
                rank=self._mapping.rank,
            )
        )

    def _to_doc(self, entity: E, loaded: _Loaded[E] | None) -> str:
        if loaded is None:
            return self._mapping.documents.to_doc(entity, loaded=None)
        return self._mapping.documents.to_doc(entity, loaded=str(loaded.item["doc"]), read=loaded.entity)

    def _change(
        self, entity: E, *, loaded: _Loaded[E] | None, doc: str, change_type: ChangeType, reason_code: Reason | None
    ) -> Change:
        scope = self._scope
        before = None if loaded is None else decode_change(str(loaded.item["change"]))
        change = Change(
            id=scope.ids("chg"),
            type=_check_type(entity, change_type),
            actor=scope.actor,
            request_id=scope.context.request_id,
            transaction_id=scope.transaction_id,
            at=scope.context.now if before is None else max(scope.context.now, before.at),
            reason_code=None if reason_code is None else carriable(reason_code),  # some are a partner's own
            prev_hash=GENESIS_HASH if before is None else before.hash,
        )
        digest = hash_change(
            entity_id=entity.id,  # type: ignore[attr-defined]  # every audited entity has one
            version=entity.version,  # type: ignore[attr-defined]  # same
            change=change,
            doc=doc,
            private=private_of(entity),
        )
        return msgspec.structs.replace(change, hash=digest)

    def _refusal(self, found: Item | None, lost: LostRace | None) -> Outcome:
        if lost is not None and found is not None and (outcome := lost(str(found.get("status", "")))):
            return outcome
        return self._mapping.entity_type.changed(
            "Another request changed this object meanwhile. Read it again, then retry."
        )


class DynamoDBRepository(AuditedRepository[E], Generic[I, E]):
    """Implements ``resale.application.ports.Repository`` for an entity type that is a part of no other."""

    def get(self, entity_id: I) -> E:
        """Return an entity, from a consistent read. Raises the type's NotFound."""
        return self.load(self._mapping.key(entity_id, entity_id))

    def find(self, entity_id: I) -> E | None:
        """Return an entity, from a consistent read; None if there is none."""
        return self.find_at(self._mapping.key(entity_id, entity_id))


class RepositoryAttribute(Generic[R]):
    """Descriptor of a repository that is built at first use: an operation uses three or four of them."""

    def __init__(self, build: Callable[[Scope], R], *, entity_type: AnyEntityType | None = None) -> None:
        self.entity_type = entity_type
        self._build = build

    def __set_name__(self, _owner: type, name: str) -> None:
        self._name = name

    def __get__(self, uow: Any, _owner: type) -> R:
        built = uow.__dict__[self._name] = self._build(uow._scope)  # noqa: SLF001 - a part of it
        return built


def repository_of(mapping: EntityMapping[I, E]) -> RepositoryAttribute[DynamoDBRepository[I, E]]:
    """Return the repository descriptor of an entity type without a class of its own."""
    return RepositoryAttribute(lambda scope: DynamoDBRepository(scope, mapping), entity_type=mapping.entity_type)


def _check_type(entity: msgspec.Struct, change_type: str) -> ChangeType:
    """Return the type of a change. Raises TypeError for what is no declared type, or is another noun's."""
    noun: str = entity.object  # type: ignore[attr-defined]  # every audited entity has one
    if not isinstance(change_type, ChangeType) or not change_type.startswith(f"{noun}."):
        raise TypeError(f"{change_type!r} is not a change of {noun}")
    return change_type

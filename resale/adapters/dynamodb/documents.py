"""Encoding of entities as documents and back: schema versions, upcasters, unknown fields.

A reader upcasts step by step; a writer keeps what it does not understand and never overwrites a newer schema.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final, Generic, TypeVar

import msgspec
from msgspec import UNSET

from resale.domain.text import carriable
from resale.errors import Unavailable

E = TypeVar("E", bound=msgspec.Struct)
Tree = dict[str, Any]
Upcaster = Callable[[Tree], Tree]


class SchemaTooNew(Unavailable):
    """A newer release wrote the document, so this one must not overwrite it."""

    code = "schema_too_new"
    title = "Schema too new"
    default_detail = "A newer release wrote this object, and this server cannot change it yet. Retry later."


class _SchemaOnly(msgspec.Struct):
    schema: int = 1


_PEEK: Final = msgspec.json.Decoder(_SchemaOnly)
#: How every document of ours begins, before any text of a user: found in 1 us, where parsing a whole one takes 10.
_HEAD: Final = re.compile(rb'\{"id":"[a-z]{3}_[0-9a-f]{32}","object":"[a-z_]+","schema":(\d{1,9}),')
_ENCODER: Final = msgspec.json.Encoder()


class DocumentKind(Generic[E]):
    """The encoding of one entity type. ``upcasters[n]`` converts schema n into n + 1."""

    def __init__(self, entity: type[E], *, schema: int, upcasters: Mapping[int, Upcaster] | None = None) -> None:
        self.entity = entity
        self.schema = schema
        self._upcasters = dict(upcasters or {})
        self._decode = msgspec.json.Decoder(entity).decode

    def to_doc(self, entity: E, *, loaded: str | None, read: E | None = None) -> str:
        """Encode everything except ``private``; unknown fields of the replaced document are preserved.

        Args:
            entity: What is to be written.
            loaded: The document it replaces, as it was stored; None for a first version.
            read: What ``from_doc`` made of ``loaded``, where that is at hand: it is not decoded again.

        Raises:
            SchemaTooNew: ``loaded`` carries a schema above ours.
            TypeError: The document could not be read again: a field holds what is not of its type.
        """
        known = _without_private(entity)
        unknown = None if loaded is None else self._unknown_of(loaded, read)
        tree = _overlay(msgspec.to_builtins(known), unknown) if unknown else known
        doc = _encode(tree)
        try:
            self._decode(doc)  # 0.3 to 2.5 us: what a write may cost that can never make an entity unreadable
        except msgspec.ValidationError as error:
            raise TypeError(f"this {self.entity.__name__} could not be read again: {error}") from error
        return doc

    def from_doc(self, doc: str, *, private: str | None) -> E:
        """Decode a stored document, upcast to the current schema."""
        entity = self._decode(self.upcast(doc))
        return entity if private is None else msgspec.structs.replace(entity, private=private)

    def upcast(self, doc: str) -> bytes:
        """Upcast a document to the current schema; a current or newer one is returned unchanged."""
        raw = doc.encode()
        schema = _schema_of(raw)
        if schema >= self.schema:
            return raw
        tree: Tree = msgspec.json.decode(raw)
        for step in range(schema, self.schema):
            tree = {**self._upcasters[step](tree), "schema": step + 1}
        return _ENCODER.encode(tree)

    def _unknown_of(self, loaded: str, read: E | None) -> Tree:
        raw = self.upcast(loaded)
        if _schema_of(raw) > self.schema:
            raise SchemaTooNew(
                "A newer release wrote this object, and this server cannot change it yet. Retry later.",
                retry_after_seconds=60,
            )
        known = self._decode(raw) if read is None else _without_private(read)
        if _ENCODER.encode(known) == raw:  # written by this release: a third of the comparison below
            return {}
        tree: Tree = msgspec.json.decode(raw)
        understood: Tree = msgspec.to_builtins(msgspec.convert(tree, self.entity))
        return _difference(tree, understood)


def _encode(tree: Any) -> str:
    """Encode a document with characters that every later hop accepts."""
    try:
        raw = _ENCODER.encode(tree)
    except UnicodeEncodeError:  # a partner's library lets lone surrogates through
        raw = _ENCODER.encode(_carriable(msgspec.to_builtins(tree)))
    return raw.decode() if raw.isascii() else carriable(raw.decode())


def _carriable(value: Any) -> Any:
    if isinstance(value, str):
        return carriable(value)
    if isinstance(value, dict):
        return {name: _carriable(one) for name, one in value.items()}
    return [_carriable(one) for one in value] if isinstance(value, list | tuple) else value


def _without_private(entity: E) -> E:
    if getattr(entity, "private", UNSET) is UNSET:
        return entity
    return msgspec.structs.replace(entity, private=UNSET)


def _schema_of(raw: bytes) -> int:
    head = _HEAD.match(raw)
    return _PEEK.decode(raw).schema if head is None else int(head[1])


def _difference(tree: Tree, understood: Tree) -> Tree:
    """Return the part of ``tree`` that is not in ``understood``, level by level."""
    unknown: Tree = {}
    for name, value in tree.items():
        if name not in understood:
            unknown[name] = value
        elif (
            isinstance(value, dict)
            and isinstance(understood[name], dict)
            and (inner := _difference(value, understood[name]))
        ):
            unknown[name] = inner
    return unknown


def _overlay(tree: Tree, unknown: Tree) -> Tree:
    """Add unknown fields to a new tree; known fields are never overwritten."""
    merged = dict(tree)
    for name, value in unknown.items():
        if name not in merged:
            merged[name] = value
        elif isinstance(merged[name], dict) and isinstance(value, dict):
            merged[name] = _overlay(merged[name], value)
    return merged

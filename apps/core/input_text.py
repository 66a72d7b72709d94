"""Cleaning of input by the types of a struct: text is checked, and null for an optional field counts as absent.

``msgspec`` decodes and holds bounds and patterns; this goes before it, over the plain values of a JSON body, a query
or a command's arguments. One walk, planned once for each struct.
"""

from collections.abc import Callable
from contextlib import suppress
from functools import lru_cache
from typing import Any, Final

import msgspec
from msgspec import inspect

from apps.core.validation_errors import pointer
from resale.domain.text import EXTRA, WRITTEN, TextKind, TextRefused, clean_text
from resale.errors import FieldError

Path = tuple[str, ...]
Faults = list[FieldError]
#: Takes a value and where it stands; returns it, changed or not, and adds what is wrong with it.
Step = Callable[[Any, Path, Faults], Any]
#: By the type of the plain value. What no step is for is passed on: msgspec says what is wrong with it.
Steps = dict[type, Step]

MOST_FAULTS: Final = 50  # a body of 256 KiB has room for 28,000, and each is answered with 100 bytes
_NOTHING_TO_DO: Final[Steps] = {}


class _TooManyFaults(Exception):  # noqa: N818 - ends the walk, never leaves this module
    """Raised when the maximum number of faults is reached."""


class _Field(msgspec.Struct, frozen=True, gc=False):
    """A field of a struct."""

    steps: Steps
    optional: bool


def clean(tree: Any, kind: type[msgspec.Struct]) -> tuple[FieldError, ...]:
    """Clean plain values in place by the types of ``kind``; return the faults.

    Returns:
        What is wrong with their text, the first 50: each with its pointer, and ``invalid_characters`` or ``blank``.
    """
    faults: Faults = []
    if step := _plan(kind).get(type(tree)):
        with suppress(_TooManyFaults):
            step(tree, (), faults)
    return tuple(faults)


def without_references(tree: Any, kind: type[msgspec.Struct]) -> Any:
    """Copy plain values without the ids and references that ``kind`` declares."""
    return _without(tree, inspect.type_info(kind))


# ---------------------------------------------------------------- planning
@lru_cache(maxsize=256)
def _plan(kind: type[msgspec.Struct]) -> Steps:
    """Build the cleaning steps of a struct, once per type."""
    return _steps(inspect.type_info(kind))


def text_kind(type_info: inspect.Type) -> TextKind | None:
    """Return the kind of text of a type; None if it is not text, or has no kind."""
    if isinstance(type_info, inspect.Metadata) and isinstance(type_info.type, inspect.StrType):
        return (type_info.extra or {}).get(EXTRA)
    return None


def _steps(type_info: inspect.Type) -> Steps:
    match type_info:
        case inspect.Metadata():
            kind = text_kind(type_info)
            return {str: _text_step(kind)} if kind in WRITTEN else _steps(type_info.type)
        case inspect.StructType():
            fields = {one.encode_name: _Field(_steps(one.type), not one.required) for one in type_info.fields}
            return {dict: _struct_step(fields)}
        case inspect.DictType():
            return _wrap(dict, _steps(type_info.value_type), _mapping_step)
        case inspect.ListType() | inspect.VarTupleType():
            return _wrap(list, _steps(type_info.item_type), _items_step)
        case inspect.UnionType():
            return {kind: step for one in type_info.types for kind, step in _steps(one).items()}
    return _NOTHING_TO_DO


def _wrap(kind: type, inner: Steps, make: Callable[[Steps], Step]) -> Steps:
    return {kind: make(inner)} if inner else _NOTHING_TO_DO


def _text_step(kind: TextKind) -> Step:
    def clean_one(value: str, path: Path, faults: Faults) -> str:
        try:
            return clean_text(value, kind)
        except TextRefused as refused:
            faults.append(FieldError(pointer(*path), refused.code, refused.detail))
            if len(faults) == MOST_FAULTS:
                raise _TooManyFaults from None
            return value

    return clean_one


def _struct_step(fields: dict[str, _Field]) -> Step:
    def clean_fields(tree: dict[str, Any], path: Path, faults: Faults) -> dict[str, Any]:
        absent = []
        for name, value in tree.items():
            field = fields.get(name)
            if field is None:
                continue
            if value is None:
                if field.optional:
                    absent.append(name)
            elif step := field.steps.get(type(value)):
                tree[name] = step(value, (*path, name), faults)
        for name in absent:
            del tree[name]
        return tree

    return clean_fields


def _mapping_step(inner: Steps) -> Step:
    def clean_values(tree: dict[str, Any], path: Path, faults: Faults) -> dict[str, Any]:
        for name, value in tree.items():
            if step := inner.get(type(value)):
                # The name is the caller's own text, so the pointer ends at the mapping, as msgspec's do.
                tree[name] = step(value, path, faults)
        return tree

    return clean_values


def _items_step(inner: Steps) -> Step:
    def clean_items(items: list[Any], path: Path, faults: Faults) -> list[Any]:
        for index, value in enumerate(items):
            if step := inner.get(type(value)):
                items[index] = step(value, (*path, str(index)), faults)
        return items

    return clean_items


# ---------------------------------------------------------------- references
def _without(value: Any, type_info: inspect.Type) -> Any:
    match type_info, value:
        case inspect.Metadata(), str() if text_kind(type_info) is TextKind.REFERENCE:
            return None
        case inspect.Metadata(), _:
            return _without(value, type_info.type)
        case inspect.UnionType(), _:
            for one in type_info.types:
                value = _without(value, one)
        case inspect.StructType(), dict():
            types = {one.encode_name: one.type for one in type_info.fields}
            return {name: _without(one, types[name]) if name in types else one for name, one in value.items()}
        case inspect.DictType(), dict():
            return {name: _without(one, type_info.value_type) for name, one in value.items()}
        case ((inspect.ListType() | inspect.VarTupleType()), list()):
            return [_without(one, type_info.item_type) for one in value]
    return value

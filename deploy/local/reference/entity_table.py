"""``docs/reference/entities.md``: every entity type, with the reasons for what it lacks."""

from collections.abc import Iterator
from typing import Final

from deploy.local.reference.markdown import code, codes, opening, page, table
from resale.domain.entities import ENTITIES, Absent, AnyEntityType
from resale.domain.states import Machine

#: Fields that hold a reason where a type has no such thing, as the page calls them.
_OPTIONAL: Final = {
    "view": "view action",
    "history": "history action",
    "wake_task": "wake-up task",
    "page": "back office page",
    "states": "state machine",
}


def entity_page() -> str:
    """Return the page."""
    return page(_lines())


def _lines() -> Iterator[str]:
    yield from opening(
        "Entities",
        "Each kind of thing that is stored, audited and named by an id of its own. The permissions are in "
        "`resale/domain/access.py`; the states in [states](states.md), the changes in [changes](changes.md), the paths "
        "in [endpoints](endpoints.md).",
        source="the entity types in `resale/domain/entities`",
    )
    for entity_type in ENTITIES.values():
        yield from (f"## {entity_type.name.capitalize()}", "", entity_type.about, "")
        yield from table(("fact", "value"), _facts(entity_type))


def _facts(entity_type: AnyEntityType) -> Iterator[tuple[str, str]]:
    yield "id", code(f"{entity_type.prefix}_…")
    yield "`object`", code(entity_type.object_name)
    yield "table", code(entity_type.table)
    if entity_type.parent is not None:
        yield "part of", code(entity_type.parent)
    yield "name of its id", code(entity_type.argument)
    yield "errors", codes((entity_type.not_found.code, entity_type.changed.code))
    for field, name in _OPTIONAL.items():
        yield name, _value(getattr(entity_type, field))


def _value(value: object) -> str:
    if isinstance(value, Absent):
        return f"none: {value.because}"
    if isinstance(value, Machine):
        return f"[{value.name}](states.md#{value.name.replace(' ', '-')})"
    return code(str(value))

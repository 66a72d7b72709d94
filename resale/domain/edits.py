"""Edits: bodies with optional fields, applied to an entity with fields of the same names."""

from collections.abc import Collection
from typing import TypeVar

import msgspec
from msgspec import UNSET

E = TypeVar("E", bound=msgspec.Struct)


def apply_edit(entity: E, edit: msgspec.Struct, *, except_for: Collection[str] = ()) -> E:
    """Return an entity with every field that an edit sets; UNSET fields do not change.

    Args:
        entity: What is edited.
        edit: Each of its fields is one of the entity's, by name and type.
        except_for: Fields that the caller applies, because the entity keeps them in another form.

    Raises:
        TypeError: The edit gives a field that the entity does not have and that the caller does not apply.
    """
    given = {name: getattr(edit, name) for name in edit.__struct_fields__ if name not in except_for}
    return msgspec.structs.replace(entity, **{name: value for name, value in given.items() if value is not UNSET})

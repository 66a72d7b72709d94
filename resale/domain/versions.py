"""Versions of entities: no time is before that of the previous version, whatever the clock of the process."""

from datetime import datetime
from typing import TypeVar

import msgspec

E = TypeVar("E", bound=msgspec.Struct)


def next_version(entity: E, *, now: datetime) -> E:
    """Return an entity with changed fields as its next version, numbered and dated.

    A writer takes ``now`` before it reads, and on its own host; what it reads may have been written later. Then every
    field that this change set to ``now`` gets the moment of the last write instead.
    """
    before: datetime = entity.updated_at  # type: ignore[attr-defined]  # every audited entity has one
    at = max(now, before)
    version: int = entity.version  # type: ignore[attr-defined]  # same
    entity = msgspec.structs.replace(entity, version=version + 1, updated_at=at)
    if at is not now:
        for name in entity.__struct_fields__:
            if getattr(entity, name) is now:
                msgspec.structs.force_setattr(entity, name, at)  # a copy of our own, which nobody has seen
    return entity

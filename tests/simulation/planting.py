"""How a fault is planted: one name of a module, or one row of a table, means something else for a while."""

from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from typing import Any, cast

_ABSENT = object()


@contextmanager
def replaced(owner: Any, name: str, planted: object) -> Iterator[None]:
    """Have a module's or class's name mean something else."""
    kept = vars(owner).get(name, _ABSENT)
    setattr(owner, name, planted)
    try:
        yield
    finally:
        if kept is _ABSENT:
            delattr(owner, name)
        else:
            setattr(owner, name, kept)


@contextmanager
def replaced_row(table: Any, key: object, planted: object) -> Iterator[None]:
    """Have a table say something else under a key."""
    rows = cast("MutableMapping[object, object]", table)
    kept = rows[key]
    rows[key] = planted
    try:
        yield
    finally:
        rows[key] = kept

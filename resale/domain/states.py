"""State machines as data: a table of rows (source, command, target, guard), and the only code that evaluates one."""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from enum import StrEnum
from functools import cached_property
from typing import Any, Generic, TypeVar

import msgspec

from resale.errors import Rejected

S = TypeVar("S", bound=StrEnum)
C = TypeVar("C", bound=StrEnum)


class Guard(msgspec.Struct, frozen=True):
    """A condition on a transition. ``condition`` completes "unless …" in a refusal; the documentation shows it too."""

    test: Callable[[Any, datetime], bool]
    condition: str

    def __call__(self, entity: object, now: datetime) -> bool:
        """Return whether the condition holds for the entity."""
        return self.test(entity, now)


def guard(condition: str) -> Callable[[Callable[[Any, datetime], bool]], Guard]:
    """Create a guard from a function of the entity and the current time."""
    return lambda test: Guard(test, condition)


class Row(msgspec.Struct, Generic[S, C], frozen=True):
    """A transition: command ``on`` changes ``source`` to ``target`` if ``guard`` holds."""

    source: S
    on: C
    target: S
    guard: Guard | None = None

    @property
    def condition(self) -> str:
        """The text of the guard; empty without one."""
        return "" if self.guard is None else self.guard.condition

    def holds(self, entity: object, now: datetime | None) -> bool:
        """Return whether the guard holds; a row without one always does."""
        return self.guard is None or self.guard(entity, now)  # type: ignore[arg-type]  # guards get a time


class Machine(Generic[S, C]):
    """A table of transitions. Rows of the same source and command are evaluated in order.

    Args:
        name: Noun of the entity, as a refusal names it.
        rows: The transitions.
        refused: Raised for a command that no row allows.
        initial: Status of a new entity.
        cannot: What follows "cannot" in the refusal of each command, such as "be cancelled".
    """

    def __init__(
        self,
        name: str,
        rows: tuple[Row[S, C], ...],
        *,
        refused: type[Rejected],
        initial: S,
        cannot: Mapping[C, str],
    ) -> None:
        self.name = name
        self.rows = rows
        self.initial = initial
        self.cannot = cannot
        self._refused = refused
        self._rows: dict[tuple[S, C], list[Row[S, C]]] = {}
        for row in rows:
            self._rows.setdefault((row.source, row.on), []).append(row)

    def __iter__(self) -> Iterator[Row[S, C]]:
        """Iterate over the rows in the order of the table."""
        return iter(self.rows)

    def permits(self, status: S, command: C) -> bool:
        """Return whether a row exists for the command, whatever its guard."""
        return (status, command) in self._rows

    def allows(self, status: S, command: C, *, entity: object, now: datetime) -> bool:
        """Return whether a row exists for the command whose guard holds."""
        return any(row.holds(entity, now) for row in self._rows.get((status, command), ()))

    def next_status(self, status: S, command: C, *, entity: object = None, now: datetime | None = None) -> S:
        """Return the status that a command leads to.

        Args:
            status: Current status of the entity.
            command: What happens to it.
            entity: Passed to guards, and named in a refusal by its ``id``; optional for a table without guards.
            now: Current time for guards, aware UTC.

        Raises:
            Rejected: ``refused`` of this table: no row for the command, or none whose guard holds.
        """
        rows = self._rows.get((status, command), ())
        for row in rows:
            if row.holds(entity, now):
                return row.target
        raise self._refused(self._refusal(status, command, entity))

    def _refusal(self, status: S, command: C, entity: object) -> str:
        entity_id = getattr(entity, "id", None)
        subject = f"The {self.name}" if entity_id is None else f"{self.name.capitalize()} {entity_id}"
        conditions = " or ".join(row.condition for row in self._rows.get((status, command), ()))
        unless = f" unless {conditions}" if conditions else ""
        return f"{subject} has the status {status} and cannot {self.cannot[command]}{unless}."

    @cached_property
    def final(self) -> frozenset[S]:
        """Statuses that no command leaves."""
        everything = {self.initial, *(row.target for row in self.rows), *(row.source for row in self.rows)}
        return frozenset(everything - {row.source for row in self.rows if row.source != row.target})

"""State machines as data: a table of rows one can read (from, on, to, guard), and the only code that walks one."""

from collections.abc import Callable, Iterator
from datetime import datetime
from enum import StrEnum
from typing import Any, Generic, TypeVar

import msgspec

from resale.errors import Rejected

S = TypeVar("S", bound=StrEnum)
C = TypeVar("C", bound=StrEnum)

#: Looks at the entity and the moment; its docstring's first line is what the picture and the refusal say.
Guard = Callable[[Any, datetime], bool]


class Row(msgspec.Struct, Generic[S, C], frozen=True):
    """One line of a table: in ``source``, on ``on``, when ``guard`` holds, go to ``target``."""

    source: S
    on: C
    target: S
    guard: Guard | None = None

    @property
    def condition(self) -> str:
        """What the guard asks for, in its own words; empty when there is none."""
        sentence = "" if self.guard is None else (self.guard.__doc__ or "").splitlines()[0].rstrip(".")
        return sentence[:1].lower() + sentence[1:]


class Machine(Generic[S, C]):
    """A table and what is said when it has no row. Rows of the same source and command are tried in order."""

    def __init__(self, name: str, rows: tuple[Row[S, C], ...], *, refused: type[Rejected], initial: S) -> None:
        self.name = name
        self.rows = rows
        self.initial = initial
        self._refused = refused
        self._rows: dict[tuple[S, C], list[Row[S, C]]] = {}
        for row in rows:
            self._rows.setdefault((row.source, row.on), []).append(row)

    def __iter__(self) -> Iterator[Row[S, C]]:
        """Go through the rows as written."""
        return iter(self.rows)

    def permits(self, status: S, command: C) -> bool:
        """Say whether the table has a row for this, whatever its guard."""
        return (status, command) in self._rows

    def allows(self, status: S, command: C, *, entity: object, now: datetime) -> bool:
        """Say whether the table has a row for this whose guard holds."""
        return any(row.guard is None or row.guard(entity, now) for row in self._rows.get((status, command), ()))

    def next_status(self, status: S, command: C, *, entity: object = None, now: datetime | None = None) -> S:
        """Decide a transition.

        Args:
            status: Where the entity is.
            command: What happens to it.
            entity: What guards look at; a table without guards needs none.
            now: Moment for guards that ask for the time, aware UTC.

        Raises:
            Rejected: The table's own refusal: no such row, or no row whose guard holds.
        """
        rows = self._rows.get((status, command), ())
        for row in rows:
            if row.guard is None or row.guard(entity, now):  # type: ignore[arg-type]  # tables with guards are given a moment
                return row.target
        conditions = " or ".join(row.condition for row in rows)
        reason = f" unless {conditions}" if conditions else ""
        article = "An" if self.name[0] in "aeiou" else "A"
        raise self._refused(f"{article} {self.name} that is {status} cannot take: {command}{reason}.")

    @property
    def final(self) -> frozenset[S]:
        """States nothing leads out of."""
        everything = {self.initial, *(row.target for row in self.rows), *(row.source for row in self.rows)}
        return frozenset(everything - {row.source for row in self.rows if row.source != row.target})

"""The parts of the attack table: means of attack, and groups of surfaces."""

from collections.abc import Callable, Collection, Iterator, Mapping

import msgspec


class Means(msgspec.Struct, frozen=True, kw_only=True):
    """A way to attack a surface.

    Attributes:
        name: Short and unique in its group.
        sends: What the attacker sends, in a sentence.
        expected: The beginning of the required outcome; alternatives are separated by `` or ``.
        event: The ``event`` of the log line that the refusal writes; empty: the request's own log line is all.
    """

    name: str
    sends: str
    expected: str
    event: str = ""

    def expecting(self, expected: str) -> "Means":
        """Return these means with another expected outcome, for one row."""
        return msgspec.structs.replace(self, expected=expected)

    def accepts(self, outcome: str) -> bool:
        """Return whether an outcome is the required one."""
        return outcome.startswith(tuple(self.expected.split(" or ")))


class Attack(msgspec.Struct, frozen=True):
    """One row of the table."""

    surface: str
    means: Means

    def __str__(self) -> str:
        return f"{self.surface}: {self.means.name}"


class Group(msgspec.Struct, frozen=True, kw_only=True):
    """Surfaces of one kind, with their rows.

    Attributes:
        title: Heading of its section.
        about: Who attacks, and what the sections' columns mean.
        surface: What one surface is called.
        place: The file of its rows.
        means: Every means of the group.
        rows: Surface → the means that are tried on it.
        find_needed: Returns the surfaces that exist, each with the means that must be tried on it at least.
    """

    title: str
    about: str
    surface: str
    place: str
    means: tuple[Means, ...]
    rows: Mapping[str, tuple[Means, ...]]
    find_needed: Callable[[], Mapping[str, Collection[Means]]]

    def attacks(self) -> tuple[Attack, ...]:
        """Return the rows of the group."""
        return tuple(Attack(surface, means) for surface, tried in self.rows.items() for means in tried)

    def gaps(self) -> Iterator[str]:
        """Iterate over what is missing, each as a sentence that states what to add or to remove."""
        needed = self.find_needed()
        for surface, required in needed.items():
            tried = {means.name for means in self.rows.get(surface, ())}
            missing = sorted({means.name for means in required} - tried)
            if surface not in self.rows or missing:
                wanted = ", ".join(missing) or "none are derived: choose some"
                yield f"The {self.surface} {surface} has no attack. Add it to {self.place}, with these means: {wanted}."
        for surface in sorted(self.rows.keys() - needed.keys()):
            yield f"There is no {self.surface} {surface}. Remove it from {self.place}."

"""The tenants that one process serves: all, those of a list, or all but those of a list."""

from collections.abc import Sequence

import msgspec

_EXCEPT = "-"


class ServedTenants(msgspec.Struct, frozen=True):
    """Which tenants a process serves, by slug. ``are_excluded``: all but those that are named."""

    slugs: frozenset[str] = frozenset()
    are_excluded: bool = True

    def includes(self, slug: str) -> bool:
        """Return whether a tenant is served."""
        return (slug in self.slugs) != self.are_excluded


def served_tenants_of(words: Sequence[str]) -> ServedTenants:
    """Read a list of slugs. None: all tenants are served; all with ``-`` before them: all but these.

    Raises:
        ValueError: Some words have ``-`` before them and some have not, or one names nothing.
    """
    excluded = [word for word in words if word.startswith(_EXCEPT)]
    if excluded and len(excluded) < len(words):
        raise ValueError("names tenants with and without - before them; use one of both")
    slugs = frozenset(word.removeprefix(_EXCEPT) for word in words)
    if "" in slugs:
        raise ValueError("has a - that names no tenant")
    return ServedTenants(slugs, are_excluded=bool(excluded) or not words)

"""The tenants that one process serves: those of a list, or the pooled ones, all or all but those of a list."""

from collections.abc import Sequence

import msgspec

from resale.errors import Rejected

_EXCEPT = "-"


class ServedTenants(msgspec.Struct, frozen=True):
    """Which tenants a process serves, by slug. ``are_excluded``: the pooled ones, but those that are named."""

    slugs: frozenset[str] = frozenset()
    are_excluded: bool = True

    def includes(self, slug: str, *, own_processes: bool) -> bool:
        """Return whether a tenant is served. ``own_processes``: it has some, so that the pooled ones leave it out."""
        return self.lists(slug) and not (self.are_excluded and own_processes)

    def lists(self, slug: str) -> bool:
        """Return whether the list has a tenant, wherever that is served; without a list, all are."""
        return (slug in self.slugs) != self.are_excluded


class OwnProcessesRefused(Rejected):
    """A tenant was given processes of its own that its tier does not include."""

    code = "own_processes_not_in_tier"
    title = "Own processes not included"
    default_detail = "The tier of this tenant does not include processes of its own. Change the tier or the list first."


def served_tenants_of(words: Sequence[str]) -> ServedTenants:
    """Read a list of slugs. None: all pooled tenants are served; all with ``-`` before them: all but these.

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

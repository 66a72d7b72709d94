"""``docs/reference/attacks.md``: what one tenant can try against another, and what each attempt gets."""

from collections.abc import Iterator

from deploy.local.attacks.means import Group, Means
from deploy.local.attacks.table import GROUPS
from deploy.local.reference.markdown import code, opening, page, table


def attack_page() -> str:
    """Return the page."""
    return page(_lines())


def _lines() -> Iterator[str]:
    count = sum(len(group.attacks()) for group in GROUPS)
    yield from opening(
        "Attacks",
        f"What one tenant can try against another with everything it has: {count} attempts. `tests/attacks` makes "
        "each of them on the real engines, in both accounts. For every attempt it checks the outcome below, that the "
        "response shows nothing of the victim, that nothing in the victim's account changes, and that the attempt is "
        "in the log, without data of the victim.",
        "The surfaces are derived from the router, the admin's paths, the templates and the tasks. A new one without a "
        "row fails the build. [Security](../../SECURITY.md) summarises the protection.",
        source="the rows of `deploy/local/attacks`",
    )
    for group in GROUPS:
        yield from _section(group)


def _section(group: Group) -> Iterator[str]:
    yield from (f"## {group.title}", "", group.about, "")
    used = [means for means in group.means if any(means.name in _names(row) for row in group.rows.values())]
    yield from table(("means", "what the attacker sends", "expected", "log event"), map(_means_row, used))
    yield from table(
        (group.surface, "means"), ((code(surface), _cell(group, row)) for surface, row in group.rows.items())
    )


def _means_row(means: Means) -> tuple[str, ...]:
    return (means.name, means.sends, _outcome_of(means), code(means.event))


def _cell(group: Group, row: tuple[Means, ...]) -> str:
    """Name the means of one surface; another outcome than that of the means itself is added."""
    usual = {means.name: means.expected for means in group.means}
    return ", ".join(
        means.name if means.expected == usual[means.name] else f"{means.name} ({_outcome_of(means)})" for means in row
    )


def _outcome_of(means: Means) -> str:
    return " or ".join(map(code, means.expected.split(" or ")))


def _names(row: tuple[Means, ...]) -> set[str]:
    return {means.name for means in row}
